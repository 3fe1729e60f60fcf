// Who an image runs as. config.user is text ("", "1000", "1000:1000", "www-data", "www-data:www-data"); numbers, groups
// and the home come from the image's own /etc/passwd and /etc/group. Both files belong to whoever made the image: they
// are opened with the unpacked tree as the root (no link leads out), bounded in size, and lines that do not parse are
// passed over, as the C library does.
//
// The rules are those of Docker and runc, so that an image behaves as elsewhere: a name wins over a number, a number
// needs no entry (group 0, home "/"), and a group that is named takes the place of all supplementary ones.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "model/revision.h"

namespace marea::pipeline {

inline constexpr std::size_t kMostAccountFileBytes = 4U << 20;  // 60,000 accounts
inline constexpr std::size_t kMostSupplementaryGroups = 1024;   // systems with more users than groups stay below
inline constexpr std::uint32_t kMostUserId = 65535;             // the last id that exists inside an instance

// Fills uid, gid, groups and home of `config` from its user. Pure. E_IMAGE_INVALID for a name that nobody has and a
// number that no instance has.
base::Result<void> resolve_user(std::string_view passwd, std::string_view group, model::ImageConfig& config);

// The same with the files of the unpacked tree; absent ones count as empty.
base::Result<void> resolve_user_in(const std::string& rootfs, model::ImageConfig& config);

}  // namespace marea::pipeline
