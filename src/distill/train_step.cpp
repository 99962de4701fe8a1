#include "concertina/distill/train_step.h"

#include <algorithm>
#include <cmath>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/distill/criteria.h"

#include "answers.h"

namespace concertina {
namespace {

void add(at::Tensor& sum, const at::Tensor& gradient) {
  if (!gradient.defined()) return;
  sum = sum.defined() ? at::add(sum, gradient) : gradient;
}

class Walk {
 public:
  Walk(FlexibleNet& net, const DistillPlan& plan, const PlanParts& parts, const StepInput& input)
      : spec_(net.spec()),
        plan_(plan),
        parts_(parts),
        input_(input),
        answers_(net, plan, parts, input),
        links_(plan.links(input.place)) {}

  StepReport run() {
    const std::vector<PassKey> passes = needed_passes();
    for (std::size_t now = 0; now < passes.size(); ++now) {
      answers_.run(passes[now], links_);
      for (const Link& link : links_) {
        if (last_of(ends_of(link), passes) == now) follow(link);
      }
      for (std::size_t done = 0; done <= now; ++done) {
        if (last_gradient(passes[done], passes) == now) backward(passes[done]);
      }
    }
    for (const Subnet& subnet : largest_first(input_.place.active, input_.place.exits)) {
      summarize(subnet, passes);
    }
    return std::move(report_);
  }

 private:
  using Ends = std::vector<std::pair<Subnet, int>>;  // sub-models, and the views they look at

  bool is_through(const Link& link) const {
    return !link.from_label() && plan_.edge_of(link).gradient == GradientPolicy::through;
  }

  // What a link joins, its student first; what it gives gradients.
  Ends ends_of(const Link& link) const { return collect({link.student, link.teacher}); }
  Ends learners_of(const Link& link) const {
    return is_through(link) ? ends_of(link) : collect({link.student});
  }
  Ends collect(const std::vector<LinkEnd>& ends) const {
    Ends found;
    for (const LinkEnd& end : ends) {
      for (const Subnet& subnet : plan_.subnets_of(end, input_.place)) {
        const auto one = std::make_pair(subnet, end.view);
        if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
      }
    }
    return found;
  }

  // Widest first, each with the views that links have of it.
  std::vector<PassKey> needed_passes() const {
    std::vector<PassKey> passes;
    for (const Link& link : links_) {
      for (const auto& [subnet, view] : ends_of(link)) {
        const PassKey pass{subnet.width, view};
        if (std::find(passes.begin(), passes.end(), pass) == passes.end()) passes.push_back(pass);
      }
    }
    std::sort(passes.begin(), passes.end(), [](const PassKey& a, const PassKey& b) {
      return a.width != b.width ? a.width > b.width : a.view < b.view;
    });
    return passes;
  }

  // The last of the passes that these need.
  static std::size_t last_of(const Ends& ends, const std::vector<PassKey>& passes) {
    std::size_t last = 0;
    for (std::size_t k = 0; k < passes.size(); ++k) {
      for (const auto& [subnet, view] : ends) {
        if (passes[k] == PassKey{subnet.width, view}) last = k;
      }
    }
    return last;
  }

  // The pass after which the last gradient for a pass has come.
  std::size_t last_gradient(const PassKey& pass, const std::vector<PassKey>& passes) const {
    const auto itself = std::find(passes.begin(), passes.end(), pass) - passes.begin();
    auto last = static_cast<std::size_t>(itself);
    for (const Link& link : links_) {
      for (const auto& [subnet, view] : learners_of(link)) {
        if (!(pass == PassKey{subnet.width, view})) continue;
        last = std::max(last, last_of(ends_of(link), passes));
      }
    }
    return last;
  }

