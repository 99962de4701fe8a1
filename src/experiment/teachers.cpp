#include "concertina/experiment/teachers.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/text.h"
#include "concertina/deploy/flexible_model.h"
#include "concertina/deploy/torchscript.h"
#include "concertina/experiment/run_folder.h"
#include "concertina/store/model_file.h"

namespace concertina::experiment {
namespace {

namespace fs = std::filesystem;

// "PATH" or "PATH:w0.500-e2".
struct Source {
  std::string path;
  std::string subnet;  // "" = the largest
};

Source parse_source(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const bool named = colon != std::string::npos && text.compare(colon + 1, 1, "w") == 0;
  if (!named) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

fs::path file_of(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return run_file(path);
  if (fs::exists(path, ignored)) return path;
  throw NoInputError("teacher \"" + path + "\" is not there; expected a run, or an exported file");
}

Subnet subnet_of(const NetSpec& net, const std::vector<Width>& widths, const std::string& id) {
  return id.empty() ? Subnet{Width(), net.exit_count()} : parse_subnet_id(net, widths, id);
}

// A TorchScript file: logits only.
class ScriptTeacher : public Teacher {
 public:
  ScriptTeacher(std::string name, const std::string& bytes, int classes)
      : name_(std::move(name)), module_(bytes), classes_(classes) {}

  Output answer(const at::Tensor& images, const std::vector<std::string>&) override {
    const at::Tensor logits = module_.run(images.to(at::kCPU)).to(images.device());
    if (logits.dim() == 2 && logits.size(1) == classes_) return {logits, {}};
    throw DataError("teacher \"" + name_ + "\" does not give logits of " +
                    std::to_string(classes_) + " classes");
  }
  TapShape shape_of(const std::string& tap) const override {
    throw UsageError("teacher \"" + name_ + "\" is a TorchScript file, which has no tap \"" + tap +
                     "\"; expected a run or an exported .h5");
  }
  int classes() const override { return classes_; }

 private:
  std::string name_;
  deploy::TorchScript module_;
  int classes_;
};

std::shared_ptr<Teacher> teacher_of_run(const fs::path& file, const Source& source,
                                        const Normalization& given, at::Device device) {
  const RunState state = read_run(file);
  const Subnet subnet = subnet_of(state.net, state.widths, source.subnet);
  const Recipe recipe = parse_recipe(state.recipe, file.string());
  return net_teacher(net_of_run(state, recipe, device), subnet,
                     {state.data.mean, state.data.deviation}, given);
}

std::shared_ptr<Teacher> teacher_of_model(const fs::path& file, const Source& source,
                                          const Normalization& given) {
  const ModelState state = read_model(file);
  std::vector<Width> widths;
  for (const NormBank& bank : state.norms) widths.push_back(bank.width);
  return net_teacher(deploy::net_of_model(state), subnet_of(state.net, widths, source.subnet),
                     {state.mean, state.deviation}, given);
}

std::shared_ptr<Teacher> open(const PlanNode& node, const DataDescription& data,
                              at::Device device) {
  const Source source = parse_source(node.from);
  const fs::path file = file_of(source.path);
  if (file_sha256(file) != node.sha256) {
    throw DataError("teacher \"" + node.name + "\": " + file.string() +
                    " has changed since the run began; expected SHA-256 " + node.sha256);
  }
  const Normalization given{data.mean, data.deviation};
  if (is_model_file(file)) return teacher_of_model(file, source, given);
  if (is_our_file(file)) return teacher_of_run(file, source, given, device);
  return std::make_shared<ScriptTeacher>(file.string(), read_file(file),
                                         static_cast<int>(data.classes.size()));
}

// The recipe's external node of that name, or its only one for ""; null where there is none.
PlanNode* external_node(Recipe& recipe, const std::string& name) {
  PlanNode* found = nullptr;
  int count = 0;
  for (PlanNode& node : recipe.plan.nodes) {
    if (node.kind != NodeKind::external || (!name.empty() && node.name != name)) continue;
    found = &node;
    ++count;
  }
  return count == 1 ? found : nullptr;
}

std::string external_names(const std::vector<Recipe*>& recipes) {
  std::vector<std::string> names;
  for (const Recipe* recipe : recipes) {
    for (const PlanNode& node : recipe->plan.nodes) {
      const bool known = std::find(names.begin(), names.end(), node.name) != names.end();
      if (node.kind == NodeKind::external && !known) names.push_back(node.name);
    }
  }
  return join(names, " ");
}

}  // namespace

void name_teachers(const std::vector<Recipe*>& recipes, const std::vector<std::string>& sources) {
  for (const std::string& text : sources) {
    const std::size_t equals = text.find('=');
    const bool named = equals != std::string::npos;
    std::vector<PlanNode*> nodes;
    for (Recipe* recipe : recipes) {
      PlanNode* node = external_node(*recipe, named ? text.substr(0, equals) : "");
      if (node != nullptr) nodes.push_back(node);
    }
    if (nodes.empty()) {
      const std::string names = external_names(recipes);
      throw UsageError("\"" + text + "\": the recipe has " +
                       (names.empty()
                            ? "no external teacher"
                            : "the teachers " + names + "; expected NAME=SOURCE with one of them"));
    }
    const Source source = parse_source(named ? text.substr(equals + 1) : text);
    const fs::path file = file_of(source.path);
    const std::string from = fs::absolute(file).lexically_normal().string() +
                             (source.subnet.empty() ? "" : ":" + source.subnet);
    if (from.find_first_of(" \t#\"") != std::string::npos) {
      throw UsageError("\"" + text + "\": a recipe cannot name a path with spaces, '#' or " +
                       "quotes");
    }
    for (PlanNode* node : nodes) {
      node->from = from;
      node->sha256 = file_sha256(file);
    }
  }
}

void require_teachers(const Recipe& recipe) {
  for (const PlanNode& node : recipe.plan.nodes) {
    if (node.kind != NodeKind::external || !node.from.empty()) continue;
    throw UsageError("recipe \"" + recipe.name + "\" needs an external teacher \"" + node.name +
                     "\"; expected " + node.name + "=RUN or an exported file");
  }
}

Teachers open_teachers(const Recipe& recipe, const DataDescription& given, at::Device device) {
  require_teachers(recipe);
  Teachers teachers;
  for (const PlanNode& node : recipe.plan.nodes) {
    if (node.kind == NodeKind::external) teachers[node.name] = open(node, given, device);
  }
  return teachers;
}

}  // namespace concertina::experiment
