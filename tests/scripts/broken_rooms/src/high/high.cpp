#include "concertina/high/high.h"

#include <torch/torch.h>
#include <torch/types.h>

#include "concertina/low/low.h"
