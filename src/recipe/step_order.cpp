#include "concertina/recipe/step_order.h"

#include <algorithm>

#include "concertina/core/text.h"

namespace concertina {
namespace {

using Viewed = std::vector<ViewedSubnet>;
using Kind = StepInstruction::Kind;

template <class Thing>
void add_once(const Thing& thing, std::vector<Thing>& things) {
  if (std::find(things.begin(), things.end(), thing) == things.end()) things.push_back(thing);
}

// Compiles the order of one step.
class OrderBuilder {
 public:
  OrderBuilder(const DistillPlan& plan, const PlanStep& step) : plan_(plan), step_(step) {
    for (const LossTerm& term : plan.loss_terms(step)) add(term);
    find_passes();
  }

  StepOrder run() {
    for (std::size_t now = 0; now < order_.passes.size(); ++now) {
      instruct(Kind::run_pass, now);
      for (std::size_t k = 0; k < order_.terms.size(); ++k) {
        if (last_pass(k) == now && order_.terms[k].term.weight != 0) instruct(Kind::add_term, k);
      }
      for (std::size_t done = 0; done <= now; ++done) {
        if (last_gradient(done) == now) instruct(Kind::backward, done);
      }
    }
    return std::move(order_);
  }

 private:
  void instruct(Kind kind, std::size_t index) { order_.instructions.push_back({kind, index}); }

  Viewed collect(const std::vector<TermEnd>& ends) const {
    Viewed found;
    for (const TermEnd& end : ends) {
      for (const Subnet& subnet : plan_.subnets_of(end, step_)) {
        add_once(ViewedSubnet{subnet, end.view}, found);
      }
    }
    return found;
  }

  void add(const LossTerm& term) {
    const bool through =
        !term.from_label() && plan_.edge_of(term).gradient == GradientPolicy::through;
    const Viewed students = collect({term.student});
    needed_.push_back(collect({term.student, term.teacher}));
    order_.terms.push_back({term, through ? needed_.back() : students, students.size()});
  }

  void find_passes() {
    for (const Viewed& needed : needed_) {
      for (const ViewedSubnet& one : needed) add_once(one.pass(), order_.passes);
    }
    std::sort(order_.passes.begin(), order_.passes.end(), [](const auto& a, const auto& b) {
      return a.width != b.width ? a.width > b.width : a.view < b.view;
    });
  }

  // The last pass that a term needs.
  std::size_t last_pass(std::size_t term) const {
    std::size_t last = 0;
    for (const ViewedSubnet& one : needed_[term]) {
      const auto found = std::find(order_.passes.begin(), order_.passes.end(), one.pass());
      last = std::max(last, static_cast<std::size_t>(found - order_.passes.begin()));
    }
    return last;
  }

  // The pass after which no later term gives a gradient to this one.
  std::size_t last_gradient(std::size_t pass) const {
    std::size_t last = pass;
    for (std::size_t k = 0; k < order_.terms.size(); ++k) {
      const Viewed& learners = order_.terms[k].learners;
      const bool learns = std::any_of(learners.begin(), learners.end(), [&](const auto& one) {
        return one.pass() == order_.passes[pass];
      });
      if (learns) last = std::max(last, last_pass(k));
    }
    return last;
  }

  const DistillPlan& plan_;
  const PlanStep& step_;
  StepOrder order_;
  std::vector<Viewed> needed_;  // by each term
};

// " on soft", or nothing for the step's own images.
std::string view_suffix(const DistillPlan& plan, int view) {
  return view < 0 ? "" : " on " + plan.views[static_cast<std::size_t>(view)].name;
}

std::string term_line(const NetSpec& net, const DistillPlan& plan, const LossTerm& term) {
  const auto end = [&](const TermEnd& one) {
    return end_text(net, plan, one) + view_suffix(plan, one.view);
  };
  const Edge& edge = plan.edge_of(term);
  std::string text = "add " + end(term.teacher) + " -> " + end(term.student) + " : " +
                     entry_of(edge.criterion).name + " weight=" + format_real(term.weight);
  if (term.temperature != 1) text += " temperature=" + format_real(term.temperature);
  if (!term.from_label() && edge.gradient == GradientPolicy::through) text += " gradient=through";
  return text;
}

}  // namespace

StepOrder compile_step(const DistillPlan& plan, const PlanStep& step) {
  return OrderBuilder(plan, step).run();
}

std::string order_text(const NetSpec& net, const DistillPlan& plan, const StepOrder& order) {
  std::string text;
  for (const StepInstruction& one : order.instructions) {
    if (one.kind == Kind::add_term) {
      text += term_line(net, plan, order.terms[one.index].term) + "\n";
      continue;
    }
    const StepPass& pass = order.passes[one.index];
    text += (one.kind == Kind::run_pass ? "run " : "backward ") + pass.width.label() +
            view_suffix(plan, pass.view) + "\n";
  }
  return text;
}

}  // namespace concertina
