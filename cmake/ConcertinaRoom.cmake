# Two functions: one makes a room's static library, the other a room's test program.

set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

include(GNUInstallDirs)

find_program(CONCERTINA_CCACHE ccache)
if(CONCERTINA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CONCERTINA_CCACHE}")
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
#   PUBLIC: libraries whose types its headers show (LibTorch only); PRIVATE: everything else, but
#   HEADER_ONLY: libraries that nobody needs any more once the room is compiled.
function(concertina_room)
  cmake_parse_arguments(ROOM "" "NAME" "HEADERS;SOURCES;ROOMS;PUBLIC;PRIVATE;HEADER_ONLY" ${ARGN})
  set(target concertina_${ROOM_NAME})
  add_library(${target} STATIC ${ROOM_SOURCES})
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
    VERIFY_INTERFACE_HEADER_SETS ON POSITION_INDEPENDENT_CODE ON)
  # A room without public headers is the program's own.
  if(ROOM_HEADERS)
    set_property(GLOBAL APPEND PROPERTY CONCERTINA_INSTALLED_ROOMS ${ROOM_NAME})
    install(TARGETS ${target} EXPORT concertina
      ARCHIVE COMPONENT development FILE_SET HEADERS COMPONENT development)
  endif()
  concertina_compile_options(${target})
  if(CONCERTINA_PCH AND "${ROOM_PUBLIC}" MATCHES "torch")
    target_precompile_headers(${target} PRIVATE <torch/types.h>)
  endif()
endfunction()

# concertina_test(NAME core LABEL unit SOURCES a_test.cpp ROOMS core [DISCOVER])
#   DISCOVER: one ctest entry a test (rooms without LibTorch, whose start takes no time);
#   otherwise one entry a program.
function(concertina_test)
  cmake_parse_arguments(TEST "DISCOVER" "NAME;LABEL;TIMEOUT" "SOURCES;ROOMS;PRIVATE" ${ARGN})
  set(target ${TEST_NAME}_test)
  add_executable(${target} ${TEST_SOURCES})
  list(TRANSFORM TEST_ROOMS PREPEND concertina::)
  target_link_libraries(${target} PRIVATE ${TEST_ROOMS} ${TEST_PRIVATE} GTest::gmock GTest::gtest_main)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${target} PRIVATE
    CONCERTINA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  concertina_compile_options(${target})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 600)
  endif()
  if(TEST_DISCOVER)
    gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST
      PROPERTIES LABELS ${TEST_LABEL} TIMEOUT ${TEST_TIMEOUT})
  else()
    add_test(NAME ${TEST_NAME} COMMAND ${target})
    set_tests_properties(${TEST_NAME} PROPERTIES LABELS ${TEST_LABEL} TIMEOUT ${TEST_TIMEOUT})
  endif()
endfunction()

if(CONCERTINA_TESTS)
  include(GoogleTest)
endif()
