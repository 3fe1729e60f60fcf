#include "store/unsafe_disk_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace marea::store {
namespace {

constexpr std::int64_t kSector = 512;
constexpr int kNameBytes = 512;
constexpr std::size_t kShmRegion = 32U << 10;

}  // namespace

void UnsafeDisk::File::apply(std::string& bytes, const Change& one) {
  const auto offset = static_cast<std::size_t>(one.offset);
  if (one.truncate) {
    if (bytes.size() > offset) bytes.resize(offset);
    return;
  }
  if (bytes.size() < offset + one.bytes.size()) bytes.resize(offset + one.bytes.size(), '\0');
  bytes.replace(offset, one.bytes.size(), one.bytes);
}

void UnsafeDisk::File::change(Change one) {
  apply(shown, one);
  changes.push_back(std::move(one));
}

void UnsafeDisk::File::settle() {
  for (const Change& one : changes) apply(certain, one);
  changes.clear();
}

void UnsafeDisk::fail_at(std::uint64_t step, Fault fault) {
  fault_ = fault;
  at_ = step;
  steps_ = 0;
  happened_ = false;
}

bool UnsafeDisk::strikes(Fault possible) {
  if (off_) return true;
  if (possible != fault_) return false;
  if (happened_ || steps_++ != at_) return false;
  happened_ = true;
  if (fault_ == Fault::power_cut) off_ = true;
  return true;
}

// Of the sectors that are not certain any subset survives: none, half or all of them, in later ones as in earlier.
void UnsafeDisk::lose(File& file) {
  const std::uint64_t luck = random_.next() % 3;
  const auto survives = [&] { return luck == 2 || (luck == 1 && random_.next() % 2 == 0); };
  for (const Change& one : std::exchange(file.changes, {})) {
    if (one.truncate) {
      if (survives()) File::apply(file.certain, one);
      continue;
    }
    const auto end = one.offset + static_cast<std::int64_t>(one.bytes.size());
    for (std::int64_t at = one.offset; at < end;) {
      const std::int64_t next = std::min(end, (at / kSector + 1) * kSector);
      const auto from = static_cast<std::size_t>(at - one.offset);
      if (survives()) {
        File::apply(file.certain, {.offset = at, .bytes = one.bytes.substr(from, static_cast<std::size_t>(next - at))});
      }
      at = next;
    }
  }
}

void UnsafeDisk::power_cycle() {
  std::map<std::string, std::shared_ptr<File>> after = certain_names_;
  for (const auto& [name, file] : names_) {
    if (!certain_names_.contains(name) && random_.next() % 2 == 0) after[name] = file;
  }
  for (const auto& [name, file] : certain_names_) {
    if (!names_.contains(name) && random_.next() % 2 == 0) after.erase(name);
  }
  names_.clear();
  for (const auto& [name, file] : after) {
    lose(*file);
    file->shown = file->certain;
    names_[name] = file;
  }
  certain_names_ = names_;
  fault_ = Fault::none;
  off_ = false;
}

