#include <vector>

#include "concertina/high/high.h"
