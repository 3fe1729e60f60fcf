// Who may do what with which kind of object, and deleting them.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/api.h"
#include "api/methods.h"
#include "api/who.h"
#include "api/write_options.h"

namespace marea::api {
namespace {

net::HttpResponse precondition_failed(const KindInfo& kind, const std::string& name, std::string why) {
  return failure({.code = base::ErrorCode::conflict,
                  .what = "Operation cannot be fulfilled on " + kind.resource() + " \"" + name + "\"",
                  .why = std::move(why)});
}

bool is_dry_run(const Json& options) {
  return options.is_object() && options.contains("dryRun") && options["dryRun"] == Json::array({"All"});
}

net::HttpResponse bad_options(std::string why) {
  return failure({.code = base::ErrorCode::invalid_argument,
                  .what = "cannot use the options of the deletion",
                  .why = std::move(why)});
}

// What the body of a DELETE asks for (Kubernetes' DeleteOptions). Nothing: it may go.
std::optional<net::HttpResponse> refused_delete(const KindInfo& kind, const std::string& name, const Shown& shown,
                                                const Json& options) {
  if (options.is_null()) return std::nullopt;
  if (!options.is_object()) return bad_options("they must be a map");
  const Json wanted = options.value("preconditions", Json());
  const Json dry_run = options.value("dryRun", Json());
  if (!wanted.is_null() && !wanted.is_object()) return bad_options("preconditions must be a map");
  if (!dry_run.is_null() && dry_run != Json::array() && !is_dry_run(options)) {
    return bad_options(R"(dryRun must be ["All"])");
  }
  if (wanted.is_object()) {
    if (wanted.contains("uid") && wanted["uid"] != shown.uid) {
      return precondition_failed(kind, name, "Precondition failed: its UID is " + shown.uid);
    }
    if (wanted.contains("resourceVersion") && wanted["resourceVersion"] != std::to_string(shown.version)) {
      return precondition_failed(kind, name,
                                 "Precondition failed: its resourceVersion is " + std::to_string(shown.version));
    }
  }
  if (options.value("propagationPolicy", Json()) == "Orphan" || options.value("orphanDependents", Json()) == true) {
    return failure(
        {.code = base::ErrorCode::invalid_argument,
         .what = "cannot delete " + std::string(kind.singular) + " " + name + " and leave what belongs to it",
         .why = "its revisions and instances go with it",
         .remedy = "Use propagationPolicy Background or Foreground"});
  }
  return std::nullopt;
}

// "services/" is what is left of services/NAME when a client has lost the name: nobody means all by it.
net::HttpResponse no_name(const KindInfo& kind) {
  return failure({.code = base::ErrorCode::invalid_argument,
                  .what = "cannot delete a " + std::string(kind.singular) + " without a name",
                  .remedy = "Write the name, or leave out the last slash to delete all that the selectors choose"});
}

// Null when there is none.
std::expected<Json, net::HttpResponse> delete_options(const net::HttpRequest& request) {
  if (request.body.empty()) return Json();
  return receive_value(request.body, {.validation = FieldValidation::ignore});
}

// Of several objects at once.
struct Removal {
  std::size_t left = 0;                     // that have not answered
  std::optional<control::Refusal> refusal;  // the first
  net::HttpResponse answer;                 // where there is none
  net::Responder responder;

