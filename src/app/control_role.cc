#include "app/control_role.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "app/version.h"
#include "decide/rate.h"
#include "net/tls.h"
#include "store/repair.h"
#include "trust/access.h"

namespace marea::app {
namespace {

// A follower of logs has no end of its own: it is given this long to take what is on its way.
constexpr base::Duration kStreamsEnd = std::chrono::milliseconds(500);
constexpr base::Duration kRenewCertificate = std::chrono::minutes(10);  // it may have been made under a wrong clock
constexpr base::Duration kRetryCertificate = std::chrono::minutes(5);
// As many as may watch, and those who do not.
constexpr std::size_t kMostConnections = api::kMostWatches + 256;

control::Control::Folders folders_in(const std::string& data) {
  return {.blobs = data + "/blobs",
          .images = data + "/images",
          .builds = data + "/build",
          .logs = data + "/logs",
          .requests = data + "/requests",
          .registry = data + "/registry",
          .webhook_key = data + "/control/webhook-key"};
}

// Another one after each start of the kernel (random(4)); empty where /proc does not have it.
std::string boot_of_machine() {
  std::string out;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), out);
  return out;
}

// A page of another site made the browser of somebody on this machine send it (Fetch standard, "Origin" and Fetch
// Metadata): such a request comes from here and needs no token.
bool is_of_another_site(const net::HttpRequest& head) {
  const std::string_view site = head.field("Sec-Fetch-Site").value_or("none");
  if (site != "none" && site != "same-origin") return true;
  const std::string_view origin = head.field("Origin").value_or("");
  return !origin.empty() && origin != "http://" + head.host;
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
                .limits = world_.limits,
                .give_up = [this] { world_.loop.stop(); },
                .version = std::string(kVersion),
                .boot = boot_of_machine()}),
      api_({.loop = world_.loop,
            .control = control_,
            .random = world_.random,
            .front = {.http_port = world_.http_port},
            .incoming = world_.data + "/incoming",
            .version = std::string(kVersion)}),
      server_(world_.loop, {.connections = kMostConnections},
              [this](const net::HttpRequest& head) { return route(head); }),
      overstayed_(world_.loop, [this] { stopped(); }),
      renew_(world_.loop, [this] { let_in(address_); }) {}

net::BodyPlan ControlRole::route(const net::HttpRequest& head) {
  // First: who is refused must not use up what there is for the others.
  if (auto refused = refusal(head)) return std::move(*refused);
  const auto burst = static_cast<int>(world_.limits[model::Limit::api_requests]);
  const model::RateLimit limit{.interval = base::Duration(std::chrono::seconds(1)) / burst, .burst = burst};
  const decide::RateVerdict verdict = decide::admit(limit, spread_until_, world_.loop.now());
  spread_until_ = verdict.spread_until;
  if (verdict.admitted) return api_.route(head);
  api_.count_refused();
  net::HttpResponse too_many = net::status_response(429, "the API gets more requests than it takes in a second");
  const auto wait = std::chrono::ceil<std::chrono::seconds>(verdict.retry_after).count();
  too_many.fields.emplace_back("Retry-After", std::to_string(wait));
  return too_many;
}

// Who opened the Unix socket was allowed to by its mode; who comes over TLS shows the token; who comes without is on
// this machine.
std::optional<net::HttpResponse> ControlRole::refusal(const net::HttpRequest& head) const {
  if (head.peer.uid) return std::nullopt;
  if (!head.peer.tls) {
    if (is_of_another_site(head)) return net::status_response(403, "the API is not for pages of other sites");
    const std::string& from = head.peer.address;
    if (from.starts_with("127.") || from.starts_with("[::1]") || from.starts_with("[::ffff:127.")) return std::nullopt;
    return net::status_response(
        403, "the API is given to other machines over TLS only: https, with the token of marea kubeconfig");
  }
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view given = head.field("Authorization").value_or("");
  if (given.starts_with(kBearer) && trust::same_secret(given.substr(kBearer.size()), token_)) return std::nullopt;
  net::HttpResponse refused =
      net::status_response(401, "Unauthorized: over TLS the API wants the token of marea kubeconfig");
  refused.fields.emplace_back("WWW-Authenticate", "Bearer");
  return refused;
}

// Over TLS too, on the same address.
void ControlRole::let_in(const std::string& address) {
  address_ = address;
  std::string host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  const bool any = host == "0.0.0.0" || host == "::";
  if (!any && std::ranges::find(names, host) == names.end()) names.push_back(host);
  const std::int64_t now = world_.loop.clock().wall().unix_ns / 1'000'000'000;
  base::Result<trust::Access> access = trust::open_access(world_.data + "/control/api", names, now);
  base::Result<std::shared_ptr<net::TlsIdentity>> tls =
      access ? net::TlsIdentity::make(access->certificate, access->key) : std::unexpected(access.error());
  if (!tls) {
    world_.log(base::Severity::error, "the API cannot be reached over TLS",
               {{"why", tls.error().line()}, {"remedy", tls.error().remedy}});
    renew_.arm_in(kRetryCertificate);
    return;
  }
  server_.use_tls(std::move(*tls));
  token_ = access->token;
  const std::string reached = any ? "127.0.0.1" + address.substr(address.rfind(':')) : address;
  api_.set_entrance(
      {.url = "https://" + reached, .authority_base64 = trust::base64(access->ca), .token = access->token});
  renew_.arm_in(kRenewCertificate);
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
  if (kind == net::ListenerKind::api_tcp) let_in(address);
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
