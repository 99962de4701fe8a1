// When the buffers of a plan are written, and for how long they live.
#include <algorithm>
#include <limits>
#include <map>

#include "fused_plan.h"

namespace concertina::fused {
namespace {

bool reads(const Operation& reader, const Operation& producer) {
  return !producer.gives_result() && reader.in.buffer == producer.out.buffer &&
         producer.out.channel < reader.in.channel + reader.in.channels &&
         reader.in.channel < producer.out.channel + producer.out.channels;
}

void mark_written(Operation& one, std::vector<bool>& written) {
  const auto begin = written.begin() + one.in.channel;
  const auto end = begin + one.in.channels;
  one.accumulates = std::find(begin, end, true) != end;
  for (auto it = begin; it != end; ++it) {
    if (one.accumulates && !*it) {
      const int channel = static_cast<int>(it - written.begin());
      const bool extends =
          !one.clears.empty() && one.clears.back().channel + one.clears.back().channels == channel;
      if (extends) {
        ++one.clears.back().channels;
      } else {
        one.clears.push_back({one.in.buffer, channel, 1});
      }
    }
    *it = true;
  }
}

}  // namespace

void mark_leads(Plan& plan) {
  for (std::size_t i = plan.operations.size(); i-- > 0;) {
    Operation& one = plan.operations[i];
    one.leads_to_result =
        one.gives_result() || std::any_of(plan.operations.begin() + static_cast<std::ptrdiff_t>(i),
                                          plan.operations.end(), [&](const Operation& later) {
                                            return later.leads_to_result && reads(later, one);
                                          });
  }
}

void plan_backward(Plan& plan) {
  std::vector<std::vector<bool>> written;
  for (const Buffer& buffer : plan.buffers) {
    written.emplace_back(static_cast<std::size_t>(buffer.channels), false);
  }
  std::map<int, int> last_writer;  // of an operation's output
  for (int i = static_cast<int>(plan.operations.size()) - 1; i >= 0; --i) {
    Operation& one = plan.operations[static_cast<std::size_t>(i)];
    if (!one.leads_to_result) continue;
    mark_written(one, written[static_cast<std::size_t>(one.in.buffer)]);
    for (int j = 0; j < i; ++j) {
      if (reads(one, plan.operations[static_cast<std::size_t>(j)])) last_writer[j] = i;
    }
  }
  for (const auto& [producer, writer] : last_writer) {
    plan.operations[static_cast<std::size_t>(writer)].finishes.push_back(producer);
  }
}

Arena place_buffers(const Plan& plan, std::int64_t images, bool with_gradient) {
  const int count = static_cast<int>(plan.operations.size());
  const auto buffers = plan.buffers.size();
  std::vector<Lifetime> lives(with_gradient ? 2 * buffers : buffers);
  for (std::size_t b = 0; b < lives.size(); ++b) {
    const Buffer& buffer = plan.buffers[b % buffers];
    lives[b] = {images * buffer.pixels() * buffer.channels, std::numeric_limits<int>::max(), -1};
  }
  const auto touch = [&](std::size_t life, int step) {
    lives[life].first = std::min(lives[life].first, step);
    lives[life].last = std::max(lives[life].last, step);
  };
  for (int i = 0; i < count; ++i) {
    const Operation& one = plan.operations[static_cast<std::size_t>(i)];
    const auto in = static_cast<std::size_t>(one.in.buffer);
    const auto out = static_cast<std::size_t>(one.out.buffer);
    const int back = 2 * count - 1 - i;
    touch(in, i);
    if (!one.gives_result()) touch(out, i);
    if (!with_gradient) continue;
    touch(in, back);
    touch(buffers + in, back);
    if (one.gives_result()) continue;
    touch(out, back);
    touch(buffers + out, back);
  }
  touch(0, 0);  // the input is filled before the first operation
  return place(lives);
}

}  // namespace concertina::fused
