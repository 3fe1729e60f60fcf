// What the parts of the API share. Internal to api.
#pragma once

#include <cstddef>
#include <string_view>

#include "api/errors.h"
#include "net/http_message.h"

namespace marea::api {

inline constexpr std::size_t kMostSmallBody = 64U << 10;  // bodies that nobody reads, or a few fields of JSON

// 405 with Allow.
net::HttpResponse wrong_method(const net::HttpRequest& head, std::string_view allowed);

}  // namespace marea::api
