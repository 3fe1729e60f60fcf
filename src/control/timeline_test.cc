#include "control/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/manifest.h"

namespace marea::control {
namespace {

using model::ReleaseEvent;
using model::ReleasePhase;
using model::TimelineCause;
using testing::ElementsAre;
using testing::IsEmpty;

store::ServiceRecord service_record(const std::string& name, const std::string& traffic = "[]") {
  model::Json document = model::Json::parse(R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{},
      "spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}})");
  document["metadata"]["name"] = name;
  if (traffic != "[]") document["spec"]["traffic"] = model::Json::parse(traffic);
  const std::string text = document.dump();
  auto parsed = model::parse_service(std::move(document));
  if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
  return {.service = std::move(parsed->service), .document = text};
}

store::RevisionRecord revision_record(const std::string& name, store::RevisionResult result) {
  store::RevisionRecord record{.result = result};
  record.revision = {.name = base::RevisionName(name), .service = base::ServiceName(name.substr(0, name.find('-')))};
  record.revision.image.digest = "sha256:" + name;
  return record;
}

store::ReleaseRecord release_record(ReleasePhase phase, model::Weight weight) {
  store::ReleaseRecord record{.spec = {.id = "hola-2",
                                       .service = base::ServiceName("hola"),
                                       .stable = base::RevisionName("hola-1"),
                                       .canary = base::RevisionName("hola-2")}};
  record.state.phase = phase;
  record.state.weight = weight;
  record.state.steps = {{.weight = 100, .ended = base::Duration{1}, .proof = model::ReleaseProof::unproven}, {}};
  return record;
}

store::ReleaseAuditRecord audit(ReleaseEvent event, model::ReleaseActor actor = model::ReleaseActor::platform) {
  return {.release = "hola-2", .audit = {.actor = actor, .who = "ana", .event = event, .why = "because"}};
}

class TimelineTest : public testing::Test {
 protected:
  ServiceRecords now() const { return {.service = &service, .revisions = {&first, &second}, .releases = {&release}}; }
  std::vector<model::TimelineLine> lines(std::vector<store::Change> with) {
    changes = std::move(with);
    const ServiceRecords before = now();
    const model::TimelineLine last{.number = 7, .confirmed_unix_ns = 5, .serving = serving_of(before)};
    const ServiceRecords after = with_changes(before, changes, service.service.name);
    return lines_for(before, after, changes, {.author = author, .unix_ns = 9, .last = &last});
  }
  std::vector<std::string> causes(std::vector<store::Change> with) {
    std::vector<std::string> out;
    for (const auto& line : lines(std::move(with))) out.emplace_back(to_string(line.cause));
    return out;
  }

