#include "concertina/distill/train_step.h"

#include <algorithm>
#include <cmath>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/distill/criteria.h"
#include "concertina/recipe/step_order.h"

#include "step_outputs.h"

namespace concertina {
namespace {

void add(at::Tensor& sum, const at::Tensor& gradient) {
  if (!gradient.defined()) return;
  sum = sum.defined() ? at::add(sum, gradient) : gradient;
}

// Executes the instructions of one step.
class Walk {
 public:
  Walk(FlexibleNet& net, const DistillPlan& plan, const AuxiliaryModules& parts,
       const StepInput& input)
      : spec_(net.spec()),
        plan_(plan),
        parts_(parts),
        input_(input),
        outputs_(net, plan, parts, input),
        order_(compile_step(plan, input.place)) {}

  StepReport run() {
    using Kind = StepInstruction::Kind;
    for (const StepInstruction& one : order_.instructions) {
      if (one.kind == Kind::run_pass) outputs_.run(order_.passes[one.index], order_.terms);
      if (one.kind == Kind::add_term) add_term(order_.terms[one.index]);
      if (one.kind == Kind::backward) backward(order_.passes[one.index]);
    }
    for (const Subnet& subnet : largest_first(input_.place.active, input_.place.exits)) {
      summarize(subnet);
    }
    return std::move(report_);
  }

 private:
  void add_term(const OrderedTerm& ordered) {
    const LossTerm& term = ordered.term;
    const at::Tensor loss =
        at::mul(edge_loss(plan_.edge_of(term), term.temperature, inputs_of(term)), term.weight);
    std::vector<Value*> values;
    std::ptrdiff_t own = 0;  // how many of the values are the student's; they come first
    for (std::size_t k = 0; k < ordered.learners.size(); ++k) {
      const auto& [subnet, view] = ordered.learners[k];
      for (Value* value : outputs_.values_of(subnet, view)) values.push_back(value);
      if (k < ordered.students) own = static_cast<std::ptrdiff_t>(values.size());
    }
    std::vector<at::Tensor> wanted;
    for (const Value* value : values) wanted.push_back(value->leaf);
    std::vector<Parameter> learned = learned_of(term);
    for (const Parameter& parameter : learned) wanted.push_back(parameter.value);
    const auto gradients = torch::autograd::grad({loss}, wanted, {}, /*retain_graph=*/{},
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    record(term, loss, {gradients.begin(), gradients.begin() + own});
    for (std::size_t k = 0; k < values.size(); ++k) add(values[k]->gradient, gradients[k]);
    for (std::size_t k = 0; k < learned.size(); ++k) {
      add(learned[k].value.mutable_grad(), gradients[values.size() + k]);
    }
  }

  bool is_through(const LossTerm& term) const {
    return !term.from_label() && plan_.edge_of(term).gradient == GradientPolicy::through;
  }

  std::vector<Parameter> learned_of(const LossTerm& term) const {
    const bool any = plan_.edge_of(term).adapter != Adapter::none ||
                     outputs_.is_learned(term.student) ||
                     (is_through(term) && outputs_.is_learned(term.teacher));
    return any ? parts_.parameters() : std::vector<Parameter>{};
  }

  LossInputs inputs_of(const LossTerm& term) {
    LossInputs in;
    in.labels = input_.source.labels;
    const Edge& edge = plan_.edge_of(term);
    if (edge.tap.empty()) {
      in.student = outputs_.logits(term.student, term);
      if (!term.from_label()) in.teacher = target(term, "");
      return in;
    }
    const std::vector<std::string> taps = split(edge.tap, '+');
    const std::vector<std::string> theirs = split(edge.teacher_tap, '+');
    for (std::size_t which = 0; which < taps.size(); ++which) {
      const at::Tensor student = parts_.adapt(term.edge, term.student, term.teacher,
                                              outputs_.tap(term.student, taps[which], term), which);
      (which == 0 ? in.student : in.student_second) = student;
      if (term.from_label()) continue;
      (which == 0 ? in.teacher : in.teacher_second) = target(term, theirs[which]);
    }
    return in;
  }

  // The logits or a tap of a term's teacher, detached under gradient=stop.
  at::Tensor target(const LossTerm& term, const std::string& tap) {
    const auto said = [&] {
      return tap.empty() ? outputs_.logits(term.teacher, term)
                         : outputs_.tap(term.teacher, tap, term);
    };
    if (is_through(term)) return said();
    const at::NoGradGuard guard;
    return said().detach();
  }

  void record(const LossTerm& term, const at::Tensor& loss,
              const std::vector<at::Tensor>& gradients) {
    double squares = 0;
    for (const at::Tensor& gradient : gradients) {
      if (!gradient.defined()) continue;
      const double norm = at::norm(gradient).item<double>();
      squares += norm * norm;
    }
    const TermReport entry{term, loss.item<double>(), std::sqrt(squares)};
    if (!std::isfinite(entry.loss) || !std::isfinite(entry.gradient_norm)) {
      throw DivergedError("diverged: " + end_text(spec_, plan_, term.student) + ", edge \"" +
                          edge_text(plan_.edge_of(term)) + "\": loss " + format_real(entry.loss) +
                          ", gradient norm " + format_real(entry.gradient_norm) +
                          "; expected finite numbers (try a lower learning rate)");
    }
    report_.terms.push_back(entry);
  }

  void backward(const StepPass& pass) {
    std::vector<at::Tensor> roots, gradients;
    for (int exit = input_.place.exits; exit >= 1; --exit) {
      for (Value* value : outputs_.values_of({pass.width, exit}, pass.view)) {
        if (value->gradient.defined()) {
          roots.push_back(value->output);
          gradients.push_back(value->gradient);
        }
        value->output = at::Tensor();  // the graph goes as soon as it was walked
      }
    }
    if (roots.empty()) return;
    torch::autograd::backward(roots, gradients);
    outputs_.learn(pass);
  }

  // Reports a sub-model by its first pass, if it had any.
  void summarize(const Subnet& subnet) {
    const std::vector<StepPass>& passes = order_.passes;
    const auto ran = std::find_if(passes.begin(), passes.end(),
                                  [&](const StepPass& pass) { return pass.width == subnet.width; });
    if (ran == passes.end()) return;
    TermEnd end = TermEnd::of(subnet);
    end.view = ran->view;
    SubnetReport entry{subnet, 0, 0};
    for (const TermReport& term : report_.terms) {
      if (term.term.student.is_same(end)) entry.loss += term.loss;
    }
    const at::Tensor hits = at::eq(at::argmax(outputs_.logits(end, {}), 1), input_.source.labels);
    entry.correct = at::sum(hits).item<std::int64_t>();
    report_.subnets.push_back(entry);
  }

  const NetSpec& spec_;
  const DistillPlan& plan_;
  const AuxiliaryModules& parts_;
  const StepInput& input_;
  StepOutputs outputs_;
  StepOrder order_;
  StepReport report_;
};

}  // namespace

StepReport train_step(FlexibleNet& net, const DistillPlan& plan, const AuxiliaryModules& parts,
                      const StepInput& input) {
  return Walk(net, plan, parts, input).run();
}

}  // namespace concertina
