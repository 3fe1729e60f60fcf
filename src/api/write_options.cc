#include "api/write_options.h"

#include <algorithm>
#include <set>
#include <utility>

#include "model/tree.h"

namespace marea::api {
namespace {

net::HttpResponse bad_option(std::string what, std::string why) {
  return failure({.code = base::ErrorCode::invalid_argument, .what = std::move(what), .why = std::move(why)});
}

net::HttpResponse faulty(const model::Faults& faults) {
  return failure({.code = base::ErrorCode::manifest_invalid, .what = "the manifest has faults"}, faults);
}

bool is_surplus(const model::Fault& fault) {
  return fault.surplus;
}

// As Kubernetes words it, so that its clients recognise it.
net::HttpResponse not_strict(const model::Faults& faults) {
  std::string what = "strict decoding error: ";
  for (const model::Fault& fault : faults) {
    if (&fault != &faults.front()) what += ", ";
    const bool twice = fault.message.starts_with("is there twice");
    what += (twice ? "duplicate field \"" : "unknown field \"") + fault.path + "\"";
  }
  return failure(400, {.code = base::ErrorCode::manifest_invalid, .what = std::move(what)}, faults);
}

// Those that are surplus and nothing else are refused as a bad request; other faults come with them all.
net::HttpResponse refused(const model::Faults& faults) {
  return std::ranges::all_of(faults, is_surplus) ? not_strict(faults) : faulty(faults);
}

void drop_members(Json& value, const std::string& path, const std::set<std::string>& unwanted) {
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) drop_members(value[i], model::element_path(path, i), unwanted);
  }
  if (!value.is_object()) return;
  std::vector<std::string> gone;
  for (auto& [name, child] : value.items()) {
    const std::string at = model::member_path(path, name);
    if (unwanted.contains(at)) {
      gone.push_back(name);
    } else {
      drop_members(child, at, unwanted);
    }
  }
  for (const std::string& name : gone) value.erase(name);
}

std::vector<model::Fault> notices_of(const model::Faults& faults, const WriteOptions& options) {
  std::vector<model::Fault> out;
  if (options.validation != FieldValidation::warn) return out;
  for (const model::Fault& fault : faults) {
    if (fault.surplus) out.push_back(fault);
  }
  return out;
}

// Once more without the members that nobody knows.
std::expected<Received, net::HttpResponse> receive_without(Json value, const model::Faults& faults,
                                                           const WriteOptions& options) {
  std::set<std::string> unwanted;
  for (const model::Fault& fault : faults) {
    if (fault.surplus && !fault.message.starts_with("is there twice")) unwanted.insert(fault.path);
  }
  drop_members(value, {}, unwanted);
  auto parsed = model::parse_service(std::move(value));
  if (!parsed) return std::unexpected(faulty(parsed.error()));
  return Received{.document = std::move(*parsed), .notices = notices_of(faults, options)};
}

}  // namespace

std::expected<WriteOptions, net::HttpResponse> write_options(const net::HttpRequest& head) {
  WriteOptions out;
  if (const auto dry_run = head.parameter("dryRun"); dry_run && !dry_run->empty()) {
    if (*dry_run != "All") return std::unexpected(bad_option("dryRun must be All", std::string(*dry_run)));
    out.dry_run = true;
  }
  const std::string_view validation = head.parameter("fieldValidation").value_or("");
  if (validation == "Warn") {
    out.validation = FieldValidation::warn;
  } else if (validation == "Ignore") {
    out.validation = FieldValidation::ignore;
  } else if (!validation.empty() && validation != "Strict") {
    return std::unexpected(bad_option("fieldValidation must be Strict, Warn or Ignore", std::string(validation)));
  }
  const std::string_view force = head.parameter("force").value_or("");
  out.force = force == "true" || force == "1";
  const std::string_view agent = head.field("User-Agent").value_or("");
  out.manager = head.parameter("fieldManager").value_or(agent.substr(0, agent.find_first_of("/ ")));
  constexpr std::size_t kMostManagerBytes = 128;  // Kubernetes' bound
  if (out.manager.size() > kMostManagerBytes)
    return std::unexpected(bad_option("fieldManager must be shorter", "at most 128 bytes"));
  if (out.manager.empty()) out.manager = "unknown";
  return out;
}

std::expected<Json, net::HttpResponse> receive_value(const std::string& text, const WriteOptions& options) {
  model::Documents documents = model::read_documents(text);
  const bool strict = options.validation == FieldValidation::strict;
  const bool bad =
      std::ranges::any_of(documents.faults, [&](const model::Fault& one) { return strict || !one.surplus; });
  if (bad) {
    if (std::ranges::all_of(documents.faults, is_surplus)) return std::unexpected(not_strict(documents.faults));
    return std::unexpected(
        failure(400, {.code = base::ErrorCode::invalid_argument, .what = "the body cannot be read"}, documents.faults));
  }
  if (documents.trees.size() != 1) {
    return std::unexpected(
        bad_option("one object at a time", "the body has " + std::to_string(documents.trees.size()) + " documents"));
  }
  return std::move(documents.trees.front().value);
}

std::expected<Received, net::HttpResponse> receive_service(const std::string& text, const WriteOptions& options) {
  auto parsed = model::parse_manifests(text);
  if (!parsed) {
    if (options.validation == FieldValidation::strict) return std::unexpected(refused(parsed.error()));
    auto value = receive_value(text, options);
    if (!value) return std::unexpected(std::move(value.error()));
    return receive_without(std::move(*value), parsed.error(), options);
  }
  if (parsed->size() != 1) {
    return std::unexpected(
        bad_option("one service at a time", "the body has " + std::to_string(parsed->size()) + " documents"));
  }
  return Received{.document = std::move(parsed->front()), .notices = {}};
}

std::expected<Received, net::HttpResponse> receive_service(Json value, const WriteOptions& options) {
  auto parsed = model::parse_service(value);
  if (parsed) return Received{.document = std::move(*parsed), .notices = {}};
  if (options.validation == FieldValidation::strict) return std::unexpected(refused(parsed.error()));
  return receive_without(std::move(value), parsed.error(), options);
}

}  // namespace marea::api
