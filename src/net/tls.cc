#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace marea::net {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

std::unique_ptr<BIO, BioFree> bio_of(const std::string& text) {
  return std::unique_ptr<BIO, BioFree>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

base::Error unusable(const char* what) {
  const unsigned long code = ERR_get_error();
  return {.code = base::ErrorCode::internal,
          .what = std::string("cannot use the ") + what + " for TLS",
          .why = code == 0 ? "it is empty" : ERR_error_string(code, nullptr)};
}

int bounded(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

}  // namespace

void TlsIdentity::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

void TlsSession::Free::operator()(ssl_st* session) const {
  SSL_free(session);
}

base::Result<std::shared_ptr<TlsIdentity>> TlsIdentity::make(const std::string& chain, const std::string& key) {
  ERR_clear_error();
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): make_shared cannot reach the constructor
  std::shared_ptr<TlsIdentity> out(new TlsIdentity(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* context = out->identity_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  const auto text = bio_of(chain);
  const std::unique_ptr<X509, CertificateFree> own(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return base::fail(unusable("certificate"));
  while (X509* further = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add_extra_chain_cert(context, further) == 1) continue;  // the context owns it now
    X509_free(further);
    return base::fail(unusable("certificate chain"));
  }
  ERR_clear_error();  // that there are no more
  const std::unique_ptr<EVP_PKEY, KeyFree> secret(
      PEM_read_bio_PrivateKey(bio_of(key).get(), nullptr, nullptr, nullptr));
  if (!secret || SSL_CTX_use_PrivateKey(context, secret.get()) != 1) return base::fail(unusable("key"));
  return out;
}

TlsSession::TlsSession(std::shared_ptr<const TlsIdentity> identity, int fd)
    : identity_(std::move(identity)), session_(SSL_new(identity_->identity_.get())) {
  SSL_set_fd(session_.get(), fd);
  SSL_set_accept_state(session_.get());
}

ssize_t TlsSession::recv(char* room, std::size_t size) {
  ERR_clear_error();
  wants_room_ = false;
  const int got = SSL_read(session_.get(), room, bounded(size));
  if (got > 0) return got;
  wants_room_ = SSL_get_error(session_.get(), got) == SSL_ERROR_WANT_WRITE;
  return failed(got);
}

ssize_t TlsSession::send(const char* bytes, std::size_t size) {
  ERR_clear_error();
  const int sent = SSL_write(session_.get(), bytes, bounded(size));
  if (sent > 0) return sent;
  const ssize_t result = failed(sent);
  if (result == 0) errno = EPIPE;
  return -1;
}

ssize_t TlsSession::failed(int result) {
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_WRITE:
    case SSL_ERROR_WANT_READ: errno = EAGAIN; return -1;
    case SSL_ERROR_SYSCALL: broken_ = true; return -1;
    default:
      broken_ = true;
      errno = EPROTO;
      return -1;
  }
}

bool TlsSession::has_pending() const {
  return SSL_pending(session_.get()) > 0;
}

void TlsSession::shut() {
  ERR_clear_error();
  if (!broken_ && SSL_is_init_finished(session_.get()) == 1) SSL_shutdown(session_.get());
}

}  // namespace marea::net
