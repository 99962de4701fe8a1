# LibTorch as the rooms link it, `concertina_torch`. Sets CMAKE_CXX_STANDARD to what its headers
# demand.

include(ConcertinaTorchPlace)
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
set_target_properties(concertina_torch PROPERTIES EXPORT_NAME torch)
target_link_libraries(concertina_torch INTERFACE torch)
target_compile_options(concertina_torch INTERFACE ${torch_flags})

# at::parallel_for is a template: without OpenMP where it is called it runs on one thread. Only with
# GCC, because Clang's libomp would be a second OpenMP runtime beside LibTorch's libgomp.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  target_link_libraries(concertina_torch INTERFACE OpenMP::OpenMP_CXX)
endif()
