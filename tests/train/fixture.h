// A tiny run: net, data and recipe small enough to train in a blink.
#pragma once

#include "concertina/nets/catalog.h"
#include "concertina/train/trainer.h"

#include "support/teachers.h"
#include "support/temp_folder.h"
#include "support/tiny_dataset.h"

namespace concertina {

inline Recipe tiny_recipe(const std::vector<std::string>& settings = {},
                          const std::string& name = "ipkd-ta") {
  Overrides overrides{"train.epochs=3", "train.batch=16", "train.validation=16",
                      "augment.crop-padding=1", "augment.flip=0"};
  overrides.insert(overrides.end(), settings.begin(), settings.end());
  return load_recipe(name, std::string(CONCERTINA_SOURCE_DIR) + "/schedules", overrides);
}

struct TinyRun {
  explicit TinyRun(Recipe with = tiny_recipe(),
                   const std::string& net = "slimmable-mobilenet-v1-tiny",
                   const std::vector<std::string>& options = {})
      : recipe(std::move(with)),
        spec(make_net(net, {4, 3, 16, 16}, options)),
        data(prepare_data(support::tiny_dataset({4, 3, 16, 16, 96, 32}), "tiny", 0, recipe)),
        teachers(support::untrained_teachers(recipe.plan, spec)) {}

  RunState fresh() const {
    return new_run(spec, recipe, data, at::kCPU, Engine::automatic, Precision::fp32, teachers);
  }
  // Trains in `folder`; max_steps as in TrainSetting.
  TrainEnd train_in(const support::TempFolder& folder, RunState& state, std::int64_t max_steps = -1,
                    const TrainWatcher& watcher = {}) const {
    return train(state, data, {folder.path(), at::kCPU, max_steps, teachers}, watcher);
  }

  Recipe recipe;
  NetSpec spec;
  PreparedData data;
  Teachers teachers;
};

}  // namespace concertina
