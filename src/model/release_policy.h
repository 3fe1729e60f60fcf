// How a release of a service goes: a ReleasePolicy (marea.dev/v1) in YAML or JSON, and its values. Parsing finds every
// fault at once, each with its line and path, as that of services does (manifest.h); a field that nobody knows is a
// fault. What is absent has the defaults below. Pure: text in, values out.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/manifest.h"
#include "model/weight.h"

namespace marea::model {

// Bounds against slips; a release with more steps or gates is none that anybody watches.
inline constexpr std::size_t kMostLadderSteps = 50;
inline constexpr std::size_t kMostGates = 20;
inline constexpr std::size_t kMostNotifications = 20;
inline constexpr base::Duration kMostReleaseWait = std::chrono::hours(24 * 30);  // of any one wait
inline constexpr std::size_t kMostUrlBytes = 2048;

// How a new revision gets its traffic. The first is no release at all: all traffic moves when the revision is ready.
enum class ReleaseStrategy : std::uint8_t {
  none,
  canary,      // step by step, judged at each
  blue_green,  // all at once when it is ready and the gates passed; the revision before is kept ready for the watch
  all_at_once  // all at once when it is ready
};

struct LadderStep {
  Weight weight = 0;         // the canary's
  base::Duration warm_up{};  // proof that it is good counts after it; that it is bad counts at once
  base::Duration minimum{};  // not left earlier, whatever is proven
  base::Duration maximum{};  // what is not proven then is decided by policy
  friend bool operator==(const LadderStep&, const LadderStep&) = default;
};

// What is done when nothing can be known: too few keys, no stable revision. A mistrusted split or a platform in trouble
// never goes on by time.
enum class UnknownRule : std::uint8_t { advance, hold, ask };

// What the end of a wait brings.
enum class WaitRule : std::uint8_t { fail, advance };

enum class GateKind : std::uint8_t { manual, webhook };

// A key of marea.dev's secrets; empty: requests are signed with the installation's own key.
struct SecretKey {
  std::string name;
  std::string key;
  friend bool operator==(const SecretKey&, const SecretKey&) = default;
};

// Stands before a step, or before the promotion.
struct ReleaseGate {
  std::string name;
  Weight before = kWholeWeight;  // of the step; kWholeWeight: the promotion
  GateKind kind = GateKind::manual;
  std::string url;   // of a webhook
  SecretKey secret;  // of a webhook: the key of its HMAC
  base::Duration timeout = std::chrono::hours(24);
  WaitRule at_timeout = WaitRule::fail;
  friend bool operator==(const ReleaseGate&, const ReleaseGate&) = default;
};

// What a release does that somebody may want to be told.
enum class ReleaseNotice : std::uint8_t { started, advanced, waiting, promoted, ended, rolled_back, warning };
inline constexpr std::size_t kReleaseNotices = 7;

struct NotificationRule {
  std::string url;
  SecretKey secret;
  std::vector<ReleaseNotice> of;  // empty: all
  friend bool operator==(const NotificationRule&, const NotificationRule&) = default;
};

// What the canary is compared with: stable's instances as they run, or some that are as young as the canary's.
enum class Baseline : std::uint8_t { measured, running, fresh };  // measured: fresh where the warm-up is long

struct StickyRule {
  enum class By : std::uint8_t { cookie, header, off };
  By by = By::cookie;
  std::string header;  // lower case
  friend bool operator==(const StickyRule&, const StickyRule&) = default;
};

// How much worse is no harm, as factors ≥ 1.
struct ReleaseTolerances {
  double harm = 1.2;       // of the failure rate: beyond it the canary is bad
  double promotion = 2.0;  // of the failure rate: proven to be below it, the canary is good
  double latency = 1.15;   // of each latency
  friend bool operator==(const ReleaseTolerances&, const ReleaseTolerances&) = default;
};

struct ReleaseObjectives {
  std::optional<base::Duration> latency;  // slower is a slow request; else learnt from stable
  std::optional<double> availability;     // share of users without a failure that is good by itself; never makes bad
  friend bool operator==(const ReleaseObjectives&, const ReleaseObjectives&) = default;
};

// How one that waits for evidence or for a person ends.
struct HoldRule {
  base::Duration maximum = std::chrono::hours(1);
  WaitRule then = WaitRule::fail;
  friend bool operator==(const HoldRule&, const HoldRule&) = default;
};

// 1, 5, 25, 50, 99 % with the default times. Chosen so that the whole ladder takes at most ten minutes where nothing
// holds it.
std::vector<LadderStep> default_ladder();

struct ReleasePolicy {
  ReleaseStrategy strategy = ReleaseStrategy::canary;
  std::vector<LadderStep> ladder = default_ladder();  // weights rise; empty unless strategy is canary
  Weight holdback = kOnePercent;                      // stable's share through the watch; 0 unless strategy is canary
  base::Duration prepare =
      std::chrono::minutes(30);  // until the canary is ready, or the release failed; longer than a deploy may take
  ReleaseTolerances tolerances;
  double alpha = 0.01;  // of calling a harmless canary bad, over the whole release
  double beta = 0.05;   // of calling a harmful one good
  ReleaseObjectives objectives;
  UnknownRule unknown = UnknownRule::advance;
  double unproven_limit = 5.0;  // relative risk that must be ruled out to advance without proof
  HoldRule hold;
  base::Duration watch = std::chrono::hours(24);
  std::vector<ReleaseGate> gates;
  std::vector<NotificationRule> notifications;
  Baseline baseline = Baseline::measured;
  StickyRule sticky;
  std::optional<Weight> rollback_until;  // the last step that can be rolled back; absent: all can
  friend bool operator==(const ReleasePolicy&, const ReleasePolicy&) = default;
};

// The policy that a strategy has without further words.
ReleasePolicy default_policy(ReleaseStrategy strategy);

struct ReleasePolicyDocument {
  std::string name;
  ReleasePolicy policy;
  Json document;  // as the user wrote it
  std::vector<Fault> notices;
};

// One or more YAML documents or one JSON value, each a ReleasePolicy.
std::expected<std::vector<ReleasePolicyDocument>, Faults> parse_release_policies(std::string_view text);

// The same for one object that is already a value; faults have line 0.
std::expected<ReleasePolicyDocument, Faults> parse_release_policy(Json document);

// A document that parse_release_policy() reads as the same policy; every default is written out.
Json release_policy_document(const std::string& name, const ReleasePolicy& policy);
Json release_policy_spec(const ReleasePolicy& policy);

// The words of documents, annotations and messages.
std::string_view to_string(ReleaseStrategy value);
std::string_view to_string(UnknownRule value);
std::string_view to_string(WaitRule value);
std::string_view to_string(GateKind value);
std::string_view to_string(ReleaseNotice value);
std::string_view to_string(Baseline value);
std::string to_string(const StickyRule& value);  // "cookie", "header x-customer", "off"

std::optional<ReleaseStrategy> parse_strategy(std::string_view word);
// "cookie", "off" or "header NAME"; the error ends a fault.
std::expected<StickyRule, std::string> parse_sticky(std::string_view text);

// "25%", "0.25%", "25": in steps of 0.01 %, from 0 to 100 %.
std::optional<Weight> parse_weight(std::string_view text);
std::string print_weight(Weight weight);  // "25%", "0.25%"

// The same as a number of percents, as Services have it: 25, 0.25. A whole one is an integer, as Knative's all are.
std::optional<Weight> weight_of_number(const Json& percent);
Json weight_number(Weight weight);

// "90s", "5m", "24h": what parse_duration() reads back.
std::string print_duration(base::Duration duration);

}  // namespace marea::model
