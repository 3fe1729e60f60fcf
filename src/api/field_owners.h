// Server-side apply: who manages which field of an object (metadata.managedFields). Maps are followed member by member;
// a list belongs to one manager as a whole, as it does for every kind whose schema says no more. Fields are tracked
// from the first server-side apply on: an object that nobody applies so carries no bookkeeping. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "api/errors.h"

namespace marea::api {

// Beyond it the oldest managers that only update are forgotten.
inline constexpr std::size_t kMostFieldManagers = 20;
// Of all paths of one document: a field is kept with its whole path, and a long name may lead to very many.
inline constexpr std::size_t kMostFieldBytes = 2U << 20;

struct FieldConflict {
  std::string manager;
  std::string path;  // ".spec.template"
};

struct AppliedFields {
  Json document;
  Json managed;
};

struct Applying {
  std::string manager;
  std::string time;  // RFC 3339
  bool force = false;
  std::string api_version = "serving.knative.dev/v1";  // of the object
};

// Whether the fields of the document can be followed; the functions below are for such documents only.
bool fields_fit(const Json& document);

// `live` is the stored document, null when there is none; `managed` its managedFields, null when it has none.
std::expected<AppliedFields, std::vector<FieldConflict>> apply_fields(const Json& live, const Json& managed,
                                                                      const Json& wanted, const Applying& by);

// The managedFields after a write that was no apply; null stays null.
Json updated_fields(const Json& managed, const Json& before, const Json& after, const Applying& by);

}  // namespace marea::api
