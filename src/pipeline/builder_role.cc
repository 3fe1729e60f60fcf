#include "pipeline/builder_role.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/messages.h"
#include "pipeline/build_image.h"
#include "pipeline/clean_disk.h"
#include "pipeline/image_names.h"
#include "pipeline/pull_image.h"
#include "pipeline/unpack_image.h"

namespace marea::pipeline {
namespace {

namespace msg = net::msg;

// control reads at once or not at all; a result that nobody takes within this time is lost with its asker.
constexpr base::Duration kDelivery = std::chrono::seconds(30);

std::int64_t room_of(std::int64_t told) {
  return told == 0 ? INT64_MAX : told;
}

class Builder {
 public:
  Builder(base::Fd link, RegistryFiles files)
      : loop_(clock_),
        files_(std::move(files)),
        link_(loop_, std::move(link),
              {.on_message =
                   [this](net::ControlToBuilder message, std::vector<base::Fd>) {
                     // One job a process; what follows it has no meaning.
                     if (!job_) job_ = std::move(message);
                     loop_.stop();
                   },
               .on_closed = [this](const std::string&) { loop_.stop(); }}) {}

  int run() {
    loop_.run();
    if (!job_) return 1;
    link_.send(std::visit(*this, *job_));
    return deliver() ? 0 : 1;
  }

  net::BuilderToControl operator()(const msg::UnpackImage& job) {
    return image_done(unpack_image(job.blobs, job.digest, job.images, events(), room_of(job.room)));
  }
  net::BuilderToControl operator()(const msg::BuildImage& job) {
    files_ = {};
    std::vector<std::string> needed;
    const BuildBases bases{.needed = &needed, .on_used = [this](std::vector<std::string> digests) {
                             link_.send(msg::ImagesUsed{.digests = std::move(digests)});
                           }};
    const base::Result<model::Image> image = build_image(loop_, job, events(), bases);
    if (!image && !needed.empty() && needed.size() <= kMostWantedImages) {
      return msg::ImagesNeeded{.names = std::move(needed)};
    }
    return image_done(image);
  }
  net::BuilderToControl operator()(const msg::ResolveImage& job) {
    const base::Result<msg::ImageResolved> resolved = resolve_image(loop_, job, files_, events());
    if (resolved) return *resolved;
    return msg::JobFailed{.error = resolved.error()};
  }
  net::BuilderToControl operator()(const msg::PullImage& job) {
    return image_done(pull_image(loop_, job, std::move(files_), events()));
  }
  net::BuilderToControl operator()(const msg::CleanDisk& job) {
    const base::Result<msg::DiskCleaned> done = clean_disk(job, events());
    if (done) return *done;
    return msg::JobFailed{.error = done.error()};
  }

 private:
  static net::BuilderToControl image_done(const base::Result<model::Image>& result) {
    if (result) return msg::ImageDone{.image = *result};
    return msg::JobFailed{.error = result.error()};
  }

  // The job runs outside the loop's callbacks and turns the loop itself, whenever it asks whether to go on.
  JobEvents events() {
    return {.line = [this](const std::string& line) { link_.send(msg::Progress{.line = line}); },
            .go_on =
                [this] {
                  loop_.turn(base::Duration{0});
                  return link_.open();
                }};
  }

  bool deliver() {
    const base::Instant end = clock_.now() + kDelivery;
    while (link_.open() && link_.unsent_bytes() > 0 && clock_.now() < end) loop_.turn(end - clock_.now());
    return link_.open() && link_.unsent_bytes() == 0;
  }

  base::SystemClock clock_;
  net::Loop loop_;
  RegistryFiles files_;
  std::optional<net::ControlToBuilder> job_;
  net::Link<net::BuilderToControl, net::ControlToBuilder> link_;
};

}  // namespace

int run_builder(base::Fd link, RegistryFiles files) {
  // Whatever control's descriptor came with: Link needs a socket that never blocks.
  ::fcntl(link.get(), F_SETFL, ::fcntl(link.get(), F_GETFL) | O_NONBLOCK);
  // Modes of unpacked files are what the image says, not what an inherited mask leaves of it.
  ::umask(0);
  return Builder(std::move(link), std::move(files)).run();
}

}  // namespace marea::pipeline
