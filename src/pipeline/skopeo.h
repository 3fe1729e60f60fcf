// Registries, asked by skopeo, as the builder runs it: nothing of the machine's configuration but the authorities of
// the system and /etc/containers/certs.d; credentials and registries.conf are the operator's, given as descriptors and
// handed on as such, so that they are in no process list and in no folder. skopeo speaks the protocol; every byte of
// it is counted and timed here: manifests come by its standard output, blobs by the pipes of its proxy
// (`experimental-image-proxy`, protocol 0.2), which is one process for all blobs of an image.
//
// Redirects are followed, to any host, as registries keep their blobs elsewhere, also from TLS to plain HTTP.
// Credentials go to the registry's host and to the token server that it names (WWW-Authenticate: Bearer), whichever
// that is, and nowhere else. Nothing of an answer is believed or shown before its digest, or for a tag its form, is
// right.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "net/loop.h"
#include "net/process.h"
#include "pipeline/oci_image.h"
#include "pipeline/registry_reference.h"
#include "pipeline/unpack_image.h"

namespace marea::pipeline {

inline constexpr std::size_t kMostRegistryFileBytes = 1U << 20;  // credentials, registries.conf
inline constexpr std::int64_t kLeastBytesPerSecond = 4096;       // of a blob: a modem's; a drip is no download

// The operator's files, open for reading; without content or without a descriptor: there is none.
struct RegistryFiles {
  base::Fd auth;        // containers-auth.json(5), as ~/.docker/config.json
  base::Fd registries;  // containers-registries.conf(5), version 2
};

class Skopeo {
 public:
  struct Setup {
    std::string scratch;       // folder of this job
    std::string certificates;  // certs.d; may be absent
    base::Duration silence{};  // the longest one that is borne
    base::Instant end{};       // of all that it is asked
  };
  // Reads the files. E_INVALID_ARGUMENT when one is malformed or too large; nothing of it is told.
  static base::Result<std::unique_ptr<Skopeo>> open(net::Loop& loop, const JobEvents& events,
                                                    const RegistryFiles& files, Setup setup);
  ~Skopeo();
  Skopeo(const Skopeo&) = delete;
  Skopeo& operator=(const Skopeo&) = delete;

  // The bytes of the manifest or index, as the registry has them. Errors: registry_error.h, and E_REGISTRY_SLOW,
  // E_IMAGE_TOO_LARGE, E_UNAVAILABLE (the job was cancelled).
  base::Result<std::string> manifest(const RegistryReference& reference);
  // Writes one blob of that image to a new file; its size and digest are right, or it is an error.
  base::Result<void> blob(const RegistryReference& image, const Descriptor& blob, const std::string& path);

 private:
  struct Reply {
    bool success = false;
    std::string error;
    std::int64_t value = 0;
    std::int64_t pipe = 0;
    base::Fd fd;
  };
  Skopeo(net::Loop& loop, const JobEvents& events, Setup setup)
      : loop_(loop), events_(events), setup_(std::move(setup)) {}
  base::Result<std::unique_ptr<net::Process>> start(std::vector<std::string> words, int number, int ours);
  base::Result<void> wait(int fd, base::Instant until);
  base::Result<void> open_proxy(const RegistryReference& image);
  base::Result<void> order(const std::string& method, const std::string& arguments);
  base::Result<Reply> reply();
  base::Error gone() const;
  base::Result<Reply> call(const std::string& method, const std::string& arguments);
  base::Result<void> copy(const Reply& pipe, const Descriptor& blob, const std::string& path);
  std::unexpected<base::Error> too_slow(std::string why) const;

  net::Loop& loop_;
  const JobEvents& events_;
  Setup setup_;
  base::Fd auth_;  // memory files of this process
  base::Fd registries_;
  std::vector<std::string> environment_;
  RegistryReference asked_;    // for errors
  std::string last_line_;      // that skopeo said
  std::optional<int> status_;  // of the process that runs, once it has ended
  std::unique_ptr<net::Process> proxy_;
  base::Fd socket_;
  std::int64_t image_ = 0;
};

}  // namespace marea::pipeline
