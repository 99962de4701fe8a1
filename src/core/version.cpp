#include "concertina/core/version.h"

namespace concertina {

std::string version() { return CONCERTINA_VERSION; }

}  // namespace concertina
