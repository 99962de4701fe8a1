// Registers a loss that Concertina does not have, and trains with a recipe that names it:
// own_loss SCHEDULES FOLDER
#include <fstream>
#include <iostream>

#include <ATen/Functions.h>

#include <concertina/distill/register_loss.h>
#include <concertina/experiment/new_run.h>

namespace {

using namespace concertina;

// The Huber loss between the logits of teacher and student, summed over the classes. [B]
at::Tensor huber(const Edge& edge, double /*temperature*/, const LossInputs& inputs) {
  const at::Tensor each = at::huber_loss(inputs.student, inputs.teacher, at::Reduction::None,
                                         edge.number("delta"));
  return at::sum(each, {1});
}

constexpr const char* kRecipe = R"([recipe]
summary = every sub-model learns from the label, and by the Huber loss from the next larger one
extends = quick

[distill]
edge = label -> each : ce weight=1
edge = next-larger -> each : huber weight=0.1 reduction=batchmean gradient=stop delta=0.5
)";

}  // namespace

int main(int, char** arguments) {
  const std::string schedules = arguments[1], folder = arguments[2];
  register_loss({"huber", {}, Compares::logits, /*from_label=*/false, /*tempered=*/false,
                 /*reduced=*/true, "Huber loss between the logits", {{"delta", 1, 0.001, 1000}}},
                &huber);

  const std::string file = folder + ".ini";
  std::ofstream(file) << kRecipe;
  experiment::NewRun setting;
  setting.net = "slimmable-mobilenet-v1-tiny";
  setting.data = "shapes";
  setting.limit = 200;
  const Recipe recipe = experiment::find_recipe(file, schedules, {"train.epochs=1"});
  const RunState state = experiment::train_new_run(setting, recipe, folder).state;
  for (const Evaluation& row : state.evaluations) {
    if (row.split == "test") std::cout << row.id << " loss " << row.loss << "\n";
  }
}
