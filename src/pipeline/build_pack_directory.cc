#include "pipeline/build_pack_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"
#include "pipeline/build_pack_node.h"
#include "pipeline/files.h"

namespace marea::pipeline {
namespace {

base::Result<std::string> read_beneath(int root, const std::string& name) {
  const base::Fd fd(::openat(root, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return base::fail(base::os_error("cannot read " + name));
  if (!S_ISREG(info.st_mode)) {
    return base::fail(base::ErrorCode::io, "cannot read " + name, "it became something else meanwhile", "Run it again");
  }
  return read_to_end(fd.get(), name, kMostPackTextBytes);
}

}  // namespace

base::Result<AppDirectory> read_app_directory(const std::string& dir,
                                              const std::function<bool(const std::string&)>& left_out) {
  AppDirectory out;
  const base::Fd root(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return base::fail(base::os_error("cannot read the directory " + dir));
  for (const std::string& name : pack_file_names()) {
    const std::size_t slash = name.find('/');
    struct stat info{};
    if (slash != std::string::npos) {
      const std::string folder = name.substr(0, slash);
      if (::fstatat(root.get(), folder.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(info.st_mode)) continue;
    }
    if (::fstatat(root.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || left_out(name)) continue;
    if (S_ISLNK(info.st_mode)) out.links.insert(name);
    if (S_ISREG(info.st_mode)) out.files.insert(name);
  }
  for (const std::string& name : pack_text_names()) {
    if (!out.has(name)) continue;
    base::Result<std::string> text = read_beneath(root.get(), name);
    if (!text) return std::unexpected(text.error());
    out.texts.emplace(name, *std::move(text));
  }
  const auto package = out.texts.find("package.json");
  if (package == out.texts.end()) return out;
  for (const std::string& name : main_files(package->second)) {
    const base::Fd fd(open_inside(root.get(), name.c_str(), O_PATH));
    struct stat info{};
    if (fd && ::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode) && !left_out(name)) out.files.insert(name);
  }
  return out;
}

}  // namespace marea::pipeline
