#include "stray.h"
