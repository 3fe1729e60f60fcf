#include "control/status.h"

#include <gtest/gtest.h>

namespace marea::control {
namespace {

using model::Reason;
using store::RevisionResult;

std::string conditions_text(const std::vector<Condition>& conditions) {
  std::string out;
  for (const Condition& one : conditions) {
    out += (out.empty() ? "" : " ") + one.type + "=" + std::string(to_string(one.status));
    if (!one.reason.empty()) out += "(" + one.reason + ")";
  }
  return out;
}

store::RevisionRecord record(RevisionResult result, Reason reason = Reason::none) {
  store::RevisionRecord out{.result = result,
                            .reason = reason,
                            .code = base::ErrorCode::port_mismatch,
                            .message = "why",
                            .decided_unix_ns = 9};
  out.revision.name = base::RevisionName("r1");
  return out;
}

TEST(RevisionStatus, each_result_has_its_conditions) {
  struct Row {
    store::RevisionRecord record;
    bool checking = false;
    int up = 0;
    std::string conditions;
  };
  const std::vector<Row> rows = {
      {record(RevisionResult::pending), false, 0,
       "Ready=Unknown(ResolvingDigests) ContainerHealthy=Unknown(ResolvingDigests) "
       "ResourcesAvailable=Unknown(ResolvingDigests) Active=False(NoTraffic)"},
      {record(RevisionResult::pending), true, 0,
       "Ready=Unknown(Deploying) ContainerHealthy=Unknown(Deploying) ResourcesAvailable=Unknown(Deploying) "
       "Active=Unknown(Deploying)"},
      {record(RevisionResult::ready), false, 1, "Ready=True ContainerHealthy=True ResourcesAvailable=True Active=True"},
      {record(RevisionResult::ready), false, 0,
       "Ready=True ContainerHealthy=True ResourcesAvailable=True Active=False(NoTraffic)"},
      {record(RevisionResult::failed, Reason::port_mismatch), false, 0,
       "Ready=False(PortMismatch) ContainerHealthy=False(PortMismatch) ResourcesAvailable=Unknown "
       "Active=False(NoTraffic)"},
      {record(RevisionResult::failed, Reason::sandbox_failed), false, 0,
       "Ready=False(SandboxFailed) ContainerHealthy=Unknown(SandboxFailed) ResourcesAvailable=False(SandboxFailed) "
       "Active=False(NoTraffic)"},
  };
  for (const Row& row : rows) {
    const RevisionStatus status = revision_status({.record = &row.record, .checking = row.checking, .up = row.up});
    EXPECT_EQ(conditions_text(status.conditions), row.conditions);
    EXPECT_EQ(status.error_code, row.record.result == RevisionResult::failed ? "E_PORT_MISMATCH" : "");
  }
}

TEST(RevisionStatus, a_ready_revision_whose_newest_start_failed_says_so) {
  const store::RevisionRecord ready = record(RevisionResult::ready);
  const Failure failure{.reason = Reason::out_of_memory, .code = base::ErrorCode::out_of_memory, .message = "memory"};
  const RevisionStatus status = revision_status({.record = &ready, .failing = &failure, .failing_since_unix_ns = 50});
  EXPECT_EQ(condition(status.conditions, "Ready").status, Truth::no);
  EXPECT_EQ(condition(status.conditions, "Ready").reason, "OutOfMemory");
  EXPECT_EQ(condition(status.conditions, "Ready").since_unix_ns, 50);
  EXPECT_EQ(status.error_code, "E_OUT_OF_MEMORY");
}

class ServiceStatusTest : public testing::Test {
 protected:
  std::string conditions(RevisionResult newest, bool applied, bool shares = true) {
    revision_ = record(newest, newest == RevisionResult::failed ? Reason::app_exited : Reason::none);
    facts_.record = &service_;
    facts_.newest = &revision_;
    facts_.newest_status = revision_status({.record = &revision_, .checking = newest == RevisionResult::pending});
    facts_.routes_applied = applied;
    facts_.shares.clear();
    if (shares) facts_.shares.push_back({.revision = base::RevisionName("r0"), .weight = 10'000});
    return conditions_text(service_status(facts_).conditions);
  }
  store::ServiceRecord service_{.generation = 4, .created_unix_ns = 3};
  store::RevisionRecord revision_;
  ServiceStatusFacts facts_;
};

TEST_F(ServiceStatusTest, ready_needs_a_ready_revision_and_a_router_that_knows_it) {
  EXPECT_EQ(conditions(RevisionResult::ready, true), "Ready=True ConfigurationsReady=True RoutesReady=True");
  EXPECT_EQ(conditions(RevisionResult::ready, false),
            "Ready=Unknown(Deploying) ConfigurationsReady=True RoutesReady=Unknown(Deploying)");
  EXPECT_EQ(conditions(RevisionResult::pending, true),
            "Ready=Unknown(Deploying) ConfigurationsReady=Unknown(Deploying) RoutesReady=True");
  EXPECT_EQ(service_status(facts_).observed_generation, 4);
}

TEST_F(ServiceStatusTest, a_failed_deploy_over_a_serving_revision_is_not_ready_but_routed) {
  EXPECT_EQ(conditions(RevisionResult::failed, true),
            "Ready=False(AppExited) ConfigurationsReady=False(AppExited) RoutesReady=True");
  EXPECT_EQ(service_status(facts_).error_code, "E_PORT_MISMATCH");
  EXPECT_EQ(service_status(facts_).conditions.at(0).message, "why");
}

TEST_F(ServiceStatusTest, a_first_deploy_that_failed_has_no_route) {
  EXPECT_EQ(conditions(RevisionResult::failed, true, false),
            "Ready=False(AppExited) ConfigurationsReady=False(AppExited) RoutesReady=False(AppExited)");
}

TEST_F(ServiceStatusTest, traffic_to_an_absent_revision_is_named) {
  facts_.unmet = {"gone"};
  EXPECT_EQ(conditions(RevisionResult::ready, true),
            "Ready=False(RevisionMissing) ConfigurationsReady=True RoutesReady=False(RevisionMissing)");
  EXPECT_EQ(service_status(facts_).error_code, "E_NOT_FOUND");
}

TEST_F(ServiceStatusTest, traffic_to_the_revision_that_is_being_deployed_is_no_failure_yet) {
  facts_.unmet = {"r1"};
  EXPECT_EQ(conditions(RevisionResult::pending, true),
            "Ready=Unknown(Deploying) ConfigurationsReady=Unknown(Deploying) RoutesReady=Unknown(Deploying)");
  facts_.unmet = {"r1", "gone"};
  EXPECT_EQ(conditions(RevisionResult::pending, true),
            "Ready=False(RevisionMissing) ConfigurationsReady=Unknown(Deploying) RoutesReady=False(RevisionMissing)");
  facts_.unmet = {"r1"};
  EXPECT_EQ(conditions(RevisionResult::failed, true),
            "Ready=False(AppExited) ConfigurationsReady=False(AppExited) RoutesReady=False(RevisionMissing)");
}

}  // namespace
}  // namespace marea::control
