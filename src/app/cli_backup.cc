// backup FILE, restore FILE. A backup comes from the running platform, a restore needs none.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "app/cli_verbs.h"
#include "backup/restore.h"
#include "base/fd.h"
#include "engine/local/data_dir.h"
#include "net/role.h"
#include "pipeline/files.h"

namespace marea::app {
namespace {

// Under its name, whole, and there after a power loss; never over another file.
base::Result<void> give_name(const base::Fd& file, const std::string& partial, const std::string& path) {
  const std::filesystem::path above = std::filesystem::absolute(path).parent_path();
  const base::Fd folder(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::fsync(file.get()) != 0 || ::link(partial.c_str(), path.c_str()) != 0 || !folder || ::fsync(folder.get()) != 0) {
    return base::fail(base::os_error("cannot write " + path));
  }
  return {};
}

// Removes the file when it goes.
struct Partial {
  std::string path;
  explicit Partial(std::string name) : path(std::move(name)) {}
  ~Partial() { ::unlink(path.c_str()); }
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;
};

}  // namespace

Outcome<Exit> back_up(Verb& verb) {
  const std::string& path = verb.arguments.positional(0);
  const Words& words = verb.words();
  if (::access(path.c_str(), F_OK) == 0) {
    return give_up({.code = base::ErrorCode::already_exists,
                    .what = words(Text::backup_exists, path),
                    .remedy = words(Text::backup_exists_remedy)});
  }
  std::string name = path + ".XXXXXX";
  const base::Fd file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) {
    base::Error error = base::os_error("cannot write " + path);
    if (error.remedy.empty()) error.remedy = words(Text::backup_place_remedy);
    return give_up(std::move(error));
  }
  const Partial partial(name);
  std::int64_t bytes = 0;
  base::Result<void> written;
  const Outcome<Answer> answer =
      verb.api.send({.path = fmt::format("{}/backup", kMarea), .on_bytes = [&](std::string_view piece) {
                       bytes += static_cast<std::int64_t>(piece.size());
                       written = pipeline::write_all(file.get(), piece, path);
                       return written.has_value();
                     }});
  if (!written) return give_up(written.error());
  if (!answer) return std::unexpected(answer.error());
  for (const std::string& notice : answer->notices) verb.console.say(Text::notice, notice);
  if (auto named = give_name(file, partial.path, path); !named) return give_up(named.error());
  verb.console.say(Text::backup_written, path, bytes);
  return Exit::ok;
}

base::Error needs_root(const Words& words, std::string_view verb) {
  return {.code = base::ErrorCode::privilege_missing,
          .what = words(Text::needs_root, verb),
          .why = words(Text::needs_root_why),
          .remedy = words(Text::needs_root_remedy, verb)};
}

Outcome<Exit> restore_backup(Verb& verb) {
  const char* env_data = std::getenv("MAREA_DATA");
  const std::string data = data_dir_of(
      {.data = verb.arguments.text("--data").value_or(""), .env_data = env_data == nullptr ? "" : env_data});
  const std::string& archive = verb.arguments.positional(0);
  if (::access(archive.c_str(), F_OK) != 0 && errno == ENOENT) {
    return give_up({.code = base::ErrorCode::not_found,
                    .what = verb.words()(Text::restore_no_file, archive),
                    .remedy = verb.words()(Text::restore_no_file_remedy)});
  }
  if (::geteuid() != 0) return give_up(needs_root(verb.words(), "restore"));
  const base::Result<backup::Restored> done =
      backup::restore({.archive = archive, .data = data, .owner = net::role_uid(net::Role::control)});
  if (!done) return give_up(done.error());
  verb.console.say(Text::restored, data, done->services, done->revisions, done->blobs, done->created);
  verb.console.say(Text::restored_next, data);
  return Exit::ok;
}

}  // namespace marea::app