  void follow(const Link& link) {
    if (link.weight == 0) return;
    const at::Tensor loss =
        at::mul(edge_loss(plan_.edge_of(link), link.temperature, inputs_of(link)), link.weight);
    std::vector<Value*> values;
    std::vector<at::Tensor> wanted;
    for (const auto& [subnet, view] : learners_of(link)) {
      for (Value* value : answers_.values_of(subnet, view)) {
        values.push_back(value);
        wanted.push_back(value->leaf);
      }
    }
    std::vector<Parameter> learned = learned_of(link);
    for (const Parameter& parameter : learned) wanted.push_back(parameter.value);
    const auto gradients = torch::autograd::grad({loss}, wanted, {}, /*retain_graph=*/{},
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    record(link, loss, {gradients.begin(), gradients.begin() + own_values(link)});
    for (std::size_t k = 0; k < values.size(); ++k) add(values[k]->gradient, gradients[k]);
    for (std::size_t k = 0; k < learned.size(); ++k) {
      add(learned[k].value.mutable_grad(), gradients[values.size() + k]);
    }
  }

  // How many of a link's values are its student's; they come first.
  std::ptrdiff_t own_values(const Link& link) {
    std::ptrdiff_t count = 0;
    for (const auto& [subnet, view] : collect({link.student})) {
      count += static_cast<std::ptrdiff_t>(answers_.values_of(subnet, view).size());
    }
    return count;
  }

  std::vector<Parameter> learned_of(const Link& link) const {
    const bool any = plan_.edge_of(link).adapter != Adapter::none ||
                     answers_.is_learned(link.student) ||
                     (is_through(link) && answers_.is_learned(link.teacher));
    return any ? parts_.parameters() : std::vector<Parameter>{};
  }

  LossInputs inputs_of(const Link& link) {
    LossInputs in;
    in.labels = input_.source.labels;
    const Edge& edge = plan_.edge_of(link);
    if (edge.tap.empty()) {
      in.student = answers_.logits(link.student, link);
      if (!link.from_label()) in.teacher = target(link, "");
      return in;
    }
    const std::vector<std::string> taps = split(edge.tap, '+');
    const std::vector<std::string> theirs = split(edge.teacher_tap, '+');
    for (std::size_t which = 0; which < taps.size(); ++which) {
      const at::Tensor student = parts_.adapt(link.edge, link.student, link.teacher,
                                              answers_.tap(link.student, taps[which], link), which);
      (which == 0 ? in.student : in.student_second) = student;
      if (link.from_label()) continue;
      (which == 0 ? in.teacher : in.teacher_second) = target(link, theirs[which]);
    }
    return in;
  }

  // What the teacher of a link says: its logits, or a tap. Behind `stop` nothing remembers how.
  at::Tensor target(const Link& link, const std::string& tap) {
    const auto said = [&] {
      return tap.empty() ? answers_.logits(link.teacher, link)
                         : answers_.tap(link.teacher, tap, link);
    };
    if (is_through(link)) return said();
    const at::NoGradGuard guard;
    return said().detach();
  }

  void record(const Link& link, const at::Tensor& loss, const std::vector<at::Tensor>& gradients) {
    double squares = 0;
    for (const at::Tensor& gradient : gradients) {
      if (!gradient.defined()) continue;
      const double norm = at::norm(gradient).item<double>();
      squares += norm * norm;
    }
    const LinkReport entry{link, loss.item<double>(), std::sqrt(squares)};
    if (!std::isfinite(entry.loss) || !std::isfinite(entry.gradient_norm)) {
      throw DivergedError("diverged: " + end_text(spec_, plan_, link.student) + ", edge \"" +
                          edge_text(plan_.edge_of(link)) + "\": loss " + format_real(entry.loss) +
                          ", gradient norm " + format_real(entry.gradient_norm) +
                          "; expected finite numbers (try a lower learning rate)");
    }
    report_.links.push_back(entry);
  }

  void backward(const PassKey& pass) {
    std::vector<at::Tensor> roots, gradients;
    for (int exit = input_.place.exits; exit >= 1; --exit) {
      for (Value* value : answers_.values_of({pass.width, exit}, pass.view)) {
        if (value->gradient.defined()) {
          roots.push_back(value->output);
          gradients.push_back(value->gradient);
        }
        value->output = at::Tensor();  // the graph goes as soon as it was walked
      }
    }
    if (roots.empty()) return;
    torch::autograd::backward(roots, gradients);
    answers_.learn(pass);
  }

  // By its first pass, if it had any.
  void summarize(const Subnet& subnet, const std::vector<PassKey>& passes) {
    const auto ran = std::find_if(passes.begin(), passes.end(),
                                  [&](const PassKey& pass) { return pass.width == subnet.width; });
    if (ran == passes.end()) return;
    LinkEnd end = LinkEnd::of(subnet);
    end.view = ran->view;
    SubnetReport entry{subnet, 0, 0};
    for (const LinkReport& link : report_.links) {
      if (link.link.student.is_same(end)) entry.loss += link.loss;
    }
    const at::Tensor hits = at::eq(at::argmax(answers_.logits(end, {}), 1), input_.source.labels);
    entry.correct = at::sum(hits).item<std::int64_t>();
    report_.subnets.push_back(entry);
  }

  const NetSpec& spec_;
  const DistillPlan& plan_;
  const PlanParts& parts_;
  const StepInput& input_;
  Answers answers_;
  std::vector<Link> links_;
  StepReport report_;
};

}  // namespace

StepReport train_step(FlexibleNet& net, const DistillPlan& plan, const PlanParts& parts,
                      const StepInput& input) {
  return Walk(net, plan, parts, input).run();
}

}  // namespace concertina
