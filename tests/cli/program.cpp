#include "program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace concertina::support {
namespace {

void send_to(const std::string& file, int descriptor) {
  const int opened = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (opened < 0 || dup2(opened, descriptor) < 0) _exit(126);
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                 const std::vector<std::string>& environment) {
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
  if (chdir(folder.c_str()) != 0) _exit(126);
  for (std::string& variable : variables) putenv(variable.data());
  execv(program.c_str(), pointers.data());
  _exit(126);
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

}  // namespace concertina::support