  void note(std::optional<control::Refusal> refused) {
    // Somebody else was faster.
    const bool gone = refused && refused->error.code == base::ErrorCode::not_found;
    if (refused && !gone && !refusal) refusal = std::move(refused);
    if (--left == 0) responder.send(refusal ? failure(*refusal) : std::move(answer));
  }
};

control::Command deletion_of(Kind kind, const std::string& name, const net::HttpPeer& peer) {
  if (kind == Kind::service) return control::DeleteService{.name = base::ServiceName(name), .who = who_asks(peer)};
  if (kind == Kind::revision) return control::DeleteRevision{base::RevisionName(name)};
  if (kind == Kind::release_policy) return control::DeleteReleasePolicy{name};
  if (kind == Kind::experiment) return control::DeleteExperiment{.name = name, .who = who_asks(peer)};
  return control::DeleteInstance{base::InstanceId(name)};
}

}  // namespace

// namespaces/NS/…: there is one namespace, and any name of it will do. Without one it is "all namespaces": the same.
std::optional<net::BodyPlan> Api::objects(const net::HttpRequest& head, std::string_view group, const Segments& path) {
  const bool spaced = path.size() >= 3 && path[0] == "namespaces";
  const Segments rest(path.begin() + (spaced ? 2 : 0), path.end());
  if (rest.empty() || rest.size() > 3) return std::nullopt;
  const auto kind =
      std::ranges::find_if(kKinds, [&](const KindInfo& one) { return one.group == group && one.plural == rest[0]; });
  if (kind == kKinds.end()) return std::nullopt;
  if (rest.size() == 1) return collection(head, *kind, spaced);
  if (rest.size() == 2) return object(head, *kind, rest[1]);
  if (rest[2] != "status") return std::nullopt;
  return head.method == "GET" ? read_one(head, kind->kind, rest[1]) : wrong_method(head, "GET");
}

net::BodyPlan Api::collection(const net::HttpRequest& head, const KindInfo& kind, bool spaced) {
  if (head.method == "GET") return read_many(head, kind.kind);
  if (kind.can("create") && head.method == "POST") return write(head, {.kind = kind.kind, .name = {}});
  // As in Kubernetes: of one namespace, not of all at once.
  const bool removable = spaced && kind.can("deletecollection");
  if (removable && head.method == "DELETE") return remove_many(head, kind.kind);
  return wrong_method(head, std::string(kind.can("create") ? "GET, POST" : "GET") + (removable ? ", DELETE" : ""));
}

net::BodyPlan Api::object(const net::HttpRequest& head, const KindInfo& kind, const std::string& name) {
  if (head.method == "GET") return read_one(head, kind.kind, name);
  const bool writes = head.method == "PUT" || head.method == "PATCH";
  if (kind.can("update") && writes) return write(head, {.kind = kind.kind, .name = name});
  if (kind.can("delete") && head.method == "DELETE") return remove(head, kind.kind, name);
  return wrong_method(
      head, std::string(kind.can("update") ? "GET, PUT, PATCH" : "GET") + (kind.can("delete") ? ", DELETE" : ""));
}

net::BodyPlan Api::remove(const net::HttpRequest& head, Kind kind, const std::string& name) {
  auto options = write_options(head);
  if (!options) return std::move(options.error());
  return net::WholeBody{
      .most = kMostSmallBody,
      .then = [this, kind, name, dry_run = options->dry_run](const net::HttpRequest& request,
                                                             net::Responder responder) {
        if (kind == Kind::pod) views_.want_pods();
        views_.settle();
        const Shown* shown = views_.find(kind, name);
        if (shown == nullptr) return responder.send(not_found(info(kind).resource(), name));
        auto body = delete_options(request);
        if (!body) return responder.send(std::move(body.error()));
        if (auto refused = refused_delete(info(kind), name, *shown, *body)) return responder.send(std::move(*refused));
        if (dry_run || is_dry_run(*body)) {
          return responder.send(deleted({.kind = std::string(info(kind).plural), .name = name, .uid = shown->uid}));
        }
        carry_out(deletion_of(kind, name, request.peer), std::move(responder));
      }};
}

// Kubernetes' deletecollection: each that is chosen, as if it were deleted alone. Who may not go stays, and the first
// refusal is the answer once all are done; else they are, as they were.
net::BodyPlan Api::remove_many(const net::HttpRequest& head, Kind kind) {
  if (std::string_view(head.target).substr(0, head.target.find('?')).ends_with('/')) return no_name(info(kind));
  auto options = write_options(head);
  if (!options) return std::move(options.error());
  return net::WholeBody{
      .most = kMostSmallBody,
      .then = [this, kind, dry_run = options->dry_run](const net::HttpRequest& request, net::Responder responder) {
        auto body = delete_options(request);
        if (!body) return responder.send(std::move(body.error()));
        auto choice = choose(request, kind);
        if (!choice) return responder.send(std::move(choice.error()));
        auto chosen = page(request, *choice);
        if (!chosen) return responder.send(std::move(chosen.error()));
        for (const std::string& name : chosen->names) {
          const Shown* shown = views_.find(kind, name);
          if (auto refused = refused_delete(info(kind), name, *shown, *body)) {
            return responder.send(std::move(*refused));
          }
        }
        auto removal = std::make_shared<Removal>(
            Removal{.left = 1, .refusal = {}, .answer = list(*choice, *chosen), .responder = std::move(responder)});
        if (dry_run || is_dry_run(*body)) chosen->names.clear();
        removal->left += chosen->names.size();
        for (const std::string& name : chosen->names) {
          world_.control.execute(deletion_of(kind, name, request.peer),
                                 {.on_progress = {}, .on_done = [removal](const auto& outcome) {
                                    removal->note(outcome ? std::nullopt : std::optional(outcome.error()));
                                  }});
        }
        removal->note(std::nullopt);
      }};
}

}  // namespace marea::api
