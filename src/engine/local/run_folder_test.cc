#include "engine/local/run_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace marea::engine::local {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "run-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    path_ = folder;
  }
  void TearDown() override { fs::remove_all(path_); }
  RunFolder open() const { return std::move(*RunFolder::open(path_)); }
  static InstanceRecord record() {
    InstanceRecord out{.id = base::InstanceId("r-abcde"), .slot = 7};
    out.revision.name = base::RevisionName("r");
    out.revision.spec.container.env = {{"A", "1"}};
    out.phase = Phase::draining;
    out.epoch = 9;
    out.deadline = std::chrono::seconds(77);
    out.past.app_started = true;
    out.end = SandboxEnd{.reason = model::Reason::app_exited, .detail = "", .exit = model::ExitStatus{.code = 3}};
    return out;
  }
  static model::InstanceReport report(const std::string& id, std::int64_t since) {
    return {.id = base::InstanceId(id), .state = model::InstanceState::failed, .since_unix_ns = since};
  }
  static std::size_t files(const std::string& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  std::string path_;
};

TEST_F(RunFolderTest, an_instance_is_found_as_it_was_written_last) {
  InstanceRecord written = record();
  ASSERT_TRUE(open().write(written));
  written.phase = Phase::stopping;
  ASSERT_TRUE(open().write(written));
  const std::vector<InstanceRecord> found = open().records();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(net::encode(found[0]), net::encode(written));
  open().forget(written.id);
  EXPECT_TRUE(open().records().empty());
}

TEST_F(RunFolderTest, what_is_torn_or_of_another_build_counts_as_absent_and_is_removed) {
  ASSERT_TRUE(open().write(record()));
  fs::resize_file(path_ + "/.instances/r-abcde", fs::file_size(path_ + "/.instances/r-abcde") - 1);
  std::ofstream(path_ + "/.instances/other") << "marea 1\nx";
  std::ofstream(path_ + "/.instances/r-fghij.new") << "half";
  fs::create_directories(path_ + "/.instances/folder");
  EXPECT_TRUE(open().records().empty());
  EXPECT_EQ(files(path_ + "/.instances"), 1U) << "a folder is nobody's record";
}

TEST_F(RunFolderTest, a_record_under_another_name_is_no_record) {
  ASSERT_TRUE(open().write(record()));
  fs::rename(path_ + "/.instances/r-abcde", path_ + "/.instances/r-other");
  EXPECT_TRUE(open().records().empty());
}

TEST_F(RunFolderTest, final_reports_are_kept_over_a_restart_oldest_first_until_dropped) {
  RunFolder run = open();
  ASSERT_TRUE(run.keep(report("b", 1)));
  ASSERT_TRUE(run.keep(report("a", 2)));
  ASSERT_TRUE(run.keep(report("a", 2)));
  RunFolder next = open();
  ASSERT_EQ(next.kept().size(), 2U);
  EXPECT_EQ(next.kept()[0].id.str(), "b");
  next.drop(base::InstanceId("b"));
  next.drop(base::InstanceId("../.plan"));  // control's word is no path
  ASSERT_EQ(open().kept().size(), 1U);
  EXPECT_EQ(open().kept()[0].id.str(), "a");
}

TEST_F(RunFolderTest, the_plan_is_kept) {
  EXPECT_FALSE(open().plan());
  model::Plan plan{.number = 3, .grants_for = std::chrono::hours(1), .revisions = {{.min = 1, .max = 2, .wanted = 1}}};
  plan.revisions[0].revision.name = base::RevisionName("r");
  ASSERT_TRUE(open().save(plan));
  EXPECT_EQ(open().plan(), plan);
  std::ofstream(path_ + "/.plan") << "damaged";
  EXPECT_FALSE(open().plan());
}

}  // namespace
}  // namespace marea::engine::local
