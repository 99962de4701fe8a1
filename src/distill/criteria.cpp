#include "concertina/distill/criteria.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <ATen/Functions.h>

#include "concertina/core/error.h"
#include "concertina/distill/feature_losses.h"
#include "concertina/distill/logit_losses.h"
#include "concertina/distill/register_loss.h"

namespace concertina {
namespace {

std::map<Criterion, LossFunction>& registered() {
  static std::map<Criterion, LossFunction> functions;
  return functions;
}

// One for every image that the edge acts on, zero for the others. [B]
at::Tensor selected(const Edge& edge, const LossInputs& in) {
  const auto is_right = [&](const at::Tensor& logits) {
    return at::eq(at::argmax(logits, 1), in.labels);
  };
  const at::Tensor student = in.student.detach();
  const auto chosen = [&]() -> at::Tensor {
    switch (edge.select) {
      case Selector::teacher_right:
        return is_right(in.teacher);
      case Selector::teacher_confident:
        return at::gt(std::get<0>(at::max(at::softmax(in.teacher, 1), 1)), edge.cutoff);
      case Selector::student_wrong:
        return at::logical_not(is_right(student));
      case Selector::correction:
        return at::logical_and(is_right(in.teacher), at::logical_not(is_right(student)));
      case Selector::student_unsure: {
        const at::Tensor log_p = at::log_softmax(student, 1);
        const at::Tensor entropy = at::neg(at::sum(at::mul(at::exp(log_p), log_p), {1}));
        return at::gt(entropy, edge.cutoff * std::log(static_cast<double>(student.size(1))));
      }
      case Selector::all:
        break;
    }
    return at::ones_like(in.labels, at::kBool);
  };
  return chosen().to(in.student.scalar_type());
}

// Of every image, [B], before any reduction.
at::Tensor image_terms(const Edge& edge, double temperature, const LossInputs& in) {
  const double teacher = edge.temper == Temper::student ? 1 : temperature;
  const double student = edge.temper == Temper::teacher ? 1 : temperature;
  switch (edge.criterion) {
    case Criterion::ce:
      return ce_terms(in.labels, in.student, student, edge.number("smoothing"));
    case Criterion::soft_ce:
      return soft_ce_terms(in.teacher, in.student, teacher, student);
    case Criterion::kl:
      return kl_terms(in.teacher, in.student, teacher, student, edge.number("offset"));
    case Criterion::mse:
      return mse_terms(in.teacher, in.student);
    case Criterion::dkd:
      return dkd_terms(in.labels, in.teacher, in.student, teacher, student, edge.number("alpha"),
                       edge.number("beta"));
    case Criterion::alpha:
      return alpha_divergence_terms(in.teacher, in.student, teacher, student,
                                    edge.number("alpha-min"), edge.number("alpha-max"),
                                    edge.number("clip"));
    case Criterion::hint:
      return hint_terms(in.teacher, in.student);
    case Criterion::gram:
      return gram_terms(in.teacher, in.teacher_second, in.student, in.student_second);
    default:
      return {};
  }
}

// Criteria of the whole batch at once, a scalar; undefined for the others.
at::Tensor batch_loss(const Edge& edge, const LossInputs& in) {
  const auto flat = [](const at::Tensor& map) { return at::flatten(map, 1); };
  switch (edge.criterion) {
    case Criterion::normalized:
      return normalized_mse_loss(in.teacher, in.student);
    case Criterion::pkt:
      return pkt_loss(flat(in.teacher), flat(in.student));
    case Criterion::pkt_cosine:
      return pkt_cosine_loss(flat(in.teacher), flat(in.student));
    case Criterion::pkt_student_t:
      return pkt_student_t_loss(flat(in.teacher), flat(in.student));
    case Criterion::pkt_combined:
      return pkt_combined_loss(flat(in.teacher), flat(in.student));
    case Criterion::pair:
      return pair_loss(flat(in.student), in.labels, edge.number("margin"));
    default:
      return {};
  }
}

// Numbers that one image's term adds up.
double elements(const Edge& edge, const LossInputs& in) {
  const auto least = [&](std::int64_t k) {
    return static_cast<double>(std::min(in.teacher.size(k), in.student.size(k)));
  };
  const auto channels = static_cast<double>(in.student.size(1));
  if (edge.criterion == Criterion::hint) return channels * least(2) * least(3);
  if (edge.criterion == Criterion::gram) {
    return channels * static_cast<double>(in.student_second.size(1));
  }
  return channels;
}

at::Tensor reduced(const Edge& edge, const LossInputs& in, const at::Tensor& terms) {
  const bool all = edge.select == Selector::all;
  const at::Tensor mask = all ? at::Tensor() : selected(edge, in);
  const at::Tensor sum = at::sum(all ? terms : at::mul(terms, mask));
  if (edge.reduction == Reduction::sum) return sum;
  const double count = edge.reduction == Reduction::elementmean ? elements(edge, in) : 1;
  if (!all && edge.over == Over::selected) {
    return at::div(sum, at::mul(at::clamp_min(at::sum(mask), 1), count));
  }
  return at::mul(sum, 1 / (count * static_cast<double>(in.student.size(0))));
}

}  // namespace

void register_loss(const CriterionEntry& entry, LossFunction function) {
  if (!function) {
    throw UsageError(std::string("criterion \"") + entry.name + "\" has no function");
  }
  registered()[add_criterion(entry)] = std::move(function);
}

at::Tensor edge_loss(const Edge& edge, double temperature, const LossInputs& inputs) {
  const auto own = registered().find(edge.criterion);
  const bool is_own = own != registered().end();
  const at::Tensor terms = is_own ? own->second(edge, temperature, inputs) : at::Tensor();
  if (is_own && !entry_of(edge.criterion).reduced) return terms;
  const at::Tensor whole = batch_loss(edge, inputs);
  if (whole.defined()) return whole;
  const at::Tensor loss =
      reduced(edge, inputs, is_own ? terms : image_terms(edge, temperature, inputs));
  return edge.t_power == 0 ? loss : at::mul(loss, std::pow(temperature, edge.t_power));
}

}  // namespace concertina
