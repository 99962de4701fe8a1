#include "keys.h"

#include <algorithm>
#include <limits>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "rows.h"

namespace concertina {
namespace {

using namespace rows;

KeyRow summary_row() {
  RecipeKey about = key("recipe", "summary", "", "what the recipe is for, in one line");
  about.type = "text";
  about.range = "one line";
  const auto read = [](Recipe& r, const std::string& text) {
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (std::any_of(text.begin(), text.end(), control)) {
      throw UsageError("expected one line of text, found a control character");
    }
    r.summary = text;
  };
  return {about, nullptr, read, [](const Recipe& r) { return Texts{r.summary}; }};
}

// Followed while a recipe is loaded (recipe.cpp); the result is never printed, as nothing is left
// to inherit.
KeyRow extends_row() {
  RecipeKey about =
      key("recipe", "extends", "", "the recipe whose values hold where this is silent");
  about.type = "recipe";
  about.range = "a name, or a path that ends in .ini";
  return {about, nullptr, [](Recipe&, const std::string&) {},
          [](const Recipe&) { return Texts{}; }};
}

std::vector<Width> read_widths(const std::string& text) {
  if (text == "default") return {};
  std::vector<Width> widths = parse_widths(text);
  const bool twice = std::adjacent_find(widths.begin(), widths.end()) != widths.end();
  if (twice || !widths.back().is_full()) {
    refuse("default, or different widths that include 1", text);
  }
  return widths;
}

std::string widths_or_default(const std::vector<Width>& widths) {
  return widths.empty() ? "default" : widths_text(widths);
}

KeyRow widths_row() {
  RecipeKey about = key("net", "widths", "",
                        "the widths to train, also as from:to:step; default: the net's own list");
  about.type = "widths";
  about.range = "default, or 0.001 to 1 each, with bits as in 1@4 or without, 1 included";
  return {about, nullptr, [](Recipe& r, const std::string& text) { r.widths = read_widths(text); },
          [](const Recipe& r) { return Texts{widths_or_default(r.widths)}; }};
}

KeyRow milestones_row() {
  RecipeKey about = key("optimizer", "milestones", "fractions of the run",
                        "multistep: where the rate is multiplied by gamma");
  about.type = "fractions";
  about.range = "none, or rising, 0 to 1 each";
  const auto read = [](Recipe& r, const std::string& text) {
    std::vector<double> found;
    for (const std::string& word : words(text == "none" ? "" : text)) {
      found.push_back(read_real(word, 0, 1, "0 to 1"));
    }
    if (std::adjacent_find(found.begin(), found.end(), std::greater_equal<>()) != found.end()) {
      refuse("none, or rising fractions of the run", text);
    }
    r.lr.milestones = found;
  };
  const auto write = [](const Recipe& r) {
    Texts texts;
    for (const double milestone : r.lr.milestones) texts.push_back(format_real(milestone));
    return Texts{texts.empty() ? "none" : join(texts, " ")};
  };
  return {about, nullptr, read, write};
}

#define FIELD(member) \
  [](auto& recipe) -> auto& { return recipe.member; }

// A key whose values make a list of a plan. `parse` reads one text of them, `text` writes it.
template <class Things, class Parse, class Text>
KeyRow plan_row(const char* name, const char* range, const char* help, Things things, Parse parse,
                Text text) {
  RecipeKey about = key("distill", name, "", help);
  about.type = name;
  about.range = range;
  const auto write = [=](const Recipe& r) {
    Texts texts;
    for (const auto& thing : things(r)) texts.push_back(text(thing));
    return texts;
  };
  return {about, [=](Recipe& r) { things(r).clear(); },
          [=](Recipe& r, const std::string& value) { parse(r, value); }, write};
}

constexpr const char* kNamed = "NAME : KIND property=value ...";

// In the order in which one may name another.
void add_plan(std::vector<KeyRow>& rows) {
  rows.push_back(plan_row(
      "stage", "NAME : share=S property=value ...",
      "a part of the run with edges of its own; repeat the key for several", FIELD(plan.stages),
      [](Recipe& r, const std::string& text) {
        r.plan.stages.push_back(parse_stage(text, r.plan.names().stages));
      },
      &stage_text));
  rows.push_back(plan_row(
      "view", kNamed,
      "other images than the step's, for edges to name: transformed or "
      "adversarial; repeat the key "
      "for several",
      FIELD(plan.views),
      [](Recipe& r, const std::string& text) {
        r.plan.views.push_back(parse_view(text, r.plan.names().views));
      },
      &view_text));
  rows.push_back(plan_row(
      "node", kNamed,
      "what else answers, for edges to name: a net from a file, or a "
      "combination; repeat the key "
      "for several",
      FIELD(plan.nodes),
      [](Recipe& r, const std::string& text) {
        r.plan.nodes.push_back(parse_node(text, r.plan.names()));
      },
      &node_text));
  rows.push_back(plan_row(
      "edge", "TEACHER -> STUDENT : CRITERION property=value ...",
      "who teaches whom; repeat the key for several edges", FIELD(plan.edges),
      [](Recipe& r, const std::string& text) {
        for (Edge& edge : parse_edges(text, r.plan.names())) {
          r.plan.edges.push_back(std::move(edge));
        }
      },
      &edge_text));
}

KeyRow random_widths_row() {
  RecipeKey about = key("distill", "random-widths", "widths a step",
                        "all: every listed width each step; a number: the widest, the narrowest "
                        "and so many drawn between them");
  about.type = "all or integer";
  about.range = "all, or 0 to 16";
  const auto read = [](Recipe& r, const std::string& text) {
    r.random_widths = text == "all" ? -1 : read_integer(text, 0, 16, "0 to 16, or all");
  };
  const auto write = [](const Recipe& r) {
    return Texts{r.random_widths < 0 ? "all" : std::to_string(r.random_widths)};
  };
  return {about, nullptr, read, write};
}

constexpr Name<NormMode> kNorms[] = {{"switchable", NormMode::switchable},
                                     {"shared", NormMode::shared},
                                     {"calibrated", NormMode::calibrated}};
constexpr Name<BestPolicy> kBest[] = {{"mean", BestPolicy::mean}, {"worst", BestPolicy::worst}};
constexpr Name<LrKind> kSchedules[] = {
    {"constant", LrKind::constant},       {"multistep", LrKind::multistep},
    {"exponential", LrKind::exponential}, {"linear", LrKind::linear},
    {"cosine", LrKind::cosine},           {"one-cycle", LrKind::one_cycle}};
constexpr Name<Sensor> kSensors[] = {{"color", Sensor::color}, {"gray", Sensor::gray}};
constexpr Name<Proximal> kProximal[] = {
    {"none", Proximal::none}, {"l1", Proximal::l1}, {"filters", Proximal::filters}};
constexpr Name<FlowMode> kFlows[] = {{"sum", FlowMode::sum},
                                     {"equilibrium", FlowMode::equilibrium}};
constexpr Name<bool> kLosses[] = {{"sum", false}, {"mean", true}};
constexpr Name<bool> kSwitch[] = {{"true", true}, {"false", false}};
constexpr Name<DecayOn> kDecay[] = {{"weights", DecayOn::weights}, {"all", DecayOn::all}};

void add_net_and_train(std::vector<KeyRow>& rows) {
  rows.push_back(widths_row());
  rows.push_back(
      choice(key("net", "norm", "",
                 "switchable: every width has its own norms; shared: its own statistics, "
                 "one weight and bias; calibrated: as shared, statistics by calibration"),
             kNorms, FIELD(norm)));
  rows.push_back(choice(key("net", "gradient", "",
                            "what a block of a net with several exits gets from them: the sum of "
                            "their gradients, or gradient equilibrium"),
                        kFlows, FIELD(flow)));
  rows.push_back(real(key("net", "norm-momentum", "fraction",
                          "share of the new batch in a norm's running statistics"),
                      0.001, 1, FIELD(norm_momentum)));
  rows.push_back(
      integer(key("train", "epochs", "epochs", "length of the run"), 1, 100000, FIELD(epochs)));
  rows.push_back(integer(key("train", "batch", "images", "images a step"), 1, 65536, FIELD(batch)));
  rows.push_back(integer(
      key("train", "validation", "images", "held out of the training set; at most a fifth of it"),
      0, 100000000, FIELD(validation)));
  rows.push_back(integer(key("train", "seed", "", "start of every random number"), 0,
                         std::numeric_limits<std::int64_t>::max(), FIELD(seed)));
  rows.push_back(integer(key("train", "checkpoint-every", "epochs", "how often run.h5 is written"),
                         1, 100000, FIELD(checkpoint_every)));
  rows.push_back(choice(key("train", "best", "",
                            "the family's best epoch: by the mean of all "
                            "sub-models, or the worst"),
                        kBest, FIELD(best)));
  rows.push_back(
      choice(key("train", "pairs", "",
                 "half of a batch's pairs (images 1 and 2, 3 and 4 ...) are of one class"),
             kSwitch, FIELD(pairs)));
}

void add_optimizer(std::vector<KeyRow>& rows) {
  rows.push_back(
      real(key("optimizer", "lr", "", "learning rate, at its highest"), 0, 100, FIELD(lr.peak)));
  rows.push_back(choice(key("optimizer", "schedule", "", "how the learning rate moves"), kSchedules,
                        FIELD(lr.kind)));
  rows.push_back(real(key("optimizer", "warmup-epochs", "epochs",
                          "linear rise from 0 (one-cycle: lr / 25); at most half the run"),
                      0, 100000, FIELD(lr.warmup_epochs)));
  rows.push_back(real(key("optimizer", "gamma", "",
                          "factor of multistep at a milestone, of exponential after an epoch"),
                      0, 1, FIELD(lr.gamma)));
  rows.push_back(milestones_row());
  rows.push_back(real(key("optimizer", "final-lr", "", "where linear, cosine and one-cycle end"), 0,
                      100, FIELD(lr.final_lr)));
  rows.push_back(real(key("optimizer", "momentum", "", "of SGD"), 0, 0.9999, FIELD(momentum)));
  rows.push_back(choice(key("optimizer", "nesterov", "", "Nesterov's form of momentum"), kSwitch,
                        FIELD(nesterov)));
  rows.push_back(
      real(key("optimizer", "weight-decay", "", "added to the gradient, times the weight"), 0, 1,
           FIELD(weight_decay)));
  rows.push_back(choice(key("optimizer", "decay-on", "",
                            "weights: of convolutions (not depthwise) and "
                            "linear layers; all: every "
                            "parameter"),
                        kDecay, FIELD(decay_on)));
}

void add_further_steps(std::vector<KeyRow>& rows) {
  rows.push_back(integer(key("optimizer", "replays", "", "steps of the optimizer on each batch"), 1,
                         100, FIELD(replays)));
  rows.push_back(real(
      key("optimizer", "sparsity", "", "times the sign of a norm's weight, added to its gradient"),
      0, 1, FIELD(sparsity)));
  rows.push_back(
      choice(key("optimizer", "proximal", "",
                 "after each step: l1 shrinks every weight of linear layers and "
                 "convolutions (not depthwise), filters every filter of these as a whole"),
             kProximal, FIELD(proximal)));
  rows.push_back(
      real(key("optimizer", "proximal-weight", "", "by how much, times the learning rate"), 0, 1,
           FIELD(proximal_weight)));
}

void add_augment_and_distill(std::vector<KeyRow>& rows) {
  rows.push_back(integer(key("augment", "crop-padding", "pixels",
                             "black border around an image before a random crop of its size"),
                         0, 64, FIELD(crop_padding)));
  rows.push_back(
      real(key("augment", "flip", "probability", "of mirroring an image"), 0, 1, FIELD(flip)));
  rows.push_back(choice(key("augment", "sensor", "",
                            "the run's images, in training and evaluation: color, as they are; "
                            "gray, the mean of the channels in each, with noise"),
                        kSensors, FIELD(sensor)));
  rows.push_back(real(key("augment", "sensor-noise", "pixels, 0 to 1", "of gray: its deviation"), 0,
                      1, FIELD(sensor_noise)));
  add_plan(rows);
  rows.push_back(choice(key("distill", "losses", "",
                            "what is minimized: the sum of the sub-models' losses, or their mean"),
                        kLosses, FIELD(plan.averages)));
  rows.push_back(random_widths_row());
  rows.push_back(integer(key("distill", "calibration-images", "images",
                             "training images that give norms statistics that training does not"),
                         2, 100000000, FIELD(calibration_images)));
  rows.push_back(integer(key("distill", "calibration-batch", "images",
                             "how many of them at a time; the batches' statistics are averaged"),
                         2, 65536, FIELD(calibration_batch)));
}

#undef FIELD

std::vector<KeyRow> make_rows() {
  std::vector<KeyRow> rows = {summary_row(), extends_row()};
  add_net_and_train(rows);
  add_optimizer(rows);
  add_further_steps(rows);
  add_augment_and_distill(rows);
  const Recipe defaults = default_recipe();
  for (KeyRow& row : rows) row.key.fallback = join(row.write(defaults), "; ");
  return rows;
}

}  // namespace

const std::vector<KeyRow>& key_rows() {
  static const std::vector<KeyRow> rows = make_rows();
  return rows;
}

const std::vector<RecipeKey>& recipe_keys() {
  static const std::vector<RecipeKey> keys = [] {
    std::vector<RecipeKey> out;
    for (const KeyRow& row : key_rows()) out.push_back(row.key);
    return out;
  }();
  return keys;
}

Recipe default_recipe() {
  Recipe recipe;
  recipe.plan.edges = parse_edges("label -> each : ce weight=1");
  return recipe;
}

}  // namespace concertina
