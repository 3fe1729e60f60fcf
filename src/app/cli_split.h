// spec.traffic as `marea traffic` changes it: shares in percent, and tags that name a revision. Pure.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/cli_output.h"
#include "app/cli_text.h"
#include "model/weight.h"

namespace marea::app {

inline constexpr std::string_view kLatest = "latest";  // in place of a revision's name: whichever is the newest ready

struct Share {
  std::string revision;  // or kLatest
  model::Weight weight = 0;
};

struct SplitChange {
  std::vector<Share> shares;                              // empty: they stay
  std::vector<std::pair<std::string, std::string>> tags;  // tag → revision or kLatest; set or moved
  std::vector<std::string> untagged;
};

// "web-2=10", "web-2=0.25%" → a share; nothing when it is none.
std::optional<Share> read_share(const std::string& word);

// The new spec.traffic. What `shares` leave of 100 % is divided among the revisions that have traffic now and are not
// named, in proportion, and in whole percents where all of these are whole; a sentence for each fault when that cannot
// be.
std::expected<Json, std::vector<std::string>> changed_split(const Json& service, const SplitChange& change,
                                                            const Words& words);

}  // namespace marea::app
