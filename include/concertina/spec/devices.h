// A net whose members run on devices of their own: each device sends a map, the maps of one part
// are averaged (layers of kind mean), the parts stand one behind the other (concat), and one linear
// layer answers. docs/methods.md, Devices that fail
#pragma once

#include <string>
#include <vector>

#include "concertina/spec/net_spec.h"

namespace concertina {

struct Device {
  std::string sends;  // the layer whose map it sends
  int part = 0;       // counted from 0
};

struct DeviceNet {
  std::vector<Device> devices;  // in the order of their layers
  int parts = 0;
  std::string classifier;  // the linear layer
};

// Throws UsageError for a net of another form.
DeviceNet devices_of(const NetSpec& net);

}  // namespace concertina
