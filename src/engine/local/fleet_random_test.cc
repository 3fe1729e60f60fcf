// Thousands of random events against a fleet, with a simulated machine that carries its actions out late, in part and
// out of turn; after each step the promises of fleet.h hold, and in the end every victim has ended.
#include <set>

#include "engine/local/fleet_world_test.h"

namespace marea::engine::local {
namespace {

constexpr FleetLimits kLimits{.memory_bytes = 700LL << 20, .slots = 6};
constexpr int kRevisions = 4;

class Storm {
 public:
  explicit Storm(std::uint64_t seed) : dice_(seed), names_(seed + 1), fleet_(kLimits, names_) {}

  void step() {
    switch (roll(14)) {
      case 0: new_plan(); break;
      case 1:
      case 2:
      case 3: fleet_.demand({revision(), roll(6), model::Reason::request_waiting}, now()); break;
      case 4: fleet_.retire({any(opened_), model::Reason::idle_timeout}, now()); break;
      case 5: fleet_.remove({any(sandboxes_), model::Reason::deleted}, now()); break;
      case 6:
        linked_ = !linked_;
        linked_ ? fleet_.router_linked(now()) : fleet_.router_lost(now());
        break;
      case 7:
      case 8: prepare(); break;
      case 9: fleet_.ready(any(opened_), now()); break;
      case 10: unready(); break;
      case 11: say_quiet(); break;
      case 12: end_one(roll(3) == 0); break;
      case 13: pass(milliseconds(roll(3000))); break;
    }
    carry_out();
    check();
  }

  void finish() {
    fleet_.stop_all(seconds(15), now());
    carry_out();
    for (int i = 0; i < 1000 && !fleet_.instances().empty(); ++i) {
      pass(seconds(1));
      end_one(true);
      carry_out();
      check();
    }
    EXPECT_TRUE(fleet_.instances().empty()) << "a victim did not end";
    EXPECT_TRUE(opened_.empty()) << "router was never told that one ended";
    EXPECT_EQ(final_, created_) << "each has exactly one final report";
  }
  std::size_t created() const { return created_.size(); }

 private:
  int roll(int sides) { return static_cast<int>(dice_.next() % static_cast<std::uint64_t>(sides)); }
  Moment now() const { return {.now = clock_.now(), .wall = clock_.wall()}; }
  base::RevisionName revision() { return base::RevisionName("r" + std::to_string(roll(kRevisions))); }
  base::InstanceId any(const std::set<base::InstanceId>& from) {
    if (from.empty() || roll(20) == 0) return base::InstanceId("nobody");
    return *std::next(from.begin(), roll(static_cast<int>(from.size())));
  }

  void new_plan() {
    model::Plan plan;
    max_.clear();
    for (int i = 0; i < kRevisions; ++i) {
      if (roll(4) == 0) continue;
      const model::RevisionPlan each{.revision = make_revision("r" + std::to_string(i), 50 * (1 + i)),
                                     .min = roll(2),
                                     .max = roll(5),
                                     .wanted = roll(3),
                                     .reason = model::Reason::deploy_check};
      max_[each.revision.name] = each.max;
      plan.revisions.push_back(each);
    }
    fleet_.apply(plan, now());
  }
  void prepare() {
    const base::InstanceId id = any(sandboxes_);
    if (started_.contains(id) || stopped_.contains(id)) return;
    fleet_.sandbox_prepared(id, now());
    if (roll(2) == 0) fleet_.sandbox_started(id, now());
  }
  void unready() {
    const model::Reason reasons[] = {model::Reason::never_listened, model::Reason::liveness_failed};
    std::vector<model::ListeningSocket> listening;
    if (roll(2) == 0) listening.push_back({"0.0.0.0", 3000});
    fleet_.unready({any(opened_), reasons[roll(2)], "x"}, listening, now());
  }
  void say_quiet() {
    const base::InstanceId id = any(draining_);
    const auto found = fleet_.instances().find(id);
    fleet_.quiet({id, found == fleet_.instances().end() ? 0 : found->second.epoch}, now());
  }
  void end_one(bool asked) {
    const base::InstanceId id = asked && !stopped_.empty() ? *stopped_.begin() : any(sandboxes_);
    if (!sandboxes_.contains(id)) return;
    SandboxEnd end;
    if (!stopped_.contains(id)) end.reason = model::Reason::app_exited;
    sandboxes_.erase(id);
    stopped_.erase(id);
    fleet_.sandbox_ended(id, end, now());
  }
  void pass(base::Duration by) {
    clock_.advance(by);
    fleet_.tick(now());
    EXPECT_GT(fleet_.next_deadline(), clock_.now()) << "a tick leaves nothing due";
  }

