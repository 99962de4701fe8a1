# Finds LibTorch, in this order: Torch_DIR or CMAKE_PREFIX_PATH as given; an importable Python torch
# whose torch.utils.cmake_prefix_path exists (Debian's names a folder that does not); the system's
# own (Debian's libtorch-dev). Sets CMAKE_CXX_STANDARD to what its headers demand.

find_package(Torch 1.13 QUIET NO_DEFAULT_PATH PATHS ${Torch_DIR} ${CMAKE_PREFIX_PATH} $ENV{Torch_DIR})
set(CONCERTINA_TORCH_SOURCE "Torch_DIR or CMAKE_PREFIX_PATH")

if(NOT Torch_FOUND)
  find_program(CONCERTINA_PYTHON NAMES python3)
  if(CONCERTINA_PYTHON)
    execute_process(
      COMMAND "${CONCERTINA_PYTHON}" -c "import torch; print(torch.utils.cmake_prefix_path)"
      OUTPUT_VARIABLE python_prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(python_prefix AND IS_DIRECTORY "${python_prefix}")
      find_package(Torch 1.13 QUIET NO_DEFAULT_PATH PATHS "${python_prefix}")
      set(CONCERTINA_TORCH_SOURCE "Python's torch")
    endif()
  endif()
endif()

if(NOT Torch_FOUND)
  find_package(Torch 1.13 REQUIRED)
  set(CONCERTINA_TORCH_SOURCE "the system")
endif()

message(STATUS "LibTorch ${Torch_VERSION} from ${CONCERTINA_TORCH_SOURCE}: ${Torch_DIR}")

# LibTorch 2.12 and later need C++20; clang 14 cannot compile 1.13's headers as C++20.
if(NOT CMAKE_CXX_STANDARD)
  if(Torch_VERSION VERSION_GREATER_EQUAL 2.12)
    set(CMAKE_CXX_STANDARD 20)
  else()
    set(CMAKE_CXX_STANDARD 17)
  endif()
endif()

# Old wheels use the C++ ABI from before GCC 5: everything has to be built as they were.
separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
add_library(concertina_torch INTERFACE)
target_link_libraries(concertina_torch INTERFACE ${TORCH_LIBRARIES})
target_compile_options(concertina_torch INTERFACE ${torch_flags})
