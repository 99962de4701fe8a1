#include "program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace concertina::support {
namespace {

void send_to(const std::string& file, int descriptor) {
  const int opened = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (opened < 0 || dup2(opened, descriptor) < 0) _exit(126);
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                 const std::vector<std::string>& environment, rlim_t largest_file) {
  std::string program = CONCERTINA_PROGRAM;
  std::vector<std::string> words = arguments;
  std::vector<char*> pointers = {program.data()};
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  std::vector<std::string> variables = environment;
  variables.emplace_back("TERM=dumb");
  const std::string out = output_ / "out";
  const std::string err = output_ / "err";
  id_ = fork();
  if (id_ != 0) return;
  send_to(out, STDOUT_FILENO);
  send_to(err, STDERR_FILENO);
  const rlimit limit = {largest_file, RLIM_INFINITY};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || chdir(folder.c_str()) != 0) _exit(126);
  for (std::string& variable : variables) putenv(variable.data());
  execv(program.c_str(), pointers.data());
  _exit(126);
}

std::string Program::err() const { return contents(output_ / "err"); }

bool Program::has_ended() const {
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid == id_;
}

Outcome Program::wait() {
  int status = 0;
  waitpid(id_, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, contents(output_ / "out"), contents(output_ / "err")};
}

Outcome run_program(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                    const std::vector<std::string>& environment) {
  return Program(arguments, folder, environment).wait();
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> tiny_training(const std::string& out, const std::string& recipe,
                                       const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"train",    "--net",   "slimmable-mobilenet-v1-tiny",
                                        "--recipe", recipe,    "--data",
                                        "shapes",   "--limit", "200",
                                        "--batch",  "32",      "--threads",
                                        "1",        "--out",   out};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void expect_refused(const Refusal& refusal, const Outcome& outcome) {
  const std::string shown = testing::PrintToString(refusal.arguments);
  EXPECT_EQ(outcome.code, refusal.code) << shown << "\n" << outcome.err;
  EXPECT_EQ(outcome.out, "") << shown;
  EXPECT_THAT(outcome.err, testing::StartsWith("concertina: ")) << shown;
  EXPECT_THAT(outcome.err, testing::HasSubstr(refusal.message)) << shown;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << shown;
}

void expect_refused(const Refusal& refusal, const std::filesystem::path& folder) {
  expect_refused(refusal, run_program(refusal.arguments, folder));
}

}  // namespace concertina::support
