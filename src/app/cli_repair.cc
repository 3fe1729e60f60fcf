// repair: makes a store that can be read of one that cannot. Marea must not run on it meanwhile.
#include <cstdlib>

#include "app/cli_verbs.h"
#include "engine/local/data_dir.h"
#include "store/repair.h"

namespace marea::app {

Outcome<Exit> repair_store(Verb& verb) {
  const char* env_data = std::getenv("MAREA_DATA");
  const std::string data = data_dir_of(
      {.data = verb.arguments.text("--data").value_or(""), .env_data = env_data == nullptr ? "" : env_data});
  const base::Result<base::Fd> lock = engine::local::lock_data_dir(data);
  if (!lock) return give_up(lock.error());
  const std::string path = data + "/control/marea.db";
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
