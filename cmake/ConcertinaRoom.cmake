# Two functions: one makes a room's library, the other a room's test program.

set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

include(GNUInstallDirs)

find_program(CONCERTINA_CCACHE ccache)
if(CONCERTINA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers are cached only if ccache may overlook their macros and time stamps.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros "${CONCERTINA_CCACHE}")
endif()

# Flags of our own code only; nothing is set globally.
function(concertina_compile_options target)
  # GCC 12 sees array bounds broken inside LibTorch's headers at -O3 where they are not.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Wno-array-bounds)
  # GCC 12's C++20 strings: "text" + string is reported as overlapping (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13
      AND CMAKE_CXX_STANDARD GREATER_EQUAL 20)
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(CONCERTINA_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(CONCERTINA_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=address,undefined -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

# concertina_room(NAME core HEADERS a.h b.h SOURCES a.cpp ROOMS spec PUBLIC torch PRIVATE zlib)
#   HEADERS: below include/concertina/NAME; ROOMS: the rooms it may include (src/README.md);
#   ALONE: those of the SOURCES that stay out of unity builds, because another source has a helper of
#   the same name;
#   PUBLIC: libraries whose types its headers show (LibTorch only); PRIVATE: everything else, but
#   HEADER_ONLY: libraries that nobody needs any more once the room is compiled.
function(concertina_room)
  cmake_parse_arguments(ROOM "" "NAME" "HEADERS;SOURCES;ALONE;ROOMS;PUBLIC;PRIVATE;HEADER_ONLY"
    ${ARGN})
  set(target concertina_${ROOM_NAME})
  # A room without public headers is the program's own and stays inside it; BUILD_SHARED_LIBS decides
  # about the others.
  set(kind)
  if(NOT ROOM_HEADERS)
    set(kind STATIC)
  endif()
  add_library(${target} ${kind} ${ROOM_SOURCES})
  set_target_properties(${target} PROPERTIES UNITY_BUILD_BATCH_SIZE 10)
  if(ROOM_ALONE)
    set_source_files_properties(${ROOM_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
  add_library(concertina::${ROOM_NAME} ALIAS ${target})
  list(TRANSFORM ROOM_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/include/concertina/${ROOM_NAME}/")
  target_sources(${target} PUBLIC FILE_SET HEADERS
    BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${ROOM_HEADERS})
  list(TRANSFORM ROOM_ROOMS PREPEND concertina::)
  list(TRANSFORM ROOM_HEADER_ONLY REPLACE "(.+)" "$<BUILD_INTERFACE:\\1>")
  target_link_libraries(${target}
    PUBLIC ${ROOM_ROOMS} ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE} ${ROOM_HEADER_ONLY})
  target_compile_features(${target} PUBLIC cxx_std_${CMAKE_CXX_STANDARD})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${ROOM_NAME}
    VERIFY_INTERFACE_HEADER_SETS ON POSITION_INDEPENDENT_CODE ON
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
  if(ROOM_HEADERS)
    set_property(GLOBAL APPEND PROPERTY CONCERTINA_INSTALLED_ROOMS ${ROOM_NAME})
  endif()
  if(ROOM_HEADERS AND CONCERTINA_INSTALL)
    install(TARGETS ${target} EXPORT concertina
      ARCHIVE COMPONENT development FILE_SET HEADERS COMPONENT development
      LIBRARY COMPONENT program NAMELINK_COMPONENT development)
  endif()
  concertina_compile_options(${target})
  # LibTorch comes along with every room that includes one that sees it.
  get_property(torch_rooms GLOBAL PROPERTY CONCERTINA_TORCH_ROOMS)
  list(TRANSFORM torch_rooms PREPEND concertina:: OUTPUT_VARIABLE torch_targets)
  foreach(target_seen IN LISTS ROOM_PUBLIC ROOM_ROOMS)
    if(target_seen STREQUAL "concertina_torch" OR target_seen IN_LIST torch_targets)
      set_property(GLOBAL APPEND PROPERTY CONCERTINA_TORCH_ROOMS ${ROOM_NAME})
      break()
    endif()
  endforeach()
endfunction()

# concertina_test_headers(TARGET ROOM...)
#   Precompiles what nearly every test includes: once for all tests of rooms that see LibTorch, once
#   for all others. The first test of each kind makes the file and the others use it.
function(concertina_test_headers target)
  get_property(torch_rooms GLOBAL PROPERTY CONCERTINA_TORCH_ROOMS)
  set(headers <gmock/gmock.h> <gtest/gtest.h> <algorithm> <filesystem> <fstream> <map> <sstream>)
  set(kind PLAIN)
  foreach(room IN LISTS ARGN)
    if(room IN_LIST torch_rooms)
      set(kind TORCH)
    endif()
  endforeach()
  if(kind STREQUAL "TORCH")
    list(APPEND headers <torch/types.h>)
  endif()
  get_property(owner GLOBAL PROPERTY CONCERTINA_${kind}_TEST_HEADERS)
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE ${headers})
    set_property(GLOBAL PROPERTY CONCERTINA_${kind}_TEST_HEADERS ${target})
  endif()
endfunction()

# concertina_test(NAME core LABEL unit SOURCES a_test.cpp ROOMS core [DISCOVER])
#   DISCOVER: one ctest entry per test (rooms without LibTorch, whose start takes no time);
#   otherwise SHARDS entries per program (default: 1), which ctest runs side by side. A program that
#   takes more than half a minute gets several.
function(concertina_test)
  cmake_parse_arguments(TEST "DISCOVER" "NAME;LABEL;SHARDS" "SOURCES;ROOMS;PRIVATE" ${ARGN})
  set(target ${TEST_NAME}_test)
  add_executable(${target} ${TEST_SOURCES})
  list(TRANSFORM TEST_ROOMS PREPEND concertina:: OUTPUT_VARIABLE libraries)
  target_link_libraries(${target} PRIVATE ${libraries} ${TEST_PRIVATE} GTest::gmock GTest::gtest_main)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${target} PRIVATE
    CONCERTINA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  concertina_compile_options(${target})
  # What is tested stays as the build type has it; the tests themselves are built faster so.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  if(CONCERTINA_PCH)
    concertina_test_headers(${target} ${TEST_ROOMS})
  endif()
  # The limit ends a test that hangs; a loaded machine does not reach it. Threads that wait let others
  # run, because ctest starts as many tests as there are cores.
  set(properties LABELS ${TEST_LABEL} TIMEOUT 3600)
  set(environment OMP_WAIT_POLICY=PASSIVE)
  if(TEST_DISCOVER)
    gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST
      PROPERTIES ${properties} ENVIRONMENT ${environment})
  elseif(TEST_SHARDS GREATER 1)
    math(EXPR last "${TEST_SHARDS} - 1")
    foreach(shard RANGE ${last})
      add_test(NAME ${TEST_NAME}.${shard} COMMAND ${target})
      set_tests_properties(${TEST_NAME}.${shard} PROPERTIES ${properties} ENVIRONMENT
        "${environment};GTEST_TOTAL_SHARDS=${TEST_SHARDS};GTEST_SHARD_INDEX=${shard}")
    endforeach()
  else()
    add_test(NAME ${TEST_NAME} COMMAND ${target})
    set_tests_properties(${TEST_NAME} PROPERTIES ${properties} ENVIRONMENT ${environment})
  endif()
endfunction()

if(CONCERTINA_TESTS)
  include(GoogleTest)
endif()
