// Stochastic gradient descent with momentum, as torch.optim.SGD computes it, over named tensors so
// that its state can be saved. Plain: buffer = m * buffer + (g + decay * p); p -= lr * buffer.
// Nesterov: p -= lr * ((g + decay * p) + m * buffer).
#pragma once

#include <vector>

#include "concertina/nn/flexible_net.h"
#include "concertina/recipe/recipe.h"

namespace concertina {

class Sgd {
 public:
  // Momentum, Nesterov and weight decay as the recipe says; decay on matrices only, or on all.
  Sgd(std::vector<Parameter> parameters, const Recipe& recipe);

  void clear_gradients();
  // 2-norm over all gradients. Throws DivergedError naming the first parameter whose gradient is
  // not finite; nothing was changed then.
  double gradient_norm() const;
  // Moves the parameters. `sparse`: the recipe's sparsity is added to the gradients first, and its
  // proximal step follows.
  void step(double learning_rate, bool sparse = true);
  // Of the net, in its order.
  std::vector<std::string> layers() const;
  // From now on only layers whose names begin with one of `layers` move, and what the plan learns;
  // with no names, all. Parameters that stay have no gradient.
  void train_only(const std::vector<std::string>& layers);
  void forget_momentum();

  // One buffer a parameter, named alike.
  const std::vector<Parameter>& momentum() const { return momentum_; }

 private:
  void shrink(double amount);
  void step_on_cpu(std::size_t k, const at::Tensor& gradient, double learning_rate);

  std::vector<Parameter> parameters_;
  std::vector<Parameter> momentum_;
  std::vector<double> decay_;
  std::vector<bool> trains_;
  double sparsity_;
  Proximal proximal_;
  double proximal_weight_;
  double factor_;
  bool nesterov_;
};

}  // namespace concertina
