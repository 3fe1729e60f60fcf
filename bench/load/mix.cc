#include "bench/load/mix.h"

#include <algorithm>
#include <sstream>

namespace marea::load {

std::optional<Kind> parse_kind(const std::string& words) {
  Kind kind;
  std::istringstream in(words);
  if (!(in >> kind.name >> kind.share >> kind.host >> kind.method >> kind.target)) return std::nullopt;
  if (!(in >> kind.body)) kind.body = 0;
  return kind;
}

void Mix::set(const Kind& kind) {
  const auto found = std::ranges::find(kinds_, kind.name, &Kind::name);
  if (found == kinds_.end()) {
    kinds_.push_back(kind);
  } else {
    found->share = kind.share;
  }
}

const Kind* Mix::pick(std::mt19937_64& random) const {
  unsigned sum = 0;
  for (const Kind& kind : kinds_) sum += kind.share;
  if (sum == 0) return nullptr;
  auto at = static_cast<unsigned>(random() % sum);
  for (const Kind& kind : kinds_) {
    if (at < kind.share) return &kind;
    at -= kind.share;
  }
  return nullptr;
}

}  // namespace marea::load
