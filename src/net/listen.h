// Listening sockets. A bad address, one in use and one we may not bind are told apart, each with its remedy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace marea::net {

struct Listening {
  base::Fd fd;             // non-blocking, close-on-exec
  std::string address;     // as bound: "127.0.0.1:8080", "[::1]:8080", "unix:/path"
  std::uint16_t port = 0;  // TCP only; the kernel's choice when 0 was asked for
};

// HOST:PORT, :PORT (every address), [IPv6]:PORT. Names are not resolved except "localhost".
base::Result<Listening> listen_tcp(std::string_view address);

// Replaces a dead socket file; fails with E_ADDRESS_IN_USE when somebody answers there. `mode` as for chmod.
base::Result<Listening> listen_unix(const std::string& path, unsigned mode);

}  // namespace marea::net
