#include "concertina/eval/latency.h"

#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"

namespace concertina {
namespace {

TEST(Latency, TimesTheExtractedNet) {
  const NetSpec spec = make_net("msdnet-tiny", {4, 3, 16, 16});
  FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  for (const Width width : spec.widths) net.set_calibrated(width, true);
  FlexibleNet small = net.extract({spec.widths.front(), 2}, Exits::only);
  const Latency latency = measure_latency(small, {2, 1, 9});
  EXPECT_EQ(latency.repetitions, 9);
  EXPECT_GT(latency.median, 0);
  EXPECT_GE(latency.p95, latency.median);
}

TEST(Latency, RefusesABatchOrRepetitionsBelowOne) {
  const NetSpec spec = make_net("msdnet-tiny", {4, 3, 16, 16});
  FlexibleNet net(spec, {Width()}, {}, 1, at::kCPU);
  net.set_calibrated(Width(), true);
  EXPECT_THROW(measure_latency(net, {0, 1, 1}), ProgrammingError);
  EXPECT_THROW(measure_latency(net, {1, 1, 0}), ProgrammingError);
}

TEST(Latency, NamesTheProcessor) { EXPECT_FALSE(processor_name().empty()); }

}  // namespace
}  // namespace concertina
