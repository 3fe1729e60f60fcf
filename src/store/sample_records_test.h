// Records as control makes them, for the store's tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "model/manifest.h"
#include "store/records.h"

namespace marea::store {

inline std::string sample_document(const std::string& name) {
  return R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":")" + name +
         R"("},"spec":{"template":{"spec":{"containers":[{"image":"hola"}]}}}})";
}

inline ServiceRecord sample_service(const std::string& name, int generation = 1) {
  const auto parsed = model::parse_service(model::Json::parse(sample_document(name)));
  if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
  return {.service = parsed->service,
          .document = sample_document(name),
          .uid = "u-" + name,
          .generation = generation,
          .created_unix_ns = 5};
}

inline RevisionRecord sample_revision(const std::string& name, const std::string& of, int generation = 1) {
  RevisionRecord record{.document = sample_document(of), .uid = "u-" + name};
  record.revision = {.name = base::RevisionName(name),
                     .service = base::ServiceName(of),
                     .generation = generation,
                     .created_unix_ns = 7,
                     .spec = sample_service(of).service.revision_template};
  return record;
}

}  // namespace marea::store
