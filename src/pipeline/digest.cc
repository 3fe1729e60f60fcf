#include "pipeline/digest.h"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/fd.h"
#include "pipeline/files.h"

namespace marea::pipeline {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::size_t kHexDigits = 64;
constexpr std::size_t kReadBytes = 1U << 18;

// OpenSSL fails here only without memory or with a broken installation: nothing can be verified then.
void must(int result) {
  if (result == 1) return;
  std::fputs("marea: sha256 is not available in this OpenSSL\n", stderr);
  std::abort();
}

}  // namespace

bool is_digest(std::string_view text) {
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + kHexDigits) return false;
  return std::ranges::all_of(text.substr(kPrefix.size()),
                             [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string_view hex_of(std::string_view digest) {
  return digest.substr(kPrefix.size());
}

Sha256::Sha256() : state_(EVP_MD_CTX_new()) {
  must(state_ ? 1 : 0);
  must(EVP_DigestInit_ex(state_.get(), EVP_sha256(), nullptr));
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Free::operator()(evp_md_ctx_st* state) const {
  EVP_MD_CTX_free(state);
}

void Sha256::update(std::span<const std::byte> bytes) {
  must(EVP_DigestUpdate(state_.get(), bytes.data(), bytes.size()));
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned int length = 0;
  must(EVP_DigestFinal_ex(state_.get(), raw.data(), &length));
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(kPrefix);
  for (unsigned int i = 0; i < length; ++i) {
    out += kDigits[raw[i] >> 4U];
    out += kDigits[raw[i] & 15U];
  }
  return out;
}

std::string digest_of(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

base::Result<FileDigest> hash_file(const std::string& path) {
  base::Result<OpenFile> file = open_regular(path);
  if (!file) return std::unexpected(file.error());
  Sha256 hash;
  FileDigest out;
  std::vector<std::byte> buffer(kReadBytes);
  for (;;) {
    const ssize_t got = ::read(file->fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail(base::os_error("cannot read " + path));
    if (got == 0) break;
    hash.update(std::span(buffer).first(static_cast<std::size_t>(got)));
    out.bytes += got;
  }
  out.digest = hash.finish();
  return out;
}

}  // namespace marea::pipeline
