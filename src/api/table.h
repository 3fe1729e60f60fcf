// Objects as kubectl's tables ask for them: Accept "application/json;as=Table;v=v1;g=meta.k8s.io". The columns are
// those that Knative and Kubernetes print.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/errors.h"
#include "api/kinds.h"

namespace marea::api {

// What the table carries of each object beside its cells: ?includeObject=.
enum class RowObject : std::uint8_t { none, metadata, whole };

struct TableForm {
  std::string version = "v1";  // of meta.k8s.io
  RowObject object = RowObject::metadata;
};

// Nothing: the client wants the objects themselves. `include_object` is the query's.
std::optional<TableForm> table_form(std::string_view accept, std::string_view include_object);

// Of a spec's containers the one that gets the requests: the one with ports, else the first. Null when there is none.
const Json* serving_container(const Json& containers);

// `metadata` is that of the list, or of the one object.
Json table_of(Kind kind, const TableForm& form, const std::vector<Json>& objects, Json metadata,
              std::int64_t now_unix_ns);

}  // namespace marea::api
