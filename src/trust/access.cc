#include "trust/access.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "base/fd.h"
#include "base/replace_file.h"

namespace marea::trust {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kCaDays = 3650;
constexpr std::int64_t kServerDays = 365;
// Machines without a clock of their own start in 1970: no clock is believed to be before this marea.
constexpr std::int64_t kNoEarlier = 1'790'000'000;  // September 2026
constexpr std::size_t kTokenBytes = 32;

struct Free {
  void operator()(X509* one) const { X509_free(one); }
  void operator()(EVP_PKEY* one) const { EVP_PKEY_free(one); }
  void operator()(BIO* one) const { BIO_free(one); }
  void operator()(X509_EXTENSION* one) const { X509_EXTENSION_free(one); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Bio = std::unique_ptr<BIO, Free>;

struct Authority {
  Certificate certificate;
  Key key;
};

base::Error crypto_error(const std::string& what) {
  const unsigned long code = ERR_get_error();
  return {.code = base::ErrorCode::internal, .what = what, .why = code == 0 ? "" : ERR_error_string(code, nullptr)};
}

std::string drained(const Bio& bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return drained(bio);
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return drained(bio);
}

bool extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// In Unix seconds.
struct Validity {
  std::int64_t from = 0;
  std::int64_t until = 0;
};

// A certificate with everything but its extensions and signature.
Certificate blank(EVP_PKEY* key, const std::string& name, Validity valid) {
  Certificate out(X509_new());
  X509_set_version(out.get(), X509_VERSION_3);
  std::array<unsigned char, 16> serial{};
  RAND_bytes(serial.data(), static_cast<int>(serial.size()));
  serial[0] &= 0x7FU;  // positive
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(BN_bin2bn(serial.data(), serial.size(), nullptr), BN_free);
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(out.get()));
  ASN1_TIME_set(X509_getm_notBefore(out.get()), valid.from);
  ASN1_TIME_set(X509_getm_notAfter(out.get()), valid.until);
  X509_NAME* subject = X509_get_subject_name(out.get());
  X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("marea"), -1, -1, 0);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_pubkey(out.get(), key);
  return out;
}

base::Result<Authority> make_authority(std::int64_t now) {
  Authority out;
  out.key.reset(EVP_EC_gen("P-256"));
  if (!out.key) return base::fail(crypto_error("cannot make a key"));
  // Clients keep it for years, and the clock may be wrong when it is made.
  out.certificate = blank(out.key.get(), "marea API", {.from = 0, .until = std::max(now, kNoEarlier) + kCaDays * kDay});
  X509* own = out.certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  const bool made = extend(own, own, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    extend(own, own, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    extend(own, own, NID_subject_key_identifier, "hash") &&
                    X509_sign(own, out.key.get(), EVP_sha256()) != 0;
  if (!made) return base::fail(crypto_error("cannot make a certificate authority"));
  return out;
}

bool is_address(const std::string& name) {
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> address(a2i_IPADDRESS(name.c_str()),
                                                                                      ASN1_OCTET_STRING_free);
  return address != nullptr;
}

base::Result<Authority> make_server(const Authority& authority, const std::vector<std::string>& names,
                                    std::int64_t now) {
  Authority out;
  out.key.reset(EVP_EC_gen("P-256"));
  if (!out.key) return base::fail(crypto_error("cannot make a key"));
  // Clocks of clients may be an hour behind.
  out.certificate = blank(out.key.get(), "marea", {.from = now - kHour, .until = now + kServerDays * kDay});
  X509* own = out.certificate.get();
  X509* issuer = authority.certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(issuer));
  std::string also;
  for (const std::string& name : names)
    also += (also.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
  const bool made = extend(own, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                    extend(own, issuer, NID_key_usage, "critical,digitalSignature") &&
                    extend(own, issuer, NID_ext_key_usage, "serverAuth") &&
                    extend(own, issuer, NID_subject_alt_name, also) &&
                    extend(own, issuer, NID_authority_key_identifier, "keyid") &&
                    X509_sign(own, authority.key.get(), EVP_sha256()) != 0;
  if (!made) return base::fail(crypto_error("cannot make the certificate of the API"));
  return out;
}

// Nothing: there is no such file. What is there and cannot be read must not be made anew: clients trust it.
base::Result<std::optional<std::string>> content(const std::string& path) {
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) return base::fail(base::os_error("cannot read " + path, errno));
  std::string out;
  std::array<char, 4096> room{};
  for (;;) {
    const ssize_t got = ::read(file.get(), room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail(base::os_error("cannot read " + path, errno));
    if (got == 0) return out;
    out.append(room.data(), static_cast<std::size_t>(got));
  }
}

base::Error damaged(const std::string& path) {
  return {.code = base::ErrorCode::io,
          .what = "cannot use " + path,
          .why = "it is not what marea wrote there",
          .remedy = "Remove it and start again; kubeconfigs made before need to be made anew: marea kubeconfig"};
}

base::Result<Authority> open_authority(const std::string& folder, std::int64_t now) {
  const std::string key_path = folder + "/ca.key";
  const std::string path = folder + "/ca.crt";
  const auto key_file = content(key_path);
  if (!key_file) return std::unexpected(key_file.error());
  const auto file = content(path);
  if (!file) return std::unexpected(file.error());
  const std::optional<std::string>& key = *key_file;
  const std::optional<std::string>& certificate = *file;
  if (key && certificate) {
    Authority out;
    const Bio key_bio(BIO_new_mem_buf(key->data(), static_cast<int>(key->size())));
    const Bio bio(BIO_new_mem_buf(certificate->data(), static_cast<int>(certificate->size())));
    out.key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
    out.certificate.reset(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!out.key) return base::fail(damaged(key_path));
    if (!out.certificate || X509_check_private_key(out.certificate.get(), out.key.get()) != 1)
      return base::fail(damaged(path));
    return out;
  }
  base::Result<Authority> made = make_authority(now);
  if (!made) return made;
  // The certificate last: with it the authority is there.
  if (auto done = base::replace_file(key_path, pem_of(made->key.get()), base::Durable::yes); !done)
    return std::unexpected(done.error());
  if (auto done = base::replace_file(path, pem_of(made->certificate.get()), base::Durable::yes); !done)
    return std::unexpected(done.error());
  return made;
}

base::Result<std::string> open_token(const std::string& folder) {
  const std::string path = folder + "/token";
  auto file = content(path);
  if (!file) return std::unexpected(file.error());
  if (std::optional<std::string>& have = *file) {
    while (have->ends_with('\n')) have->pop_back();
    if (have->size() != 2 * kTokenBytes || have->find_first_not_of("0123456789abcdef") != std::string::npos) {
      return base::fail(damaged(path));
    }
    return *have;
  }
  std::array<unsigned char, kTokenBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return base::fail(crypto_error("cannot make a token"));
  std::string token;
  for (const unsigned char byte : bytes) {
    token += "0123456789abcdef"[byte >> 4U];
    token += "0123456789abcdef"[byte & 0xFU];
  }
  if (auto done = base::replace_file(path, token + "\n", base::Durable::yes); !done)
    return std::unexpected(done.error());
  return token;
}

}  // namespace

base::Result<Access> open_access(const std::string& folder, const std::vector<std::string>& names,
                                 std::int64_t now_unix_s) {
  ERR_clear_error();
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return base::fail(base::os_error("cannot make " + folder, problem.value()));
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, problem);
  const base::Result<Authority> authority = open_authority(folder, now_unix_s);
  if (!authority) return std::unexpected(authority.error());
  const base::Result<Authority> server = make_server(*authority, names, now_unix_s);
  if (!server) return std::unexpected(server.error());
  base::Result<std::string> token = open_token(folder);
  if (!token) return std::unexpected(token.error());
  return Access{.ca = pem_of(authority->certificate.get()),
                .token = std::move(*token),
                .certificate = pem_of(server->certificate.get()),
                .key = pem_of(server->key.get())};
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // with the NUL that OpenSSL writes
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

bool same_secret(std::string_view given, std::string_view secret) {
  return given.size() == secret.size() && CRYPTO_memcmp(given.data(), secret.data(), secret.size()) == 0;
}

}  // namespace marea::trust
