// What people do to a release: pause, resume, advance, promote, abort, retry, answer a gate; and going back.

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/api.h"
#include "api/methods.h"
#include "api/who.h"
#include "model/duration.h"

namespace marea::api {
namespace {

using decide::OperatorAct;

constexpr std::array kActs = {OperatorAct::pause,   OperatorAct::resume, OperatorAct::advance,
                              OperatorAct::promote, OperatorAct::abort,  OperatorAct::retry};
constexpr std::size_t kMostReasonBytes = 1000;  // it is a line of the history, kept as long as the release

// The members of a body, each of one kind; what is wrong with all of them.
class Body {
 public:
  // An empty body has none.
  static std::expected<Body, net::HttpResponse> read(const net::HttpRequest& request) {
    if (request.body.empty()) return Body(Json::object());
    auto value = receive_value(request.body, {});
    if (!value) return std::unexpected(std::move(value.error()));
    return Body(value->is_null() ? Json::object() : std::move(*value));
  }

  std::string text(const char* name) {
    const Json* found = member(name);
    if (found == nullptr) return {};
    if (!found->is_string()) {
      fault(name, "must be text");
      return {};
    }
    auto text = found->get<std::string>();
    if (text.size() > kMostReasonBytes) fault(name, "is longer than " + std::to_string(kMostReasonBytes) + " bytes");
    return text;
  }
  std::optional<bool> boolean(const char* name) {
    const Json* found = member(name);
    if (found == nullptr) return std::nullopt;
    if (!found->is_boolean()) fault(name, "must be true or false");
    return found->is_boolean() && found->get<bool>();
  }
  std::optional<base::Duration> duration(const char* name) {
    const Json* found = member(name);
    if (found == nullptr) return std::nullopt;
    const auto out =
        model::parse_duration(found->is_string() ? found->get<std::string>() : "", model::kMostReleaseWait);
    if (!out || *out == base::Duration{0}) {
      fault(name,
            "must be a time such as \"30m\" or \"2h\", at most " + model::print_duration(model::kMostReleaseWait));
    }
    return out;
  }
  bool has(const char* name) const { return value_.is_object() && value_.contains(name); }
  void fault(const char* name, std::string message) {
    faults_.push_back({.path = name, .message = std::move(message)});
  }

  // Nothing: it is right. Members that nobody asked for are faults, too.
  std::optional<net::HttpResponse> refusal(const std::string& what) {
    if (!value_.is_object()) {
      faults_.push_back({.path = "", .message = "must be a map"});
      return refused(what);
    }
    std::string known;
    for (const std::string& one : asked_) known += (known.empty() ? "" : ", ") + one;
    for (const auto& [name, value] : value_.items()) {
      if (std::ranges::find(asked_, name) != asked_.end()) continue;
      faults_.push_back({.path = name, .message = "is no member of this request; there are " + known});
    }
    return faults_.empty() ? std::nullopt : std::optional(refused(what));
  }

 private:
  explicit Body(Json value) : value_(std::move(value)) {}

  net::HttpResponse refused(const std::string& what) const {
    return failure(422, {.code = base::ErrorCode::manifest_invalid, .what = "cannot " + what}, faults_);
  }

  const Json* member(const char* name) {
    if (std::ranges::find(asked_, name) == asked_.end()) asked_.emplace_back(name);
    if (!has(name) || value_[name].is_null()) return nullptr;
    return &value_[name];
  }

