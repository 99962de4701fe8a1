#include "metrics.h"

#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>

#include "concertina/core/error.h"
#include "concertina/core/file.h"

namespace concertina {
namespace {

using Json = nlohmann::ordered_json;

// The lines that belong to steps up to `step`.
std::string kept_lines(const std::string& text, std::int64_t step) {
  std::string kept;
  std::size_t start = 0;
  for (std::size_t end; (end = text.find('\n', start)) != std::string::npos; start = end + 1) {
    const std::string line = text.substr(start, end - start);
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded() || !json.contains("step") || json["step"] > step) break;
    kept += line + "\n";
  }
  return kept;
}

// `share`: of the term's gradient among all that its student gets in the step.
Json term_json(const NetSpec& net, const DistillPlan& plan, const TermReport& report,
               const StepReport& step) {
  const LossTerm& term = report.term;
  double all = 0;
  for (const TermReport& other : step.terms) {
    if (other.term.student.is_same(term.student)) all += other.gradient_norm;
  }
  return {{"edge", term.edge + 1},
          {"teacher", end_text(net, plan, term.teacher)},
          {"student", end_text(net, plan, term.student)},
          {"weight", term.weight},
          {"temperature", term.temperature},
          {"loss", report.loss},
          {"gradient_norm", report.gradient_norm},
          {"share", all > 0 ? report.gradient_norm / all : 0}};
}

}  // namespace

Metrics::Metrics(const std::filesystem::path& file, std::int64_t step) : file_(file) {
  if (std::filesystem::exists(file)) {
    const std::string text = read_file(file);
    const std::string kept = step == 0 ? "" : kept_lines(text, step);
    if (kept != text) replace_file(file, {kept});
  }
  stream_ = std::fopen(file.c_str(), "a");
  if (stream_ == nullptr) {
    throw IoError("cannot open " + file.string() + ": " + std::strerror(errno));
  }
}

Metrics::~Metrics() { std::fclose(stream_); }

void Metrics::write(const std::string& line) {
  const std::string whole = line + "\n";
  if (std::fwrite(whole.data(), 1, whole.size(), stream_) != whole.size() ||
      std::fflush(stream_) != 0) {
    throw IoError("cannot write " + file_.string() + ": " + std::strerror(errno));
  }
}

void Metrics::step(const Progress& progress, double learning_rate, double gradient_norm,
                   double images_per_second, const NetSpec& net, const DistillPlan& plan,
                   const StepReport& report) {
  Json json{{"type", "step"},
            {"epoch", progress.epoch + 1},
            {"step", progress.step},
            {"learning_rate", learning_rate},
            {"gradient_norm", gradient_norm},
            {"images_per_s", images_per_second}};
  for (const TermReport& term : report.terms) {
    json["links"].push_back(term_json(net, plan, term, report));
  }
  write(json.dump());
}

void Metrics::epoch(const Progress& progress, double seconds,
                    const std::vector<std::pair<std::string, double>>& means,
                    const std::vector<Evaluation>& evaluations) {
  Json json{
      {"type", "epoch"}, {"epoch", progress.epoch}, {"step", progress.step}, {"seconds", seconds}};
  for (const auto& [name, mean] : means) json["train"][name] = mean;
  for (const Evaluation& one : evaluations) {
    json["evaluations"].push_back(
        {{"id", one.id}, {"split", one.split}, {"loss", one.loss}, {"accuracy", one.accuracy}});
  }
  write(json.dump());
}

}  // namespace concertina
