#include "sim/releases/marea.h"

#include <utility>

#include "control/control.h"
#include "router/outcome.h"

namespace marea::sim::releases {
namespace {

constexpr const char* kSalt = "salt";  // of attempts; who has which bucket says People
constexpr int kWorkers = 2;
constexpr base::Duration kLookInWatch = std::chrono::minutes(1);  // where nothing is asked: a day passes sooner

control::ReleaseEntry entry_of(const model::ReleasePolicy& policy, const base::Clock& clock) {
  const model::ReleaseSpec spec{.id = "loans-00002",
                                .service = base::ServiceName("loans"),
                                .stable = base::RevisionName("loans-00001"),
                                .canary = base::RevisionName("loans-00002"),
                                .policy = policy};
  const control::ReleaseEntry::Next begun = control::ReleaseEntry::begin(spec, kSalt, clock.now(), clock.wall());
  return {begun.record, decide::JudgeState{}, std::ssize(begun.audit), clock.now()};
}

model::Routes routes_of(const model::ReleaseRoute& release) {
  model::Routes out;
  out.services.push_back({.name = base::ServiceName("loans"), .release = release});
  return out;
}

router::Assignment assignment(const Visit& visit, std::uint32_t release) {
  return {.release = release,
          .canary = visit.canary,
          .bucket = visit.bucket,
          .key = visit.key,
          .tick = static_cast<std::uint64_t>(visit.at / model::kReleaseTick),
          .number = visit.number,
          .origin = visit.origin,
          .objective = visit.objective};
}

}  // namespace

Marea::Marea(const model::ReleasePolicy& policy, std::uint64_t seed)
    : entry_(entry_of(policy, clock_)),
      watch_({.loop = loop_, .workers = kWorkers, .secret = seed, .send = [this](const model::ReleaseCounts& counts) {
                told_.push_back(counts);
                return true;
              }}) {
  move({decide::CanaryReady{}}, {});
  adopted_at_ = {};
  watch_.set_routes(routes_of(routed_ = wanted_));
  number_ = watch_.seat_of(wanted_).number;
}

void Marea::pass_until(base::Duration at) {
  const base::Instant then = begun_ + at;
  if (then > clock_.now()) clock_.advance(then - clock_.now());
}

void Marea::adopt_routes(base::Duration at) {
  if (wanted_ == routed_ || at < adopted_at_) return;
  pass_until(at);
  watch_.set_routes(routes_of(routed_ = wanted_));
  watch_.adopted();
}

model::Weight Marea::weight(base::Duration at) {
  adopt_routes(at);
  return routed_.weight;
}

router::ReleaseLane& Marea::lane_of(const Visit& visit) {
  return watch_.lanes()->of(static_cast<int>(visit.key % kWorkers));
}

void Marea::began(Visit& visit) {
  router::ReleaseLane& lane = lane_of(visit);
  visit.number = lane.next_number();
  visit.objective = routed_.objective;
  if (!lane.admit(assignment(visit, number_))) visit.number = 0;
}

void Marea::ended(const Visit& visit, const Answer& answer, base::Duration /*at*/) {
  if (visit.number == 0) return;
  const router::LatencyVerdict latency =
      router::judge_latency(answer.cause, answer.cold, answer.latency, visit.objective);
  lane_of(visit).settle(assignment(visit, number_), {.cause = answer.cause,
                                                     .cold = answer.cold,
                                                     .judged = latency.judged,
                                                     .slow = latency.slow,
                                                     .latency = answer.latency});
}

void Marea::canary_crashed(base::Duration at) {
  if (entry_.over() || routed_.weight == 0) return;
  move({decide::InstanceFailure{
           .arm = model::ReleaseArm::canary, .kind = model::InstanceFailureKind::crashed, .detail = "exited"}},
       at);
}

base::Duration Marea::look_every() const {
  return entry_.state().phase == model::ReleasePhase::watching ? kLookInWatch : control::kReleaseLook;
}

void Marea::look(base::Duration at) {
  adopt_routes(at);
  if (entry_.over()) return;
  pass_until(at);
  loop_.turn(base::Duration{0});
  for (const model::ReleaseCounts& counts : std::exchange(told_, {})) {
    const std::optional<model::JudgeOpinion> opinion = entry_.count(counts);
    if (opinion) move({*opinion}, at);
    watch_.seen({.release = counts.release, .closed = counts.closed});
  }
  if (at - looked_at_ < control::kReleaseLook || entry_.over()) return;
  looked_at_ = at;
  move({}, at);
}

void Marea::move(std::vector<decide::ReleaseInput> inputs, base::Duration at) {
  const base::WallTime wall{base::ManualClock().wall().unix_ns + at.count()};
  entry_.adopt(entry_.step(inputs, begun_ + at, wall, kSalt));
  note(at);
  const bool same = wanted_.weight == state().weight && wanted_.objective == entry_.record().objective &&
                    std::cmp_equal(wanted_.step, std::max(0, state().step));
  if (same) return;
  wanted_ = entry_.facts().route;
  adopted_at_ = at + kPublish;
}

void Marea::note(base::Duration at) {
  const bool proven = state().opinion && state().opinion->verdict == model::ReleaseVerdict::proven_good;
  if (proven && !standing_.proven) standing_.proven = at;
  if (state().phase == model::ReleasePhase::watching && !standing_.promoted) {
    standing_.promoted = standing_.since = at;
    standing_.way = Way::promoted;
    standing_.proof = model::weakest_proof(state());
  }
  if (!entry_.over() || standing_.finished) return;
  standing_.finished = true;
  if (state().phase == model::ReleasePhase::done) return;
  standing_.way = state().phase == model::ReleasePhase::rolled_back ? Way::rolled_back : Way::over;
  standing_.since = at;
}

}  // namespace marea::sim::releases
