// The text of a small file of the kernel's, such as those of /proc; empty when it cannot be read, which its readers
// take like a file that says nothing.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

namespace marea::engine::local {

inline std::string read_small_file(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace marea::engine::local
