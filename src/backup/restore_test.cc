#include "backup/restore.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "backup/backup_stream.h"
#include "model/manifest.h"
#include "pipeline/digest.h"
#include "pipeline/test_images.h"
#include "store/store.h"

namespace marea::backup {
namespace {

using pipeline::testing::read_file;
using testing::HasSubstr;

// A folder with a store of one service and two blobs, and a place for what is restored.
class RestoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "backup-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    std::filesystem::create_directories(folder_ + "/blobs/sha256");
    auto store = store::Store::open(folder_ + "/marea.db");
    ASSERT_TRUE(store);
    auto parsed = model::parse_service(model::Json::parse(kDocument));
    ASSERT_TRUE(parsed);
    std::vector<store::Change> changes{
        store::ServiceRecord{.service = parsed->service, .document = kDocument, .uid = "u1", .generation = 3}};
    ASSERT_TRUE(store->commit(changes));
    ASSERT_TRUE(store->snapshot(folder_ + "/snapshot.db"));
    epoch_ = store->epoch();
    for (const std::string& content : {std::string("a layer"), std::string(700'000, 'z')}) {
      digests_.push_back(pipeline::digest_of(content));
      std::ofstream(folder_ + "/" + blob_entry(digests_.back()), std::ios::binary) << content;
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string back_up() {
    auto stream = BackupStream::begin({.snapshot = folder_ + "/snapshot.db",
                                       .blobs = folder_ + "/blobs",
                                       .digests = digests_,
                                       .marea = "test",
                                       .created = "2030-01-02T03:04:05Z"});
    EXPECT_TRUE(stream) << stream.error().line();
    std::string bytes;
    while (stream && !stream->ended()) {
      const auto piece = stream->next();
      EXPECT_TRUE(piece) << piece.error().line();
      if (!piece) break;
      bytes += *piece;
    }
    return bytes;
  }
  base::Result<Restored> restore_of(const std::string& bytes) {
    std::ofstream(folder_ + "/archive", std::ios::binary) << bytes;
    return restore({.archive = folder_ + "/archive", .data = data(), .owner = 12345});
  }
  std::string data() const { return folder_ + "/new/data"; }
  // Nothing of a restore that failed is left.
  void expect_nothing_left() const {
    EXPECT_TRUE(!std::filesystem::exists(data()) || std::filesystem::is_empty(data()));
  }

  static constexpr const char* kDocument =
      R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"hola"},)"
      R"("spec":{"template":{"spec":{"containers":[{"image":"hola"}]}}}})";
  std::string folder_;
  std::vector<std::string> digests_;
  std::uint64_t epoch_ = 0;
};

TEST_F(RestoreTest, what_was_backed_up_is_there_after_a_restore) {
  const auto done = restore_of(back_up());
  ASSERT_TRUE(done) << done.error().line();
  EXPECT_EQ(done->services, 1);
  EXPECT_EQ(done->blobs, 2);
  EXPECT_EQ(done->created, "2030-01-02T03:04:05Z");
  EXPECT_EQ(read_file(data() + "/" + blob_entry(digests_[1])), std::string(700'000, 'z'));
  EXPECT_FALSE(std::filesystem::exists(data() + "/" + kRestoring));
  auto store = store::Store::open(data() + "/" + kStoreEntry);
  ASSERT_TRUE(store) << store.error().line();
  EXPECT_GT(store->epoch(), epoch_) << "numbers that grow over restarts go on growing";
  const auto contents = store->load();
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->services.at(0).uid, "u1");
  EXPECT_EQ(contents->services.at(0).generation, 3);
}

TEST_F(RestoreTest, a_directory_that_holds_something_is_refused_and_stays_as_it_is) {
  std::filesystem::create_directories(data());
  std::ofstream(data() + "/api.sock") << "x";
  const auto done = restore_of(back_up());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, base::ErrorCode::conflict);
  EXPECT_THAT(done.error().line(), HasSubstr("mv " + data()));
  EXPECT_EQ(read_file(data() + "/api.sock"), "x");
}

TEST_F(RestoreTest, what_a_killed_restore_left_is_in_no_ones_way) {
  std::filesystem::create_directories(data() + "/restoring/blobs");
  std::filesystem::create_directories(data() + "/blobs/sha256");
  const auto done = restore_of(back_up());
  ASSERT_TRUE(done) << done.error().line();
  EXPECT_FALSE(std::filesystem::exists(data() + "/restoring"));
}

TEST_F(RestoreTest, an_archive_that_ends_early_is_refused_and_leaves_nothing) {
  const std::string whole = back_up();
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{40}, whole.size() / 2, whole.size() - 1}) {
    const auto done = restore_of(whole.substr(0, size));
    ASSERT_FALSE(done) << size;
    EXPECT_THAT(done.error().line(), HasSubstr("archive"));
    expect_nothing_left();
  }
}