  Json value_;
  std::vector<std::string> asked_;
  model::Faults faults_;
};

struct Move {
  decide::OperatorCommand command;
  std::string gate;  // that an advance answers
};

std::expected<Move, net::HttpResponse> read_move(OperatorAct act, const net::HttpRequest& request) {
  auto body = Body::read(request);
  if (!body) return std::unexpected(std::move(body.error()));
  Move out{.command = {.act = act, .who = who_asks(request.peer), .reason = body->text("reason")}, .gate = {}};
  if (act == OperatorAct::pause) {
    const auto lasts = body->duration("for");
    out.command.lasts = lasts.value_or(decide::kDefaultPause);
    out.command.endless = body->boolean("endless").value_or(false);
    if (lasts && out.command.endless) body->fault("endless", "contradicts for");
  }
  if (act == OperatorAct::advance) out.gate = body->text("gate");
  if (auto refused = body->refusal(std::string(to_string(act)) + " the release")) {
    return std::unexpected(std::move(*refused));
  }
  return out;
}

}  // namespace

std::expected<base::ServiceName, net::HttpResponse> Api::service_of_release(const std::string& name) {
  views_.settle();
  const Shown* shown = views_.find(Kind::release, name);
  if (shown == nullptr) return std::unexpected(not_found(info(Kind::release).resource(), name));
  for (const auto& [key, value] : shown->labels) {
    if (key == kServiceLabel) return base::ServiceName(value);
  }
  return std::unexpected(not_found(info(Kind::release).resource(), name));
}

// Carries out what leaves the release as it then is.
void Api::send_release(control::Command command, const std::string& name, net::Responder responder) {
  auto kept = std::make_shared<net::Responder>(std::move(responder));
  world_.control.execute(std::move(command), {.on_progress = {}, .on_done = [this, kept, name](const auto& outcome) {
                                                if (!outcome) return kept->send(failure(outcome.error()));
                                                kept->send(answer({.kind = Kind::release, .name = name}, false, {}));
                                              }});
}

net::BodyPlan Api::move_release(const net::HttpRequest& head, const std::string& name, const std::string& act) {
  const auto found = std::ranges::find(kActs, act, [](OperatorAct one) { return to_string(one); });
  if (found == kActs.end()) {
    return failure({.code = base::ErrorCode::not_found,
                    .what = "there is no \"" + act + "\" of a release",
                    .remedy = "There are pause, resume, advance, promote, abort, retry and gates/NAME"});
  }
  if (head.method != "POST") return wrong_method(head, "POST");
  return net::WholeBody{
      .most = kMostSmallBody,
      .then = [this, name, act = *found](const net::HttpRequest& request, net::Responder responder) {
        auto service = service_of_release(name);
        if (!service) return responder.send(std::move(service.error()));
        auto move = read_move(act, request);
        if (!move) return responder.send(std::move(move.error()));
        if (move->gate.empty()) {
          send_release(control::MoveRelease{.service = *service, .command = std::move(move->command), .release = name},
                       name, std::move(responder));
          return;
        }
        send_release(control::AnswerGate{.service = *service,
                                         .release = name,
                                         .gate = move->gate,
                                         .passed = true,
                                         .detail = move->command.reason,
                                         .who = move->command.who},
                     name, std::move(responder));
      }};
}

net::BodyPlan Api::answer_gate(const net::HttpRequest& head, const std::string& name, const std::string& gate) {
  if (head.method != "POST") return wrong_method(head, "POST");
  return net::WholeBody{.most = kMostSmallBody,
                        .then = [this, name, gate](const net::HttpRequest& request, net::Responder responder) {
                          auto service = service_of_release(name);
                          if (!service) return responder.send(std::move(service.error()));
                          auto body = Body::read(request);
                          if (!body) return responder.send(std::move(body.error()));
                          const auto passed = body->boolean("passed");
                          std::string detail = body->text("detail");
                          if (!passed) body->fault("passed", "is missing: true or false");
                          if (auto refused = body->refusal("answer the gate " + gate))
                            return responder.send(std::move(*refused));
                          send_release(control::AnswerGate{.service = *service,
                                                           .release = name,
                                                           .gate = gate,
                                                           .passed = passed.value_or(false),
                                                           .detail = std::move(detail),
                                                           .who = who_asks(request.peer)},
                                       name, std::move(responder));
                        }};
}

net::BodyPlan Api::roll_back(const net::HttpRequest& head, const std::string& service) {
  if (head.method != "POST") return wrong_method(head, "POST");
  return net::WholeBody{
      .most = kMostSmallBody, .then = [this, service](const net::HttpRequest& request, net::Responder responder) {
        auto body = Body::read(request);
        if (!body) return responder.send(std::move(body.error()));
        control::RollBack command{.service = base::ServiceName(service),
                                  .revision = base::RevisionName(body->text("revision")),
                                  .reason = body->text("reason"),
                                  .who = who_asks(request.peer)};
        if (auto refused = body->refusal("roll back " + service)) return responder.send(std::move(*refused));
        auto kept = std::make_shared<net::Responder>(std::move(responder));
        const std::string why = command.reason;
        const std::string who = command.who;
        world_.control.execute(std::move(command),
                               {.on_progress = {}, .on_done = [this, kept, who, why](const auto& outcome) {
                                  if (!outcome) return kept->send(failure(outcome.error()));
                                  const auto& done = std::get<control::RolledBack>(*outcome);
                                  kept->send(answer(done, who, why));
                                }});
      }};
}

net::BodyPlan Api::end_experiment(const net::HttpRequest& head, const std::string& name) {
  if (head.method != "POST") return wrong_method(head, "POST");
  return net::WholeBody{
      .most = kMostSmallBody, .then = [this, name](const net::HttpRequest& request, net::Responder responder) {
        auto body = Body::read(request);
        if (!body) return responder.send(std::move(body.error()));
        control::EndExperiment command{.name = name,
                                       .who = who_asks(request.peer),
                                       .reason = body->text("reason"),
                                       .promote = body->text("promote")};
        if (auto refused = body->refusal("end experiment " + name)) return responder.send(std::move(*refused));
        auto kept = std::make_shared<net::Responder>(std::move(responder));
        world_.control.execute(std::move(command), {.on_progress = {}, .on_done = [this, kept](const auto& outcome) {
                                                      if (!outcome) return kept->send(failure(outcome.error()));
                                                      kept->send(answer(std::get<control::ExperimentPut>(*outcome)));
                                                    }});
      }};
}

net::HttpResponse Api::answer(const control::RolledBack& done, const std::string& who, const std::string& why) {
  Json object = {{"service", done.service.str()}, {"from", done.from.str()}, {"to", done.to.str()}};
  if (!done.release.empty()) object["release"] = done.release;
  object["trafficPinned"] = done.by_traffic;
  views_.settle();
  if (done.release.empty()) {  // else its history has it
    views_.note(done.service.str(), {.good = false,
                                     .reason = "RolledBack",
                                     .message = "from " + done.from.str() + " to " + done.to.str() + ", by " + who +
                                                (why.empty() ? "" : ": " + why)});
  }
  net::HttpResponse response = json_response(200, object);
  if (done.by_traffic) {
    add_warnings(response, {{.path = "spec.traffic",
                             .message = "names " + done.to.str() +
                                        " now, so a later deploy gets no request until the latest revision has "
                                        "traffic again: marea traffic " +
                                        done.service.str() + " --to-latest"}});
  }
  return response;
}

}  // namespace marea::api
