#include "options/attack.h"

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina::cli {
namespace {

// "0.03" or "8/255", 0 to 1.
double pixels(const Options& options, const std::string& name) {
  const std::string& text = options.text(name);
  const std::size_t bar = text.find('/');
  const auto above = parse_real(text.substr(0, bar));
  const auto below =
      bar == std::string::npos ? std::optional<double>(1) : parse_real(text.substr(bar + 1));
  const bool fine = above && below && *below > 0 && *above >= 0 && *above <= *below;
  if (!fine) {
    throw UsageError("--" + name + " \"" + text +
                     "\"; expected a share of the pixels' range, such as 0.03 or 8/255");
  }
  return *above / *below;
}

}  // namespace

std::vector<Option> attack_options() {
  return {choice_option("attack", {"none", "pgd", "fgsm"},
                        "also the accuracy on images attacked against each sub-model", "none"),
          text_option("epsilon", "E", "of an attack: how far a pixel may move, black 0, white 1",
                      "8/255"),
          text_option("attack-step", "S", "of pgd: how far in one step", "2/255"),
          integer_option("attack-steps", {1, 10000}, "of pgd: how many steps", "20")};
}

std::optional<experiment::Attack> chosen_attack(const Options& options,
                                                const PixelStatistics& statistics,
                                                std::uint64_t seed) {
  const std::string& name = options.text("attack");
  if (name == "none") {
    for (const char* own : {"epsilon", "attack-step", "attack-steps"}) {
      if (options.given(own)) {
        throw UsageError(std::string("--") + own + " is for --attack pgd or fgsm" +
                         options.see_help());
      }
    }
    return std::nullopt;
  }
  experiment::Attack attack;
  attack.name = name;
  attack.setting.epsilon = pixels(options, "epsilon");
  attack.setting.mean = statistics.mean;
  attack.setting.deviation = statistics.deviation;
  attack.setting.seed = seed;
  if (name == "fgsm") {
    for (const char* own : {"attack-step", "attack-steps"}) {
      if (!options.given(own)) continue;
      throw UsageError(std::string("--") + own + " is for --attack pgd" + options.see_help());
    }
    attack.setting.step = attack.setting.epsilon;
    attack.setting.steps = 1;
    attack.setting.random_start = false;
  } else {
    attack.setting.step = pixels(options, "attack-step");
    attack.setting.steps = static_cast<int>(options.integer("attack-steps"));
  }
  return attack;
}

}  // namespace concertina::cli
