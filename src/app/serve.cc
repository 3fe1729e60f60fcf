#include "app/serve.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace marea::app {

int serve(const ServeOptions& options) {
  // The same program again, so that the process list says `marea keeper` like that of every other role.
  const std::string data = std::filesystem::absolute(options.data).lexically_normal().string();
  std::vector<std::string> words = {"marea",         "keeper",
                                    "--data",        data,
                                    "--http",        options.http,
                                    "--api",         options.api,
                                    "--runtime",     options.runtime,
                                    "--request-log", options.request_log,
                                    "--disk-limit",  std::to_string(options.disk_limit)};
  if (!options.registry_auth.empty()) words.insert(words.end(), {"--registry-auth", options.registry_auth});
  if (!options.registries.empty()) words.insert(words.end(), {"--registries", options.registries});
  for (const std::string& limit : model::print_limits(options.limits)) words.insert(words.end(), {"--limit", limit});
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv("/proc/self/exe", argv.data());
  std::perror("marea: cannot run /proc/self/exe");
  return 1;
}

}  // namespace marea::app