  void carry_out() {
    for (std::vector<Action> actions = fleet_.take_actions(); !actions.empty(); actions = fleet_.take_actions()) {
      for (const Action& action : actions) std::visit(*this, action);
    }
  }

 public:
  void operator()(const act::Create& each) {
    EXPECT_TRUE(created_.insert(each.id).second) << "an id is never used twice";
    if (roll(10) == 0) {
      fleet_.sandbox_ended(each.id, {.reason = model::Reason::sandbox_failed}, now());
    } else {
      sandboxes_.insert(each.id);
    }
  }
  void operator()(const act::Start& each) { EXPECT_TRUE(started_.insert(each.id).second) << "started once"; }
  void operator()(const act::Look& each) {
    fleet_.looked(each.id, std::vector<model::ListeningSocket>(static_cast<std::size_t>(roll(2)), {"::1", 8080}),
                  now());
  }
  void operator()(const act::Stop& each) {
    EXPECT_TRUE(created_.contains(each.id));
    if (sandboxes_.contains(each.id)) stopped_.insert(each.id);
  }
  void operator()(const act::Report& each) {
    EXPECT_FALSE(final_.contains(each.report.id)) << "a final report is final";
    const bool is_final =
        each.report.state == model::InstanceState::failed || each.report.state == model::InstanceState::stopped;
    // A full machine is reported as a start that never was.
    if (is_final && each.report.reason != model::Reason::machine_full) final_.insert(each.report.id);
  }
  void operator()(const act::ToRouter& each) {
    if (const auto* open = std::get_if<net::msg::InstanceOpen>(&each.message)) {
      EXPECT_FALSE(closed_.contains(open->id)) << "given to router after its end";
      EXPECT_FALSE(draining_.contains(open->id)) << "given to router again while it drains";
      opened_.insert(open->id);
    } else if (const auto* drain = std::get_if<net::msg::InstanceDrain>(&each.message)) {
      EXPECT_TRUE(opened_.contains(drain->id));
      draining_.insert(drain->id);
    } else if (const auto* closed = std::get_if<net::msg::InstanceClosed>(&each.message)) {
      EXPECT_EQ(opened_.erase(closed->id), 1U);
      EXPECT_TRUE(closed_.insert(closed->id).second);
      draining_.erase(closed->id);
    }
  }

 private:
  void check() {
    std::set<int> slots;
    std::int64_t memory = 0;
    std::map<base::RevisionName, int> serving;
    for (const auto& [id, instance] : fleet_.instances()) {
      EXPECT_TRUE(slots.insert(instance.slot).second) << "slots are unique";
      EXPECT_GE(instance.slot, 0);
      EXPECT_LT(instance.slot, kLimits.slots);
      memory += instance.revision->spec.container.limits.memory_bytes;
      if (instance.serving()) ++serving[instance.revision->name];
      if (instance.phase == Phase::stopping || instance.phase == Phase::draining) {
        EXPECT_LT(instance.deadline, base::Instant::max()) << "each victim has an end";
      }
    }
    EXPECT_LE(memory, kLimits.memory_bytes);
    for (const auto& [name, count] : serving) EXPECT_LE(count, max_[name]) << name.str();
  }

  base::SeededRandom dice_;
  base::SeededRandom names_;
  base::ManualClock clock_;
  Fleet fleet_;
  bool linked_ = false;
  std::map<base::RevisionName, int> max_;
  std::set<base::InstanceId> created_, sandboxes_, started_, stopped_, opened_, draining_, closed_, final_;
};

TEST(FleetRandom, its_promises_hold_in_every_storm) {
  std::size_t created = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Storm storm(seed);
    for (int i = 0; i < 1500; ++i) {
      storm.step();
      ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", step " << i;
    }
    storm.finish();
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", at its end";
    created += storm.created();
  }
  EXPECT_GT(created, 1000U) << "the storm must blow";
}

}  // namespace
}  // namespace marea::engine::local
