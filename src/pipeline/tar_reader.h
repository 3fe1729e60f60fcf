// Entries of a tar stream (ustar, pax, GNU long names, sparse), read with libarchive in one pass. Names and owners are
// handed on as the archive says them: nothing here is safe to use as a path yet (see tree.h).
//
//   TarReader reader([&] { return stream.next(); });
//   while (Result<const TarEntry*> entry = reader.next(); entry && *entry) …
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "pipeline/tree.h"

struct archive;
struct archive_entry;

namespace marea::pipeline {

enum class EntryKind { file, directory, symlink, hard_link, fifo, device, other };

struct TarEntry {
  std::string path;  // ends at its first NUL
  EntryKind kind = EntryKind::other;
  std::string link;  // target of a symlink or hard link
  std::int64_t bytes = 0;
  Attributes attributes;
};

class TarReader {
 public:
  // The next piece of the stream, empty at its end.
  using Input = std::function<base::Result<std::span<const std::byte>>()>;
  explicit TarReader(Input input);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // Null at the end of the archive; valid until the next call. E_IMAGE_INVALID with the cause alone (the
  // caller knows the file), or the input's own failure.
  base::Result<const TarEntry*> next();

  // The content of the entry that next() gave, piece by piece; what lies between pieces is a hole. Nothing at the end.
  base::Result<std::optional<FilePiece>> content();

 private:
  struct Free {
    void operator()(archive* reader) const;
  };
  class Locale;
  static long pull(archive* reader, void* self, const void** piece);
  std::unexpected<base::Error> failure() const;
  void read_attributes(archive_entry* entry);

  Input input_;
  std::optional<base::Error> input_failed_;
  std::unique_ptr<archive, Free> reader_;
  bool open_ = false;
  TarEntry entry_;
};

}  // namespace marea::pipeline
