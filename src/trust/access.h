// What lets a program into the API over TLS: an authority of marea's own that vouches for the server's certificate, and
// a token that the client shows. Both are made at the first start and kept in a folder that only their owner can read:
// ca.key, ca.crt and token, each 0600. The server's certificate is made anew each time and lives a year; the
// authority's holds whatever the clock said when it was made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace marea::trust {

struct Access {
  std::string ca;           // PEM
  std::string token;        // 64 hexadecimal digits
  std::string certificate;  // of the server, PEM
  std::string key;          // its key, PEM
};

// `names` are the server's, addresses or host names. E_IO, E_DISK_FULL; a file that is there and cannot be read as what
// it should be is an error with the remedy to remove it.
base::Result<Access> open_access(const std::string& folder, const std::vector<std::string>& names,
                                 std::int64_t now_unix_s);

std::string base64(std::string_view bytes);

// Takes as long for any two texts of equal length: how much of a guess was right cannot be measured.
bool same_secret(std::string_view given, std::string_view secret);

}  // namespace marea::trust
