// What the store promises when the disk does not: a property, checked with a fault at every I/O step of a run.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/sample_records_test.h"
#include "store/store.h"
#include "store/unsafe_disk_test.h"

namespace marea::store {
namespace {

constexpr const char* kPath = "/control/marea.db";
constexpr int kCommits = 9;
constexpr int kReopenAfter = 5;  // an orderly restart in the middle: the log is merged and removed
constexpr int kLogPages = 6;     // merge it often, so that these steps are met too

extern "C" int merge_often(sqlite3* db, const char** /*error*/, const struct sqlite3_api_routines* /*api*/) {
  return sqlite3_wal_autocheckpoint(db, kLogPages);
}

// What the store should hold.
struct Model {
  std::map<std::string, ServiceRecord> services;
  std::map<std::string, RevisionRecord> revisions;
  std::map<std::string, ImageName> names;

  void take(const Change& change) {
    if (const auto* one = std::get_if<ServiceRecord>(&change)) services[one->service.name.str()] = *one;
    if (const auto* one = std::get_if<RevisionRecord>(&change)) revisions[one->revision.name.str()] = *one;
    if (const auto* one = std::get_if<ImageName>(&change)) names[one->name] = *one;
    if (const auto* drop = std::get_if<DropService>(&change)) {
      services.erase(drop->name.str());
      std::erase_if(revisions, [&](const auto& each) { return each.second.revision.service == drop->name; });
    }
  }
  friend bool operator==(const Model&, const Model&) = default;
};

Model model_of(const Contents& contents) {
  Model out;
  for (const ServiceRecord& one : contents.services) out.take(one);
  for (const RevisionRecord& one : contents.revisions) out.take(one);
  for (const ImageName& one : contents.names) out.take(one);
  return out;
}

// The changes of one commit: what a deploy, a verdict, a delete and an upload write.
std::vector<Change> changes_of(int number) {
  const std::string name = "s" + std::to_string(number % 3);
  if (number % 5 == 4) return {DropService{base::ServiceName(name)}};
  RevisionRecord verdict = sample_revision(name + "-" + std::to_string(number), name, number);
  verdict.message = std::string(2500 + 700 * static_cast<std::size_t>(number), static_cast<char>('a' + number));
  return {sample_service(name, number), verdict, ImageName{"oci:/" + name, "sha256:aa", number}};
}

// A platform on an unsafe disk, and what it was told.
class Life {
 public:
  Life(std::uint64_t seed, Fault fault, std::uint64_t step) : disk_(seed), fault_(fault) { disk_.fail_at(step, fault); }

  std::uint64_t steps() const { return disk_.steps(); }

  void play() {
    open();
    for (int i = 0; i < kCommits && !disk_.off(); ++i) {
      if (i == kReopenAfter) open();
      commit(i);
    }
    store_.reset();
    disk_.power_cycle();
    open();
    ASSERT_TRUE(store_);
    commit(kCommits);
    EXPECT_FALSE(open_question_) << "the store that was opened again takes changes";
  }

 private:
  // A start, and another one when the fault hit the first.
  void open() {
    store_.reset();
    if (disk_.off()) return;
    for (int attempt = 0; attempt < 2 && !store_ && !disk_.off(); ++attempt) {
      base::Result<Store> opened = Store::open(kPath);
      if (opened) {
        store_.emplace(std::move(*opened));
      } else {
        EXPECT_TRUE(attempt == 0 && fault_ != Fault::none) << opened.error().line();
        EXPECT_FALSE(opened.error().why.empty());
      }
    }
    if (!store_) return;
    EXPECT_GT(store_->epoch(), epoch_);
    epoch_ = store_->epoch();
    base::Result<Contents> contents = store_->load();
    if (!contents) {  // the one read error: control ends and starts again
      EXPECT_EQ(fault_, Fault::read_fails) << contents.error().line();
      contents = store_->load();
    }
    ASSERT_TRUE(contents) << contents.error().line();
    const Model found = model_of(*contents);
    EXPECT_TRUE(found == told_ || (open_question_ && found == *open_question_)) << "an acknowledged change is missing";
    told_ = found;
    open_question_.reset();
  }

  void commit(int number) {
    if (!store_) return open();
    std::vector<Change> changes = changes_of(number);
    const base::Result<void> done = store_->commit(changes);
    Model after = told_;
    for (const Change& one : changes) after.take(one);
    if (done) {
      told_ = after;
      open_question_.reset();
      return;
    }
    EXPECT_TRUE(disk_.happened()) << done.error().line();
    open_question_ = after;
    if (disk_.off() || fault_ != Fault::sync_fails) return;
    const base::Result<void> again = store_->commit(changes);
    ASSERT_FALSE(again) << "acknowledged after a sync that failed";
    EXPECT_NE(again.error().why.find("earlier"), std::string::npos) << again.error().line();
    open();  // as control does: it ends, and keeper starts another
  }

  UnsafeDisk disk_;
  Fault fault_;
  std::optional<Store> store_;
  std::uint64_t epoch_ = 0;
  Model told_;                          // every acknowledged change and no other
  std::optional<Model> open_question_;  // with the newest one, when it was refused: it may be there, whole
};

class PowerLossTest : public testing::TestWithParam<Fault> {
 protected:
  void SetUp() override { sqlite3_auto_extension(reinterpret_cast<void (*)()>(merge_often)); }
  void TearDown() override { sqlite3_reset_auto_extension(); }
};

TEST_P(PowerLossTest, acknowledged_changes_are_there_whole_after_a_fault_at_any_step) {
  constexpr std::uint64_t kNever = ~std::uint64_t{0};
  const std::uint64_t lucks = GetParam() == Fault::power_cut ? 3 : 1;  // what survives a cut at the same step
  Life whole(1, GetParam(), kNever);
  whole.play();
  const std::uint64_t steps = whole.steps();
  ASSERT_GT(steps, 20U) << "the run meets the fault's kind of call";
  for (std::uint64_t step = 0; step < steps && !HasFailure(); ++step) {
    for (std::uint64_t luck = 0; luck < lucks && !HasFailure(); ++luck) {
      SCOPED_TRACE("step " + std::to_string(step) + ", luck " + std::to_string(luck));
      Life(step * lucks + luck, GetParam(), step).play();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, PowerLossTest,
                         testing::Values(Fault::power_cut, Fault::no_space, Fault::short_write, Fault::sync_fails,
                                         Fault::read_fails));

}  // namespace
}  // namespace marea::store
