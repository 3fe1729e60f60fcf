#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "store/release_form.h"
#include "store/sample_records_test.h"
#include "store/store.h"

namespace marea::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ReleasesInStore : public testing::Test {
 protected:
  ReleasesInStore() : folder_(testing::TempDir() + "releases-XXXXXX") { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~ReleasesInStore() override { std::filesystem::remove_all(folder_); }
  Store open() { return *Store::open(folder_ + "/marea.db"); }

 private:
  std::string folder_;
};

// Every member has another value than its default.
model::ReleaseState whole_state() {
  return {.phase = model::ReleasePhase::paused,
          .cause = model::ReleaseCause::split_mistrusted,
          .detail = "why",
          .attempt = 3,
          .step = 2,
          .weight = 2500,
          .since = base::Duration(1),
          .step_since = base::Duration(2),
          .deadline = base::Duration(3),
          .watch_until = base::Duration(4),
          .ready = true,
          .next_gate = 5,
          .gate_passed = true,
          .paused_phase = model::ReleasePhase::holding,
          .paused_cause = model::ReleaseCause::unproven,
          .paused_left = base::Duration(-6),
          .opinion = model::JudgeOpinion{.verdict = model::ReleaseVerdict::proven_good,
                                         .unknown = model::UnknownCause::platform_trouble,
                                         .risk_bound = 1.5,
                                         .evidence = "e"},
          .steps = {{.weight = 100,
                     .began = base::Duration(7),
                     .ended = base::Duration(8),
                     .proof = model::ReleaseProof::person,
                     .evidence = "x"},
                    {}},
          .failures = {{.arm = model::ReleaseArm::stable,
                        .kind = model::InstanceFailureKind::liveness_failed,
                        .at = base::Duration(9)}},
          .rollbacks = 2,
          .bad = true,
          .told = 9};
}

ReleaseRecord sample_release(const std::string& id, const std::string& service) {
  model::ReleasePolicy policy;
  policy.gates.push_back({.name = "qa", .before = 2500});
  return {.spec = {.id = id,
                   .service = base::ServiceName(service),
                   .stable = base::RevisionName(service + "-00001"),
                   .canary = base::RevisionName(service + "-00002"),
                   .policy = policy,
                   .rollbacks_before = 1},
          .salt = "s",
          .created_unix_ns = 11,
          .began_unix_ns = 13,
          .objective = std::chrono::milliseconds(14),
          .age = std::chrono::seconds(12),
          .state = whole_state(),
          .judge = "j"};
}

TEST_F(ReleasesInStore, are_read_back_as_they_were_written) {
  const ReleaseRecord release = sample_release("r1", "loans");
  const ReleaseAuditRecord audit{.release = "r1",
                                 .number = 1,
                                 .audit = {.at = base::Duration(5),
                                           .unix_ns = 6,
                                           .actor = model::ReleaseActor::person,
                                           .who = "ana",
                                           .event = model::ReleaseEvent::refused,
                                           .weight = 7,
                                           .why = "w"}};
  const model::ReleasePolicy policy = default_policy(model::ReleaseStrategy::blue_green);
  const ReleasePolicyRecord named{
      .name = "p", .policy = policy, .document = release_policy_document("p", policy).dump(), .created_unix_ns = 8};
  {
    Store store = open();
    std::vector<Change> changes = {sample_service("loans"), release, audit, named};
    ASSERT_TRUE(store.commit(changes));
  }
  Store store = open();
  const auto contents = store.load();
  ASSERT_TRUE(contents) << contents.error().line();
  EXPECT_THAT(contents->releases, ElementsAre(release));
  EXPECT_THAT(contents->release_audits, ElementsAre(audit));
  EXPECT_THAT(contents->release_policies, ElementsAre(named));
}

TEST_F(ReleasesInStore, go_with_their_service_and_their_history_with_them) {
  Store store = open();
  std::vector<Change> changes = {sample_service("loans"), sample_service("cards"), sample_release("r1", "loans"),
                                 sample_release("r2", "cards"), sample_release("r3", "cards")};
  for (const char* release : {"r1", "r2", "r3"}) changes.emplace_back(ReleaseAuditRecord{.release = release});
  ASSERT_TRUE(store.commit(changes));
  std::vector<Change> drops = {DropService{base::ServiceName("loans")}, DropRelease{"r2"}};
  ASSERT_TRUE(store.commit(drops));
  const auto contents = store.load();
  ASSERT_EQ(contents->releases.size(), 1U);
  EXPECT_EQ(contents->releases[0].spec.id, "r3");
  ASSERT_EQ(contents->release_audits.size(), 1U);
  EXPECT_EQ(contents->release_audits[0].release, "r3");
}

TEST_F(ReleasesInStore, a_policy_goes_when_it_is_dropped) {
  Store store = open();
  const model::ReleasePolicy policy;
  std::vector<Change> changes = {
      ReleasePolicyRecord{.name = "p", .policy = policy, .document = release_policy_document("p", policy).dump()}};
  ASSERT_TRUE(store.commit(changes));
  std::vector<Change> drops = {DropReleasePolicy{"p"}};
  ASSERT_TRUE(store.commit(drops));
  EXPECT_THAT(store.load()->release_policies, IsEmpty());
}

TEST_F(ReleasesInStore, notifications_stay_in_their_order_until_each_is_dropped) {
  Store store = open();
  const NoticeRecord later{.id = "a", .release = "r1", .url = "http://chat/", .created_unix_ns = 2, .body = "{}"};
  const NoticeRecord sooner{.id = "b", .release = "r1", .url = "http://chat/", .created_unix_ns = 1, .body = "{}"};
  std::vector<Change> changes = {later, sooner};
  const std::uint64_t version = store.resource_version();
  ASSERT_TRUE(store.commit(changes));
  EXPECT_THAT(store.load()->notices, ElementsAre(sooner, later));
  std::vector<Change> drops = {DropNotice{"b"}, DropNotice{"unknown"}};
  ASSERT_TRUE(store.commit(drops));
  EXPECT_THAT(store.load()->notices, ElementsAre(later));
  EXPECT_EQ(store.resource_version(), version) << "no client watches them";
}

TEST_F(ReleasesInStore, what_a_release_counts_is_no_change_that_clients_watch) {
  Store store = open();
  std::vector<Change> changes = {sample_service("loans")};
  ASSERT_TRUE(store.commit(changes));
  const std::uint64_t version = store.resource_version();
  std::vector<Change> counted = {sample_release("r1", "loans")};
  ASSERT_TRUE(store.commit(counted));
  EXPECT_EQ(store.resource_version(), version);
}

TEST(ReleaseForm, a_newer_marea_may_add_and_an_older_one_may_lack) {
  const auto state = release_state_from_text(R"({"phase":"watching","weight":9900,"from_tomorrow":[1]})");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->phase, model::ReleasePhase::watching);
  EXPECT_EQ(state->attempt, 1);
  EXPECT_FALSE(release_state_from_text(R"({"phase":"from tomorrow"})"));
  EXPECT_FALSE(release_state_from_text(R"({"weight":"a"})"));
  EXPECT_FALSE(release_state_from_text("{"));
}

}  // namespace
}  // namespace marea::store
