#include "router/user_token.h"

#include <openssl/evp.h>

#include <cstring>

namespace marea::router {
namespace {

constexpr std::string_view kTokenDigits = "0123456789abcdef";

// The experiment, the key, and four bytes of zero: who makes a token up meets them once in 2^32 times.
constexpr std::size_t kKeyAt = 4;
constexpr std::size_t kZerosAt = 12;

}  // namespace

void UserTokens::Free::operator()(evp_cipher_ctx_st* cipher) const {
  EVP_CIPHER_CTX_free(cipher);
}

UserTokens::UserTokens(const UserSecret& secret)
    : encrypts_(cipher_of(secret, true)), decrypts_(cipher_of(secret, false)) {}

// Null: the library refuses.
UserTokens::Cipher UserTokens::cipher_of(const UserSecret& secret, bool encrypts) {
  static_assert(sizeof(UserSecret) == 16);
  std::array<unsigned char, sizeof(UserSecret)> key{};
  std::memcpy(key.data(), secret.data(), key.size());
  Cipher out(EVP_CIPHER_CTX_new());
  if (!out || EVP_CipherInit_ex(out.get(), EVP_aes_128_ecb(), nullptr, key.data(), nullptr, encrypts ? 1 : 0) != 1 ||
      EVP_CIPHER_CTX_set_padding(out.get(), 0) != 1) {
    return nullptr;
  }
  return out;
}

bool UserTokens::turn(const Cipher& cipher, Block& block) {
  Block out{};
  int bytes = 0;
  if (!cipher ||
      EVP_CipherUpdate(cipher.get(), out.data(), &bytes, block.data(), static_cast<int>(block.size())) != 1 ||
      bytes != static_cast<int>(block.size())) {
    return false;
  }
  block = out;
  return true;
}

std::optional<UserText> UserTokens::text_of(std::uint32_t experiment, std::uint64_t key) {
  Block block{};
  std::memcpy(block.data(), &experiment, sizeof experiment);
  std::memcpy(block.data() + kKeyAt, &key, sizeof key);
  if (!turn(encrypts_, block)) return std::nullopt;
  UserText out;
  for (std::size_t i = 0; i < block.size(); ++i) {
    out.digits.at(2 * i) = kTokenDigits[block.at(i) >> 4U];
    out.digits.at(2 * i + 1) = kTokenDigits[block.at(i) & 15U];
  }
  return out;
}

std::optional<NamedUser> UserTokens::read(std::string_view text) {
  Block block{};
  if (text.size() != 2 * block.size() || text.find_first_not_of(kTokenDigits) != std::string_view::npos)
    return std::nullopt;
  for (std::size_t i = 0; i < block.size(); ++i) {
    block.at(i) = static_cast<unsigned char>(kTokenDigits.find(text[2 * i]) << 4U | kTokenDigits.find(text[2 * i + 1]));
  }
  if (!turn(decrypts_, block)) return std::nullopt;
  for (std::size_t i = kZerosAt; i < block.size(); ++i) {
    if (block.at(i) != 0) return std::nullopt;
  }
  NamedUser out;
  std::memcpy(&out.experiment, block.data(), sizeof out.experiment);
  std::memcpy(&out.key, block.data() + kKeyAt, sizeof out.key);
  return out;
}

}  // namespace marea::router
