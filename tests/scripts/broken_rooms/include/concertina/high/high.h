#include <string>

#include <ATen/core/Tensor.h>
#include <boost/program_options.hpp>
#include <hdf5.h>
