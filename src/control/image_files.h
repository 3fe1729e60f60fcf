// What lies in the folders of blobs and of unpacked images, as control sees it: names, sizes and times of files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace marea::control {

inline constexpr std::size_t kPrefixBytes = 7;  // "sha256:"

// Of the file itself; 0: it is not there.
std::int64_t file_bytes(const std::string& path);

// When its name or content changed last.
std::int64_t changed_unix_ns(const std::string& path);

// Names of a folder's entries that are 64 hexadecimal digits, as digests, in order.
std::vector<std::string> digests_in(const std::string& folder);

}  // namespace marea::control
