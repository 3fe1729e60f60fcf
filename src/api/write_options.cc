#include "api/write_options.h"

#include <algorithm>
#include <iterator>
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

// How one kind of object is read.
template <class Document>
struct Reader {
  std::expected<std::vector<Document>, model::Faults> (*text)(std::string_view);
  std::expected<Document, model::Faults> (*value)(Json);
};

constexpr Reader<model::ServiceDocument> kServices{.text = model::parse_manifests, .value = model::parse_service};
constexpr Reader<model::ReleasePolicyDocument> kPolicies{.text = model::parse_release_policies,
                                                         .value = model::parse_release_policy};
constexpr Reader<model::ExperimentDocument> kExperiments{.text = model::parse_experiments,
                                                         .value = model::parse_experiment};

template <class Document>
Received received(Document document, std::vector<model::Fault> notices = {}) {
  notices.insert(notices.begin(), document.notices.begin(), document.notices.end());
  return {.object = std::move(document), .notices = std::move(notices)};
}

model::Faults with(model::Faults faults, model::Faults more) {
  faults.insert(faults.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return faults;
}

// Once more without the members that nobody knows.
template <class Document>
std::expected<Received, net::HttpResponse> receive_without(const Reader<Document>& reader, Json value,
                                                           const model::Faults& faults, const WriteOptions& options,
                                                           const OtherFaults& others) {
  std::set<std::string> unwanted;
  for (const model::Fault& fault : faults) {
    if (fault.surplus && !fault.message.starts_with("is there twice")) unwanted.insert(fault.path);
  }
  drop_members(value, {}, unwanted);
  auto parsed = reader.value(value);
  if (!parsed) return std::unexpected(faulty(with(std::move(parsed.error()), others(value))));
  return received(std::move(*parsed), notices_of(faults, options));
}

template <class Document>
std::expected<Received, net::HttpResponse> receive_text(const Reader<Document>& reader, const std::string& text,
                                                        const WriteOptions& options, const OtherFaults& others) {
  auto parsed = reader.text(text);
  if (!parsed) {
    const bool strict = options.validation == FieldValidation::strict;
    auto value = receive_value(text, options);
    if (strict)
      return std::unexpected(refused(with(std::move(parsed.error()), value ? others(*value) : model::Faults{})));
    if (!value) return std::unexpected(std::move(value.error()));
    return receive_without(reader, std::move(*value), parsed.error(), options, others);
  }
  if (parsed->size() != 1) {
    return std::unexpected(
        bad_option("one object at a time", "the body has " + std::to_string(parsed->size()) + " documents"));
  }
  return received(std::move(parsed->front()));
}

template <class Document>
std::expected<Received, net::HttpResponse> receive_json(const Reader<Document>& reader, Json value,
                                                        const WriteOptions& options, const OtherFaults& others) {
  auto parsed = reader.value(value);
  if (parsed) return received(std::move(*parsed));
  const bool strict = options.validation == FieldValidation::strict;
  if (strict) return std::unexpected(refused(with(std::move(parsed.error()), others(value))));
  return receive_without(reader, std::move(value), parsed.error(), options, others);
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

const std::string& Received::name() const {
  if (const auto* service = std::get_if<model::ServiceDocument>(&object)) return service->service.name.str();
  if (const auto* experiment = std::get_if<model::ExperimentDocument>(&object)) return experiment->spec.name;
  return std::get<model::ReleasePolicyDocument>(object).name;
}

const Json& Received::document() const {
  return std::visit([](const auto& each) -> const Json& { return each.document; }, object);
}

std::expected<Received, net::HttpResponse> receive(Kind kind, const std::string& text, const WriteOptions& options,
                                                   const OtherFaults& others) {
  if (kind == Kind::experiment) return receive_text(kExperiments, text, options, others);
  return kind == Kind::release_policy ? receive_text(kPolicies, text, options, others)
                                      : receive_text(kServices, text, options, others);
}

std::expected<Received, net::HttpResponse> receive(Kind kind, Json value, const WriteOptions& options,
                                                   const OtherFaults& others) {
  if (kind == Kind::experiment) return receive_json(kExperiments, std::move(value), options, others);
  return kind == Kind::release_policy ? receive_json(kPolicies, std::move(value), options, others)
                                      : receive_json(kServices, std::move(value), options, others);
}

}  // namespace marea::api
