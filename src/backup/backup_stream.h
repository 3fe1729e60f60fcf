// A backup as a stream of bytes: one tar, compressed with zstd, of a snapshot of the store and of the image blobs that
// it needs. Pulled piece by piece, so that whoever sends it decides the pace and nothing of it waits in memory.
//
//   Result<BackupStream> backup = BackupStream::begin({.snapshot = path, .blobs = folder, …});
//   while (!backup->ended()) send(backup->next());
//
// The files must stay as they are until the end; one that changed is an error, and the stream is no backup.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backup/backup_manifest.h"
#include "base/error.h"
#include "base/fd.h"

struct archive;

namespace marea::backup {

class BackupStream {
 public:
  struct Source {
    std::string snapshot;              // file of the store's copy
    std::string blobs;                 // folder with sha256/HEX
    std::vector<std::string> digests;  // of the blobs, each once
    std::string marea;                 // version
    std::string created;
  };
  // E_NOT_FOUND names a blob that is not there.
  static base::Result<BackupStream> begin(Source source);
  BackupStream(BackupStream&&) noexcept;
  BackupStream& operator=(BackupStream&&) = delete;
  ~BackupStream();

  // The next bytes; now and then none, because a call reads a bounded amount. A failure ends it.
  base::Result<std::string> next();
  bool ended() const { return ended_; }

 private:
  struct Free {
    void operator()(archive* writer) const;
  };
  struct Entry {
    std::string name;
    std::string path;  // of its content
    std::int64_t bytes = 0;
  };
  BackupStream(std::vector<Entry> entries, std::string manifest);
  base::Result<void> open_entry(const Entry& entry, std::int64_t bytes);
  base::Result<void> write(const char* bytes, std::size_t size);
  base::Result<void> advance();
  base::Error failure(const std::string& what) const;

  std::unique_ptr<std::string> out_;  // where the archive is written to; its address stays
  std::unique_ptr<archive, Free> writer_;
  std::string manifest_;
  std::vector<Entry> entries_;
  std::size_t at_ = 0;     // in entries_
  base::Fd file_;          // of the present one
  std::int64_t left_ = 0;  // of its bytes
  bool begun_ = false;
  bool ended_ = false;
  std::vector<char> piece_;
};

}  // namespace marea::backup
