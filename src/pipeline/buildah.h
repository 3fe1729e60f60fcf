// buildah, as the builder runs it: `--isolation chroot` inside the builder's own user namespace, with storage of its
// own and nothing of the machine's configuration: no registries, no short-name aliases, no network look-ups. Programs
// are started by argument vector; a cancelled job kills them.
//
// Checked on Debian 12 (buildah 1.28): the kernel's overlay works in a user namespace and is ten times faster than vfs
// on large images; where it does not mount, vfs is used.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "net/loop.h"
#include "pipeline/unpack_image.h"

namespace marea::pipeline {

inline constexpr std::size_t kMostKeptLines = 2000;  // of one command's output; the last ones are kept

class Buildah {
 public:
  // `storage` keeps layers and cache between jobs; `scratch` is this job's own and goes away with it.
  static base::Result<Buildah> open(net::Loop& loop, const JobEvents& events, const std::string& storage,
                                    const std::string& scratch);

  struct Output {
    int status = 0;                  // wait status
    std::vector<std::string> lines;  // without control characters
  };
  enum class Show { nothing, every_line };
  // Runs `buildah WORDS…` to its end, turning the loop. E_DEPENDENCY_MISSING, or E_UNAVAILABLE when the job is
  // cancelled; a command that fails is an Output.
  base::Result<Output> run(std::vector<std::string> words, Show show);

  // The file that allows any image: what is pulled was verified by its digest.
  const std::string& policy() const { return policy_; }

 private:
  Buildah(net::Loop& loop, const JobEvents& events) : loop_(loop), events_(events) {}

  net::Loop& loop_;
  const JobEvents& events_;
  std::vector<std::string> command_;
  std::vector<std::string> environment_;
  std::string policy_;
};

// Without control characters, which would steer the terminal of whoever reads it; tabs become spaces.
std::string plain_line(std::string_view line);

}  // namespace marea::pipeline
