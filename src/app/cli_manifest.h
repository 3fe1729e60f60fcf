// A Service document as deploy and up change it: only what the user asked for, everything else stays as it was. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/cli_arguments.h"
#include "app/cli_output.h"
#include "app/cli_source.h"

namespace marea::app {

// What a command line may set; absent: leave it as it is.
struct ServiceSettings {
  std::optional<std::string> image;
  std::optional<GitSource> source;  // of `image`; absent: unknown. A new image ends what was known of the last one
  std::optional<std::int64_t> port;
  std::vector<std::pair<std::string, std::string>> env;  // set or added; others stay
  std::optional<std::int64_t> concurrency;
  std::optional<std::int64_t> min_scale;
  std::optional<std::int64_t> max_scale;
  std::optional<std::string> cpu;
  std::optional<std::string> memory;
  std::optional<std::int64_t> timeout_seconds;
  std::optional<std::string> idle_timeout;
  std::optional<std::string> release_policy;  // an annotation of the service itself, no part of the template
  std::string nonce;                 // makes the template another one, as gcloud run deploy does; empty: it is not
  std::vector<std::string> command;  // empty: leave it
  std::vector<std::string> args;
};

// How the service is released: metadata.annotations.
inline constexpr const char* kReleasePolicyKey = "marea.dev/release-policy";

// From the options that deploy and up share; `image` is the verb's own matter.
ServiceSettings settings_of(const Arguments& arguments);

Json new_service(const std::string& name);

// Annotations of a template that say where its image comes from.
inline constexpr const char* kSourceCommit = "marea.dev/source-commit";
inline constexpr const char* kSourceBranch = "marea.dev/source-branch";
inline constexpr const char* kSourceModified = "marea.dev/source-modified";

// `service` is an object of the API or of new_service(). Its status goes, and so does a revision name of its template:
// the changed template is another revision. What has an unexpected shape is replaced.
void change_service(Json& service, const ServiceSettings& settings);

}  // namespace marea::app
