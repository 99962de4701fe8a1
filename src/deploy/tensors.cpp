#include "tensors.h"

#include <map>

#include "concertina/core/error.h"

namespace concertina::deploy {

Tensors stored(const std::vector<Parameter>& parameters) {
  Tensors result;
  for (const Parameter& one : parameters) {
    result.push_back({one.name, one.value.detach().to(at::kCPU).contiguous().clone(), one.axes});
  }
  return result;
}

void load_tensors(const Tensors& from, const std::vector<Parameter>& to) {
  std::map<std::string, at::Tensor> given;
  for (const NamedTensor& tensor : from) given[tensor.name] = tensor.value;
  for (const Parameter& one : to) {
    const auto found = given.find(one.name);
    if (found == given.end()) throw DataError("the network lacks tensor \"" + one.name + "\"");
    if (found->second.sizes() != one.value.sizes()) {
      throw DataError("tensor \"" + one.name + "\" has the wrong shape for the network");
    }
    at::Tensor(one.value.detach()).copy_(found->second);
    given.erase(found);
  }
  if (given.empty()) return;
  throw DataError("the network has no tensor \"" + given.begin()->first + "\"");
}

}  // namespace concertina::deploy
