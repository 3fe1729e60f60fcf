// The data directory: how full its disk is, what of it nobody needs, and all that must not be lost as one archive.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "api/api.h"
#include "api/methods.h"
#include "backup/backup_stream.h"
#include "base/log.h"
#include "net/loop.h"

namespace marea::api {
namespace {

constexpr const char* kSnapshot = "/marea.db";

// One backup that is being sent, at the pace of whoever takes it.
class BackupAnswer : public std::enable_shared_from_this<BackupAnswer> {
 public:
  BackupAnswer(net::Loop& loop, control::Control& control, std::string folder)
      : control_(control), folder_(std::move(folder)), again_(loop, [this] { step(); }) {}
  ~BackupAnswer() {
    if (pinned_) control_.end_backup();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  BackupAnswer(const BackupAnswer&) = delete;
  BackupAnswer& operator=(const BackupAnswer&) = delete;

  void begin(net::Responder responder, std::string version, const std::string& created) {
    responder_ = std::move(responder);
    std::error_code problem;
    std::filesystem::create_directory(folder_, problem);
    base::Result<control::Control::BackupContents> contents = control_.begin_backup(folder_ + kSnapshot);
    if (!contents) return responder_.send(failure(contents.error()));
    pinned_ = true;
    net::HttpResponse head{.status = 200, .fields = {{"Content-Type", "application/zstd"}}, .body = {}};
    std::vector<model::Fault> notices;
    for (const std::string& digest : contents->missing) {
      notices.push_back({.path = "images", .message = "image " + digest + " is not whole and is left out"});
    }
    add_warnings(head, notices);
    auto stream = backup::BackupStream::begin({.snapshot = folder_ + kSnapshot,
                                               .blobs = control_.folders().blobs,
                                               .digests = std::move(contents->blobs),
                                               .marea = std::move(version),
                                               .created = created});
    if (!stream) return responder_.send(failure(stream.error()));
    stream_.emplace(std::move(*stream));
    responder_.begin(std::move(head));
    // The exchange keeps us alive; when it ends, so do we.
    responder_.on_writable([self = shared_from_this()] { self->again_.arm_in(base::Duration{0}); });
    responder_.on_closed([self = shared_from_this()] { self->again_.cancel(); });
    again_.arm_in(base::Duration{0});
  }

 private:
  // One piece a turn of the loop: other requests have theirs between.
  void step() {
    const std::shared_ptr<BackupAnswer> self = shared_from_this();  // the end of the exchange lets go of us
    if (!responder_.open()) return;
    if (!piece_.empty()) {
      if (!responder_.write(piece_)) return;  // on_writable goes on
      piece_.clear();
    }
    if (stream_->ended()) return responder_.end();
    base::Result<std::string> next = stream_->next();
    if (!next) {
      responder_ = {};  // cut off: the client sees that it is not whole
      return;
    }
    piece_ = std::move(*next);
    again_.arm_in(base::Duration{0});
  }

  control::Control& control_;
  std::string folder_;
  bool pinned_ = false;
  net::Responder responder_;
  std::optional<backup::BackupStream> stream_;
  std::string piece_;
  net::Timer again_;
};

Json freed_object(const control::Freed& freed) {
  return {{"deleted", freed.names}, {"bytes", freed.bytes}};
}

}  // namespace

net::BodyPlan Api::disk(const net::HttpRequest& head) {
  if (head.method != "GET") return wrong_method(head, "GET");
  const control::Control& control = world_.control;
  const control::DiskUse use = control.disk();
  const control::Removable removable = control.removable();
  const control::ImageDisk images = control.image_disk();
  Json out = {{"bytes", use.bytes},
              {"used", use.used},
              {"percent", use.percent()},
              {"most_percent", control.most_disk_percent()},
              {"full", use.percent() > control.most_disk_percent()},
              {"images",
               {{"most", images.most},
                {"most_percent", control.most_image_percent()},
                {"used", images.used},
                {"in_use", std::max<std::int64_t>(0, images.used - images.unused - images.builds)},
                {"unused", images.unused},
                {"builds", removable.builds}}},
              {"removable", {{"images", removable.images}, {"builds", removable.builds}, {"logs", removable.logs}}}};
  out["unreadable"] = Json::array();
  for (const auto& [digest, why] : control.unreadable_images()) {
    out["unreadable"].push_back({{"digest", digest}, {"why", why.line()}});
  }
  if (out["full"] == true) {
    const base::Error error = control::disk_full("take anything new", 0, use, control.most_disk_percent(), removable);
    out["why"] = error.why;
    out["remedy"] = error.remedy;
  }
  return json_response(200, out);
}

net::BodyPlan Api::backup(const net::HttpRequest& head) {
  if (head.method != "GET") return wrong_method(head, "GET");
  return net::StreamedBody{.most = 0, .begin = [this](const net::HttpRequest&, net::Responder responder) {
                             const auto answer = std::make_shared<BackupAnswer>(
                                 world_.loop, world_.control, world_.incoming + "/" + world_.random.suffix(12));
                             answer->begin(std::move(responder), world_.version,
                                           base::rfc3339(world_.loop.clock().wall().unix_ns));
                             return net::BodySink{};
                           }};
}

net::BodyPlan Api::free_disk(control::Command command) {
  return net::WholeBody{
      .most = kMostSmallBody,
      .then = [this, command = std::move(command)](const net::HttpRequest& /*request*/, net::Responder responder) {
        auto kept = std::make_shared<net::Responder>(std::move(responder));
        world_.control.execute(command,
                               {.on_progress = {}, .on_done = [kept](const auto& outcome) {
                                  if (!outcome) return kept->send(failure(outcome.error()));
                                  kept->send(json_response(200, freed_object(std::get<control::Freed>(*outcome))));
                                }});
      }};
}

}  // namespace marea::api
