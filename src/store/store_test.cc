#include "store/store.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "store/sample_records_test.h"
#include "store/schema.h"

namespace marea::store {
namespace {

ServiceRecord service(const std::string& name, int generation = 1) {
  return sample_service(name, generation);
}
RevisionRecord revision(const std::string& name, const std::string& of, int generation = 1) {
  return sample_revision(name, of, generation);
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "store-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/marea.db";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Store open() {
    base::Result<Store> store = Store::open(path_);
    if (!store) {
      ADD_FAILURE() << store.error().line();
      std::abort();
    }
    return std::move(*store);
  }
  static void commit(Store& store, std::vector<Change> changes) {
    const auto done = store.commit(changes);
    ASSERT_TRUE(done) << done.error().line();
  }

  std::string folder_;
  std::string path_;
};

TEST_F(StoreTest, an_image_keeps_the_names_that_marea_gave_it) {
  const ImageRecord record{.digest = "sha256:aa",
                           .image = {.digest = "sha256:aa", .rootfs = "/x", .bytes = 5},
                           .used_unix_ns = 7,
                           .given = {"docker.io/library/debian:12"}};
  {
    Store store = open();
    commit(store, {record});
  }
  Store store = open();
  EXPECT_EQ(store.load()->images, std::vector<ImageRecord>{record});
}

TEST_F(StoreTest, what_an_instance_used_is_one_row_however_often_it_is_written_and_moves_no_resource_version) {
  using std::chrono::seconds;
  const UsageRecord record{.instance = base::InstanceId("hola-00001-abc-xyzzy"),
                           .revision = base::RevisionName("hola-00001-abc"),
                           .service = base::ServiceName("hola"),
                           .since_unix_ns = 5,
                           .until_unix_ns = 9,
                           .ended = true,
                           .account = {.usage = {.requests = 12,
                                                 .alive = seconds(9),
                                                 .busy = seconds(8),
                                                 .billed = seconds(7),
                                                 .unready = seconds(6),
                                                 .stopping = seconds(5),
                                                 .cpu = seconds(4),
                                                 .peak_memory_bytes = 3,
                                                 .memory_limit_bytes = 2,
                                                 .milli_cpu = 1,
                                                 .whole_life = true},
                                       .kept_idle = seconds(10)}};
  UsageRecord younger = record;
  younger.ended = false;
  younger.account.usage.requests = 3;
  const UsageTotal total{.service = base::ServiceName("hola"),
                         .revision = base::RevisionName("hola-00001-abc"),
                         .since_unix_ns = 1,
                         .until_unix_ns = 2,
                         .bill = {.instances = 3,
                                  .requests = 4,
                                  .billable = seconds(5),
                                  .kept_idle = seconds(6),
                                  .busy = seconds(7),
                                  .alive = seconds(8),
                                  .cpu = seconds(9),
                                  .milli_cpu_ms = 10,
                                  .mebibyte_ms = 11,
                                  .peak_memory_bytes = 12}};
  UsageRecord dropped = record;
  dropped.instance = base::InstanceId("another");
  {
    Store store = open();
    commit(store, {younger, dropped});
    commit(store, {record});
    commit(store, {record, total, DropUsage{dropped.instance}});
    EXPECT_EQ(store.resource_version(), 0U);
  }
  Store store = open();
  const auto contents = store.load();
  ASSERT_TRUE(contents) << contents.error().line();
  EXPECT_EQ(contents->usage, std::vector{record});
  EXPECT_EQ(contents->usage_totals, std::vector{total});
}

TEST_F(StoreTest, everything_written_is_there_after_a_reopen) {
  RevisionRecord ready = revision("hola-00001-abc", "hola");
  ready.result = RevisionResult::ready;
  ready.decided_unix_ns = 9;
  ready.revision.image = {.digest = "sha256:aa", .rootfs = "/r", .bytes = 4, .config = {.env = {"A=1"}, .uid = 33}};
  ready.revision.image.config.groups = {4294967295U};
  RevisionRecord failed = revision("hola-00002-xyz", "hola", 2);
  failed.result = RevisionResult::failed;
  failed.reason = model::Reason::port_mismatch;
  failed.code = base::ErrorCode::port_mismatch;
  failed.message = "it listens on 127.0.0.1:3000\nlast lines: ñ";
  {
    Store store = open();
    commit(store, {service("hola", 2), ready, failed});
    commit(store, {ImageName{"oci:/a", "sha256:aa", 3}, ImageRecord{"sha256:idx", ready.revision.image}});
    EXPECT_EQ(store.resource_version(), 2U);
    EXPECT_EQ(store.epoch(), 1U);
  }
  Store store = open();
  EXPECT_EQ(store.epoch(), 2U);
  EXPECT_EQ(store.resource_version(), 2U);
  const auto contents = store.load();
  ASSERT_TRUE(contents) << contents.error().line();
  ServiceRecord want = service("hola", 2);
  want.resource_version = 1;
  EXPECT_EQ(contents->services, std::vector{want});
  ready.resource_version = failed.resource_version = 1;
  EXPECT_EQ(contents->revisions, (std::vector{ready, failed}));
  EXPECT_EQ(contents->names, (std::vector{ImageName{"oci:/a", "sha256:aa", 3}}));
  EXPECT_EQ(contents->images, (std::vector{ImageRecord{"sha256:idx", ready.revision.image}}));
}

TEST_F(StoreTest, a_batch_with_one_bad_change_writes_nothing_and_takes_no_version) {
  Store store = open();
  std::vector<Change> changes{service("hola"), revision("other-00001", "other")};  // there is no service "other"
  const auto done = store.commit(changes);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().why.find("FOREIGN KEY"), std::string::npos) << done.error().line();
  EXPECT_EQ(store.resource_version(), 0U);
  EXPECT_TRUE(store.load()->services.empty());
  commit(store, {service("hola")});
  EXPECT_EQ(store.load()->services.at(0).resource_version, 1U);
}

TEST_F(StoreTest, dropping_a_service_takes_its_revisions_and_no_other) {
  Store store = open();
  commit(store, {service("a"), service("b"), revision("a-1", "a"), revision("a-2", "a"), revision("b-1", "b")});
  commit(store, {DropRevision{base::RevisionName("a-1")}});
  EXPECT_EQ(store.load()->revisions.size(), 2U);
  commit(store, {DropService{base::ServiceName("a")}});
  const auto contents = store.load();
  ASSERT_EQ(contents->services.size(), 1U);
  EXPECT_EQ(contents->services.at(0).service.name.str(), "b");
  ASSERT_EQ(contents->revisions.size(), 1U);
  EXPECT_EQ(contents->revisions.at(0).revision.name.str(), "b-1");
}

TEST_F(StoreTest, what_was_acknowledged_survives_kill_9_of_the_writer) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const base::Fd from_child(ends[0]);
  base::Fd to_parent(ends[1]);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    base::Result<Store> store = Store::open(path_);
    for (std::uint8_t i = 0; store; ++i) {
      std::vector<Change> changes{service("s" + std::to_string(i)), revision("r" + std::to_string(i), "s0")};
      if (!store->commit(changes) || ::write(to_parent.get(), &i, 1) != 1) break;
      if (i == 250) ::pause();  // until it is killed: further names would come again
    }
    ::_exit(1);
  }
  to_parent.reset();
  std::uint8_t last = 0;
  for (int acknowledged = 0; acknowledged < 40; ++acknowledged) ASSERT_EQ(::read(from_child.get(), &last, 1), 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  while (::read(from_child.get(), &last, 1) == 1) {
  }
  Store store = open();
  const auto contents = store.load();
  ASSERT_TRUE(contents) << contents.error().line();
  ASSERT_GE(contents->services.size(), std::size_t{last} + 1);
  EXPECT_EQ(contents->services.size(), contents->revisions.size());
  EXPECT_EQ(store.resource_version(), contents->services.size());
}

