// What the query of a write says: ?dryRun=All, ?fieldValidation=Strict, ?fieldManager=NAME, ?force=true.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "api/errors.h"
#include "api/kinds.h"
#include "model/experiment.h"
#include "model/release_policy.h"
#include "net/http_message.h"

namespace marea::api {

// What becomes of members that nobody knows and of those that are there twice. Without a word they are refused: a
// misspelt setting must not look like one that is in force.
enum class FieldValidation : std::uint8_t { strict, warn, ignore };

struct WriteOptions {
  bool dry_run = false;
  FieldValidation validation = FieldValidation::strict;
  std::string manager;  // of fields; who does not name one is known by the first word of its User-Agent
  bool force = false;
};

std::expected<WriteOptions, net::HttpResponse> write_options(const net::HttpRequest& head);

// An object as a client sent it: text of JSON or YAML with the places of faults, or a value that a patch made.
struct Received {
  std::variant<model::ServiceDocument, model::ReleasePolicyDocument, model::ExperimentDocument> object;
  std::vector<model::Fault> notices;

  const std::string& name() const;
  const Json& document() const;
};
// What this installation has against a document; asked only of one that has faults of its own, so that all of them are
// told at once.
using OtherFaults = std::function<model::Faults(const Json& document)>;
// `kind` is one that clients write.
std::expected<Received, net::HttpResponse> receive(Kind kind, const std::string& text, const WriteOptions& options,
                                                   const OtherFaults& others);
std::expected<Received, net::HttpResponse> receive(Kind kind, Json value, const WriteOptions& options,
                                                   const OtherFaults& others);

// One value of JSON or YAML within the bounds of a manifest; members that are there twice are as `options` say.
std::expected<Json, net::HttpResponse> receive_value(const std::string& text, const WriteOptions& options);

}  // namespace marea::api
