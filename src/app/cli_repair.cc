// repair: makes a store that can be read of one that cannot. Marea must not run on it meanwhile.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "app/cli_verbs.h"
#include "engine/local/data_dir.h"
#include "store/repair.h"

namespace marea::app {

Outcome<Exit> repair_store(Verb& verb) {
  const char* env_data = std::getenv("MAREA_DATA");
  const std::string data = data_dir_of(
      {.data = verb.arguments.text("--data").value_or(""), .env_data = env_data == nullptr ? "" : env_data});
  if (::geteuid() != 0) return give_up(needs_root(verb.words(), "repair"));
  const std::string path = data + "/control/marea.db";
  std::error_code ignored;
  // Where nothing ever was nothing is left, no lock either.
  if (!std::filesystem::exists(path, ignored)) return give_up(store::no_store(path));
  const base::Result<base::Fd> lock = engine::local::lock_data_dir(data);
  if (!lock) return give_up(lock.error());
  const base::Result<store::Repaired> done = store::repair(path);
  if (!done) return give_up(done.error());
  if (done->kept.empty()) {
    verb.console.say(Text::store_sound, path);
    return Exit::ok;
  }
  for (const std::string& lost : done->lost) verb.console.say(Text::store_lost, lost);
  verb.console.say(Text::store_repaired, done->services, done->revisions, done->images, done->kept);
  return Exit::ok;
}

}  // namespace marea::app
