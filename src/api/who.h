// On whose word a request is: for whatever remembers who did something.
#pragma once

#include <string>

#include "net/http_message.h"

namespace marea::api {

// Over the socket the user's name, over HTTPS who has the token (there is one), else the address on this machine.
std::string who_asks(const net::HttpPeer& peer);

}  // namespace marea::api
