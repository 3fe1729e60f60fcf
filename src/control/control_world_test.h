// A Control with everything around it played by the test: the far ends of its links to engine, router and builders
// over real sockets, a store in a folder of its own, and a clock that stands still until it is moved.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>

#include "control/control.h"
#include "model/manifest.h"
#include "pipeline/digest.h"
#include "pipeline/test_images.h"

namespace marea::control {

// Stands still until it is moved; its wall clock can be set, as people and time servers do.
class JumpingClock final : public base::Clock {
 public:
  base::Instant now() const override { return steady_.now(); }
  base::WallTime wall() const override { return {.unix_ns = steady_.wall().unix_ns + jumped_.count()}; }
  void advance(base::Duration by) { steady_.advance(by); }
  void jump(base::Duration by) { jumped_ += by; }

 private:
  base::ManualClock steady_;
  base::Duration jumped_{};
};

class ControlWorld {
 public:
  ControlWorld() {
    std::string pattern = testing::TempDir() + "control-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    for (const char* part : {"/blobs/sha256", "/images", "/logs"}) std::filesystem::create_directories(folder_ + part);
    start();
  }
  ~ControlWorld() {
    kill();
    std::filesystem::remove_all(folder_);
  }
  ControlWorld(const ControlWorld&) = delete;
  ControlWorld& operator=(const ControlWorld&) = delete;

  void start() {
    auto store = store::Store::open(folder_ + "/marea.db");
    if (!store) ADD_FAILURE() << store.error().line();
    store_ = std::make_unique<store::Store>(std::move(*store));
    control_ = std::make_unique<Control>(
        Control::World{.loop = loop_,
                       .random = random_,
                       .log = log_,
                       .store = *store_,
                       .to_keeper = [this](net::RoleToKeeper message,
                                           std::vector<base::Fd> fds) { to_keeper(message, std::move(fds)); },
                       .folders = {.blobs = folder_ + "/blobs",
                                   .images = folder_ + "/images",
                                   .builds = folder_ + "/build",
                                   .logs = folder_ + "/logs",
                                   .requests = folder_ + "/requests",
                                   .webhook_key = folder_ + "/webhook-key"},
                       .disk = [this] { return disk; },
                       .version = version,
                       .boot = boot});
    const auto started = control_->start();
    if (!started) ADD_FAILURE() << started.error().line();
  }
  // As kill -9 leaves things: no goodbye.
  void kill() {
    builders_.clear();
    engine_.reset();
    router_.reset();
    logs_.reset();
    control_.reset();
    store_.reset();
  }

  void connect_engine() {
    auto pair = net::make_socket_pair();
    plan_.clear();
    building_.clear();
    engine_ = std::make_unique<EngineEnd>(
        loop_, std::move(pair->second),
        EngineEnd::Events{.on_message = [this](net::ControlToEngine message, auto) { on_engine(std::move(message)); },
                          .on_closed = [](const std::string&) {}});
    control_->connect_engine(std::move(pair->first));
    engine_->send(net::msg::EngineReady{.runtime = "crun 1.8.1"});
    for (const auto& report : running_) engine_->send(report);
    engine_->send(net::msg::InstancesDone{});
  }
  void connect_router() {
    auto pair = net::make_socket_pair();
    router_ = std::make_unique<RouterEnd>(
        loop_, std::move(pair->second),
        RouterEnd::Events{.on_message = [this](net::ControlToRouter message, auto) { on_router(std::move(message)); },
                          .on_closed = [](const std::string&) {}});
    control_->connect_router(std::move(pair->first));
  }
  void connect_logs() {
    auto pair = net::make_socket_pair();
    logs_ = std::make_unique<LogsEnd>(
        loop_, std::move(pair->second),
        LogsEnd::Events{.on_message = [this](const net::ControlToLogs& message, auto) { on_logs(message); },
                        .on_closed = [](const std::string&) {}});
    control_->connect_logs(std::move(pair->first));
  }
  void connect() {
    connect_router();
    connect_engine();
    connect_logs();
    run();
  }
  // Until nothing more happens: a few turns without waiting.
  void run() {
    for (int i = 0; i < 60; ++i) loop_.turn(base::Duration{0});
  }
  void advance(base::Duration by) {
    clock_.advance(by);
    run();
  }

