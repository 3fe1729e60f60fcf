# The headers of others that most sources read, parsed once for the libraries and once, with GoogleTest, for the tests.
# Ours are not among them: what a module may include stays visible, and lint reads every source without any of this.
set(MAREA_PRECOMPILED
    <algorithm> <array> <atomic> <cerrno> <charconv> <chrono> <cstdint> <cstring> <deque> <expected> <filesystem> <fstream>
    <functional> <map> <memory> <mutex> <optional> <set> <span> <sstream> <string> <string_view> <thread> <unordered_map>
    <utility> <variant> <vector> <nlohmann/json.hpp>)

file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cc CONTENT "")
add_library(marea_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
target_link_libraries(marea_precompiled PRIVATE nlohmann_json::nlohmann_json)
target_precompile_headers(marea_precompiled PRIVATE ${MAREA_PRECOMPILED})
if(NOT MAREA_FUZZ)
  add_library(marea_precompiled_test OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
  target_link_libraries(marea_precompiled_test PRIVATE nlohmann_json::nlohmann_json GTest::gmock GTest::gtest)
  target_precompile_headers(marea_precompiled_test PRIVATE ${MAREA_PRECOMPILED} <gmock/gmock.h> <gtest/gtest.h>)
endif()
