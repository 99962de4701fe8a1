// What a plan has besides the net: its external teachers, and what it learns on the way: adapters,
// gates, attention. The learned tensors belong to the optimizer and to a run's checkpoint, and
// never ship.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "concertina/distill/teacher.h"
#include "concertina/recipe/plan.h"

namespace concertina {

class AuxiliaryModules {
 public:
  // For a plan without external nodes and learned parts.
  AuxiliaryModules() = default;
  // `first`: a step with every width that will ever run, and all of them when something is learned.
  // Learned tensors start from the seed alone. Throws UsageError for an external node that
  // `teachers` lacks, for a teacher with other classes, for a tap that its owner does not have, and
  // for two of other channels that a criterion compares without an adapter.
  AuxiliaryModules(const DistillPlan& plan, const NetSpec& net, const PlanStep& first,
                   Teachers teachers, at::Device device);

  // A snapshot's copy, once it is taken.
  void set_teacher(const std::string& node, std::shared_ptr<Teacher> teacher) {
    teachers_[node] = std::move(teacher);
  }

  // Every learned tensor, always in the same order: "distill/edge2.w0.500.teacher/conv/weight".
  std::vector<Parameter> parameters() const;

  Teacher& teacher(const std::string& node) const { return *teachers_.at(node); }

  // A student's tap as the edge's teacher has it: channels by the adapter. Maps [B, C, H, W].
  at::Tensor adapt(int edge, const TermEnd& student, const TermEnd& teacher, const at::Tensor& tap,
                   std::size_t which = 0) const;
  // The weights of a gate's members: softmax(ReLU(norm(linear(mean over pixels of the map)))).
  // map: [B, C, H, W]; gives [B, members]. docs/methods.md, ONE
  at::Tensor gate(int node, const at::Tensor& map) const;
  // A member's query or key: its pooled tap times a matrix. Gives [B, d]. docs/methods.md, OKDDip
  at::Tensor query(int node, const TermEnd& member, const at::Tensor& map) const;
  at::Tensor key(int node, const TermEnd& member, const at::Tensor& map) const;

 private:
  at::Tensor make(const std::string& name, at::IntArrayRef sizes, double deviation, double mean,
                  const char* axes);
  void check_attention(const LossTerm& term, const PlanStep& first) const;  // or throws
  void make_adapters(PlanStep first);
  // in, out: the channels of the student's and the teacher's tap. Throws UsageError where they
  // have to be the same.
  void make_adapter(const LossTerm& term, std::size_t which, int in, int out);
  void make_nodes(const PlanStep& first);
  void make_attention(const std::string& name, const PlanNode& node,
                      const std::vector<TermEnd>& members);
  at::Tensor projected(int node, const TermEnd& member, const at::Tensor& map,
                       const std::string& what) const;
  TapShape shape_of(const TermEnd& end, const std::string& tap) const;
  std::string prefix(int edge, const TermEnd& student, const TermEnd& teacher,
                     std::size_t which) const;
  const at::Tensor& at(const std::string& name) const { return tensors_.at(name); }

  DistillPlan plan_;
  NetSpec net_;
  Teachers teachers_;
  PlanStep all_;  // a step in which every width runs
  std::uint64_t seed_ = 0;
  at::Device device_ = at::kCPU;
  std::vector<Parameter> parameters_;
  std::map<std::string, at::Tensor> tensors_;
};

}  // namespace concertina