  // engine
  void report(const std::string& id, const std::string& revision, model::InstanceState state,
              model::Reason reason = model::Reason::none, std::optional<model::ExitStatus> exit = std::nullopt) {
    const model::InstanceReport report{.id = base::InstanceId(id),
                                       .revision = base::RevisionName(revision),
                                       .service = base::ServiceName(revision.substr(0, revision.find('-'))),
                                       .state = state,
                                       .reason = reason,
                                       .since_unix_ns = clock_.wall().unix_ns,
                                       .created_unix_ns = clock_.wall().unix_ns,
                                       .exit = exit};
    std::erase_if(running_, [&](const auto& one) { return one.id == report.id; });
    if (state != model::InstanceState::stopped) running_.push_back(report);
    engine_->send(report);
    run();
  }
  void tell_usage(const std::string& id, const std::string& revision, const model::Usage& usage) {
    engine_->send(net::msg::InstanceUsage{.id = base::InstanceId(id),
                                          .revision = base::RevisionName(revision),
                                          .service = base::ServiceName(revision.substr(0, revision.find('-'))),
                                          .usage = usage});
    run();
  }
  // "hola-00001-xyz[min..max want N]Reason …" of the newest whole plan.
  std::string plan() const {
    std::string out;
    for (const auto& [name, plan] : plan_) {
      out += (out.empty() ? "" : " ") + name.str().substr(0, name.str().rfind('-')) + "[" + std::to_string(plan.min) +
             ".." + std::to_string(plan.max) + " want " + std::to_string(plan.wanted) + "]" +
             std::string(to_string(plan.reason));
    }
    return out;
  }

  // router
  std::string shares(const std::string& service) const {
    const auto route = services_.find(base::ServiceName(service));
    if (route == services_.end()) return "no route";
    std::string out;
    for (const auto& share : route->second.shares) {
      const std::string& name = share.revision.str();
      out += (out.empty() ? "" : " ") + name.substr(0, name.rfind('-')) + "=" + std::to_string(share.weight);
    }
    return out.empty() ? "unready: " + route->second.unready : out;
  }
  const model::ServiceRoute& route(const std::string& service) const {
    return services_.at(base::ServiceName(service));
  }
  void tell_counts(const model::ReleaseCounts& counts) {
    router_->send(counts);
    run();
  }
  void tell_outcomes(const model::ExperimentCounts& counts) {
    router_->send(counts);
    run();
  }
  // Below this number control has the release's ticks.
  std::uint64_t seen(const std::string& release) const {
    const auto found = seen_.find(release);
    return found == seen_.end() ? 0 : found->second;
  }
  // In all since router began.
  void tell_requests(const std::string& revision, std::uint64_t requests, std::uint64_t failed = 0) {
    router_->send(
        net::msg::RevisionLoad{.revision = base::RevisionName(revision), .requests = requests, .failed = failed});
    run();
  }
  void lose_router() {
    router_.reset();
    run();
  }
  std::uint64_t routes_version() const { return version_; }
  void apply_routes() {
    router_->send(net::msg::RoutesApplied{.version = version_});
    run();
  }

