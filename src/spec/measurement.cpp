#include "concertina/spec/measurement.h"

#include <limits>

namespace concertina {

Measurement unmeasured(const NetSpec& net, const Subnet& subnet) {
  Measurement row;
  row.id = subnet_id(net, subnet);
  row.subnet = subnet;
  row.cost = subnet_cost(net, subnet).anytime;
  row.accuracy = row.loss = std::numeric_limits<double>::quiet_NaN();
  row.latency_median = row.latency_p95 = std::numeric_limits<double>::quiet_NaN();
  return row;
}

}  // namespace concertina
