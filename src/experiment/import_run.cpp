#include "concertina/experiment/import_run.h"

namespace concertina::experiment {

RunState import_weights(const ForeignWeights& weights, const NetSpec& net, const Recipe& recipe,
                        const PreparedData& data, const std::string& sha256, at::Device device) {
  RunState state = new_run(net, recipe, data, device, Engine::automatic, Precision::fp32);
  FlexibleNet filled = net_of_run(state, recipe, device);
  weights.copy_into(filled);
  capture(filled, AuxiliaryModules(), Sgd(filled.parameters(), recipe), state);
  state.environment += "imported_sha256 = " + sha256 + "\n";
  state.progress.finished = true;
  return state;
}

}  // namespace concertina::experiment
