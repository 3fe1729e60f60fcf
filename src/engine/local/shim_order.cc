#include "engine/local/shim_order.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace marea::engine::local {
namespace {

constexpr std::string_view kDefaultSearch = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const std::string* find_variable(const std::vector<std::string>& env, std::string_view name) {
  const auto found = std::ranges::find_if(env, [&](const std::string& entry) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
  });
  return found == env.end() ? nullptr : &*found;
}

void set_variable(std::vector<std::string>& env, std::string_view name, std::string_view value) {
  std::string entry = std::string(name) + "=" + std::string(value);
  if (const std::string* old = find_variable(env, name)) {
    env[static_cast<std::size_t>(old - env.data())] = std::move(entry);
  } else {
    env.push_back(std::move(entry));
  }
}

void default_variable(std::vector<std::string>& env, std::string_view name, std::string_view value) {
  if (find_variable(env, name) == nullptr) set_variable(env, name, value);
}

// Kubernetes' expansion: an unknown name stays as written.
std::string expand(std::string_view text, const std::vector<std::string>& env) {
  std::string out;
  while (!text.empty()) {
    const std::size_t dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar);
    const std::size_t end = text.find(')');
    if (text.starts_with("$$")) {
      out += '$';
      text.remove_prefix(2);
    } else if (text.starts_with("$(") && end != std::string_view::npos) {
      const std::string_view name = text.substr(2, end - 2);
      const std::string* entry = find_variable(env, name);
      out += entry == nullptr ? text.substr(0, end + 1) : std::string_view(*entry).substr(name.size() + 1);
      text.remove_prefix(end + 1);
    } else {
      out += '$';
      text.remove_prefix(1);
    }
  }
  return out;
}

std::vector<std::string> resolve_env(const model::Revision& revision, bool same_user) {
  const model::Container& container = revision.spec.container;
  std::vector<std::string> env;
  for (const std::string& entry : revision.image.config.env) {
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos) set_variable(env, entry.substr(0, equals), entry.substr(equals + 1));
  }
  if (container.port != 0) set_variable(env, "PORT", std::to_string(container.port));
  set_variable(env, "K_SERVICE", revision.service.str());
  set_variable(env, "K_REVISION", revision.name.str());
  set_variable(env, "K_CONFIGURATION", revision.service.str());
  for (const auto& [name, value] : container.env) {
    if (name != "PORT" && name != "K_SERVICE" && name != "K_REVISION" && name != "K_CONFIGURATION") {
      set_variable(env, name, expand(value, env));
    }
  }
  default_variable(env, "PATH", kDefaultSearch);
  const std::string& home = revision.image.config.home;
  default_variable(env, "HOME", same_user && !home.empty() ? home : "/");
  return env;
}

void put_number(std::string& out, std::uint32_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

bool put_text(std::string& out, const std::string& text) {
  if (text.find('\0') != std::string::npos) return false;
  put_number(out, static_cast<std::uint32_t>(text.size()));
  out.append(text.c_str(), text.size() + 1);
  return true;
}

template <class Part>
void put_raw(std::string& out, const Part& part) {
  out.append(reinterpret_cast<const char*>(&part), sizeof part);
}

std::string with_header(ShimCommand command, const std::string& body) {
  std::string out;
  put_raw(out, ShimHeader{.command = command, .bytes = static_cast<std::uint32_t>(body.size())});
  return out + body;
}

base::Error too_large(const std::string& why) {
  return {base::ErrorCode::too_large,
          "the container cannot be started",
          why,
          "Shorten command, args and env of the container",
          {}};
}

}  // namespace

