#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "backup/restore.h"
#include "base/fd.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/tar_reader.h"
#include "store/store.h"

namespace marea::backup {
namespace {

constexpr const char* kAnother = "Use another backup, or make one: marea backup FILE";

class Reading {
 public:
  Reading(pipeline::LayerStream& archive, const std::string& place, const std::string& folder)
      : place_(place), folder_(folder), tar_([&archive] { return archive.next(); }) {}

  base::Result<BackupManifest> run() {
    if (auto entry = next(kManifestEntry, -1); !entry) return base::fail(std::move(entry.error()));
    std::string text;
    if (auto done = content(kManifestEntry, static_cast<std::int64_t>(kMostManifestBytes),
                            [&](std::string_view piece) -> base::Result<void> {
                              text.append(piece);
                              return {};
                            });
        !done) {
      return base::fail(std::move(done.error()));
    }
    base::Result<BackupManifest> manifest = parse_manifest(text);
    if (!manifest) return base::fail(refused(manifest.error().why));
    constexpr mode_t kOwn = 0600;
    constexpr mode_t kReadable = 0644;  // the builder reads blobs as another user
    if (auto done = file({manifest->store_digest, manifest->store_bytes}, kStoreEntry, kOwn); !done) {
      return base::fail(std::move(done.error()));
    }
    for (const BlobEntry& blob : manifest->blobs) {
      if (auto done = file(blob, blob_entry(blob.digest), kReadable); !done) return base::fail(std::move(done.error()));
    }
    const base::Result<const pipeline::TarEntry*> more = tar_.next();
    if (!more) return base::fail(refused(more.error().why));
    if (*more != nullptr) return base::fail(refused("more follows the last of its entries"));
    return manifest;
  }

 private:
  using Take = std::function<base::Result<void>(std::string_view)>;

  base::Error refused(std::string why, base::ErrorCode code = base::ErrorCode::invalid_argument) const {
    return {.code = code, .what = "cannot restore " + place_, .why = std::move(why), .remedy = kAnother};
  }

  // The next entry must be this file; `bytes` -1: of any size.
  base::Result<void> next(const std::string& name, std::int64_t bytes) {
    const base::Result<const pipeline::TarEntry*> entry = tar_.next();
    if (!entry) return base::fail(refused(entry.error().why + ", where " + name + " should be"));
    if (*entry == nullptr) return base::fail(refused("it ends where " + name + " should be"));
    const pipeline::TarEntry& found = **entry;
    const bool sound = found.path == name && found.kind == pipeline::EntryKind::file;
    if (!sound || (bytes >= 0 && found.bytes != bytes)) return base::fail(refused("it has no sound entry " + name));
    return {};
  }

  base::Result<void> content(const std::string& name, std::int64_t most, const Take& take) {
    std::int64_t have = 0;
    for (;;) {
      const auto piece = tar_.content();
      if (!piece) return base::fail(refused(piece.error().why + ", in " + name));
      if (!*piece) return {};
      if ((*piece)->offset != have) return base::fail(refused(name + " has holes"));
      have += static_cast<std::int64_t>((*piece)->bytes.size());
      if (have > most) return base::fail(refused(name + " is larger than it says"));
      const std::string_view bytes(reinterpret_cast<const char*>((*piece)->bytes.data()), (*piece)->bytes.size());
      if (auto done = take(bytes); !done) return done;
    }
  }

  base::Result<void> file(const BlobEntry& blob, const std::string& name, mode_t mode) {
    if (auto entry = next(name, blob.bytes); !entry) return entry;
    const std::string path = folder_ + "/" + name;
    const base::Fd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!out) return base::fail(base::os_error("cannot write " + path));
    pipeline::Sha256 hash;
    auto done = content(name, blob.bytes, [&](std::string_view piece) {
      hash.update(piece);
      return pipeline::write_all(out.get(), piece, path);
    });
    if (!done) return done;
    if (const std::string found = hash.finish(); found != blob.digest) {
      return base::fail(refused(name + " has the digest " + found + ", not the one that the manifest lists",
                                base::ErrorCode::digest_mismatch));
    }
    if (::fchmod(out.get(), mode) != 0 || ::fsync(out.get()) != 0)
      return base::fail(base::os_error("cannot write " + path));
    return {};
  }

  const std::string& place_;
  const std::string& folder_;
  pipeline::TarReader tar_;
};

}  // namespace

base::Result<Restored> read_backup(pipeline::LayerStream& archive, const std::string& place,
                                   const std::string& folder) {
  const base::Result<BackupManifest> manifest = Reading(archive, place, folder).run();
  if (!manifest) return base::fail(manifest.error());
  base::Result<store::Store> store = store::Store::open(folder + "/" + kStoreEntry);
  if (!store) return base::fail(std::move(store.error()));
  const base::Result<store::Contents> contents = store->load();
  if (!contents) return base::fail(contents.error());
  return Restored{.created = manifest->created,
                  .services = static_cast<std::int64_t>(contents->services.size()),
                  .revisions = static_cast<std::int64_t>(contents->revisions.size()),
                  .blobs = static_cast<std::int64_t>(manifest->blobs.size())};
}

}  // namespace marea::backup
