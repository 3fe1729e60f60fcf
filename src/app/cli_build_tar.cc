#include "app/cli_build_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "pipeline/files.h"

namespace marea::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostIgnoreBytes = 1U << 20;
constexpr std::size_t kBlock = 1U << 16;

base::Result<base::Fd> spool_file() {
  const char* tmp = std::getenv("TMPDIR");
  std::string name = std::string(tmp != nullptr && *tmp != '\0' ? tmp : "/tmp") + "/marea-context-XXXXXX";
  base::Fd file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) return base::fail(base::os_error("cannot make a temporary file " + name));
  ::unlink(name.c_str());
  return file;
}

class Packing {
 public:
  Packing(std::string dir, const IgnoreRules& rules, Dockerfile dockerfile, int out)
      : dir_(std::move(dir)), rules_(rules), dockerfile_(std::move(dockerfile)), archive_(archive_write_new()) {
    archive_write_set_format_pax_restricted(archive_.get());
    archive_write_add_filter_none(archive_.get());
    archive_write_open_fd(archive_.get(), out);
  }

  base::Result<std::int64_t> pack() {
    if (auto done = made_file(); !done) return base::fail(done.error());
    if (auto done = folder(""); !done) return base::fail(done.error());
    if (archive_write_close(archive_.get()) != ARCHIVE_OK) return base::fail(archive_error(dir_));
    return entries_;
  }

 private:
  struct Free {
    void operator()(struct archive* value) const { archive_write_free(value); }
    void operator()(struct archive_entry* value) const { archive_entry_free(value); }
  };

  base::Error archive_error(const std::string& path) const {
    const char* why = archive_error_string(archive_.get());
    return {base::ErrorCode::io,
            "cannot pack " + path,
            why == nullptr ? "" : why,
            "Is there room in /tmp? TMPDIR names another place",
            {}};
  }

  // Entries of one folder in the order of names, so that the same directory is always the same tar.
  base::Result<void> folder(const std::string& inside) {
    std::error_code failed;
    std::vector<std::string> names;
    for (fs::directory_iterator at(fs::path(dir_) / inside, failed), end; !failed && at != end; at.increment(failed)) {
      names.push_back(at->path().filename().string());
    }
    if (failed) return base::fail(base::os_error("cannot read the directory " + dir_ + "/" + inside, failed.value()));
    std::ranges::sort(names);
    for (const std::string& name : names) {
      std::string path = inside;
      if (!path.empty()) path += '/';
      path += name;
      if (auto done = entry(path); !done) return done;
    }
    return {};
  }

  base::Result<void> entry(const std::string& path) {
    const std::string full = dir_ + "/" + path;
    struct stat state{};
    if (::lstat(full.c_str(), &state) != 0) return base::fail(base::os_error("cannot read " + full));
    const bool needed = !dockerfile_.made && (path == dockerfile_.path || dockerfile_.path.starts_with(path + "/"));
    const bool ignored = rules_.ignores(path, S_ISDIR(state.st_mode)) && !needed;
    if (S_ISDIR(state.st_mode)) {
      if (!ignored) {
        if (auto done = header(path, full, state); !done) return done;
      }
      return ignored && rules_.prunes() ? base::Result<void>() : folder(path);
    }
    if (ignored || !(S_ISREG(state.st_mode) || S_ISLNK(state.st_mode))) return {};
    if (S_ISLNK(state.st_mode)) return header(path, full, state);
    return file(path, full);
  }

  // Without a time, so that the same directory is the same tar again.
  base::Result<void> made_file() {
    if (!dockerfile_.made) return {};
    struct stat state{};
    state.st_mode = S_IFREG | 0644;
    state.st_size = static_cast<off_t>(dockerfile_.made->size());
    if (auto done = header(dockerfile_.path, dockerfile_.path, state); !done) return done;
    const la_ssize_t put = archive_write_data(archive_.get(), dockerfile_.made->data(), dockerfile_.made->size());
    if (put != static_cast<la_ssize_t>(dockerfile_.made->size())) return base::fail(archive_error(dockerfile_.path));
    return {};
  }

