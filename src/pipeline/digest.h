// Content digests: every blob of an image is named by the sha256 of its bytes, "sha256:" and 64 lower-case hexadecimal
// digits (OCI image-spec, descriptor.md). Sha256 hashes a stream; hash_file() a whole file without holding it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

struct evp_md_ctx_st;

namespace marea::pipeline {

// True for "sha256:" and 64 digits of [0-9a-f]; no other algorithm is accepted anywhere.
bool is_digest(std::string_view text);

// The 64 digits of a valid digest: the name of its file.
std::string_view hex_of(std::string_view digest);

// Resource: one running hash.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes) { update(std::as_bytes(std::span(bytes))); }
  // "sha256:…" of all bytes so far; ends the hash.
  std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* state) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> state_;
};

std::string digest_of(std::string_view bytes);

struct FileDigest {
  std::string digest;
  std::int64_t bytes = 0;
};
// Fails when the file cannot be read or is no regular file.
base::Result<FileDigest> hash_file(const std::string& path);

}  // namespace marea::pipeline