base::Result<AppStart> resolve_app(const model::Revision& revision) {
  const model::Container& container = revision.spec.container;
  const model::ImageConfig& image = revision.image.config;
  AppStart out;
  out.uid = image.uid;
  if (container.run_as_user) out.uid = static_cast<std::uint32_t>(*container.run_as_user);
  const bool same_user = out.uid == image.uid;
  // Another user than the image's has no groups there that we know of.
  out.gid = same_user ? image.gid : 0;
  if (same_user) out.groups = image.groups;
  out.keep_capabilities = out.uid == 0 && revision.spec.capabilities == model::CapabilitySet::ordinary;
  out.env = resolve_env(revision, same_user);
  std::vector<std::string> words;
  const bool own_command = !container.command.empty();
  for (const std::string& word : own_command ? container.command : image.entrypoint) {
    out.argv.push_back(own_command ? expand(word, out.env) : word);
  }
  if (!container.args.empty()) {
    for (const std::string& word : container.args) out.argv.push_back(expand(word, out.env));
  } else if (!own_command) {
    out.argv.insert(out.argv.end(), image.cmd.begin(), image.cmd.end());
  }
  if (out.argv.empty()) {
    return base::fail(base::ErrorCode::image_invalid, "the container cannot be started",
                      "neither the image nor the manifest names a program (ENTRYPOINT, CMD, command)",
                      "Set command in the manifest or ENTRYPOINT in the Dockerfile");
  }
  out.directory = container.working_dir.empty() ? image.working_dir : container.working_dir;
  if (out.directory.empty()) out.directory = "/";
  return out;
}

base::Result<std::string> encode_start(const AppStart& start) {
  if (start.argv.size() > kMostShimWords || start.env.size() > kMostShimWords) {
    return base::fail(too_large("it has more than " + std::to_string(kMostShimWords) + " arguments or variables"));
  }
  std::string body;
  const std::size_t groups = std::min<std::size_t>(start.groups.size(), kMostShimGroups);
  put_raw(body, ShimStart{.uid = start.uid,
                          .gid = start.gid,
                          .keep_capabilities = start.keep_capabilities ? 1U : 0U,
                          .groups = static_cast<std::uint32_t>(groups),
                          .arguments = static_cast<std::uint32_t>(start.argv.size()),
                          .environment = static_cast<std::uint32_t>(start.env.size())});
  for (std::size_t i = 0; i < groups; ++i) put_number(body, start.groups[i]);
  bool clean = put_text(body, start.directory);
  for (const std::string& word : start.argv) clean = put_text(body, word) && clean;
  for (const std::string& entry : start.env) clean = put_text(body, entry) && clean;
  if (!clean) {
    return base::fail(base::ErrorCode::invalid_argument, "the container cannot be started",
                      "an argument or variable holds a NUL character", "Remove it from the manifest or the image");
  }
  if (body.size() > kMostShimMessageBytes) {
    return base::fail(too_large("its arguments and variables have " + std::to_string(body.size()) +
                                " bytes together, the limit is " + std::to_string(kMostShimMessageBytes)));
  }
  return with_header(ShimCommand::start, body);
}

std::string encode_signal(int number) {
  std::string body;
  put_number(body, static_cast<std::uint32_t>(number));
  return with_header(ShimCommand::signal, body);
}

std::string describe_not_started(const AppStart& start, ShimStep step, int error_number) {
  const std::string why = std::strerror(error_number);
  const std::string program = start.argv.empty() ? "" : start.argv.front();
  switch (step) {
    case ShimStep::change_user:
      return "cannot become user " + std::to_string(start.uid) + ":" + std::to_string(start.gid) +
             " (ids up to 65535 exist in a sandbox): " + why;
    case ShimStep::change_directory: return "cannot enter the working directory " + start.directory + ": " + why;
    case ShimStep::find_program: {
      if (program.find('/') != std::string::npos) {
        return "cannot run '" + program + "': the image has no such file, or the interpreter that it names is missing";
      }
      const std::string* path = find_variable(start.env, "PATH");
      return "cannot run '" + program + "': there is no such program in " + (path == nullptr ? "PATH" : *path);
    }
    case ShimStep::run_program:
      if (error_number == ENOEXEC) {
        return "cannot run '" + program + "': it is no program of this machine's kind, or a script without #!";
      }
      return "cannot run '" + program + "': " + why;
    case ShimStep::none:
    case ShimStep::fork: break;
  }
  return "cannot start '" + program + "': " + why;
}

}  // namespace marea::engine::local
