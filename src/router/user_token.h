// The user of a request as its app may name him later: Marea-User on the request, Marea-Event: NAME;user=TOKEN on any
// answer of the same service. A block cipher's block (AES-128, FIPS 197) of the experiment's number and the key's
// fingerprint, under a key that lives as long as router's memory: it says nothing to who reads it, nobody makes one up,
// and one of an older memory is none. The same user has the same token as long as that memory lasts.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

struct evp_cipher_ctx_st;

namespace marea::router {

// 32 lower-case hexadecimal digits.
struct UserText {
  std::array<char, 32> digits{};
  std::string_view view() const { return {digits.data(), digits.size()}; }
};

struct NamedUser {
  std::uint32_t experiment = 0;  // its number in this router
  std::uint64_t key = 0;         // its fingerprint
};

using UserSecret = std::array<std::uint64_t, 2>;

// One thread's.
class UserTokens {
 public:
  explicit UserTokens(const UserSecret& secret);

  // Nothing where the library refuses.
  std::optional<UserText> text_of(std::uint32_t experiment, std::uint64_t key);
  // Nothing: we have made no such token.
  std::optional<NamedUser> read(std::string_view text);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* cipher) const;
  };
  using Cipher = std::unique_ptr<evp_cipher_ctx_st, Free>;
  static Cipher cipher_of(const UserSecret& secret, bool encrypts);
  using Block = std::array<unsigned char, 16>;
  static bool turn(const Cipher& cipher, Block& block);

  Cipher encrypts_;
  Cipher decrypts_;
};

}  // namespace marea::router
