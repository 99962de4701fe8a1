# Finds LibTorch, in this order: Torch_DIR or CMAKE_PREFIX_PATH as given; an importable Python torch
# whose torch.utils.cmake_prefix_path exists (Debian's names a folder that does not); the system's
# own (Debian's libtorch-dev). Sets CMAKE_CXX_STANDARD to what its headers demand.

# find_package itself would look into the system before the end of this list.
function(concertina_look_for_torch)
  find_path(Torch_DIR TorchConfig.cmake PATHS ${ARGN} NO_DEFAULT_PATH
    PATH_SUFFIXES Torch cmake/Torch share/cmake/Torch lib/cmake/Torch)
  if(NOT Torch_DIR)
    unset(Torch_DIR CACHE)
  endif()
endfunction()

if(NOT Torch_DIR)
  file(TO_CMAKE_PATH "$ENV{Torch_DIR}" torch_dir)
  file(TO_CMAKE_PATH "$ENV{CMAKE_PREFIX_PATH}" prefixes)
  concertina_look_for_torch(${CMAKE_PREFIX_PATH} ${torch_dir} ${prefixes})
endif()

if(NOT Torch_DIR)
  find_program(CONCERTINA_PYTHON NAMES python3)
  if(CONCERTINA_PYTHON)
    execute_process(
      COMMAND "${CONCERTINA_PYTHON}" -c "import torch; print(torch.utils.cmake_prefix_path)"
      OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    concertina_look_for_torch(${prefix})
  endif()
endif()

# Beside Debian's libtorch-dev, the TorchConfig.cmake of a wheel or of the official zip takes
# Debian's Caffe2 targets and libc10: two LibTorch in one program. So its own are named here.
get_filename_component(torch_root "${Torch_DIR}/../../.." ABSOLUTE)
if(Torch_DIR AND EXISTS "${Torch_DIR}/../Caffe2/Caffe2Config.cmake")
  set(Caffe2_DIR "${Torch_DIR}/../Caffe2")
endif()
if(Torch_DIR AND EXISTS "${torch_root}/lib/libtorch.so")
  set(TORCH_LIBRARY "${torch_root}/lib/libtorch.so")
  set(c10_LIBRARY "${torch_root}/lib/libc10.so")
  # Wheels have no libkineto.a, warn about it, and need it only when LibTorch is static.
  set(kineto_LIBRARY "${c10_LIBRARY}")
endif()

find_package(Torch 1.13 REQUIRED)
message(STATUS "LibTorch ${Torch_VERSION}: ${Torch_DIR}")

# LibTorch 2.12 and later need C++20; clang 14 cannot compile 1.13's headers as C++20.
if(NOT CMAKE_CXX_STANDARD)
  if(Torch_VERSION VERSION_GREATER_EQUAL 2.12)
    set(CMAKE_CXX_STANDARD 20)
  else()
    set(CMAKE_CXX_STANDARD 17)
  endif()
endif()

# `torch` carries all it links; TORCH_LIBRARIES would add a libc10 found by name.
# Old wheels use the C++ ABI from before GCC 5: everything has to be built as they were.
separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
add_library(concertina_torch INTERFACE)
target_link_libraries(concertina_torch INTERFACE torch)
target_compile_options(concertina_torch INTERFACE ${torch_flags})

# at::parallel_for is a template: without OpenMP where it is called it runs on one thread. Only with
# GCC, because Clang's libomp would be a second OpenMP runtime beside LibTorch's libgomp.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  target_link_libraries(concertina_torch INTERFACE OpenMP::OpenMP_CXX)
endif()
