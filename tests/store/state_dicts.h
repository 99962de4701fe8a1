// The tensors of torch_state_dicts.py, and where its files are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "concertina/store/state_dict.h"

namespace concertina::store_test {

// As read, with "module." in front of the names.
StateDict expected_state_dict();
void expect_equal(const StateDict& found, const StateDict& expected);

std::filesystem::path golden(const std::string& name);
// The files that are whole state dicts.
const std::vector<std::string>& golden_names();

}  // namespace concertina::store_test
