// What everyone in a step has answered so far: the sub-models' logits and taps, the external
// teachers', and what combines them. Files of this room only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "concertina/distill/plan_parts.h"
#include "concertina/distill/train_step.h"

namespace concertina {

// One output of a sub-model. Losses see `leaf`, so that each link's gradient in it is known by
// itself; their sum goes backward through `output` once.
struct Value {
  at::Tensor output;
  at::Tensor leaf;
  at::Tensor gradient;  // undefined until a link adds to it
};

class Answers {
 public:
  Answers(FlexibleNet& net, const DistillPlan& plan, const PlanParts& parts,
          const StepInput& input);

  // Runs a width once: all its exits, and the taps that the links look at.
  void run(Width width, const std::vector<Link>& links);

  // Logits [B, C]. `link`: whose student a combination with attention answers for.
  at::Tensor logits(const LinkEnd& end, const Link& link);
  // A map [B, C, H, W] by a tap's word.
  at::Tensor tap(const LinkEnd& end, const std::string& word);

  // Whether something learned stands between the nets and the end.
  bool is_learned(const LinkEnd& end) const;

  // Every output of a sub-model that has run.
  std::vector<Value*> values_of(const Subnet& subnet);

 private:
  const PlanNode& node(const LinkEnd& end) const {
    return plan_.nodes[static_cast<std::size_t>(end.node)];
  }
  std::vector<std::string> taps_of(const Subnet& subnet, const std::vector<Link>& links) const;
  const Teacher::Answer& external(const LinkEnd& end);
  at::Tensor combined(const LinkEnd& end, const Link& link);
  at::Tensor attended(const LinkEnd& end, const std::vector<LinkEnd>& members, const Link& link,
                      const std::vector<at::Tensor>& logits);

  FlexibleNet& net_;
  const DistillPlan& plan_;
  const PlanParts& parts_;
  const StepInput& input_;
  std::map<Subnet, std::map<std::string, Value>> values_;  // by tap's layer; "" = logits
  std::map<int, Teacher::Answer> externals_;               // by node
};

}  // namespace concertina
