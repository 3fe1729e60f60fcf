#include "app/cli_split.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace marea::app {
namespace {

constexpr std::int64_t kWhole = 100;

std::string revision_of(const Json& target) {
  const std::string name = text_at(target, {"revisionName"});
  return name.empty() ? std::string(kLatest) : name;
}

Json target_of(const std::string& revision) {
  if (revision == kLatest) return {{"latestRevision", true}};
  return {{"revisionName", revision}};
}

struct Split {
  std::vector<Share> shares;
  std::vector<std::pair<std::string, std::string>> tags;
};

// Without spec.traffic everything goes to the latest.
Split split_of(const Json& service) {
  Split out;
  const Json* traffic = find(service, {"spec", "traffic"});
  if (traffic == nullptr || !traffic->is_array() || traffic->empty())
    return {.shares = {{std::string(kLatest), kWhole}}};
  for (const Json& target : *traffic) {
    const std::string revision = revision_of(target);
    const Json* percent = find(target, {"percent"});
    const std::int64_t share = percent != nullptr && percent->is_number_integer() ? percent->get<std::int64_t>() : 0;
    if (share > 0) {
      const auto known = std::ranges::find(out.shares, revision, &Share::revision);
      if (known == out.shares.end()) {
        out.shares.push_back({revision, share});
      } else {
        known->percent += share;
      }
    }
    if (const std::string tag = text_at(target, {"tag"}); !tag.empty()) out.tags.emplace_back(tag, revision);
  }
  return out;
}

// `left` percent among them as they were to each other; the largest remainders take what rounding leaves.
void divide(std::vector<Share>& others, std::int64_t left) {
  const std::int64_t sum = std::accumulate(others.begin(), others.end(), std::int64_t{0},
                                           [](std::int64_t so_far, const Share& one) { return so_far + one.percent; });
  std::vector<std::pair<std::int64_t, std::size_t>> remainders;
  std::int64_t given = 0;
  for (std::size_t i = 0; i < others.size(); ++i) {
    const std::int64_t scaled = others[i].percent * left;
    others[i].percent = scaled / sum;
    given += others[i].percent;
    remainders.emplace_back(-(scaled % sum), i);
  }
  std::ranges::stable_sort(remainders, {}, [](const auto& one) { return one.first; });
  for (std::size_t i = 0; given < left; ++i, ++given) ++others[remainders[i].second].percent;
}

std::expected<void, std::string> set_shares(Split& split, const std::vector<Share>& wanted, const Words& words) {
  if (wanted.empty()) return {};
  std::vector<Share> shares;
  std::int64_t sum = 0;
  for (const Share& one : wanted) {
    if (std::ranges::find(shares, one.revision, &Share::revision) != shares.end()) {
      return std::unexpected(words(Text::share_twice, one.revision));
    }
    shares.push_back(one);
    sum += one.percent;
  }
  std::vector<Share> others;
  for (const Share& one : split.shares) {
    if (std::ranges::find(shares, one.revision, &Share::revision) == shares.end()) others.push_back(one);
  }
  if (sum > kWhole || (sum < kWhole && others.empty())) return std::unexpected(words(Text::share_sum, sum));
  divide(others, kWhole - sum);
  shares.insert(shares.end(), others.begin(), others.end());
  std::erase_if(shares, [](const Share& one) { return one.percent == 0; });
  split.shares = std::move(shares);
  return {};
}

}  // namespace

std::optional<Share> read_share(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  std::string_view number = std::string_view(word).substr(equals + 1);
  if (number.ends_with('%')) number.remove_suffix(1);
  Share out{.revision = word.substr(0, equals)};
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), out.percent);
  if (failed != std::errc() || end != number.data() + number.size() || out.percent < 0) return std::nullopt;
  return out;
}

std::expected<Json, std::string> changed_split(const Json& service, const SplitChange& change, const Words& words) {
  Split split = split_of(service);
  if (auto done = set_shares(split, change.shares, words); !done) return std::unexpected(done.error());
  for (const std::string& tag : change.untagged) {
    if (std::erase_if(split.tags, [&](const auto& one) { return one.first == tag; }) == 0) {
      return std::unexpected(words(Text::no_tag, tag));
    }
  }
  for (const auto& [tag, revision] : change.tags) {
    std::erase_if(split.tags, [&](const auto& one) { return one.first == tag; });
    split.tags.emplace_back(tag, revision);
  }
  Json out = Json::array();
  for (const Share& one : split.shares) {
    Json target = target_of(one.revision);
    target["percent"] = one.percent;
    out.push_back(std::move(target));
  }
  for (const auto& [tag, revision] : split.tags) {
    Json target = target_of(revision);
    target["tag"] = tag;
    target["percent"] = 0;
    out.push_back(std::move(target));
  }
  return out;
}

}  // namespace marea::app
