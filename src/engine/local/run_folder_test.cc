#include "engine/local/run_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

#include "net/wire.h"

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

TEST_F(RunFolderTest, what_is_torn_or_no_record_counts_as_absent_and_is_removed) {
  ASSERT_TRUE(open().write(record()));
  fs::resize_file(path_ + "/.instances/r-abcde", fs::file_size(path_ + "/.instances/r-abcde") - 1);
  std::ofstream(path_ + "/.instances/other") << "marea 1\nx";
  std::ofstream(path_ + "/.instances/r-fghij.new") << "half";
  fs::create_directories(path_ + "/.instances/folder");
  EXPECT_TRUE(open().records().empty());
  EXPECT_EQ(files(path_ + "/.instances"), 1U) << "a folder is nobody's record";
}

TEST_F(RunFolderTest, what_a_newer_marea_wrote_is_left_to_it_and_told_once) {
  std::ofstream(path_ + "/.plan") << "marea plan 2\nx";
  RunFolder run = open();
  for (const char* file : {"/.instances/a", "/.instances/b"}) std::ofstream(path_ + file) << "marea instance 2\nx";
  std::ofstream(path_ + "/.instances/c") << "damaged";
  std::ofstream(path_ + "/.ended/a") << "marea report 2\nx";
  run = open();
  EXPECT_TRUE(run.records().empty());
  EXPECT_TRUE(run.kept().empty());
  EXPECT_FALSE(run.plan());
  std::string told;
  for (const base::Error& error : run.take_refused()) told += error.line() + "\n";
  for (const char* part : {"/.instances/", " and 1 more: a newer marea wrote it", "/.instances/c: it is damaged",
                           "/.ended/a: a newer marea wrote it", "/.plan: a newer marea wrote it"}) {
    EXPECT_NE(told.find(part), std::string::npos) << part << " in " << told;
  }
  EXPECT_TRUE(run.take_refused().empty());
  EXPECT_EQ(files(path_ + "/.instances"), 2U);
  EXPECT_EQ(files(path_ + "/.ended"), 1U);
  EXPECT_TRUE(fs::exists(path_ + "/.plan"));
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

TEST_F(RunFolderTest, what_is_synced_is_what_nobody_has_dropped_since) {
  RunFolder run = open();
  ASSERT_TRUE(run.keep(report("a", 1)));
  ASSERT_TRUE(run.keep(report("b", 2)));
  run.drop(base::InstanceId("a"));
  EXPECT_EQ(run.take_unsynced(), std::vector<std::string>{"b"});
  EXPECT_TRUE(run.take_unsynced().empty());
  EXPECT_TRUE(run.sync({"a", "b"})) << "one that was dropped meanwhile is no failure";
  RunFolder next = open();
  EXPECT_EQ(next.take_unsynced(), std::vector<std::string>{"b"}) << "an earlier engine may not have come to it";
  fs::remove_all(path_ + "/.ended");
  EXPECT_FALSE(run.sync({"b"}));
}

TEST_F(RunFolderTest, without_room_a_report_stays_in_memory_and_its_record_on_the_disk) {
  RunFolder run = open();
  ASSERT_TRUE(run.write(record()));
  const model::InstanceReport last = report(record().id.str(), 5);
  const auto without_room = [](const auto& work) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit tight{.rlim_cur = 10, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    work();
    ::setrlimit(RLIMIT_FSIZE, &before);
  };
  without_room([&] {
    EXPECT_FALSE(run.keep(last));
    EXPECT_FALSE(run.write(record()));
    EXPECT_FALSE(run.save({}));
    EXPECT_TRUE(run.take_unsynced().empty());
  });
  EXPECT_FALSE(run.all_written());
  EXPECT_EQ(files(path_ + "/.ended"), 0U);
  EXPECT_EQ(files(path_ + "/.instances"), 1U);
  EXPECT_EQ(run.kept(), std::vector{last});
  EXPECT_EQ(run.records().size(), 1U) << "what the next engine would tell it from";

  EXPECT_EQ(run.take_unsynced(), std::vector{last.id.str()});
  EXPECT_TRUE(run.all_written());
  EXPECT_TRUE(run.records().empty());
  EXPECT_EQ(open().kept(), std::vector{last});

  ASSERT_TRUE(run.write(record()));
  without_room([&] { EXPECT_FALSE(run.keep(last)); });
  run.drop(last.id);
  EXPECT_TRUE(run.all_written());
  EXPECT_TRUE(open().records().empty());
  EXPECT_TRUE(open().kept().empty());
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
