// The server's side of TLS (OpenSSL) on a non-blocking socket, in the terms of recv(2) and send(2). HTTP/1.1 only: no
// ALPN is answered, so that clients that prefer HTTP/2 do without.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/error.h"

struct ssl_ctx_st;
struct ssl_st;

namespace marea::net {

inline constexpr unsigned char kTlsHandshake = 0x16;  // first byte of a client that speaks TLS (RFC 8446 §5.1)

class TlsIdentity {
 public:
  // PEM; the chain begins with the server's own certificate.
  static base::Result<std::shared_ptr<TlsIdentity>> make(const std::string& chain, const std::string& key);

 private:
  friend class TlsSession;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsIdentity(ssl_ctx_st* context) : identity_(context) {}
  std::unique_ptr<ssl_ctx_st, Free> identity_;
};

// Of one connection; the socket stays its owner's and outlives it.
class TlsSession {
 public:
  TlsSession(std::shared_ptr<const TlsIdentity> identity, int fd);

  // As recv(2) and send(2): 0 is the end of what the client sends; -1 with errno EAGAIN: later. The handshake is part
  // of the first of them.
  ssize_t recv(char* room, std::size_t size);
  ssize_t send(const char* bytes, std::size_t size);
  // What recv() gives without anything coming over the socket.
  bool has_pending() const;
  // recv() waits until the socket takes something.
  bool wants_room() const { return wants_room_; }
  // Tells the client that nothing more comes.
  void shut();

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  ssize_t failed(int result);

  std::shared_ptr<const TlsIdentity> identity_;
  std::unique_ptr<ssl_st, Free> session_;
  bool wants_room_ = false;
  bool broken_ = false;
};

}  // namespace marea::net
