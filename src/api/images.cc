// Images: blobs, names, builds.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "api/api.h"
#include "api/json_lines.h"
#include "api/methods.h"
#include "control/blob_upload.h"

namespace marea::api {
namespace {

constexpr std::uint64_t kMostContextBytes = 4ULL << 30;  // a build context; more is a forgotten .dockerignore

// That a body is promised at a time: who announces much and sends little holds no more than this, and nothing goes for
// what does not come.
constexpr std::uint64_t kRoomStep = 64ULL << 20;

// Room for the next piece of a body of that length; 0: it is not known.
base::Result<void> make_room(control::Control& control, control::Room& room, const std::string& what,
                             std::uint64_t length, std::size_t piece) {
  if (room.left() < static_cast<std::int64_t>(piece)) {
    const auto promised = static_cast<std::uint64_t>(room.promised());
    const std::uint64_t step = length > promised ? std::min(kRoomStep, length - promised) : kRoomStep;
    if (auto more = control.reserve(room, what, std::max<std::uint64_t>(step, piece)); !more) return more;
  }
  room.write(static_cast<std::int64_t>(piece));
  return {};
}

// One blob that is being received.
struct Upload {
  control::Control& control;
  control::BlobUpload blob;
  net::Responder responder;
  std::shared_ptr<control::Room> room;
  bool failed = false;

  void fail(const base::Error& error) {
    failed = true;
    responder.send(failure(control.with_what_to_remove(error)));
  }
};

// A build context that is being received, and the build it is for.
struct Build {
  control::Control& control;
  std::string folder;
  base::Fd file;
  net::Responder responder;
  std::shared_ptr<control::Room> room;
  bool failed = false;