  // images and builders
  std::string make_image(char letter) {
    const std::string hex(64, letter);
    std::ofstream(folder_ + "/blobs/sha256/" + hex) << "manifest";
    return "sha256:" + hex;
  }
  model::Image unpack(const std::string& digest) {
    const std::string rootfs = folder_ + "/images/" + digest.substr(7) + "/rootfs";
    std::filesystem::create_directories(rootfs);
    return {.digest = digest, .rootfs = rootfs, .bytes = unpacked_bytes};
  }
  // Names an image and lets the builder unpack it.
  void have_image(const std::string& name, char letter) { have_image(name, make_image(letter)); }
  // One whose blobs can be read; gives its digest.
  std::string have_real_image(const std::string& name) {
    const std::string digest = make_real_image(name);
    have_image(name, digest);
    return digest;
  }
  std::string make_real_image(const std::string& content) const {
    namespace images = pipeline::testing;
    return images::TestLayout(folder_).add_image({{.tar = images::tar({{.name = "f", .content = content}})}})["digest"];
  }
  void have_image(const std::string& name, const std::string& digest) {
    bool done = false;
    control_->execute(NameImage{.name = name, .digest = digest}, {.on_done = [&](const auto& outcome) {
                        EXPECT_TRUE(outcome) << outcome.error().error.line();
                        done = true;
                      }});
    run();
    if (!done) finish_job();
    EXPECT_TRUE(done);
  }
  void finish_job() {
    ASSERT_FALSE(builders_.empty());
    Builder& builder = builders_.begin()->second;
    ASSERT_TRUE(builder.work);
    const auto& unpack_image = std::get<net::msg::UnpackImage>(*builder.work);
    builder.link->send(net::msg::ImageDone{.image = unpack(unpack_image.digest)});
    run();
    const std::uint64_t number = builders_.begin()->first;
    builders_.erase(number);
    control_->builder_ended(number, 0);
    run();
  }

  // What the oldest builder was asked, if it is that.
  template <class Work>
  Work job() const {
    if (builders_.empty() || !builders_.begin()->second.work) return {};
    const auto* work = std::get_if<Work>(&*builders_.begin()->second.work);
    EXPECT_NE(work, nullptr) << "another job";
    return work == nullptr ? Work{} : *work;
  }
  template <class Work>
  Work newest_job() const {
    const auto* work = builders_.empty() ? nullptr : std::get_if<Work>(&*builders_.rbegin()->second.work);
    EXPECT_NE(work, nullptr) << "another job";
    return work == nullptr ? Work{} : *work;
  }
  // The oldest builder answers and ends.
  void answer_job(const net::BuilderToControl& answer) {
    ASSERT_FALSE(builders_.empty());
    const std::uint64_t number = builders_.begin()->first;
    builders_.begin()->second.link->send(answer);
    run();
    builders_.erase(number);
    control_->builder_ended(number, 0);
    run();
  }
  // The newest does.
  void answer_newest(const net::BuilderToControl& answer) {
    ASSERT_FALSE(builders_.empty());
    const std::uint64_t number = builders_.rbegin()->first;
    builders_.rbegin()->second.link->send(answer);
    run();
    builders_.erase(number);
    control_->builder_ended(number, 0);
    run();
  }
  // The builder tells that it cannot.
  void fail_job(base::Error error) {
    ASSERT_FALSE(builders_.empty());
    const std::uint64_t number = builders_.begin()->first;
    builders_.begin()->second.link->send(net::msg::JobFailed{.error = std::move(error)});
    run();
    builders_.erase(number);
    control_->builder_ended(number, 0);
    run();
  }
  void kill_builder() {
    const std::uint64_t number = builders_.begin()->first;
    builders_.erase(number);
    control_->builder_ended(number, 9);  // as of waitpid: by SIGKILL
    run();
  }
  // The builder removes what it was asked to.
  void finish_cleaning() {
    ASSERT_FALSE(builders_.empty());
    const auto job = std::get<net::msg::CleanDisk>(builders_.begin()->second.work.value());
    cleaned = job.digests;
    for (const std::string& digest : job.digests) {
      std::filesystem::remove_all(folder_ + "/images/" + digest.substr(7));
    }
    builders_.begin()->second.link->send(net::msg::DiskCleaned{.build_bytes = 0});
    run();
    builders_.clear();
  }