// SQLite's calls. Its structures are plain C; what ours hold besides is made and destroyed by open and close.
struct UnsafeDiskCalls {
  struct Handle {
    sqlite3_file base;
    UnsafeDisk* disk;
    std::shared_ptr<UnsafeDisk::File> file;
    std::vector<std::unique_ptr<char[]>> shared;  // regions of the log's index, this connection's alone
    bool syncs_folder;                            // with its next sync
  };
  static Handle& of(sqlite3_file* raw) { return *reinterpret_cast<Handle*>(raw); }
  static UnsafeDisk& of(sqlite3_vfs* vfs) { return *static_cast<UnsafeDisk*>(vfs->pAppData); }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* raw, int flags, int* out_flags) {
    UnsafeDisk& disk = of(vfs);
    raw->pMethods = nullptr;
    std::shared_ptr<UnsafeDisk::File> file;
    if (name == nullptr) {
      file = std::make_shared<UnsafeDisk::File>();
    } else if (const auto found = disk.names_.find(name); found != disk.names_.end()) {
      if (disk.off_) return SQLITE_CANTOPEN;
      file = found->second;
    } else {
      if ((flags & SQLITE_OPEN_CREATE) == 0 || disk.strikes(Fault::power_cut)) return SQLITE_CANTOPEN;
      file = disk.names_[name] = std::make_shared<UnsafeDisk::File>();
    }
    const bool log = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    new (raw) Handle{.base = {}, .disk = &disk, .file = std::move(file), .shared = {}, .syncs_folder = log};
    raw->pMethods = &kMethods;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }
  static int close(sqlite3_file* raw) {
    of(raw).~Handle();
    return SQLITE_OK;
  }
  static int read(sqlite3_file* raw, void* out, int amount, sqlite3_int64 offset) {
    Handle& handle = of(raw);
    if (handle.disk->off_ || handle.disk->strikes(Fault::read_fails)) return SQLITE_IOERR_READ;
    const std::string& bytes = handle.file->shown;
    const auto from = std::min(static_cast<std::size_t>(offset), bytes.size());
    const std::size_t have = std::min(static_cast<std::size_t>(amount), bytes.size() - from);
    std::memcpy(out, bytes.data() + from, have);
    std::memset(static_cast<char*>(out) + have, 0, static_cast<std::size_t>(amount) - have);
    return have == static_cast<std::size_t>(amount) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* raw, const void* bytes, int amount, sqlite3_int64 offset) {
    Handle& handle = of(raw);
    UnsafeDisk& disk = *handle.disk;
    std::string text(static_cast<const char*>(bytes), static_cast<std::size_t>(amount));
    if (disk.off_) return SQLITE_IOERR_WRITE;
    if (disk.strikes(Fault::no_space)) return SQLITE_FULL;
    const bool short_one = disk.strikes(Fault::short_write);
    const bool cut = !short_one && disk.strikes(Fault::power_cut);
    if (short_one) text.resize(text.size() / 2);
    handle.file->change({.offset = offset, .bytes = std::move(text)});
    if (cut) return SQLITE_IOERR_WRITE;
    return short_one ? SQLITE_FULL : SQLITE_OK;
  }
  static int truncate(sqlite3_file* raw, sqlite3_int64 size) {
    Handle& handle = of(raw);
    if (handle.disk->strikes(Fault::power_cut)) return SQLITE_IOERR_TRUNCATE;
    handle.file->change({.offset = size, .bytes = {}, .truncate = true});
    return SQLITE_OK;
  }
  static int sync(sqlite3_file* raw, int /*flags*/) {
    Handle& handle = of(raw);
    UnsafeDisk& disk = *handle.disk;
    if (disk.strikes(Fault::power_cut)) return SQLITE_IOERR_FSYNC;
    if (disk.strikes(Fault::sync_fails)) {
      disk.lose(*handle.file);  // for good: from now on the changes count as written
      return SQLITE_IOERR_FSYNC;
    }
    handle.file->settle();
    if (std::exchange(handle.syncs_folder, false)) disk.sync_folder();
    return SQLITE_OK;
  }
  static int size(sqlite3_file* raw, sqlite3_int64* out) {
    *out = static_cast<sqlite3_int64>(of(raw).file->shown.size());
    return of(raw).disk->off_ ? SQLITE_IOERR_FSTAT : SQLITE_OK;
  }
  static int lock(sqlite3_file* /*raw*/, int /*level*/) { return SQLITE_OK; }
  static int reserved(sqlite3_file* /*raw*/, int* out) {
    *out = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file* /*raw*/, int /*what*/, void* /*argument*/) { return SQLITE_NOTFOUND; }
  static int sector(sqlite3_file* /*raw*/) { return 4096; }  // as SQLite's own for Linux says
  static int traits(sqlite3_file* /*raw*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int shm_map(sqlite3_file* raw, int region, int size, int extend, void volatile** out) {
    Handle& handle = of(raw);
    const auto index = static_cast<std::size_t>(region);
    *out = nullptr;
    if (index >= handle.shared.size() && extend == 0) return SQLITE_OK;
    while (handle.shared.size() <= index) handle.shared.push_back(std::make_unique<char[]>(kShmRegion));
    *out = handle.shared[index].get();
    return size == static_cast<int>(kShmRegion) ? SQLITE_OK : SQLITE_IOERR_SHMMAP;
  }
  static int shm_lock(sqlite3_file* /*raw*/, int /*offset*/, int /*count*/, int /*flags*/) { return SQLITE_OK; }
  static void shm_barrier(sqlite3_file* /*raw*/) {}
  static int shm_unmap(sqlite3_file* raw, int /*remove*/) {
    of(raw).shared.clear();
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    UnsafeDisk& disk = of(vfs);
    if (disk.strikes(Fault::power_cut)) return SQLITE_IOERR_DELETE;
    if (disk.names_.erase(name) == 0) return SQLITE_IOERR_DELETE_NOENT;
    if (sync_folder != 0) disk.sync_folder();
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs* vfs, const char* name, int /*flags*/, int* out) {
    *out = of(vfs).names_.contains(name) ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_name(sqlite3_vfs* /*vfs*/, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs* vfs, int size, char* out) {
    for (int i = 0; i < size; ++i) out[i] = static_cast<char>(of(vfs).random_.next());
    return size;
  }
  static int pause(sqlite3_vfs* /*vfs*/, int microseconds) { return microseconds; }
  static int time(sqlite3_vfs* /*vfs*/, double* out) {
    *out = 2460000.5;
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs* /*vfs*/, int /*size*/, char* /*out*/) { return 0; }

  static const sqlite3_io_methods kMethods;
};

