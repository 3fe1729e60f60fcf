// `marea serve`.
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "app/cli_verbs.h"
#include "app/serve.h"
#include "pipeline/files.h"

namespace marea::app {

Outcome<Exit> serve_platform(Verb& verb) {
  const char* env_data = std::getenv("MAREA_DATA");
  ServeOptions options;
  options.data = data_dir_of(
      {.data = verb.arguments.text("--data").value_or(""), .env_data = env_data == nullptr ? "" : env_data});
  options.http = verb.arguments.text("--http").value_or(options.http);
  options.api = verb.arguments.text("--api").value_or(options.api);
  options.runtime = verb.arguments.text("--runtime").value_or(options.runtime);
  options.request_log = verb.arguments.text("--request-log").value_or(options.request_log);
  for (const auto& [option, path] :
       {std::pair{"--registry-auth", &options.registry_auth}, std::pair{"--registries", &options.registries}}) {
    const auto given = verb.arguments.text(option);
    if (!given) continue;
    *path = std::filesystem::absolute(*given).lexically_normal().string();
    if (auto file = pipeline::open_regular(*path); !file) {
      return give_up(Failure{.error = std::move(file.error()), .exit = Exit::failure});
    }
  }
  const auto limits = model::parse_limits(verb.arguments.all("--limit"));
  if (!limits) {
    Failure failure = usage_failure(verb.words()(Text::bad_limits), verb.words()(Text::bad_limits_remedy));
    for (const std::string& fault : limits.error())
      failure.error.why += (failure.error.why.empty() ? "" : "\n  ") + fault;
    return give_up(std::move(failure));
  }
  options.limits = *limits;
  const std::int64_t percent = verb.arguments.number("--disk-limit").value_or(options.disk_limit);
  if (percent < 1 || percent > 100) return give_up(usage_failure(verb.words()(Text::bad_disk_limit, percent), {}));
  options.disk_limit = static_cast<int>(percent);
  return static_cast<Exit>(serve(options));
}

}  // namespace marea::app
