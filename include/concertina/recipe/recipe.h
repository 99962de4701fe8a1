// A recipe: everything that decides a training's numbers except net and data. Read from INI text,
// validated, printed back in full (the canonical text that a run stores).
// Precedence: command line > recipe > what it extends > defaults.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "concertina/recipe/plan.h"
#include "concertina/recipe/schedule.h"
#include "concertina/spec/width.h"

namespace concertina {

enum class NormMode {
  switchable,  // every width has its own statistics, weight and bias (S-Nets)
  shared,      // weight and bias shared and sliced; every width has its own statistics
  calibrated,  // as shared; statistics by calibration alone (US-Nets)
};
// docs/methods.md, MobileNet-V1 and MSDNet
enum class DecayOn {
  weights,  // convolution and linear weights; not depthwise, norms, biases
  all,      // every parameter
};
// docs/methods.md, Sparse nets
enum class Proximal {
  none,
  l1,       // every weight towards 0
  filters,  // every filter's length towards 0
};
// docs/methods.md, Gradient equilibrium
enum class FlowMode { sum, equilibrium };
// What the run's images are: as the data set has them, or as another sensor would see them.
enum class Sensor {
  color,
  gray,  // every channel the mean of all, plus noise of its own for each image
};
enum class BestPolicy { mean, worst };  // which epoch is best for the family

struct Recipe {
  // [recipe]
  std::string name;  // the file's stem
  std::string summary;

  // [net]
  std::vector<Width> widths;  // ascending, ends with 1; empty = the net's default list
  NormMode norm = NormMode::switchable;
  FlowMode flow = FlowMode::sum;
  double norm_momentum = 0.1;

  // [train]
  std::int64_t epochs = 30;
  std::int64_t batch = 64;         // images
  std::int64_t validation = 5000;  // images held out of the training set; at most a fifth of it
  std::uint64_t seed = 1;
  std::int64_t checkpoint_every = 1;  // epochs
  BestPolicy best = BestPolicy::mean;
  bool pairs = false;  // half of a batch's consecutive pairs are of one class

  // [optimizer]
  LrSchedule lr;
  double momentum = 0.9;
  bool nesterov = true;
  double weight_decay = 1e-4;
  DecayOn decay_on = DecayOn::weights;
  std::int64_t replays = 1;  // steps of the optimizer on each batch
  double sparsity = 0;       // times the sign of a norm's weight, added to its gradient
  Proximal proximal = Proximal::none;
  double proximal_weight = 0;  // times the learning rate

  // [augment]
  std::int64_t crop_padding = 4;  // pixels
  double flip = 0.5;              // probability
  Sensor sensor = Sensor::color;
  double sensor_noise = 0;  // of gray: deviation, pixels 0 to 1

  // [distill]
  DistillPlan plan;
  std::int64_t random_widths = -1;  // -1: all listed widths every step; k >= 0: the widest, the
                                    // narrowest and k drawn between them (the sandwich rule)
  std::int64_t calibration_images = 2000;  // calibrated norms: how many training images
  std::int64_t calibration_batch = 100;    // images whose statistics are averaged at a time
};

// One key of the table of keys, for help, docs and messages.
struct RecipeKey {
  std::string section, name;
  std::string type;      // "integer", "real", "fraction", "widths", "choice", "edge", ...
  std::string range;     // "1 to 1000000", "constant multistep ..."
  std::string unit;      // "images", "epochs", ""
  std::string fallback;  // the default, as text
  std::string help;
};
const std::vector<RecipeKey>& recipe_keys();

// A setting from the command line, "section.key=value".
using Overrides = std::vector<std::string>;

// Names of the recipes in a folder of *.ini, sorted.
std::vector<std::string> recipe_names(const std::filesystem::path& folder);

// `name_or_file`: a name in `folder`, or a path (one with a '/' or that ends in .ini). `extends` is
// a name in `folder` too, or a path from the file that says it. A recipe that gives any edge
// replaces the inherited list, and so do the overrides. Throws NoInputError for an unknown name
// (with the nearest), UsageError with file and line for an unknown key (with the nearest), a value
// out of range or of the wrong type, a circle of extends, or a plan that cannot be walked.
Recipe load_recipe(const std::string& name_or_file, const std::filesystem::path& folder,
                   const Overrides& overrides = {});
// From text, without a folder: the canonical text of a run. `name` stands in messages.
Recipe parse_recipe(std::string_view text, const std::string& name,
                    const Overrides& overrides = {});

// Throws UsageError for a recipe made in C++ with a value that no recipe's text could hold.
void validate(const Recipe& recipe);

// Canonical text: every key with its value, nothing inherited (so no recipe.extends, and the name
// is not part of it). parse(print(r)) prints the same.
std::string print_recipe(const Recipe& recipe);

// The widths of a step under the sandwich rule, widest first: pure function of (seed, step).
// Strictly between the narrowest and the widest listed width, different thousandths, each set
// equally likely (all of them when there are fewer than asked for). With random_widths < 0: all of
// `listed`.
std::vector<Width> active_widths(const Recipe& recipe, const std::vector<Width>& listed,
                                 std::int64_t step);

// The stage of a step: its index, its first step and how many it has. A run without stages is one.
// Stages share the run's steps as their shares say, added up to 1.
struct StagePlace {
  int index = 0;
  std::int64_t first = 0, count = 0;
};
StagePlace stage_of(const Recipe& recipe, std::int64_t step, std::int64_t steps_per_epoch);
// The learning rate of a step.
double learning_rate(const Recipe& recipe, std::int64_t step, std::int64_t steps_per_epoch);

// Step `step` (from 0) of a run with so many steps an epoch, on a net with these widths and exits.
PlanStep plan_step(const Recipe& recipe, const std::vector<Width>& listed, int exits,
                   std::int64_t step = 0, std::int64_t steps_per_epoch = 1);

}  // namespace concertina
