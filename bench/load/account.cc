#include "bench/load/account.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace marea::load {
namespace {

using Json = nlohmann::json;

constexpr Nanoseconds kSilence = std::chrono::milliseconds(200);  // a shorter one is a stall like any

double milliseconds(Nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

double seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::string say(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json describe(const Account::Part& part) {
  std::vector<float> ordered = part.latencies;
  std::ranges::sort(ordered);
  Json out = {{"outcomes", part.outcomes}, {"instances", part.instances.size()}};
  if (!ordered.empty()) {
    const auto at = [&](double share) {
      return ordered[std::min(ordered.size() - 1,
                              static_cast<std::size_t>(share * static_cast<double>(ordered.size())))];
    };
    out["ms"] = {{"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}, {"p999", at(0.999)}, {"max", ordered.back()}};
  }
  return out;
}

}  // namespace

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::app: return "app";
    case Outcome::marea: return "marea";
    case Outcome::wrong: return "wrong";
    case Outcome::reset: return "reset";
    case Outcome::eof: return "eof";
    case Outcome::refused: return "refused";
    case Outcome::late: return "late";
  }
  return "";
}

void Account::add(const Request& request, Outcome outcome) {
  ++ended_;
  if (outcome == Outcome::app) ++by_app_;
  std::string name = to_string(outcome);
  if (outcome == Outcome::marea) name += " " + std::to_string(request.status);
  most_behind_ = std::max(most_behind_, request.sent - request.planned);
  for (Part* part : {&kinds_[request.kind->name], &stages_[request.stage], &all_}) {
    ++part->outcomes[name];
    if (outcome != Outcome::app) continue;
    part->latencies.push_back(static_cast<float>(milliseconds(request.ended - request.planned)));
    if (!request.instance.empty()) part->instances.insert(request.instance);
  }
  if (outcome == Outcome::app) {
    const Nanoseconds since = std::max(last_answer_, request.planned);
    if (request.ended - since > kSilence) silences_.emplace_back(since, request.ended);
    last_answer_ = request.ended;
    return;
  }
  const Json line = {{"request", request.number},
                     {"kind", request.kind->name},
                     {"outcome", to_string(outcome)},
                     {"status", request.status},
                     {"why", request.why},
                     {"request_id", request.request_id},
                     {"planned", seconds(request.planned)},
                     {"opened", seconds(request.opened)},
                     {"sent", seconds(request.sent)},
                     {"ended", seconds(request.ended)},
                     {"kept", request.kept}};
  std::puts(say(line).c_str());
  std::fflush(stdout);
}

std::string Account::summary(std::uint64_t planned) const {
  Json out = describe(all_);
  out["requests"] = planned;
  out["ended"] = ended_;
  out["connections"] = connections_;
  out["closed_at_rest"] = closed_at_rest_;
  out["most_behind_ms"] = milliseconds(most_behind_);
  out["silences"] = Json::array();
  for (const auto& [from, until] : silences_) out["silences"].push_back({seconds(from), seconds(until)});
  for (const auto& [name, part] : kinds_) out["kinds"][name] = describe(part);
  for (const auto& [stage, part] : stages_) out["stages"].push_back(describe(part));
  return say(Json{{"summary", out}});
}

}  // namespace marea::load
