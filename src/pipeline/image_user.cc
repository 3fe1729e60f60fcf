#include "pipeline/image_user.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <functional>
#include <optional>

#include "base/fd.h"
#include "pipeline/files.h"
#include "pipeline/layer.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

std::unexpected<base::Error> unusable(const std::string& user, std::string why, std::string remedy) {
  return base::fail(ErrorCode::image_invalid, "cannot run the image as its user '" + printable(user) + "'",
                    std::move(why), std::move(remedy));
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Cuts off and returns what lies before the next `separator`, or all.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return head;
}

struct Account {
  std::string_view name;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::string_view home;
};

// name:password:uid:gid:comment:home:shell
std::optional<Account> parse_account(std::string_view line) {
  std::array<std::string_view, 6> fields;
  for (std::string_view& field : fields) field = cut(line, ':');
  const std::optional<std::uint64_t> uid = number(fields[2]);
  const std::optional<std::uint64_t> gid = number(fields[3]);
  if (fields[0].empty() || !uid || !gid) return std::nullopt;
  return Account{.name = fields[0], .uid = *uid, .gid = *gid, .home = fields[5]};
}

struct Group {
  std::string_view name;
  std::uint64_t gid = 0;
  std::string_view members;
};

// name:password:gid:member,member
std::optional<Group> parse_group(std::string_view line) {
  std::array<std::string_view, 4> fields;
  for (std::string_view& field : fields) field = cut(line, ':');
  const std::optional<std::uint64_t> gid = number(fields[2]);
  if (fields[0].empty() || !gid) return std::nullopt;
  return Group{.name = fields[0], .gid = *gid, .members = fields[3]};
}

template <class T>
std::optional<T> find(std::string_view text, std::optional<T> (*parse)(std::string_view),
                      const std::function<bool(const T&)>& wanted) {
  while (!text.empty()) {
    std::optional<T> entry = parse(cut(text, '\n'));
    if (entry && wanted(*entry)) return entry;
  }
  return std::nullopt;
}

bool is_member(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    if (cut(members, ',') == name) return true;
  }
  return false;
}

std::vector<std::uint32_t> groups_of(std::string_view text, std::string_view name, std::uint32_t gid) {
  std::vector<std::uint32_t> out;
  while (!text.empty() && out.size() < kMostSupplementaryGroups) {
    const std::optional<Group> group = parse_group(cut(text, '\n'));
    if (!group || group->gid > kMostUserId || group->gid == gid || !is_member(group->members, name)) continue;
    out.push_back(static_cast<std::uint32_t>(group->gid));
  }
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

base::Result<std::uint32_t> checked_id(const std::string& user, std::uint64_t id) {
  if (id <= kMostUserId) return static_cast<std::uint32_t>(id);
  return unusable(user, "the id " + std::to_string(id) + " is outside 0…65535, the ids that exist inside an instance",
                  "Give the image a USER with a smaller id.");
}

base::Result<std::uint32_t> find_group(const std::string& user, std::string_view wanted, std::string_view group) {
  const std::optional<Group> named = find<Group>(group, parse_group, [&](const Group& g) { return g.name == wanted; });
  if (named) return checked_id(user, named->gid);
  if (const std::optional<std::uint64_t> gid = number(wanted)) return checked_id(user, *gid);
  return unusable(user, "its /etc/group has no group '" + printable(wanted) + "'",
                  "Add the group in the Dockerfile (RUN groupadd), or write USER with numbers.");
}

base::Result<std::string> read_inside(int root, const char* path) {
  const base::Fd fd(open_inside(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return std::string();
    return base::fail(base::os_error(std::string("cannot read the image's /") + path));
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::string();
  return read_to_end(fd.get(), std::string("the image's /") + path, kMostAccountFileBytes);
}

}  // namespace

base::Result<void> resolve_user(std::string_view passwd, std::string_view group, model::ImageConfig& config) {
  std::string_view rest = config.user;
  std::string_view name = cut(rest, ':');
  const std::string_view wanted_group = rest;
  if (name.empty()) name = "0";
  const std::optional<std::uint64_t> id = number(name);
  std::optional<Account> account =
      find<Account>(passwd, parse_account, [&](const Account& a) { return a.name == name; });
  if (!account && id) {
    account = find<Account>(passwd, parse_account, [&](const Account& a) { return a.uid == *id; });
  }
  if (!account && !id) {
    return unusable(config.user, "its /etc/passwd has no user '" + printable(name) + "'",
                    "Add the user in the Dockerfile (RUN useradd), or write USER with numbers.");
  }
  const base::Result<std::uint32_t> uid = checked_id(config.user, account ? account->uid : *id);
  if (!uid) return std::unexpected(uid.error());
  const base::Result<std::uint32_t> gid = wanted_group.empty() ? checked_id(config.user, account ? account->gid : 0)
                                                               : find_group(config.user, wanted_group, group);
  if (!gid) return std::unexpected(gid.error());
  config.uid = *uid;
  config.gid = *gid;
  config.groups.clear();
  if (wanted_group.empty() && account) config.groups = groups_of(group, account->name, *gid);
  config.home = account && account->home.starts_with('/') ? std::string(account->home) : "/";
  return {};
}

base::Result<void> resolve_user_in(const std::string& rootfs, model::ImageConfig& config) {
  const base::Fd root(::open(rootfs.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return base::fail(base::os_error("cannot open " + rootfs));
  const base::Result<std::string> passwd = read_inside(root.get(), "etc/passwd");
  if (!passwd) return std::unexpected(passwd.error());
  const base::Result<std::string> group = read_inside(root.get(), "etc/group");
  if (!group) return std::unexpected(group.error());
  return resolve_user(*passwd, *group, config);
}

}  // namespace marea::pipeline