  store::ServiceRecord service = service_record("hola");
  store::RevisionRecord first = revision_record("hola-1", store::RevisionResult::ready);
  store::RevisionRecord second = revision_record("hola-2", store::RevisionResult::ready);
  store::ReleaseRecord release = release_record(ReleasePhase::stepping, 100);
  Author author{.actor = model::ReleaseActor::person, .who = "ana", .why = "why"};
  std::vector<store::Change> changes;
};

TEST_F(TimelineTest, what_serves_follows_from_records_alone_and_says_which_release_divides_it) {
  const model::Serving serving = serving_of(now());
  EXPECT_EQ(model::print_split(serving), "hola-1 99%, hola-2 1%");
  EXPECT_EQ(serving.shares.at(1).digest, "sha256:hola-2");
  EXPECT_EQ(serving.release, "hola-2");
  release.state.phase = ReleasePhase::rolled_back;
  release.state.weight = 0;
  EXPECT_EQ(model::print_split(serving_of(now())), "hola-1 100%");
  EXPECT_EQ(serving_of(now()).release, "");
  EXPECT_EQ(serving_of({}), model::Serving{});
}

TEST_F(TimelineTest, a_step_has_its_proof_and_the_weightiest_event_of_a_move_is_its_cause) {
  const auto line = lines({release_record(ReleasePhase::stepping, 500), audit(ReleaseEvent::verdict),
                           audit(ReleaseEvent::advanced), audit(ReleaseEvent::warning)});
  ASSERT_EQ(line.size(), 1U);
  EXPECT_EQ(line[0].cause, TimelineCause::release_step);
  EXPECT_EQ(line[0].proof, "unproven");
  EXPECT_EQ(line[0].why, "advanced: because");
  EXPECT_EQ(line[0].number, 8);
  EXPECT_EQ(line[0].unix_ns, 9);
  EXPECT_EQ(line[0].confirmed_unix_ns, 0) << "router has yet to follow";
  EXPECT_EQ(model::print_split(line[0].serving), "hola-1 95%, hola-2 5%");
  EXPECT_THAT(causes({release_record(ReleasePhase::rolled_back, 0), audit(ReleaseEvent::holding),
                      audit(ReleaseEvent::rolled_back)}),
              ElementsAre("rolled back"));
}

TEST_F(TimelineTest, what_changes_nothing_that_serves_is_a_line_only_where_people_look_for_it) {
  EXPECT_THAT(causes({release}), IsEmpty()) << "what the judge knows is stored each second";
  EXPECT_THAT(causes({release, audit(ReleaseEvent::paused)}), IsEmpty());
  EXPECT_THAT(causes({service}), IsEmpty());
  EXPECT_THAT(causes({store::UsageRecord{}}), IsEmpty());
  EXPECT_THAT(causes({release_record(ReleasePhase::superseded, 100), audit(ReleaseEvent::superseded)}),
              ElementsAre("release ended"));
}

TEST_F(TimelineTest, a_newer_deploy_ends_the_release_and_asks_for_its_own_revision) {
  const auto both = lines({service_record("hola"), revision_record("hola-3", store::RevisionResult::pending),
                           release_record(ReleasePhase::superseded, 0), audit(ReleaseEvent::superseded)});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].cause, TimelineCause::release_ended);
  EXPECT_EQ(both[1].cause, TimelineCause::deploy_asked);
  EXPECT_EQ(both[1].number, 9);
  EXPECT_EQ(both[1].who, "ana");
  EXPECT_EQ(both[0].serving, both[1].serving);
}

TEST_F(TimelineTest, a_rollback_that_writes_the_split_is_told_once) {
  const std::string all = R"([{"revisionName":"hola-1","percent":100}])";
  EXPECT_THAT(causes({service_record("hola", all)}), ElementsAre("traffic"));
  EXPECT_THAT(
      causes({service_record("hola", all), release, audit(ReleaseEvent::rolled_back, model::ReleaseActor::person)}),
      ElementsAre("rolled back"));
}

TEST_F(TimelineTest, what_nothing_explains_is_found_and_records_of_others_are_nothing_here) {
  EXPECT_THAT(causes({release_record(ReleasePhase::stepping, 900)}), ElementsAre("found"));
  EXPECT_THAT(causes({service_record("other"), revision_record("other-1", store::RevisionResult::ready)}), IsEmpty());
  EXPECT_THAT(services_in(changes), ElementsAre(base::ServiceName("other")));
}

TEST_F(TimelineTest, what_stays_as_it_was_stays_confirmed) {
  const auto failed = lines({revision_record("hola-3", store::RevisionResult::pending)});
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].confirmed_unix_ns, 5);
}

TEST_F(TimelineTest, a_service_that_goes_is_told_twice_as_it_begins_to_and_as_it_is_gone) {
  store::ServiceRecord deleting = service;
  deleting.deleting = true;
  EXPECT_THAT(causes({deleting}), ElementsAre("deleting"));
  const auto gone = lines({store::DropService{.name = service.service.name}});
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].cause, TimelineCause::deleted);
  EXPECT_EQ(gone[0].service.str(), "hola");
  EXPECT_TRUE(gone[0].serving.shares.empty());
}

TEST_F(TimelineTest, a_long_reason_is_cut) {
  author.why = std::string(2 * kMostWhyBytes, 'x');
  const auto line = lines({service_record("hola", R"([{"revisionName":"hola-1","percent":100}])")});
  EXPECT_EQ(line.at(0).why, std::string(kMostWhyBytes, 'x') + "…");
}

}  // namespace
}  // namespace marea::control
