// Pointwise convolutions that read the same channels of a buffer become one operation: its products
// are wider, and what they read is loaded, and its gradient written, once.
#include "fused_plan.h"

namespace concertina::fused {
namespace {

const Buffer& output_of(const Plan& plan, const Operation& one) {
  return plan.buffers[static_cast<std::size_t>(one.out.buffer)];
}

// It writes a buffer of its own.
bool can_join(const Plan& plan, const Operation& one) {
  return one.kind == Kind::conv && one.patches == Patches::none &&
         one.out.channels == output_of(plan, one).channels;
}

// What leads to no result has no gradient, and stays by itself.
bool can_join(const Plan& plan, const Operation& a, const Operation& b) {
  if (!can_join(plan, a) || !can_join(plan, b)) return false;
  const Buffer& of_a = output_of(plan, a);
  const Buffer& of_b = output_of(plan, b);
  return a.in.buffer == b.in.buffer && a.in.channel == b.in.channel &&
         a.in.channels == b.in.channels && a.has_norm() == b.has_norm() && of_a.low == of_b.low &&
         of_a.high == of_b.high && a.leads_to_result == b.leads_to_result;
}

// Whoever named buffer `from` names channels of `to` from `channel` on; the last buffers move up.
void replace_buffer(Plan& plan, int from, int to, int channel) {
  const auto settle = [&](ChannelSlice& view) {
    if (view.buffer == from) view = {to, view.channel + channel, view.channels};
    if (view.buffer > from) --view.buffer;
  };
  for (Operation& one : plan.operations) {
    settle(one.in);
    if (!one.gives_result()) settle(one.out);
  }
  plan.buffers.erase(plan.buffers.begin() + from);
}

// The second's channels behind the first's.
void join(Plan& plan, std::size_t first, std::size_t second) {
  const Operation taken = plan.operations[second];
  plan.operations.erase(plan.operations.begin() + static_cast<std::ptrdiff_t>(second));
  Operation& one = plan.operations[first];
  plan.buffers[static_cast<std::size_t>(one.out.buffer)].channels += taken.out.channels;
  replace_buffer(plan, taken.out.buffer, one.out.buffer, one.out.channels);
  one.out.channels += taken.out.channels;
  one.parts.insert(one.parts.end(), taken.parts.begin(), taken.parts.end());
}

}  // namespace

void join_readers(Plan& plan) {
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    for (std::size_t j = i + 1; j < plan.operations.size();) {
      if (can_join(plan, plan.operations[i], plan.operations[j])) {
        join(plan, i, j);
      } else {
        ++j;
      }
    }
  }
}

}  // namespace concertina::fused
