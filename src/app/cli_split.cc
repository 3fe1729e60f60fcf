#include "app/cli_split.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "model/release_policy.h"

namespace marea::app {
namespace {

using model::kOnePercent;
using model::kWholeWeight;
using model::Weight;

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
    return {.shares = {{std::string(kLatest), kWholeWeight}}};
  for (const Json& target : *traffic) {
    const std::string revision = revision_of(target);
    const Json* percent = find(target, {"percent"});
    const Weight share = percent == nullptr ? 0 : model::weight_of_number(*percent).value_or(0);
    if (share > 0) {
      const auto known = std::ranges::find(out.shares, revision, &Share::revision);
      if (known == out.shares.end()) {
        out.shares.push_back({revision, share});
      } else {
        known->weight += share;
      }
    }
    if (const std::string tag = text_at(target, {"tag"}); !tag.empty()) out.tags.emplace_back(tag, revision);
  }
  return out;
}

// `left` among them as they were to each other; the largest remainders take what rounding leaves. In whole percents
// where all of it is whole: other platforms know no others.
void divide(std::vector<Share>& others, Weight left) {
  const auto whole = [](const Share& one) { return one.weight % kOnePercent == 0; };
  const std::int64_t unit = left % kOnePercent == 0 && std::ranges::all_of(others, whole) ? kOnePercent : 1;
  const std::int64_t units = left / unit;
  const std::int64_t sum = std::accumulate(others.begin(), others.end(), std::int64_t{0},
                                           [](std::int64_t so_far, const Share& one) { return so_far + one.weight; });
  std::vector<std::pair<std::int64_t, std::size_t>> remainders;
  std::int64_t given = 0;
  for (std::size_t i = 0; i < others.size(); ++i) {
    const std::int64_t scaled = others[i].weight * units;
    given += scaled / sum;
    others[i].weight = static_cast<Weight>(scaled / sum * unit);
    remainders.emplace_back(-(scaled % sum), i);
  }
  std::ranges::stable_sort(remainders, {}, [](const auto& one) { return one.first; });
  for (std::size_t i = 0; given < units; ++i, ++given) {
    others[remainders[i].second].weight += static_cast<Weight>(unit);
  }
}

// Adds a sentence for each fault; with one the split stays as it was.
void set_shares(Split& split, const std::vector<Share>& wanted, const Words& words, std::vector<std::string>& faults) {
  if (wanted.empty()) return;
  std::vector<Share> shares;
  Weight sum = 0;
  const std::size_t before = faults.size();
  for (const Share& one : wanted) {
    if (std::ranges::find(shares, one.revision, &Share::revision) != shares.end()) {
      faults.push_back(words(Text::share_twice, one.revision));
      continue;
    }
    shares.push_back(one);
    sum += one.weight;
  }
  if (faults.size() > before) return;  // which of its percents counts in the sum is not known
  std::vector<Share> others;
  for (const Share& one : split.shares) {
    if (std::ranges::find(shares, one.revision, &Share::revision) == shares.end()) others.push_back(one);
  }
  if (sum > kWholeWeight || (sum < kWholeWeight && others.empty())) {
    faults.push_back(words(Text::share_sum, model::weight_number(sum).dump()));
    return;
  }
  divide(others, kWholeWeight - sum);
  shares.insert(shares.end(), others.begin(), others.end());
  std::erase_if(shares, [](const Share& one) { return one.weight == 0; });
  split.shares = std::move(shares);
}

}  // namespace

std::optional<Share> read_share(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  const auto weight = model::parse_weight(std::string_view(word).substr(equals + 1));
  if (!weight) return std::nullopt;
  return Share{.revision = word.substr(0, equals), .weight = *weight};
}

std::expected<Json, std::vector<std::string>> changed_split(const Json& service, const SplitChange& change,
                                                            const Words& words) {
  Split split = split_of(service);
  std::vector<std::string> faults;
  set_shares(split, change.shares, words, faults);
  for (const std::string& tag : change.untagged) {
    if (std::erase_if(split.tags, [&](const auto& one) { return one.first == tag; }) == 0) {
      faults.push_back(words(Text::no_tag, tag));
    }
  }
  if (!faults.empty()) return std::unexpected(std::move(faults));
  for (const auto& [tag, revision] : change.tags) {
    std::erase_if(split.tags, [&](const auto& one) { return one.first == tag; });
    split.tags.emplace_back(tag, revision);
  }
  Json out = Json::array();
  for (const Share& one : split.shares) {
    Json target = target_of(one.revision);
    target["percent"] = model::weight_number(one.weight);
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
