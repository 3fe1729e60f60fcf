// A Swagger 2 document in protobuf, with the field numbers of gnostic's openapiv2/OpenAPIv2.proto. Only what openapi.cc
// says is written.
#pragma once

#include <string>

#include "api/errors.h"

namespace marea::api {

std::string swagger_protobuf(const Json& document);

}  // namespace marea::api