TEST_F(RestoreTest, a_changed_byte_is_found) {
  const std::string whole = back_up();
  for (std::size_t at = 0; at < whole.size(); at += whole.size() / 23 + 1) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    const auto done = restore_of(changed);
    if (done) {  // a byte that carries nothing
      EXPECT_EQ(read_file(data() + "/" + blob_entry(digests_[0])), "a layer") << at;
      EXPECT_EQ(read_file(data() + "/" + blob_entry(digests_[1])), std::string(700'000, 'z')) << at;
      std::filesystem::remove_all(data());
    }
    expect_nothing_left();
  }
  const std::string text = "no backup at all, but long enough to be taken for a tar archive's first block";
  ASSERT_FALSE(restore_of(text + std::string(2000, '\0')));
  expect_nothing_left();
}

// An archive with entries of our choice.
std::string tar_of(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::vector<pipeline::testing::TarEntry> all;
  for (const auto& [name, content] : entries) all.push_back({.name = name, .content = content});
  return pipeline::testing::tar(all);
}

TEST_F(RestoreTest, an_archive_made_to_harm_is_refused_and_leaves_nothing) {
  const std::string database = read_file(folder_ + "/snapshot.db");
  const std::string layer = "a layer";
  BackupManifest manifest{.marea = "x",
                          .created = "y",
                          .store_digest = pipeline::digest_of(database),
                          .store_bytes = static_cast<std::int64_t>(database.size()),
                          .blobs = {{pipeline::digest_of(layer), 7}}};
  const std::string good = print_manifest(manifest);
  const std::string blob = blob_entry(pipeline::digest_of(layer));
  ASSERT_TRUE(restore_of(tar_of({{kManifestEntry, good}, {kStoreEntry, database}, {blob, layer}})));
  std::filesystem::remove_all(data());
  manifest.store_digest = pipeline::digest_of("no store");
  manifest.store_bytes = 8;
  const std::string no_store = print_manifest(manifest);
  std::string damaged = database;
  for (std::size_t at = 5000; at + 1 < damaged.size(); at += 97) damaged[at] = '\xff';
  manifest.store_digest = pipeline::digest_of(damaged);
  manifest.store_bytes = static_cast<std::int64_t>(damaged.size());
  const std::map<std::string, std::string> harmful = {
      {"climbs out", tar_of({{kManifestEntry, good}, {"../../etc/passwd", database}, {blob, layer}})},
      {"another order", tar_of({{kManifestEntry, good}, {blob, layer}, {kStoreEntry, database}})},
      {"a blob with other bytes", tar_of({{kManifestEntry, good}, {kStoreEntry, database}, {blob, "a lawyer"}})},
      {"a blob of the same size", tar_of({{kManifestEntry, good}, {kStoreEntry, database}, {blob, "a LAYER"}})},
      {"a blob is missing", tar_of({{kManifestEntry, good}, {kStoreEntry, database}})},
      {"more than the manifest says",
       tar_of({{kManifestEntry, good}, {kStoreEntry, database}, {blob, layer}, {"control/x", "y"}})},
      {"no manifest", tar_of({{kStoreEntry, database}})},
      {"a manifest of a later form", tar_of({{kManifestEntry, R"({"backup":2})"}})},
      {"no JSON", tar_of({{kManifestEntry, "{"}})},
      {"a digest that is a path",
       tar_of({{kManifestEntry, R"({"backup":1,"store":{"digest":"sha256:../../x","bytes":1},"blobs":[]})"}})},
      {"a store that is none", tar_of({{kManifestEntry, no_store}, {kStoreEntry, "no store"}, {blob, layer}})},
      {"a store that is damaged",
       tar_of({{kManifestEntry, print_manifest(manifest)}, {kStoreEntry, damaged}, {blob, layer}})},
  };
  for (const auto& [what, bytes] : harmful) {
    const auto done = restore_of(bytes);
    ASSERT_FALSE(done) << what;
    EXPECT_FALSE(done.error().why.empty()) << what;
    expect_nothing_left();
  }
}

}  // namespace
}  // namespace marea::backup
