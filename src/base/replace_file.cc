#include "base/replace_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/fd.h"

namespace marea::base {
namespace {

Result<void> write_fresh(const std::string& path, std::string_view text, Durable durable) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return fail(os_error("cannot write " + path));
  while (!text.empty()) {
    const ssize_t wrote = ::write(file.get(), text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail(os_error("cannot write " + path));
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (durable == Durable::yes && ::fdatasync(file.get()) != 0) return fail(os_error("cannot write " + path));
  return {};
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view text, Durable durable) {
  const std::string fresh = path + std::string(kFresh);
  Result<void> done = write_fresh(fresh, text, durable);
  if (done && std::rename(fresh.c_str(), path.c_str()) != 0) done = fail(os_error("cannot replace " + path));
  if (!done) {
    ::unlink(fresh.c_str());
    return done;
  }
  return durable == Durable::yes ? sync_folder(path.substr(0, path.rfind('/'))) : Result<void>{};
}

Result<void> sync_folder(const std::string& path) {
  const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return fail(os_error("cannot sync " + path));
  return {};
}

}  // namespace marea::base
