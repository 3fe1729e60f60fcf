#include "app/control_role.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "app/version.h"
#include "decide/rate.h"
#include "store/repair.h"

namespace marea::app {
namespace {

// A follower of logs has no end of its own: it is given this long to take what is on its way.
constexpr base::Duration kStreamsEnd = std::chrono::milliseconds(500);

control::Control::Folders folders_in(const std::string& data) {
  return {.blobs = data + "/blobs",
          .images = data + "/images",
          .builds = data + "/build",
          .logs = data + "/logs",
          .requests = data + "/requests"};
}

}  // namespace

base::Result<std::unique_ptr<ControlRole>> ControlRole::open(World world) {
  const auto refused = [place = world.place, data = world.data](base::Error error) {
    // A person knows the data directory by another name than this role (engine::local::kDataView).
    for (std::string* text : {&error.what, &error.why, &error.remedy}) {
      for (std::size_t at = 0; (at = text->find(data + "/", at)) != std::string::npos; at += place.size()) {
        text->replace(at, data.size(), place);
      }
    }
    if (error.code == base::ErrorCode::store_damaged) error.remedy = store::repair_remedy(place);
    return base::fail(std::move(error));
  };
  // Blobs come by way of a control whose store was there.
  std::error_code ignored;
  const bool used = std::filesystem::directory_iterator(world.data + "/blobs/sha256", ignored) !=
                    std::filesystem::directory_iterator();
  const std::string path = world.data + "/control/marea.db";
  base::Result<store::Store> store = store::Store::open(path, used);
  if (!store && store.error().code == base::ErrorCode::disk_full && store::Store::give_up_reserve(path)) {
    store = store::Store::open(path, used);
  }
  if (!store) return refused(std::move(store.error()));
  store->keep_reserve();
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): make_unique cannot reach the constructor
  std::unique_ptr<ControlRole> role(new ControlRole(std::move(world), std::move(*store)));
  if (base::Result<void> started = role->control_.start(); !started) return refused(std::move(started.error()));
  return role;
}

ControlRole::ControlRole(World world, store::Store store)
    : world_(std::move(world)),
      store_(std::move(store)),
      control_({.loop = world_.loop,
                .random = world_.random,
                .log = world_.log,
                .store = store_,
                .to_keeper = world_.to_keeper,
                .folders = folders_in(world_.data),
                .disk = [blobs = world_.data + "/blobs"] { return control::disk_use(blobs); },
                .most_disk_percent = world_.most_disk_percent,
                .give_up = [this] { world_.loop.stop(); }}),
      api_({.loop = world_.loop,
            .control = control_,
            .random = world_.random,
            .front = {.http_port = world_.http_port},
            .incoming = world_.data + "/incoming",
            .version = std::string(kVersion)}),
      server_(world_.loop, {}, [this](const net::HttpRequest& head) { return route(head); }),
      overstayed_(world_.loop, [this] { stopped(); }) {}

net::BodyPlan ControlRole::route(const net::HttpRequest& head) {
  const auto burst = static_cast<int>(world_.requests_per_second);
  const model::RateLimit limit{.interval = base::Duration(std::chrono::seconds(1)) / burst, .burst = burst};
  const decide::RateVerdict verdict = decide::admit(limit, spread_until_, world_.loop.now());
  spread_until_ = verdict.spread_until;
  if (verdict.admitted) return api_.route(head);
  api_.count_refused();
  net::HttpResponse refusal = net::status_response(429, "the API gets more requests than it takes in a second");
  const auto wait = std::chrono::ceil<std::chrono::seconds>(verdict.retry_after).count();
  refusal.fields.emplace_back("Retry-After", std::to_string(wait));
  return refusal;
}

void ControlRole::on_peer(net::Role peer, base::Fd link) {
  if (peer == net::Role::engine) {
    control_.connect_engine(std::move(link));
  } else if (peer == net::Role::router) {
    control_.connect_router(std::move(link));
  } else if (peer == net::Role::logs) {
    control_.connect_logs(std::move(link));
  }
}

void ControlRole::on_listener(net::ListenerKind kind, std::string address, base::Fd listener) {
  if (kind == net::ListenerKind::http) return;  // the router's
  if (const base::Result<void> listening = server_.listen(std::move(listener)); !listening) {
    world_.log(base::Severity::error, "the API does not listen",
               {{"address", address}, {"why", listening.error().line()}});
  }
}

void ControlRole::on_held(std::string /*key*/, std::vector<base::Fd> /*fds*/) {}
void ControlRole::on_held_done() {}

void ControlRole::on_builder_ended(std::uint64_t job, int wait_status) {
  control_.builder_ended(job, wait_status);
}

void ControlRole::on_stop(base::Duration grace, std::function<void()> done) {
  done_ = std::move(done);
  overstayed_.arm_in(std::min(grace, kStreamsEnd));
  server_.stop([this] { stopped(); });
}

void ControlRole::stopped() {
  overstayed_.cancel();
  if (const std::function<void()> done = std::exchange(done_, {})) done();
}

}  // namespace marea::app
