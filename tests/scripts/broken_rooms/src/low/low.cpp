#include "concertina/low/low.h"

#include <ATen/Functions.h>

#include "concertina/lone/lone.h"

#include "../high/private.h"
