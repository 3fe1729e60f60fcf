#include "control/release_entry.h"

#include <algorithm>
#include <utility>

#include "control/judge_form.h"
#include "control/release_seats.h"
#include "control/states.h"
#include "decide/release_opinion.h"

namespace marea::control {
namespace {

std::string id_of(const store::ReleaseRecord& record) {
  const int attempt = record.state.attempt;
  return attempt == 1 ? record.spec.id : record.spec.id + "." + std::to_string(attempt);
}

std::vector<store::ReleaseAuditRecord> numbered(const std::string& release, std::int64_t lines,
                                                std::vector<model::ReleaseAudit> audit) {
  std::vector<store::ReleaseAuditRecord> out;
  out.reserve(audit.size());
  for (model::ReleaseAudit& each : audit) {
    out.push_back({.release = release, .number = ++lines, .audit = std::move(each)});
  }
  return out;
}

// Opinions and failures are told again, or follow from what is told again.
bool differs(model::ReleaseState before, model::ReleaseState after) {
  before.opinion.reset();
  after.opinion.reset();
  before.failures.clear();
  after.failures.clear();
  return before != after;
}

model::StickyKey key_of(const model::StickyRule& sticky) {
  switch (sticky.by) {
    case model::StickyRule::By::cookie: return model::StickyKey::cookie;
    case model::StickyRule::By::header: return model::StickyKey::header;
    case model::StickyRule::By::off: return model::StickyKey::off;
  }
  return model::StickyKey::cookie;
}

}  // namespace

ReleaseEntry::Next ReleaseEntry::begin(const model::ReleaseSpec& spec, std::string salt, base::Instant now,
                                       base::WallTime wall) {
  decide::ReleaseResult begun = decide::begin_release(spec, {.unix_ns = wall.unix_ns});
  return {.record = {.spec = spec,
                     .salt = std::move(salt),
                     .created_unix_ns = wall.unix_ns,
                     .began_unix_ns = wall.unix_ns,
                     .objective = spec.policy.objectives.latency.value_or(base::Duration{0}),
                     .state = std::move(begun.state)},
          .audit = numbered(spec.id, 0, std::move(begun.audit)),
          .actions = std::move(begun.actions),
          .urgent = true,
          .at = now};
}

ReleaseEntry::ReleaseEntry(store::ReleaseRecord record, decide::JudgeState judge, std::int64_t lines, base::Instant now)
    : record_(std::move(record)),
      judge_(std::make_unique<decide::Judge>(decide::judge_policy(record_.spec.policy), std::move(judge))),
      lines_(lines),
      seen_(now) {
  if (over()) {
    last_ = evidence_from_text(record_.judge);
    rest();
  }
  record_.judge.clear();
}

void ReleaseEntry::rest() {
  if (!last_) last_ = evidence();
  last_->distances.clear();  // nothing changes any more
  judge_.reset();
  traffic_.reset();
}

std::optional<model::JudgeOpinion> ReleaseEntry::count(const model::ReleaseCounts& counts) {
  if (late_) return late(counts);
  if (!judge_ || counts.release != route_id()) return std::nullopt;
  if (counts.memory == judge_->state().memory && counts.closed < judged()) return std::nullopt;
  model::JudgeOpinion out = decide::opinion_of(judge_->feed(counts));
  traffic_ = {.stable = counts.stable,
              .canary = counts.canary,
              .stable_shape = counts.stable_shape,
              .canary_shape = counts.canary_shape};
  told_ = true;
  // Once known it stays: the judge's guarantees are for an objective that does not change.
  if (record_.objective == base::Duration{0}) {
    record_.objective = decide::learnt_objective(counts.stable_shape).value_or(base::Duration{0});
  }
  return out;
}

// A person and the judge act at once: the person was first, and the judge's word stands beside it.
std::optional<model::JudgeOpinion> ReleaseEntry::late(const model::ReleaseCounts& counts) {
  if (counts.release != route_id()) return std::nullopt;
  model::JudgeOpinion out = decide::opinion_of(late_->feed(counts));
  late_.reset();
  if (out.verdict != model::ReleaseVerdict::bad) return std::nullopt;
  return out;
}

ReleaseEntry::Next ReleaseEntry::step(std::span<const decide::ReleaseInput> inputs, base::Instant now,
                                      base::WallTime wall, const std::string& salt) const {
  const base::Duration age = record_.age + std::max(base::Duration{0}, now - seen_);
  decide::ReleaseResult result =
      decide::step_release(record_.spec, record_.state, inputs, {.age = age, .unix_ns = wall.unix_ns});
  // Anybody may say what is refused, as often as he likes: the answer tells him, and a full history does without.
  if (std::cmp_greater_equal(lines_, kMostReleaseLines)) {
    std::erase_if(result.audit, [](const model::ReleaseAudit& each) {
      return each.event == model::ReleaseEvent::refused || each.event == model::ReleaseEvent::late;
    });
  }
  Next next{.record = record_, .refused = std::move(result.refused), .at = now};
  next.urgent = !result.audit.empty() || !result.actions.empty() || differs(record_.state, result.state);
  if (next.urgent) next.record = whole();
  if (result.state.attempt != record_.state.attempt) {
    next.record.salt = salt;
    next.record.began_unix_ns = wall.unix_ns;
    next.record.objective = record_.spec.policy.objectives.latency.value_or(base::Duration{0});
    next.record.judge.clear();
  } else if (judge_ && model::is_over(result.state.phase)) {
    next.record.judge = evidence_to_text(evidence());
  }
  next.record.age = age;
  next.record.state = std::move(result.state);
  next.audit = numbered(record_.spec.id, lines_, std::move(result.audit));
  next.actions = std::move(result.actions);
  return next;
}

ReleaseEntry::Next ReleaseEntry::note(model::ReleaseAudit line, base::Instant now, base::WallTime wall) const {
  Next next{.record = whole(), .urgent = true, .at = now};
  next.record.age += std::max(base::Duration{0}, now - seen_);
  line.at = next.record.age;
  line.unix_ns = wall.unix_ns;
  line.weight = record_.state.weight;
  next.audit = numbered(record_.spec.id, lines_, {std::move(line)});
  return next;
}

bool ReleaseEntry::show(base::Instant now, base::Duration pace) {
  if (!told_ || (shown_ > 0 && now < shown_at_ + pace)) return false;
  told_ = false;
  shown_at_ = now;
  ++shown_;
  return true;
}

void ReleaseEntry::let_wait_for_seat(bool waits) {
  told_ |= waits != waits_;
  waits_ = waits;
}

void ReleaseEntry::adopt(Next next) {
  told_ |= record_.state.opinion != next.record.state.opinion;
  if (next.record.state.attempt != record_.state.attempt) {
    judge_ = std::make_unique<decide::Judge>(decide::judge_policy(record_.spec.policy), decide::JudgeState{});
    last_.reset();
    late_.reset();
    traffic_.reset();
  }
  record_ = std::move(next.record);
  record_.judge.clear();
  lines_ += std::ssize(next.audit);
  seen_ = next.at;
  if (!judge_ || !over()) return;
  if (!last_) last_ = evidence();
  if (state().cause == model::ReleaseCause::by_person) late_ = std::move(judge_);
  rest();
}

store::ReleaseRecord ReleaseEntry::whole() const {
  store::ReleaseRecord out = record_;
  out.judge = judge_ ? judge_to_text(judge_->state()) : evidence_to_text(*last_);
  return out;
}

ReleaseEvidence ReleaseEntry::evidence() const {
  if (last_) return *last_;
  ReleaseEvidence out = evidence_of(*judge_, traffic_);
  if (waits_ && out.verdict.answer != decide::Answer::bad) {
    out.verdict.answer = decide::Answer::cannot_know;
    out.doubt = no_seat();
    out.would_change = seat_remedy();
    out.distances.clear();
  }
  return out;
}

std::string ReleaseEntry::route_id() const {
  return id_of(record_);
}

ReleaseFacts ReleaseEntry::facts() const {
  const model::ReleaseState& state = record_.state;
  return {.route = {.id = route_id(),
                    .salt = record_.salt,
                    .step = static_cast<std::uint32_t>(std::max(0, state.step)),
                    .stable = record_.spec.stable,
                    .canary = record_.spec.canary,
                    .weight = state.weight,
                    .objective = record_.objective,
                    .sticky = key_of(record_.spec.policy.sticky),
                    .header = record_.spec.policy.sticky.header,
                    .began_unix_ns = record_.began_unix_ns},
          .over = over(),
          .warm = !over(),
          .counted = !waits_};
}

}  // namespace marea::control
