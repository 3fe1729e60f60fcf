// kubeconfig.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "app/cli_verbs.h"
#include "base/fd.h"
#include "pipeline/files.h"

namespace marea::app {
namespace {

// A new file: one that is there may be readable by others already.
Outcome<void> write_secret(const std::string& file, const std::string& text, const Words& words) {
  const base::Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) {
    const bool exists = errno == EEXIST;
    base::Error error = base::os_error(exists ? words(Text::backup_exists, file) : file);
    if (exists) error.code = base::ErrorCode::already_exists;
    error.remedy = words(exists ? Text::backup_exists_remedy : Text::backup_place_remedy);
    return give_up(std::move(error));
  }
  if (base::Result<void> done = pipeline::write_all(fd.get(), text, file); !done) {
    ::unlink(file.c_str());
    return give_up(done.error());
  }
  return {};
}

}  // namespace

// YAML, which is what kubectl's own files are; JSON when asked.
Outcome<Exit> give_kubeconfig(Verb& verb) {
  const Outcome<Json> config = verb.api.get(fmt::format("{}/kubeconfig", kMarea));
  if (!config) return std::unexpected(config.error());
  const bool json = verb.arguments.format() == Format::json;
  const std::string text = print_value(*config, json ? Format::json : Format::yaml);
  const std::optional<std::string> file = verb.arguments.text("--file");
  if (!file) {
    verb.console.data(text);
    return Exit::ok;
  }
  if (const Outcome<void> done = write_secret(*file, text, verb.words()); !done) return std::unexpected(done.error());
  verb.console.say(Text::written, *file);
  return Exit::ok;
}

}  // namespace marea::app