const sqlite3_io_methods UnsafeDiskCalls::kMethods = {
    .iVersion = 2,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = size,
    .xLock = lock,
    .xUnlock = lock,
    .xCheckReservedLock = reserved,
    .xFileControl = control,
    .xSectorSize = sector,
    .xDeviceCharacteristics = traits,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

void UnsafeDisk::mount() {
  usual_ = sqlite3_vfs_find(nullptr);
  vfs_ = {.iVersion = 1,
          .szOsFile = static_cast<int>(sizeof(UnsafeDiskCalls::Handle)),
          .mxPathname = kNameBytes,
          .pNext = nullptr,
          .zName = "unsafe",
          .pAppData = this,
          .xOpen = UnsafeDiskCalls::open,
          .xDelete = UnsafeDiskCalls::remove,
          .xAccess = UnsafeDiskCalls::access,
          .xFullPathname = UnsafeDiskCalls::full_name,
          .xRandomness = UnsafeDiskCalls::randomness,
          .xSleep = UnsafeDiskCalls::pause,
          .xCurrentTime = UnsafeDiskCalls::time,
          .xGetLastError = UnsafeDiskCalls::last_error};
  sqlite3_vfs_register(&vfs_, 1);
}

UnsafeDisk::~UnsafeDisk() {
  sqlite3_vfs_register(usual_, 1);
  sqlite3_vfs_unregister(&vfs_);
}

namespace {

// How many of 20 rows, each acknowledged, are there after a power cut; -1: the file is no database any more.
int rows_after_a_cut(std::uint64_t seed, const char* synchronous) {
  UnsafeDisk disk(seed);
  for (const bool write : {true, false}) {
    sqlite3* db = nullptr;
    sqlite3_open("/x.db", &db);
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> close(db, sqlite3_close);
    sqlite3_exec(db, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
    if (!write) {
      int rows = -1;
      const auto count = [](void* out, int, char** text, char**) {
        *static_cast<int*>(out) = std::atoi(text[0]);
        return 0;
      };
      sqlite3_exec(db, "SELECT count(*) FROM t", count, &rows, nullptr);
      return rows;
    }
    sqlite3_exec(db, synchronous, nullptr, nullptr, nullptr);
    sqlite3_exec(db, "CREATE TABLE t (x)", nullptr, nullptr, nullptr);
    for (int i = 0; i < 20; ++i) sqlite3_exec(db, "INSERT INTO t VALUES (1)", nullptr, nullptr, nullptr);
    disk.power_cycle();
  }
  return -1;
}

TEST(UnsafeDisk, keeps_what_was_synced_and_loses_what_was_not) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(rows_after_a_cut(seed, "PRAGMA synchronous=FULL"), 20) << seed;
    lost += rows_after_a_cut(seed, "PRAGMA synchronous=NORMAL") < 20 ? 1 : 0;
  }
  EXPECT_GT(lost, 5) << "a store that syncs too little is found out";
}

}  // namespace
}  // namespace marea::store
