#include "pipeline/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>

namespace marea::pipeline {
namespace {

using base::ErrorCode;

EntryKind kind_of(archive_entry* entry) {
  if (::archive_entry_hardlink(entry) != nullptr) return EntryKind::hard_link;
  switch (::archive_entry_filetype(entry)) {
    case AE_IFREG: return EntryKind::file;
    case AE_IFDIR: return EntryKind::directory;
    case AE_IFLNK: return EntryKind::symlink;
    case AE_IFIFO: return EntryKind::fifo;
    case AE_IFCHR:
    case AE_IFBLK: return EntryKind::device;
    default: return EntryKind::other;
  }
}

std::string text(const char* from) {
  return from == nullptr ? std::string() : std::string(from);
}

}  // namespace

// pax names are UTF-8, and libarchive converts them to the locale of the thread: give it one that keeps them.
class TarReader::Locale {
 public:
  Locale() : mine_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (mine_ != nullptr) before_ = ::uselocale(mine_);
  }
  ~Locale() {
    if (mine_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(mine_);
  }
  Locale(const Locale&) = delete;
  Locale& operator=(const Locale&) = delete;

 private:
  locale_t mine_;
  locale_t before_ = nullptr;
};

void TarReader::Free::operator()(archive* reader) const {
  ::archive_read_free(reader);
}

TarReader::TarReader(Input input) : input_(std::move(input)), reader_(::archive_read_new()) {
  if (!reader_) return;
  ::archive_read_support_format_tar(reader_.get());
  ::archive_read_support_format_empty(reader_.get());
}
TarReader::~TarReader() = default;

long TarReader::pull(archive* reader, void* self, const void** piece) {
  auto* const me = static_cast<TarReader*>(self);
  const base::Result<std::span<const std::byte>> got = me->input_();
  if (!got) {
    me->input_failed_ = got.error();
    ::archive_set_error(reader, EIO, "input failed");
    return -1;
  }
  *piece = got->data();
  return static_cast<long>(got->size());
}

std::unexpected<base::Error> TarReader::failure() const {
  if (input_failed_) return base::fail(*input_failed_);
  const char* why = reader_ ? ::archive_error_string(reader_.get()) : "out of memory";
  return base::fail(ErrorCode::image_invalid, {}, "its tar archive is damaged: " + text(why));
}

base::Result<const TarEntry*> TarReader::next() {
  const Locale utf8;
  if (!reader_) return failure();
  if (!open_) {
    if (::archive_read_open(reader_.get(), this, nullptr, &TarReader::pull, nullptr) != ARCHIVE_OK) return failure();
    open_ = true;
  }
  archive_entry* entry = nullptr;
  const int result = ::archive_read_next_header(reader_.get(), &entry);
  if (result == ARCHIVE_EOF) return nullptr;
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return failure();
  // A sparse file states its size in a record of its own, which libarchive passes on as it stands.
  if (::archive_entry_size(entry) < 0) {
    return base::fail(ErrorCode::image_invalid, {}, "its tar archive is damaged: an entry has a negative size");
  }
  entry_ = TarEntry{.path = text(::archive_entry_pathname(entry)),
                    .kind = kind_of(entry),
                    .link = {},
                    .bytes = ::archive_entry_size(entry),
                    .attributes = {}};
  if (entry_.kind == EntryKind::hard_link) entry_.link = text(::archive_entry_hardlink(entry));
  if (entry_.kind == EntryKind::symlink) entry_.link = text(::archive_entry_symlink(entry));
  read_attributes(entry);
  return &entry_;
}

void TarReader::read_attributes(archive_entry* entry) {
  Attributes& out = entry_.attributes;
  out.mode = ::archive_entry_perm(entry) & 07777U;
  out.uid = ::archive_entry_uid(entry);
  out.gid = ::archive_entry_gid(entry);
  out.mtime = {.tv_sec = ::archive_entry_mtime(entry), .tv_nsec = ::archive_entry_mtime_nsec(entry)};
  ::archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    out.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), size));
  }
}

base::Result<std::optional<FilePiece>> TarReader::content() {
  const void* piece = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int result = ::archive_read_data_block(reader_.get(), &piece, &size, &offset);
  if (result == ARCHIVE_EOF) return std::nullopt;
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return failure();
  return FilePiece{.bytes = std::span(static_cast<const std::byte*>(piece), size), .offset = offset};
}

}  // namespace marea::pipeline
