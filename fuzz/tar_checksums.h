// Checksums of tar headers made right, without which few mutations get past them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

inline std::uint64_t octal(std::string_view text) {
  std::uint64_t out = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '7') out = (out << 3U) + static_cast<std::uint64_t>(c - '0');
  }
  return out;
}

inline void mend_checksums(std::string& tar) {
  constexpr std::size_t kBlock = 512;
  constexpr std::size_t kChecksumAt = 148;
  constexpr std::size_t kSizeAt = 124;
  for (std::size_t at = 0; at + kBlock <= tar.size();) {
    tar.replace(at + kChecksumAt, 8, "        ");
    unsigned sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(tar[at + i]);
    if (sum == 8 * ' ') {  // an empty block, which ends an archive
      tar.replace(at + kChecksumAt, 8, std::string(8, '\0'));
    } else {
      char digits[8];
      std::snprintf(digits, sizeof digits, "%06o", sum & 0777777U);
      tar.replace(at + kChecksumAt, 7, digits, 7);
    }
    const std::uint64_t size = octal(std::string_view(tar).substr(at + kSizeAt, 11));
    const std::uint64_t blocks = size / kBlock + (size % kBlock == 0 ? 1 : 2);
    if (blocks > tar.size() / kBlock) break;
    at += blocks * kBlock;
  }
}