  ~Build() {
    std::error_code ignored;
    if (!folder.empty()) std::filesystem::remove_all(folder, ignored);
  }
  void fail(const base::Error& error) {
    failed = true;
    responder.send(failure(control.with_what_to_remove(error)));
  }
};

// What each has of the disk is told once, with the first of its names.
Json image_list(const control::Control& control) {
  const control::HeldImages held = control.held_images();
  std::map<std::string, Json> named;
  Json unnamed = Json::array();
  std::int64_t sum = held.other_blobs + held.builds;
  for (const control::HeldImage& image : held.images) {
    std::int64_t on_disk = image.bytes + image.blob_bytes;
    sum += on_disk;
    const Json one = {{"digest", image.digest}, {"bytes", image.bytes}, {"revisions", image.revisions}};
    for (const std::string& name : image.names) {
      Json& item = named[name] = one;
      item["name"] = name;
      item["used_by"] = control.users_of(control.image_names().at(name));
      item["disk_bytes"] = std::exchange(on_disk, 0);
    }
    if (!image.names.empty()) continue;
    unnamed.push_back(one);
    unnamed.back()["disk_bytes"] = on_disk;
  }
  Json items = Json::array();
  for (auto& [name, item] : named) items.push_back(std::move(item));
  return {{"items", std::move(items)},
          {"unnamed", std::move(unnamed)},
          {"other_bytes", held.other_blobs},
          {"builds_bytes", held.builds},
          {"used_bytes", sum},
          {"unused_bytes", control.removable().images}};
}

}  // namespace

net::BodyPlan Api::blob(const net::HttpRequest& head, const std::string& digest) {
  if (!pipeline::is_digest(digest)) {
    return failure({.code = base::ErrorCode::invalid_argument,
                    .what = "\"" + digest + "\" is no digest",
                    .why = "blobs are named sha256: and 64 hexadecimal digits"});
  }
  const std::string& blobs = world_.control.folders().blobs;
  if (head.method == "HEAD" || head.method == "PUT") world_.control.note_blob(digest);
  if (head.method == "HEAD") {
    std::error_code problem;
    const bool here = std::filesystem::exists(control::blob_path(blobs, digest), problem);
    return here ? net::HttpResponse{.status = 200, .fields = {}, .body = {}} : not_found("blobs.marea.dev", digest);
  }
  if (head.method != "PUT") return wrong_method(head, "HEAD, PUT");
  const std::uint64_t announced = head.content_length.value_or(0);
  const std::string what = "take blob " + digest;
  const auto room = std::make_shared<control::Room>();
  if (announced <= control::kMostBlobBytes) {  // what is too large for any disk is told as that, below
    auto there = world_.control.check_room(what, announced, {}, control::Control::RoomAsk::only_ask);
    if (!there) return failure(there.error());
  }
  return net::StreamedBody{
      .most = control::kMostBlobBytes,
      .begin = [&control = world_.control, blobs, digest, what, room, announced, begun_at = world_.loop.now()](
                   const net::HttpRequest&, net::Responder responder) {
        auto begun = control::BlobUpload::begin(blobs, digest);
        if (!begun) {
          responder.send(failure(control.with_what_to_remove(begun.error())));
          return net::BodySink{};
        }
        auto upload = std::make_shared<Upload>(Upload{control, std::move(*begun), std::move(responder), room});
        return net::BodySink{
            .on_data =
                [upload, what, announced](std::string_view piece) {
                  if (upload->failed) return;
                  if (auto there = make_room(upload->control, *upload->room, what, announced, piece.size()); !there) {
                    return upload->fail(there.error());
                  }
                  if (auto done = upload->blob.write(piece); !done) upload->fail(done.error());
                },
            .on_end =
                [upload, digest, begun_at] {
                  if (auto done = upload->blob.finish(); !done) return upload->fail(done.error());
                  upload->control.note_upload(digest, begun_at);
                  upload->responder.send(json_response(201, {{"digest", digest}}));
                },
            .on_abort = {}};
      }};
}

net::BodyPlan Api::images(const net::HttpRequest& head) {
  if (head.method == "PUT") {
    return net::WholeBody{.most = kMostSmallBody, .then = [this](const net::HttpRequest& request, net::Responder to) {
                            name_image(request, std::move(to));
                          }};
  }
  if (head.method == "DELETE") {
    const std::string name(head.parameter("name").value_or(""));
    if (!name.empty() || head.parameter("unused")) return free_disk(control::DeleteImages{name});
    return failure({.code = base::ErrorCode::invalid_argument, .what = "say which: ?name=NAME or ?unused=1"});
  }
  if (head.method != "GET") return wrong_method(head, "DELETE, GET, PUT");
  return json_response(200, image_list(world_.control));
}

void Api::name_image(const net::HttpRequest& request, net::Responder responder) {
  const Json body = Json::parse(request.body, nullptr, false);
  const bool sound = body.is_object() && body.contains("name") && body["name"].is_string() && body.contains("digest") &&
                     body["digest"].is_string() && pipeline::is_digest(body["digest"].get<std::string>());
  const std::string name = sound ? body["name"].get<std::string>() : std::string();
  constexpr std::size_t kMostNameBytes = 4096;  // "oci:" and a path
  if (!sound || name.empty() || name.size() > kMostNameBytes) {
    responder.send(failure({.code = base::ErrorCode::invalid_argument,
                            .what = "cannot name the image",
                            .why = R"(the body must be {"name": NAME, "digest": "sha256:…"})"}));
    return;
  }
  auto kept = std::make_shared<net::Responder>(std::move(responder));
  world_.control.execute(control::NameImage{.name = name, .digest = body["digest"].get<std::string>()},
                         {.on_progress = {}, .on_done = [kept](const auto& outcome) {
                            if (!outcome) {
                              kept->send(failure(outcome.error()));
                              return;
                            }
                            const auto& image = std::get<control::ImageReady>(*outcome);
                            kept->send(json_response(200, {{"digest", image.digest}, {"bytes", image.bytes}}));
                          }});
}

net::BodyPlan Api::builds(const net::HttpRequest& head) {
  if (head.method == "DELETE") return free_disk(control::DeleteBuilds{});
  if (head.method != "POST") return wrong_method(head, "DELETE, POST");
  control::BuildImage command{.name = std::string(head.parameter("name").value_or("")),
                              .dockerfile = std::string(head.parameter("dockerfile").value_or("Dockerfile")),
                              .context = world_.incoming + "/" + world_.random.suffix(12)};
  if (command.name.empty()) {
    return failure({.code = base::ErrorCode::invalid_argument, .what = "a build needs ?name=TAG"});
  }
  const auto room = std::make_shared<control::Room>();
  const std::uint64_t announced = head.content_length.value_or(0);
  if (announced <= kMostContextBytes) {  // what is too large is told as that, below
    auto there = world_.control.check_room("build " + command.name, announced, {}, control::Control::RoomAsk::only_ask);
    if (!there) return failure(there.error());
  }
  return net::StreamedBody{
      .most = kMostContextBytes,
      .begin = [this, command = std::move(command), room, announced](const net::HttpRequest&,
                                                                     net::Responder responder) {
        auto build = std::make_shared<Build>(world_.control);
        build->room = room;
        build->responder = std::move(responder);
        constexpr mode_t kFolder = 0711;
        constexpr mode_t kFile = 0644;  // the builder reads it as another user
        if (::mkdir(command.context.c_str(), kFolder) == 0) build->folder = command.context;
        const std::string path = command.context + "/context.tar";
        build->file = base::Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFile));
        if (!build->file) {
          build->fail(base::os_error("cannot store the build context at " + path));
          return net::BodySink{};
        }
        return net::BodySink{
            .on_data =
                [build, name = command.name, announced](std::string_view piece) {
                  if (build->failed) return;
                  if (auto there = make_room(build->control, *build->room, "build " + name, announced, piece.size());
                      !there) {
                    return build->fail(there.error());
                  }
                  if (auto done = control::write_all(build->file, piece, "the build context"); !done) {
                    build->fail(done.error());
                  }
                },
            .on_end =
                [this, build, command] {
                  build->file.reset();
                  auto lines = JsonLines::begin(std::move(build->responder));
                  const auto ticket = world_.control.execute(
                      command, {.on_progress = [lines](const std::string& line) { lines->offer({{"line", line}}); },
                                .on_done =
                                    [lines, build](const auto& outcome) {
                                      if (outcome) {
                                        const auto& image = std::get<control::ImageReady>(*outcome);
                                        lines->finish({{"image", {{"name", image.name}, {"digest", image.digest}}}});
                                        return;
                                      }
                                      const base::Error& error = outcome.error().error;
                                      lines->finish({{"error",
                                                      {{"code", base::to_string(error.code)},
                                                       {"what", error.what},
                                                       {"why", error.why},
                                                       {"remedy", error.remedy}}}});
                                    }});
                  lines->on_closed([this, ticket] { world_.control.cancel(ticket); });
                },
            .on_abort = {}};
      }};
}

}  // namespace marea::api
