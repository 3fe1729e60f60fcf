// run.googleapis.com/secrets: names that a manifest gives to Secret Manager's secrets of other projects, as
// "ALIAS:projects/PROJECT/secrets/NAME[/versions/VERSION],…". What a secretKeyRef or a volume names may be such an
// alias. Source: Cloud Run's v1 reference and `gcloud run deploy --set-secrets`. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace marea::model {

struct SecretAlias {
  std::string alias;
  std::string secret;  // projects/PROJECT/secrets/NAME…
  friend bool operator==(const SecretAlias&, const SecretAlias&) = default;
};

inline constexpr std::size_t kMostSecretAliases = 1000;

// The error ends a fault ("must …").
std::expected<std::vector<SecretAlias>, std::string> parse_secret_aliases(std::string_view text);

}  // namespace marea::model
