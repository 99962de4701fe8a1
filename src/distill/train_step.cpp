#include "concertina/distill/train_step.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <ATen/Functions.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/distill/criteria.h"

namespace concertina {
namespace {

// One sub-model in this step. Losses see `leaf`, so that each link's gradient in the logits is
// known by itself; their sum goes backward through `logits` once.
struct Node {
  at::Tensor logits;
  at::Tensor leaf;
  at::Tensor gradient;  // undefined until a link adds to it
};

std::string describe(const NetSpec& net, const DistillPlan& plan, const Link& link) {
  return subnet_id(net, link.student) + ", edge \"" +
         edge_text(plan.edges[static_cast<std::size_t>(link.edge)]) + "\"";
}

class Walk {
 public:
  Walk(FlexibleNet& net, const DistillPlan& plan, const at::Tensor& labels)
      : net_(net), plan_(plan), labels_(labels) {
    for (const Edge& edge : plan.edges) {
      keep_graphs_ = keep_graphs_ || edge.gradient == GradientPolicy::through;
    }
  }

  StepReport run(const std::vector<Width>& active, const at::Tensor& images) {
    std::vector<Width> widths = active;
    std::sort(widths.rbegin(), widths.rend());
    const int exits = net_.spec().exit_count();
    const std::vector<Link> links = plan_.links(active, exits);
    for (const Width width : widths) {
      forward(width, images);
      for (const Link& link : links) {
        if (link.student.width == width) follow(link);
      }
      summarise(width, exits);
      if (!keep_graphs_) backward(width);
    }
    if (keep_graphs_) {
      for (const Width width : widths) backward(width);
    }
    return std::move(report_);
  }

 private:
  void forward(Width width, const at::Tensor& images) {
    const std::vector<at::Tensor> logits =
        net_.forward(images, {width, net_.spec().exit_count()}, Pass::train);
    for (std::size_t exit = 0; exit < logits.size(); ++exit) {
      Node& node = nodes_[{width, static_cast<int>(exit) + 1}];
      node.logits = logits[exit];
      node.leaf = logits[exit].detach().set_requires_grad(true);
    }
  }

  void follow(const Link& link) {
    const Edge& edge = plan_.edges[static_cast<std::size_t>(link.edge)];
    Node& student = nodes_.at(link.student);
    Node* teacher = link.from_label ? nullptr : &nodes_.at(link.teacher);
    const bool through = teacher != nullptr && edge.gradient == GradientPolicy::through;
    std::vector<at::Tensor> inputs{student.leaf};
    if (through) inputs.push_back(teacher->leaf);
    const at::Tensor loss = at::mul(loss_of(edge, teacher, student), link.weight);
    const std::vector<at::Tensor> gradients = torch::autograd::grad({loss}, inputs);
    add(student, gradients[0]);
    if (through) add(*teacher, gradients[1]);
    record(link, loss, gradients[0]);
  }

  at::Tensor loss_of(const Edge& edge, const Node* teacher, const Node& student) const {
    if (teacher == nullptr) return cross_entropy(labels_, student.leaf);
    const bool stop = edge.gradient == GradientPolicy::stop;
    return distillation_loss(edge, stop ? teacher->leaf.detach() : teacher->leaf, student.leaf);
  }

  static void add(Node& node, const at::Tensor& gradient) {
    node.gradient = node.gradient.defined() ? at::add(node.gradient, gradient) : gradient;
  }

  void record(const Link& link, const at::Tensor& loss, const at::Tensor& gradient) {
    LinkReport entry{link, loss.item<double>(), at::norm(gradient).item<double>()};
    if (!std::isfinite(entry.loss) || !std::isfinite(entry.gradient_norm)) {
      throw DivergedError("diverged: " + describe(net_.spec(), plan_, link) + ": loss " +
                          format_real(entry.loss) + ", gradient norm " +
                          format_real(entry.gradient_norm) +
                          "; expected finite numbers (try a lower learning rate)");
    }
    report_.links.push_back(entry);
  }

  void summarise(Width width, int exits) {
    for (int exit = exits; exit >= 1; --exit) {
      const Subnet subnet{width, exit};
      SubnetReport entry{subnet, 0, 0};
      for (const LinkReport& link : report_.links) {
        if (link.link.student == subnet) entry.loss += link.loss;
      }
      const at::Tensor hits = at::eq(at::argmax(nodes_.at(subnet).leaf, 1), labels_);
      entry.correct = at::sum(hits).item<std::int64_t>();
      report_.subnets.push_back(entry);
    }
  }

  void backward(Width width) {
    std::vector<at::Tensor> roots, gradients;
    for (auto& [subnet, node] : nodes_) {
      if (subnet.width != width || !node.gradient.defined()) continue;
      roots.push_back(node.logits);
      gradients.push_back(node.gradient);
      node.logits = at::Tensor();  // the graph goes as soon as it was walked
    }
    if (!roots.empty()) torch::autograd::backward(roots, gradients);
  }

  FlexibleNet& net_;
  const DistillPlan& plan_;
  const at::Tensor& labels_;
  bool keep_graphs_ = false;
  std::map<Subnet, Node> nodes_;
  StepReport report_;
};

}  // namespace

StepReport train_step(FlexibleNet& net, const DistillPlan& plan, const std::vector<Width>& active,
                      const at::Tensor& images, const at::Tensor& labels) {
  return Walk(net, plan, labels).run(active, images);
}

}  // namespace concertina
