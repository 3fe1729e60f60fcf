// The key by which receivers of webhooks know that a request is marea's and not a replay, in the way of Standard
// Webhooks (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md): HMAC-SHA256 over
// "ID.TIMESTAMP.BODY". Value type.
//
//   const base::Result<SigningKey> key = open_signing_key(data + "/control/webhook-key");
//   fields = {"webhook-id: " + id, "webhook-timestamp: " + std::to_string(now), "webhook-signature: " + key->sign(…)};
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace marea::webhook {

inline constexpr std::string_view kKeyPrefix = "whsec_";
// The source allows 24 to 64; ours has as many as the hash, beyond which a key gets no stronger.
inline constexpr std::size_t kLeastKeyBytes = 24;
inline constexpr std::size_t kMostKeyBytes = 64;
inline constexpr std::size_t kKeyBytes = 32;

class SigningKey {
 public:
  // "whsec_" and base64, as receivers' libraries take it; nothing where the text is none.
  static std::optional<SigningKey> parse(std::string_view text);
  // A new one, of the system's generator.
  static base::Result<SigningKey> make();

  // "v1,BASE64"; `unix_seconds` is the time that the request says in webhook-timestamp.
  std::string sign(std::string_view id, std::int64_t unix_seconds, std::string_view body) const;
  std::string text() const;

 private:
  explicit SigningKey(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

// That of the file, which is made with a fresh key (0600) when it is not there. What is there and is no key stays as it
// is, and is an error: receivers know it.
base::Result<SigningKey> open_signing_key(const std::string& path);

}  // namespace marea::webhook
