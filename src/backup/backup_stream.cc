#include "backup/backup_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "pipeline/digest.h"
#include "pipeline/oci_image.h"

namespace marea::backup {
namespace {

constexpr std::size_t kPiece = 256U << 10;  // read at once; some hundred microseconds of a loop's turn

constexpr int kMostSteps = 8;  // of one call, where the archive shrinks what it is given

la_ssize_t append(archive* /*writer*/, void* out, const void* bytes, size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

void BackupStream::Free::operator()(archive* writer) const {
  ::archive_write_free(writer);
}

base::Result<BackupStream> BackupStream::begin(Source source) {
  base::Result<pipeline::FileDigest> store = pipeline::hash_file(source.snapshot);
  if (!store) return base::fail(std::move(store.error()));
  BackupManifest manifest{.marea = std::move(source.marea),
                          .created = std::move(source.created),
                          .store_digest = store->digest,
                          .store_bytes = store->bytes,
                          .blobs = {}};
  std::vector<Entry> entries{{.name = kStoreEntry, .path = source.snapshot, .bytes = store->bytes}};
  for (const std::string& digest : source.digests) {
    const std::string path = pipeline::blob_path(source.blobs, digest);
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
      base::Error error = base::os_error("cannot back up the blob " + digest, base::ErrorCode::not_found);
      error.remedy = "Deploy the image that needs it again, or delete its revisions; `marea images list` names them";
      return base::fail(std::move(error));
    }
    manifest.blobs.push_back({.digest = digest, .bytes = info.st_size});
    entries.push_back({.name = blob_entry(digest), .path = path, .bytes = info.st_size});
  }
  BackupStream out(std::move(entries), print_manifest(manifest));
  archive* writer = out.writer_.get();
  const bool ready = writer != nullptr && ::archive_write_set_format_pax_restricted(writer) == ARCHIVE_OK &&
                     ::archive_write_add_filter_zstd(writer) == ARCHIVE_OK &&
                     ::archive_write_set_bytes_per_block(writer, 0) == ARCHIVE_OK &&
                     ::archive_write_open2(writer, out.out_.get(), nullptr, append, nullptr, nullptr) == ARCHIVE_OK;
  if (!ready) return base::fail(out.failure("cannot write a backup"));
  return out;
}

BackupStream::BackupStream(std::vector<Entry> entries, std::string manifest)
    : out_(std::make_unique<std::string>()),
      writer_(::archive_write_new()),
      manifest_(std::move(manifest)),
      entries_(std::move(entries)),
      piece_(kPiece) {}

BackupStream::BackupStream(BackupStream&&) noexcept = default;
BackupStream::~BackupStream() = default;

base::Error BackupStream::failure(const std::string& what) const {
  const char* why = writer_ ? ::archive_error_string(writer_.get()) : "out of memory";
  return {.code = base::ErrorCode::io, .what = what, .why = why == nullptr ? "" : why};
}

base::Result<void> BackupStream::open_entry(const Entry& entry, std::int64_t bytes) {
  constexpr mode_t kMode = 0600;
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> head(::archive_entry_new(), ::archive_entry_free);
  ::archive_entry_set_pathname(head.get(), entry.name.c_str());
  ::archive_entry_set_filetype(head.get(), AE_IFREG);
  ::archive_entry_set_perm(head.get(), kMode);
  ::archive_entry_set_size(head.get(), bytes);
  if (::archive_write_header(writer_.get(), head.get()) != ARCHIVE_OK)
    return base::fail(failure("cannot write a backup"));
  left_ = bytes;
  return {};
}

base::Result<void> BackupStream::write(const char* bytes, std::size_t size) {
  if (::archive_write_data(writer_.get(), bytes, size) != static_cast<la_ssize_t>(size)) {
    return base::fail(failure("cannot write a backup"));
  }
  left_ -= static_cast<std::int64_t>(size);
  return {};
}

// One step: the manifest, the head of an entry, a piece of its content, or the end.
base::Result<void> BackupStream::advance() {
  if (!begun_) {
    begun_ = true;
    if (auto done = open_entry({.name = kManifestEntry, .path = {}}, static_cast<std::int64_t>(manifest_.size()));
        !done) {
      return done;
    }
    return write(manifest_.data(), manifest_.size());
  }
  if (file_) {
    const Entry& entry = entries_[at_];
    const std::size_t most = std::min<std::size_t>(piece_.size(), static_cast<std::size_t>(left_));
    const ssize_t got = most == 0 ? 0 : ::read(file_.get(), piece_.data(), most);
    if (got < 0) return base::fail(base::os_error("cannot read " + entry.path));
    if (got == 0 && left_ > 0) {
      return base::fail(base::ErrorCode::conflict, "cannot back up " + entry.path, "it became shorter meanwhile",
                        "Run it again");
    }
    if (left_ == 0) {
      file_.reset();
      ++at_;
      return {};
    }
    return write(piece_.data(), static_cast<std::size_t>(got));
  }
  if (at_ < entries_.size()) {
    const Entry& entry = entries_[at_];
    file_ = base::Fd(::open(entry.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file_) return base::fail(base::os_error("cannot read " + entry.path));
    return open_entry(entry, entry.bytes);
  }
  ended_ = true;
  if (::archive_write_close(writer_.get()) != ARCHIVE_OK) return base::fail(failure("cannot end a backup"));
  return {};
}

base::Result<std::string> BackupStream::next() {
  for (int step = 0; step < kMostSteps && out_->size() < kPiece && !ended_; ++step) {
    if (auto done = advance(); !done) {
      ended_ = true;
      out_->clear();
      return base::fail(std::move(done.error()));
    }
  }
  return std::exchange(*out_, {});
}

}  // namespace marea::backup