TEST_F(StoreTest, a_file_that_is_no_database_is_refused_with_a_way_out) {
  std::ofstream(path_) << std::string(8192, 'x');
  const auto store = Store::open(path_);
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().what.find(path_), std::string::npos);
  EXPECT_NE(store.error().remedy.find("marea repair"), std::string::npos) << store.error().line();
}

TEST_F(StoreTest, a_damaged_page_is_found_at_the_start) {
  {
    Store store = open();
    for (int i = 0; i < 50; ++i) commit(store, {service("s" + std::to_string(i))});
  }
  std::filesystem::remove(path_ + "-wal");
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 1; page < 6; ++page) {
      file.seekp(page * 4096);
      file << std::string(64, '\xff');
    }
  }
  const auto store = Store::open(path_);
  ASSERT_FALSE(store);
  EXPECT_FALSE(store.error().remedy.empty()) << store.error().line();
}

TEST_F(StoreTest, a_row_that_no_longer_parses_is_named) {
  {
    Store store = open();
    commit(store, {service("hola")});
  }
  {
    auto db = Database::open(path_);
    ASSERT_TRUE(db->run("UPDATE services SET document = '{\"kind\":\"Service\"}'"));
  }
  Store store = open();
  const auto contents = store.load();
  ASSERT_FALSE(contents);
  EXPECT_NE(contents.error().what.find("service hola"), std::string::npos) << contents.error().line();
}

TEST_F(StoreTest, a_store_of_a_newer_marea_is_refused) {
  {
    auto db = Database::open(path_);
    ASSERT_TRUE(db->run("PRAGMA user_version=99"));
  }
  const auto store = Store::open(path_);
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().why.find("99"), std::string::npos) << store.error().line();
}

}  // namespace
}  // namespace marea::store
