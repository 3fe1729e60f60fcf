#include "control/rollback.h"

#include <gmock/gmock.h>

namespace marea::control {
namespace {

using model::ReleasePhase;
using testing::HasSubstr;

RollbackRevision made(const char* name, bool ready = true, bool forbids = false) {
  return {.name = base::RevisionName(name), .ready = ready, .forbids = forbids};
}

RollbackRelease release(const char* stable, const char* canary, ReleasePhase phase) {
  return {.id = canary, .stable = base::RevisionName(stable), .canary = base::RevisionName(canary), .phase = phase};
}

RollbackFacts facts_of(std::vector<RollbackRevision> revisions, std::vector<RollbackRelease> releases,
                       const char* serving) {
  return {.service = base::ServiceName("hola"),
          .revisions = std::move(revisions),
          .releases = std::move(releases),
          .serving = base::RevisionName(serving),
          .serves_alone = true};
}

// "from → to how", or the refusal.
std::string planned(const RollbackFacts& facts, const char* wanted = "") {
  const auto plan = plan_rollback(facts, base::RevisionName(wanted));
  if (!plan) {
    std::string out(base::to_string(plan.error().error.code));
    out += " " + plan.error().error.why;
    for (const model::Fault& fault : plan.error().faults) out += fault.path + ": " + fault.message;
    return out;
  }
  return plan->from.str() + " to " + plan->to.str() + (plan->aborts ? " abort" : "") + (plan->undoes ? " undo" : "") +
         (plan->by_traffic ? " traffic" : "") + (plan->ends ? " ends" : "");
}

TEST(Rollback, the_last_known_stable_is_what_passed_its_watch_else_what_a_release_came_from_else_the_one_before) {
  RollbackFacts facts = facts_of({made("a"), made("b"), made("c")}, {}, "c");
  EXPECT_EQ(last_known_stable(facts).str(), "b") << "the one before";
  facts.releases = {release("a", "c", ReleasePhase::watching)};
  EXPECT_EQ(last_known_stable(facts).str(), "a") << "what the newest release came from";
  facts.releases = {release("a", "b", ReleasePhase::done), release("b", "c", ReleasePhase::failed)};
  EXPECT_EQ(last_known_stable(facts).str(), "b") << "it passed its watch";
  facts.releases.back().phase = ReleasePhase::done;
  EXPECT_EQ(last_known_stable(facts).str(), "c") << "the newest that did";
  facts.revisions[2].ready = false;
  EXPECT_EQ(last_known_stable(facts).str(), "b") << "of those that can serve";
  EXPECT_EQ(last_known_stable(facts_of({made("a")}, {}, "a")).str(), "") << "there is no other";
  EXPECT_EQ(last_known_stable(facts_of({made("a"), made("b")}, {}, "")).str(), "") << "nothing serves";
}

TEST(Rollback, an_experiment_ends_and_what_it_compared_with_gets_everything) {
  RollbackFacts facts = facts_of({made("z"), made("a"), made("b")}, {release("y", "z", ReleasePhase::done)}, "a");
  facts.control = base::RevisionName("a");
  facts.tried = base::RevisionName("b");
  EXPECT_EQ(planned(facts), "b to a ends") << "the traffic says so already";
  EXPECT_EQ(planned(facts, "z"), "b to z traffic ends");
  facts.serving = base::RevisionName("b");
  EXPECT_EQ(planned(facts), "b to a traffic ends") << "without it the newest would get everything";
}

TEST(Rollback, what_was_taken_back_already_is_not_taken_back_once_more) {
  for (const ReleasePhase phase : {ReleasePhase::rolled_back, ReleasePhase::aborted, ReleasePhase::failed}) {
    const RollbackFacts facts = facts_of({made("a"), made("b"), made("c")}, {release("b", "c", phase)}, "b");
    EXPECT_THAT(planned(facts), HasSubstr("c was taken back already, and b has all requests")) << to_string(phase);
    EXPECT_EQ(planned(facts, "a"), "b to a traffic") << "who means it names it";
  }
}

TEST(Rollback, a_release_that_runs_is_aborted) {
  const RollbackFacts facts =
      facts_of({made("a"), made("b"), made("c")}, {release("b", "c", ReleasePhase::stepping)}, "c");
  EXPECT_EQ(planned(facts), "c to b abort");
  EXPECT_EQ(planned(facts, "b"), "c to b abort");
  EXPECT_EQ(planned(facts, "a"), "c to a abort traffic");
  EXPECT_EQ(planned(facts, "c"), "E_CONFLICT c is what release c brings");
}

TEST(Rollback, a_release_that_is_done_is_taken_back_where_its_stable_is_the_target) {
  RollbackFacts facts = facts_of({made("a"), made("b"), made("c")},
                                 {release("a", "b", ReleasePhase::done), release("b", "c", ReleasePhase::done)}, "c");
  EXPECT_EQ(planned(facts), "c to b undo");
  EXPECT_EQ(planned(facts, "a"), "c to a traffic");
  facts.by_hand = true;
  EXPECT_EQ(planned(facts), "c to b traffic") << "else spec.traffic would win";
}

TEST(Rollback, without_a_release_the_traffic_says_it) {
  EXPECT_EQ(planned(facts_of({made("a"), made("b")}, {}, "b")), "b to a traffic");
  EXPECT_EQ(planned(facts_of({made("a"), made("b")}, {}, "b"), "b"), "E_CONFLICT b has all requests already");
  EXPECT_EQ(planned(facts_of({made("a")}, {}, "a")), "E_CONFLICT there is no earlier revision that is ready");
}

TEST(Rollback, a_revision_that_is_none_of_the_services_or_not_ready_is_a_fault) {
  const RollbackFacts facts = facts_of({made("a", false), made("b")}, {}, "b");
  EXPECT_THAT(planned(facts, "z"), HasSubstr("revision: hola has no revision z"));
  EXPECT_THAT(planned(facts, "a"), HasSubstr("revision: a is not ready"));
}

TEST(Rollback, what_lies_between_may_forbid_it) {
  RollbackFacts facts = facts_of({made("a"), made("b", true, true), made("c")}, {}, "c");
  EXPECT_THAT(planned(facts, "a"), HasSubstr("b forbids to be taken back by now"));
  EXPECT_EQ(planned(facts, "b"), "c to b traffic") << "it stays";
  facts.revisions[2].forbids = true;
  EXPECT_THAT(planned(facts, "b"), HasSubstr("c forbids"));
  facts.serving = base::RevisionName("a");
  EXPECT_EQ(planned(facts, "b"), "a to b traffic") << "that is forward";
}

TEST(Rollback, tags_stay_without_a_share) {
  const model::Json document = model::Json::parse(
      R"({"spec": {"traffic": [{"latestRevision": true, "percent": 90}, {"revisionName": "a", "percent": 10, "tag": "old"}]}})");
  EXPECT_EQ(with_traffic_to(document, base::RevisionName("b"))["spec"]["traffic"].dump(),
            R"([{"revisionName":"b","percent":100},{"revisionName":"a","percent":0,"tag":"old"}])");
  EXPECT_EQ(with_traffic_to(document, {})["spec"]["traffic"][0].dump(), R"({"latestRevision":true,"percent":100})");
  EXPECT_EQ(with_traffic_to(model::Json::parse(R"({"spec": {}})"), base::RevisionName("b"))["spec"]["traffic"].size(),
            1U);
}

}  // namespace
}  // namespace marea::control
