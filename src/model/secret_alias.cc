#include "model/secret_alias.h"

#include <algorithm>

#include "model/names.h"
#include "model/tree.h"

namespace marea::model {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

// projects/PROJECT/secrets/NAME, and perhaps /versions/VERSION.
bool is_secret_path(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() != 4 && parts.size() != 6) return false;
  if (parts[0] != "projects" || parts[2] != "secrets" || (parts.size() == 6 && parts[4] != "versions")) return false;
  return std::ranges::none_of(parts, &std::string_view::empty);
}

}  // namespace

std::expected<std::vector<SecretAlias>, std::string> parse_secret_aliases(std::string_view text) {
  std::vector<SecretAlias> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view one = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty()) continue;
    const std::size_t colon = one.find(':');
    if (colon == std::string_view::npos || !is_secret_path(one.substr(colon + 1))) {
      return std::unexpected("must be ALIAS:projects/PROJECT/secrets/NAME, separated by commas; has " + in_quotes(one));
    }
    const std::string alias(one.substr(0, colon));
    if (auto fault = source_name_fault(alias)) return std::unexpected("has an alias that " + *fault);
    if (std::ranges::find(out, alias, &SecretAlias::alias) != out.end()) {
      return std::unexpected("has the alias " + in_quotes(alias) + " twice; remove one of them");
    }
    if (out.size() == kMostSecretAliases) {
      return std::unexpected("must have at most " + std::to_string(kMostSecretAliases) + " aliases");
    }
    out.push_back({.alias = alias, .secret = std::string(one.substr(colon + 1))});
  }
  return out;
}

}  // namespace marea::model
