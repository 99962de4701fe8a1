// The outputs of a step so far: the logits and taps of sub-models and external teachers, and the
// nodes that combine them. This header is for files of this room only.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "concertina/distill/auxiliary_modules.h"
#include "concertina/distill/train_step.h"
#include "concertina/recipe/step_order.h"

namespace concertina {

// One output of a sub-model. Losses see `leaf`, so that each term's gradient in it is known by
// itself; their sum goes backward through `output` once.
struct Value {
  at::Tensor output;
  at::Tensor leaf;
  at::Tensor gradient;  // undefined until a term adds to it
};

class StepOutputs {
 public:
  StepOutputs(FlexibleNet& net, const DistillPlan& plan, const AuxiliaryModules& parts,
              const StepInput& input);

  // Runs a width once: all its exits, and the taps that the terms look at.
  void run(const StepPass& pass, const std::vector<OrderedTerm>& terms);
  // Call this after the pass went backward.
  void learn(const StepPass& pass) { views_.learn(pass.view, pass.width); }

  // Logits [B, C] of an end of a term.
  at::Tensor logits(const TermEnd& end, const LossTerm& term);
  // A map [B, C, H, W] by a tap's word.
  at::Tensor tap(const TermEnd& end, const std::string& word, const LossTerm& term);

  // Whether something learned stands between the nets and the end.
  bool is_learned(const TermEnd& end) const;

  // Every output of a sub-model in a pass that has run, and none otherwise.
  std::vector<Value*> values_of(const Subnet& subnet, int view);

 private:
  const PlanNode& node(const TermEnd& end) const {
    return plan_.nodes[static_cast<std::size_t>(end.node)];
  }
  std::vector<std::string> taps_of(const Subnet& subnet,
                                   const std::vector<OrderedTerm>& terms) const;
  // The node's members, who look at what it looks at.
  std::vector<TermEnd> members_of(const TermEnd& end) const;
  const Teacher::Output& external(const TermEnd& end, const LossTerm& term);
  at::Tensor combined(const TermEnd& end, const LossTerm& term);
  at::Tensor attended(const TermEnd& end, const std::vector<TermEnd>& members, const LossTerm& term,
                      const std::vector<at::Tensor>& logits);

  FlexibleNet& net_;
  const DistillPlan& plan_;
  const AuxiliaryModules& parts_;
  const PlanStep& place_;
  ViewImages views_;
  // By sub-model and view, and by the tap's layer; "" = logits.
  std::map<std::pair<Subnet, int>, std::map<std::string, Value>> values_;
  std::map<std::tuple<int, int, Width>, Teacher::Output> externals_;  // by node, view and width
};

}  // namespace concertina
