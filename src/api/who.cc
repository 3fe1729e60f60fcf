#include "api/who.h"

#include <pwd.h>

#include <cstdio>
#include <memory>

namespace marea::api {
namespace {

// The name that this machine gives the user; its files only, since a directory service could keep all of control
// waiting.
std::string user_name(uid_t uid) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/etc/passwd", "re"), &std::fclose);
  while (file) {
    const passwd* entry = ::fgetpwent(file.get());
    if (entry == nullptr) break;
    if (entry->pw_uid == uid) return entry->pw_name;
  }
  return "uid " + std::to_string(uid);
}

}  // namespace

std::string who_asks(const net::HttpPeer& peer) {
  if (peer.uid) return user_name(*peer.uid);
  return (peer.tls ? "token from " : "local ") + peer.address.substr(0, peer.address.rfind(':'));
}

}  // namespace marea::api
