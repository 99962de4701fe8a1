#pragma once

#include <string>

namespace concertina {

// "0.1.0", from CMakeLists.txt.
std::string version();

}  // namespace concertina
