// How the objects are made up, in the forms that clients read: OpenAPI 3 and Swagger 2 as JSON, and Swagger 2 in the
// protobuf of gnostic's OpenAPIv2.proto, which is all that kubectl of before 1.27 asks for. Made of one table of the
// manifest's fields (model/shapes.h, model/schema.h); what a manifest holds besides is checked where it is applied.
#pragma once

#include <string>
#include <string_view>

#include "api/errors.h"

namespace marea::api {

Json openapi_v2();
std::string openapi_v2_protobuf();
// Which documents there are.
Json openapi_v3_index();
// Of a group; empty: Kubernetes' own.
Json openapi_v3(std::string_view group);

}  // namespace marea::api
