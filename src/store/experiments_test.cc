#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "store/sample_records_test.h"
#include "store/store.h"

namespace marea::store {
namespace {

using testing::ElementsAre;

class ExperimentsInStore : public testing::Test {
 protected:
  ExperimentsInStore() : folder_(testing::TempDir() + "experiments-XXXXXX") {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~ExperimentsInStore() override { std::filesystem::remove_all(folder_); }
  Store open() { return *Store::open(folder_ + "/marea.db"); }

 private:
  std::string folder_;
};

ExperimentRecord sample_experiment(const std::string& name, const std::string& service) {
  ExperimentRecord out;
  out.spec.name = name;
  out.spec.service = base::ServiceName(service);
  for (const char* arm : {"old", "new"}) {
    out.spec.arms.push_back(
        {.name = arm, .revision = base::RevisionName(service + "-1"), .weight = 5000, .customers = {}, .segments = {}});
  }
  out.spec.conversions.push_back({.name = "paid", .route = {}, .event = "payment"});
  out.spec.ends_unix_ns = 1'800'000'000'000'000'000;
  out.document = model::experiment_document(out.spec).dump();
  out.created_unix_ns = 5;
  out.salt = "s";
  out.state = {.phase = model::ExperimentPhase::ended,
               .cause = model::ExperimentEnd::person,
               .detail = "it is Friday",
               .who = "ana",
               .began_unix_ns = 6,
               .ended_unix_ns = 7};
  out.data = "d";
  return out;
}

TEST_F(ExperimentsInStore, are_read_back_as_they_were_written) {
  const ExperimentRecord record = sample_experiment("form", "loans");
  {
    Store store = open();
    std::vector<Change> changes = {sample_service("loans"), record};
    ASSERT_TRUE(store.commit(changes));
  }
  Store store = open();
  const auto contents = store.load();
  ASSERT_TRUE(contents) << contents.error().line();
  EXPECT_THAT(contents->experiments, ElementsAre(record));
}

TEST_F(ExperimentsInStore, go_with_their_service_and_when_they_are_dropped) {
  Store store = open();
  std::vector<Change> changes = {sample_service("loans"), sample_service("cards"), sample_experiment("a", "loans"),
                                 sample_experiment("b", "cards"), sample_experiment("c", "cards")};
  ASSERT_TRUE(store.commit(changes));
  std::vector<Change> drops = {DropService{base::ServiceName("loans")}, DropExperiment{"b"}};
  ASSERT_TRUE(store.commit(drops));
  const auto contents = store.load();
  ASSERT_EQ(contents->experiments.size(), 1U);
  EXPECT_EQ(contents->experiments[0].spec.name, "c");
}

}  // namespace
}  // namespace marea::store
