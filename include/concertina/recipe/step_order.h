// A training step as a list of instructions: which pass runs, which loss term is added, which pass
// goes backward. It knows no tensors; distill/ executes it. Not for: the losses themselves.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "concertina/recipe/plan.h"

namespace concertina {

// The forward pass of one width, all its exits, over the images of a view (an index into
// DistillPlan::views, or -1 for the step's own).
struct StepPass {
  Width width;
  int view = -1;

  friend bool operator==(const StepPass& a, const StepPass& b) {
    return a.width == b.width && a.view == b.view;
  }
};

// A sub-model's outputs for the images of a view.
struct ViewedSubnet {
  Subnet subnet;
  int view = -1;

  StepPass pass() const { return {subnet.width, view}; }
  friend bool operator==(const ViewedSubnet& a, const ViewedSubnet& b) {
    return a.subnet == b.subnet && a.view == b.view;
  }
};

// A loss term, and the sub-models whose outputs receive its gradient. The student's come first.
struct OrderedTerm {
  LossTerm term;
  std::vector<ViewedSubnet> learners;
  std::size_t students = 0;  // how many of the learners belong to the student
};

struct StepInstruction {
  enum class Kind { run_pass, add_term, backward };
  Kind kind = Kind::run_pass;
  std::size_t index = 0;  // into StepOrder::terms for add_term, else into StepOrder::passes

  friend bool operator==(const StepInstruction& a, const StepInstruction& b) {
    return a.kind == b.kind && a.index == b.index;
  }
};

struct StepOrder {
  std::vector<StepPass> passes;    // widest first
  std::vector<OrderedTerm> terms;  // in the order of DistillPlan::loss_terms
  std::vector<StepInstruction> instructions;
};

// A pass runs once per width and view that a term needs. A term is added once every pass that it
// needs has run; a term of weight 0 is left out. A pass goes backward once no later term gives it a
// gradient, so that under gradient=stop the activations of one pass are alive at a time.
StepOrder compile_step(const DistillPlan& plan, const PlanStep& step);

// One line per instruction: "run w1.000", "add label -> w1.000 : ce weight=1", "backward w1.000".
std::string order_text(const NetSpec& net, const DistillPlan& plan, const StepOrder& order);

}  // namespace concertina
