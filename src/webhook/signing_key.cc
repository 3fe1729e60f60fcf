#include "webhook/signing_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/replace_file.h"

namespace marea::webhook {
namespace {

constexpr std::size_t kMostFileBytes = 200;  // of a key's text

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), octets(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  // OpenSSL would skip white space and take padding anywhere.
  const std::size_t end = std::min(text.find_first_not_of(kDigits), text.size());
  if (text.size() - end > 2 || text.substr(end).find_first_not_of('=') != std::string_view::npos) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), octets(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(size) - (text.size() - end));
  return out;
}

}  // namespace

std::optional<SigningKey> SigningKey::parse(std::string_view text) {
  if (!text.starts_with(kKeyPrefix)) return std::nullopt;
  auto bytes = from_base64(text.substr(kKeyPrefix.size()));
  if (!bytes || bytes->size() < kLeastKeyBytes || bytes->size() > kMostKeyBytes) return std::nullopt;
  return SigningKey(*std::move(bytes));
}

base::Result<SigningKey> SigningKey::make() {
  std::string bytes(kKeyBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1) {
    return base::fail(base::ErrorCode::internal, "cannot make the key of webhooks", "the system gives no randomness");
  }
  return SigningKey(std::move(bytes));
}

std::string SigningKey::sign(std::string_view id, std::int64_t unix_seconds, std::string_view body) const {
  const std::string content = std::string(id) + "." + std::to_string(unix_seconds) + "." + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  ::HMAC(EVP_sha256(), bytes_.data(), static_cast<int>(bytes_.size()), octets(content), content.size(), digest.data(),
         &size);
  return "v1," + base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::string SigningKey::text() const {
  return std::string(kKeyPrefix) + base64(bytes_);
}

base::Result<SigningKey> open_signing_key(const std::string& path) {
  const std::string what = "cannot use the key of webhooks " + path;
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) {
    if (errno != ENOENT) return base::fail(base::os_error(what));
    base::Result<SigningKey> key = SigningKey::make();
    if (!key) return key;
    if (auto done = base::replace_file(path, key->text() + "\n", base::Durable::yes); !done) {
      return base::fail(std::move(done.error()));
    }
    return key;
  }
  std::ifstream file(path);
  std::string text(kMostFileBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (auto key = SigningKey::parse(text)) return *std::move(key);
  return base::fail(base::ErrorCode::io, what, "it is not whsec_ and base64 of 24 to 64 bytes",
                    "Put the key back, or move the file away for a new one, which receivers must be told");
}

}  // namespace marea::webhook