  net::msg::BuildImage build_job() const {
    return std::get<net::msg::BuildImage>(builders_.begin()->second.work.value());
  }
  void tell_progress(const std::string& line) {
    builders_.begin()->second.link->send(net::msg::Progress{.line = line});
    run();
  }
  void tell_used(const std::vector<std::string>& digests) {
    builders_.begin()->second.link->send(net::msg::ImagesUsed{.digests = digests});
    run();
  }
  void finish_build(char letter) {
    const std::string digest = make_image(letter);
    builders_.begin()->second.link->send(net::msg::ImageDone{.image = unpack(digest)});
    run();
  }

  std::expected<Outcome, Refusal> execute(Command command) {
    // Shared: an answer may come long after this call.
    auto got = std::make_shared<std::optional<std::expected<Outcome, Refusal>>>();
    control_->execute(std::move(command), {.on_done = [got](auto outcome) { *got = std::move(outcome); }});
    run();
    if (!*got) return refuse(base::ErrorCode::unavailable, "not done yet");
    return **got;
  }
  std::expected<Outcome, Refusal> apply(const std::string& name, const std::string& image,
                                        const std::string& traffic = "") {
    model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {}, "spec": {"template": {"spec": {"containers": [{}]}}}})");
    document["metadata"]["name"] = name;
    document["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    if (!traffic.empty()) document["spec"]["traffic"] = model::Json::parse(traffic);
    auto parsed = model::parse_service(std::move(document));
    if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
    return execute(ApplyService{.document = std::move(*parsed)});
  }
  const ServiceState& service(const std::string& name) const {
    return control_->services().at(base::ServiceName(name));
  }
  std::string newest(const std::string& name) const {
    return service(name).revisions.back().record.revision.name.str();
  }
  std::string conditions(const std::string& name) const {
    std::string out;
    for (const Condition& one : control_->status(service(name)).conditions) {
      out += (out.empty() ? "" : " ") + one.type + "=" + std::string(to_string(one.status));
      if (!one.reason.empty()) out += "(" + one.reason + ")";
    }
    return out;
  }
  // Deploys and lets everything go well.
  void deploy(const std::string& name, const std::string& image, const std::string& instance) {
    ASSERT_TRUE(apply(name, image));
    report(instance, newest(name), model::InstanceState::running);
    apply_routes();
  }

