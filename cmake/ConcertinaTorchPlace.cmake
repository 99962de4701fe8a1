# Says where LibTorch is, in this order: Torch_DIR or CMAKE_PREFIX_PATH as given; an importable
# Python torch whose torch.utils.cmake_prefix_path exists (Debian's names a folder that does not);
# the system's own (Debian's libtorch-dev). find_package(Torch) comes after it. It is installed too,
# because a project that uses Concertina has to find LibTorch in the same way.

# find_package itself would look into the system before the end of this list.
function(concertina_look_for_torch)
  find_path(Torch_DIR TorchConfig.cmake PATHS ${ARGN} NO_DEFAULT_PATH
    PATH_SUFFIXES Torch cmake/Torch share/cmake/Torch lib/cmake/Torch)
  if(NOT Torch_DIR)
    unset(Torch_DIR CACHE)
  endif()
endfunction()

if(NOT Torch_DIR)
  file(TO_CMAKE_PATH "$ENV{Torch_DIR}" concertina_torch_dir)
  file(TO_CMAKE_PATH "$ENV{CMAKE_PREFIX_PATH}" concertina_torch_prefixes)
  concertina_look_for_torch(
    ${CMAKE_PREFIX_PATH} ${concertina_torch_dir} ${concertina_torch_prefixes})
endif()

if(NOT Torch_DIR)
  find_program(CONCERTINA_PYTHON NAMES python3)
  if(CONCERTINA_PYTHON)
    execute_process(
      COMMAND "${CONCERTINA_PYTHON}" -c "import torch; print(torch.utils.cmake_prefix_path)"
      OUTPUT_VARIABLE concertina_torch_prefixes OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    concertina_look_for_torch(${concertina_torch_prefixes})
  endif()
endif()

# Beside Debian's libtorch-dev, the TorchConfig.cmake of a wheel or of the official zip takes
# Debian's Caffe2 targets and libc10: two LibTorch in one program. So its own are named here.
get_filename_component(concertina_torch_root "${Torch_DIR}/../../.." ABSOLUTE)
if(Torch_DIR AND EXISTS "${Torch_DIR}/../Caffe2/Caffe2Config.cmake")
  set(Caffe2_DIR "${Torch_DIR}/../Caffe2")
endif()
if(Torch_DIR AND EXISTS "${concertina_torch_root}/lib/libtorch.so")
  set(TORCH_LIBRARY "${concertina_torch_root}/lib/libtorch.so")
  set(c10_LIBRARY "${concertina_torch_root}/lib/libc10.so")
  # Wheels have no libkineto.a, warn about it, and need it only when LibTorch is static.
  set(kineto_LIBRARY "${c10_LIBRARY}")
endif()