  base::Result<void> header(const std::string& path, const std::string& full, const struct stat& state) {
    const std::unique_ptr<struct archive_entry, Free> entry(archive_entry_new());
    archive_entry_copy_stat(entry.get(), &state);
    archive_entry_copy_pathname(entry.get(), path.c_str());
    archive_entry_set_uid(entry.get(), 0);
    archive_entry_set_gid(entry.get(), 0);
    archive_entry_set_nlink(entry.get(), 1);
    if (S_ISLNK(state.st_mode)) {
      std::error_code failed;
      const fs::path target = fs::read_symlink(full, failed);
      if (failed) return base::fail(base::os_error("cannot read the link " + full, failed.value()));
      archive_entry_copy_symlink(entry.get(), target.c_str());
      archive_entry_set_size(entry.get(), 0);
    }
    if (archive_write_header(archive_.get(), entry.get()) != ARCHIVE_OK) return base::fail(archive_error(full));
    ++entries_;
    return {};
  }

  base::Result<void> file(const std::string& path, const std::string& full) {
    const base::Result<pipeline::OpenFile> open = pipeline::open_regular(full);
    if (!open) return base::fail(open.error());
    struct stat state{};
    if (::fstat(open->fd.get(), &state) != 0) return base::fail(base::os_error("cannot read " + full));
    if (auto done = header(path, full, state); !done) return done;
    std::array<char, kBlock> block{};
    for (std::int64_t left = state.st_size; left > 0;) {
      const ssize_t got =
          ::read(open->fd.get(), block.data(), std::min<std::size_t>(block.size(), static_cast<std::size_t>(left)));
      if (got < 0) return base::fail(base::os_error("cannot read " + full));
      if (got == 0) {
        return base::fail(base::ErrorCode::io, "cannot pack " + full, "it became shorter meanwhile", "Run it again");
      }
      if (archive_write_data(archive_.get(), block.data(), static_cast<std::size_t>(got)) != got) {
        return base::fail(archive_error(full));
      }
      left -= got;
    }
    return {};
  }

  std::string dir_;
  const IgnoreRules& rules_;
  Dockerfile dockerfile_;
  std::unique_ptr<struct archive, Free> archive_;
  std::int64_t entries_ = 0;
};

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

base::Result<std::string> find_dockerfile(const std::string& dir, const std::string& wanted) {
  std::error_code ignored;
  if (!fs::is_directory(dir, ignored)) {
    return base::fail(base::ErrorCode::not_found, "cannot build " + dir, "there is no such directory",
                      "Name the directory that has the app: marea up DIR");
  }
  if (!wanted.empty()) {
    std::string path = fs::path(wanted).lexically_normal().string();
    if (!path.starts_with("..") && !path.starts_with('/') && is_file(dir + "/" + path)) return path;
    return base::fail(base::ErrorCode::not_found, "cannot build " + dir, "it has no file " + wanted,
                      "Name a file inside the directory: --dockerfile FILE");
  }
  for (const char* name : {"Dockerfile", "Containerfile"}) {
    const std::string file = dir + "/" + name;
    if (is_file(file) && fs::file_size(file, ignored) > 0) return std::string(name);
  }
  return std::string();
}

base::Result<std::string> read_ignore_file(const std::string& dir) {
  for (const char* name : {"/.containerignore", "/.dockerignore"}) {
    if (is_file(dir + name)) return pipeline::read_small_file(dir + name, kMostIgnoreBytes);
  }
  return std::string();
}

base::Result<BuildTar> pack_build_tar(const std::string& dir, const IgnoreRules& rules, const Dockerfile& dockerfile) {
  base::Result<base::Fd> file = spool_file();
  if (!file) return base::fail(file.error());
  const base::Result<std::int64_t> entries = Packing(dir, rules, dockerfile, file->get()).pack();
  if (!entries) return base::fail(entries.error());
  struct stat state{};
  if (::fstat(file->get(), &state) != 0) return base::fail(base::os_error("cannot read the packed context"));
  return BuildTar{.file = std::move(*file), .bytes = state.st_size, .entries = *entries};
}

}  // namespace marea::app