  Control& control() { return *control_; }
  static std::string digest_of(std::string_view content) { return pipeline::digest_of(content); }
  net::Loop& loop() { return loop_; }
  base::Random& random() { return random_; }
  const std::string& folder() const { return folder_; }
  void jump(base::Duration by) { clock_.jump(by); }
  base::Instant now() const { return clock_.now(); }
  std::size_t builders() const { return builders_.size(); }
  std::vector<std::uint64_t> killed;  // builder jobs
  std::vector<std::string> deleted;   // instances
  std::vector<std::string> kept;      // final reports that engine need not tell again
  std::vector<std::string> cleaned;   // unpacked images
  std::string version = "1.0";        // of the next life, and of the machine's
  std::string boot = "boot";
  DiskUse disk{.bytes = 1'000'000'000};
  std::vector<model::MetricValue> metrics;  // router's
  std::vector<model::MetricValue> engine_metrics;
  std::vector<model::MetricValue> logs_metrics;
  bool gives_metrics = true;
  bool last_full = false;  // the newest publication was whole
  int publications = 0;
  std::int64_t unpacked_bytes = 42;  // of each image

 private:
  using EngineEnd = net::Link<net::EngineToControl, net::ControlToEngine>;
  using RouterEnd = net::Link<net::RouterToControl, net::ControlToRouter>;
  using LogsEnd = net::Link<net::LogsToControl, net::ControlToLogs>;
  using BuilderEnd = net::Link<net::BuilderToControl, net::ControlToBuilder>;
  struct Builder {
    std::unique_ptr<BuilderEnd> link;
    std::optional<net::ControlToBuilder> work;
  };

  void to_keeper(const net::RoleToKeeper& message, std::vector<base::Fd> fds) {
    if (const auto* run = std::get_if<net::msg::RunBuilder>(&message)) {
      const std::uint64_t job = run->job;
      builders_[job].link = std::make_unique<BuilderEnd>(
          loop_, std::move(fds.at(0)),
          BuilderEnd::Events{
              .on_message = [this, job](net::ControlToBuilder work, auto) { builders_[job].work = work; },
              .on_closed = [](const std::string&) {}});
    } else if (const auto* kill_job = std::get_if<net::msg::KillBuilder>(&message)) {
      killed.push_back(kill_job->job);
      builders_.erase(kill_job->job);
    }
  }
  void on_engine(net::ControlToEngine message) {
    if (auto* plan = std::get_if<net::msg::PlanRevision>(&message)) {
      building_.emplace(plan->plan.revision.name, std::move(plan->plan));
    } else if (const auto* gone = std::get_if<net::msg::DeleteInstance>(&message)) {
      deleted.push_back(gone->id.str());
    } else if (const auto* report = std::get_if<net::msg::ReportKept>(&message)) {
      kept.push_back(report->id.str());
    } else if (const auto* wanted = std::get_if<net::msg::MetricsWanted>(&message)) {
      engine_->send(net::msg::Metrics{wanted->number, engine_metrics, true});
    } else {
      const std::uint64_t number = std::get<net::msg::PlanCommit>(message).number;
      EXPECT_GT(number, plan_number_) << "engine ignores older plans";
      plan_number_ = number;
      plan_ = std::exchange(building_, {});
    }
  }
  void on_logs(const net::ControlToLogs& message) {
    if (const auto* wanted = std::get_if<net::msg::MetricsWanted>(&message)) {
      logs_->send(net::msg::Metrics{wanted->number, logs_metrics, true});
    }
  }
  void on_router(net::ControlToRouter message) {
    if (const auto* begin = std::get_if<net::msg::RoutesBegin>(&message)) {
      EXPECT_GT(begin->version, version_);
      last_full = begin->full;
      if (begin->full) {
        services_.clear();
        revisions_.clear();
      }
    } else if (auto* service = std::get_if<model::ServiceRoute>(&message)) {
      services_[service->name] = std::move(*service);
    } else if (auto* revision = std::get_if<model::RevisionRoute>(&message)) {
      revisions_[revision->name] = std::move(*revision);
    } else if (const auto* drop = std::get_if<net::msg::DropService>(&message)) {
      services_.erase(drop->name);
    } else if (const auto* drop_revision = std::get_if<net::msg::DropRevision>(&message)) {
      revisions_.erase(drop_revision->name);
    } else if (const auto* counted = std::get_if<net::msg::ReleaseCountsSeen>(&message)) {
      seen_[counted->release] = counted->closed;
    } else if (const auto* wanted = std::get_if<net::msg::MetricsWanted>(&message)) {
      if (!gives_metrics) return;
      for (const model::MetricValue& value : metrics) router_->send(net::msg::Metrics{wanted->number, {value}, false});
      router_->send(net::msg::Metrics{wanted->number, {}, true});
    } else {
      version_ = std::get<net::msg::RoutesCommit>(message).version;
      ++publications;
      for (const auto& [name, route] : services_) {
        for (const auto& share : route.shares) EXPECT_TRUE(revisions_.contains(share.revision)) << name.str();
      }
    }
  }

  std::string folder_;
  JumpingClock clock_;
  base::SeededRandom random_{1};
  base::Log log_{-1, "control", base::Severity::error};
  net::Loop loop_{clock_};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<LogsEnd> logs_;
  std::unique_ptr<EngineEnd> engine_;
  std::unique_ptr<RouterEnd> router_;
  std::map<std::uint64_t, Builder> builders_;
  std::vector<model::InstanceReport> running_;
  std::map<base::RevisionName, model::RevisionPlan> plan_;
  std::map<base::RevisionName, model::RevisionPlan> building_;
  std::uint64_t plan_number_ = 0;
  std::map<base::ServiceName, model::ServiceRoute> services_;
  std::map<base::RevisionName, model::RevisionRoute> revisions_;
  std::uint64_t version_ = 0;
  std::map<std::string, std::uint64_t> seen_;
};

}  // namespace marea::control
