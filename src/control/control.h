// The platform's will: keeps what is desired in the store, resolves images, checks new revisions, and tells the engine
// and the router what to do about it. Lives on one loop; everything it needs is given to it.
//
// The life of a deploy: ApplyService is stored and acknowledged → the image's name becomes a digest and is unpacked by
// a builder job → the revision is planned with one wanted instance (DeployCheck) → engine reports it running → the
// revision is ready, traffic moves to it → when the router has applied the routes, the old revision drains. When it
// fails instead, the old revision simply keeps its traffic. Each step is derived from the store and from what engine
// and router report, so a control that starts again goes on where it was.
//
// Deleting a service: its routes go first; when the router confirmed that and nobody waits for it any more (or the
// router did not answer for kDeleteWait), its rows and its part of the plan go at once, and engine drains what still
// runs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "control/apply.h"
#include "control/builder_jobs.h"
#include "control/command.h"
#include "control/disk.h"
#include "control/disk_plan.h"
#include "control/engine_port.h"
#include "control/experiment_entry.h"
#include "control/history_book.h"
#include "control/image_parts.h"
#include "control/instance_counts.h"
#include "control/instances.h"
#include "control/logs_port.h"
#include "control/planner.h"
#include "control/recent_requests.h"
#include "control/release_entry.h"
#include "control/rollback.h"
#include "control/router_port.h"
#include "control/scrape.h"
#include "control/states.h"
#include "control/status.h"
#include "control/usage_book.h"
#include "model/platform_limits.h"
#include "net/loop.h"
#include "net/role.h"
#include "store/store.h"
#include "webhook/courier.h"

namespace marea::control {

class Control {
 public:
  struct Folders {  // absolute; engine/local/data_dir.h makes them
    std::string blobs;
    std::string images;
    std::string builds;  // buildah's storage
    std::string logs;
    std::string requests;          // records of requests
    std::string registry = {};     // the operator's files for registries
    std::string webhook_key = {};  // a file; empty: the key is made anew at each start
  };
  struct World {
    net::Loop& loop;
    base::Random& random;
    const base::Log& log;
    store::Store& store;
    net::ToKeeper to_keeper;
    Folders folders;
    std::function<base::Result<DiskUse>()> disk;  // how full the disk of the folders is
    int most_disk_percent = kMostDiskPercent;
    model::PlatformLimits limits = {};
    std::function<void()> give_up;  // the store takes nothing more: this process shall end, the next one reads it anew
    std::string version = {};       // of this marea
    std::string boot = {};          // which start of the machine this is
  };
  // What of the disk no revision needs.
  struct Unused {
    std::vector<std::string> names;
    std::vector<std::string> digests;  // unpacked images
    std::vector<std::string> blobs;
    std::int64_t bytes = 0;
  };
  // Everything that a backup holds.
  struct BackupContents {
    std::vector<std::string> blobs;
    std::vector<std::string> missing;  // images of which a blob is not here
  };
  using Done = std::function<void(std::expected<Outcome, Refusal>)>;
  // An image that somebody waits for.
  struct ImageWish {
    std::string reference;         // as a manifest has it: a name, oci:…, sha256:…, NAME@sha256:…
    std::string digest = {};       // to which it was resolved before; empty: it is resolved now
    bool needed = false;           // by what shall serve: it is made although there is no room in the share
    std::function<bool()> wanted;  // empty: until it is there; else asked now and then whether anybody still waits
    std::function<void(base::Result<model::Image>)> done;
  };
  struct Observer {
    std::function<void(std::string line)> on_progress;  // builds only
    Done on_done;                                       // once; may be called inside execute()
  };
  using Ticket = std::uint64_t;  // 0: there is nothing to cancel

  explicit Control(World world);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // Reads the store. Before anything else; an error ends the start.
  base::Result<void> start();

  void connect_engine(base::Fd link);
  void connect_router(base::Fd link);
  void connect_logs(base::Fd link);
  void builder_ended(std::uint64_t job, int wait_status) { jobs_.on_ended(job, wait_status); }

  Ticket execute(Command command, Observer observer);
  // The one who asked went away: a build is ended; everything else goes on. on_done is not called any more.
  void cancel(Ticket ticket);

  // Reading. References are valid until the loop's next turn.
  const std::map<base::ServiceName, ServiceState>& services() const { return services_; }
  const ServiceState* service_of(const base::RevisionName& revision) const;
  const RevisionState* revision(const base::RevisionName& name) const;
  ServiceStatus status(const ServiceState& service) const;
  RevisionStatus status(const ServiceState& service, const RevisionState& revision) const;
  const Instances& instances() const { return instances_; }
  const std::map<std::string, store::ImageName>& image_names() const { return names_; }
  const model::Image* image(const std::string& digest) const;
  const UsageBook& usage() const { return usage_; }
  const std::map<std::string, store::ReleasePolicyRecord>& release_policies() const { return policies_; }
  // What is wrong in this world with an experiment whose document may have faults of its own. Changes nothing.
  model::Faults faults_of_experiment(const model::Json& document) const;
  // Lines of a release's history, oldest first.
  std::span<const store::ReleaseAuditRecord> release_history(const std::string& id) const;
  // By which receivers of webhooks know marea.
  const webhook::SigningKey& webhook_key() const { return courier_->key(); }
  const webhook::Courier::Counts& webhook_counts() const { return courier_->counts(); }
  // As control/rollback.h has it; empty: there is none.
  base::RevisionName last_known_stable(const base::ServiceName& service) const;
  // What served when, also of services that are gone, and what happened to the platform; read from the store.
  base::Result<store::Timeline> timeline(const store::TimelineQuery& query) const;
  base::Result<std::vector<model::PlatformEvent>> platform_events(
      std::int64_t from_unix_ns, std::int64_t until_unix_ns = std::numeric_limits<std::int64_t>::max()) const;
  // What had changed between a release's beginning and its last rollback or abort, a line each; empty: there was none.
  std::vector<std::string> rollback_report(const base::ServiceName& service, const std::string& release);
  const std::map<std::string, ExperimentEntry>& experiments() const { return experiments_; }
  // Null: none runs.
  const ExperimentEntry* running_experiment(const base::ServiceName& service) const;
  // Gives the numbers once router, engine and logs have given their own, or did not in time.
  void collect_metrics(std::function<void(std::vector<model::MetricValue>)> done);
  // The newest resourceVersion; one that is taken belongs to a change of what is only shown, such as a status.
  std::uint64_t resource_version() const { return store_.resource_version(); }
  std::uint64_t take_version() { return store_.take_version(); }
  // Called for each service of which something may have changed that status() or its revisions, instances and releases
  // tell; with an empty name when a release policy did.
  void on_changed(std::function<void(const base::ServiceName&)> callback) { on_changed_ = std::move(callback); }
  // Makes an image available, from marea's store or from where its name leads, and unpacked. `done` is called once, at
  // once when it is there already; not at all when nobody wants it any more. What is wished for twice is made once.
  void obtain_image(ImageWish wish);
  // Services that use the image of that name or digest; empty: it may go.
  std::vector<std::string> users_of(const store::ImageName& name) const;
  Unused unused() const;
  // Images in use whose manifests cannot be read, with why: they keep blobs that might be theirs.
  std::map<std::string, base::Error> unreadable_images() const;
  DiskUse disk() const;
  Removable removable() const;
  int most_disk_percent() const { return most_disk_percent_; }
  std::int64_t most_image_percent() const { return limits_[model::Limit::image_disk]; }
  ImageDisk image_disk() const;
  HeldImages held_images() const;
  enum class RoomAsk {
    exactly,
    with_margin,  // unused images go, too, so that a job has some to work with; it is not refused for that
    only_ask,     // whether it could be had; nothing goes
  };
  // Room for `bytes` more: what nothing uses and has no name begins to go, the least recently used first, as far as it
  // must. E_DISK_BUDGET when images have not so much left in their share of the disk, E_DISK_FULL when the disk is
  // beyond the share that marea fills; then nothing goes.
  // What is under way counts as taken, as far as it is known, unless `bytes` is 0. Images of the digests in `keep`
  // stay: they are about to be used. E_IO when the store does not take the removal.
  base::Result<void> check_room(const std::string& what, std::uint64_t bytes = 0,
                                const std::set<std::string>& keep = {}, RoomAsk ask = RoomAsk::exactly);
  // The same, and the room is promised: it counts as taken until `room` is destroyed. May be asked for more.
  base::Result<void> reserve(Room& room, const std::string& what, std::uint64_t bytes);
  // For what met the end of the disk half-way: E_DISK_FULL gets the commands that make room as its remedy; any other
  // error is given back as it is.
  base::Error with_what_to_remove(base::Error error) const;
  // A blob was asked for or came: whoever did that may be about to name an image.
  void note_blob(const std::string& digest);
  // It is whole. One that took long keeps what came before it: they may be of one image.
  void note_upload(const std::string& digest, base::Instant begun);

  // Copies the store to `path`, and keeps all blobs until end_backup().
  base::Result<BackupContents> begin_backup(const std::string& path);
  void end_backup() { --backups_; }
  bool engine_connected() const { return engine_.connected(); }
  bool router_connected() const { return router_.connected(); }
  bool logs_connected() const { return logs_.connected(); }
  // What the apps of the service wrote so far goes. False: logs is not there.
  bool drop_logs(const base::ServiceName& service) { return logs_.drop(service); }
  const std::string& runtime() const { return engine_.runtime(); }
  const Folders& folders() const { return folders_; }

 private:
  // control.cc: events and planning
  void touch(const base::ServiceName& service);
  void touch_owner(const base::RevisionName& revision);
  void tick();
  void changed(const base::ServiceName& service) const;
  void plan(ServiceState& service);
  void advance(ServiceState& service);
  void judge(ServiceState& service, RevisionState& revision);
  void decide(ServiceState& service, RevisionState& revision, const Failure* failure);
  void begin_check(ServiceState& service, RevisionState& revision);
  void on_report(const model::InstanceReport& report);
  void on_listed();
  void on_instance_load(const net::msg::InstanceLoad& load);
  void on_revision_load(const net::msg::RevisionLoad& load);
  void on_applied();
  void settle_outputs();
  bool routed_without(const ServiceState& service) const;
  void expire_delete(base::ServiceName name);
  bool write(std::vector<store::Change> changes);
  base::Result<void> commit(std::span<store::Change> changes);
  int live_instances(const base::RevisionName& revision, int* up = nullptr) const;
  ServiceState* find(const base::ServiceName& name);
  RevisionState* find_revision(const base::RevisionName& name);

  // control_releases.cc
  void load_releases(store::Contents& contents);
  // The policy by which a deploy is released.
  struct PolicyChoice {
    std::optional<model::ReleasePolicy> policy;  // nothing: by none
    std::string why;                             // nobody asked for it; in words. Empty: somebody did
  };
  // The release of the newest ready revision gives it the requests, or may have to.
  bool is_fallback(const ServiceState& service, const base::RevisionName& revision) const;
  std::vector<model::Fault> kept_from_latest(const ServiceState& service) const;
  ServiceState* counted(const std::string& route_id);
  std::expected<PolicyChoice, Refusal> release_policy(const ServiceState* state, const model::Service& wanted) const;
  PolicyChoice usual_policy(const ServiceState* state) const;
  // What an apply means to releases: `changes` go into the same commit, adopt_releases() follows it.
  struct ReleasePlan {
    std::optional<ReleaseEntry::Next> running;  // the one that runs, or that is tried again
    std::optional<ReleaseEntry::Next> fresh;
    std::vector<std::string> dropped;
    std::vector<model::Fault> notices;
  };
  ReleasePlan plan_releases(const ServiceState* state, const model::Service& wanted, const ApplyDecision& decision,
                            const PolicyChoice& choice);
  static void add_changes(const ReleasePlan& plan, std::vector<store::Change>& changes);
  void adopt_releases(const base::ServiceName& name, ReleasePlan plan);
  ReleaseEntry::Next step(const ReleaseEntry& entry, std::vector<decide::ReleaseInput> inputs);
  // Stores what is urgent; false: the disk refused, nothing has changed.
  bool move_release(ServiceState& service, std::vector<decide::ReleaseInput> inputs, std::string* refused = nullptr);
  void advance_release(ServiceState& service);
  void note_failure(const InstanceEntry* before, const model::InstanceReport& report);
  void carry_out(ServiceState& service, const std::vector<decide::ReleaseAction>& actions);
  void on_release_counts(const model::ReleaseCounts& counts);
  void look_at_releases();
  void look_at_burn(ServiceState& service);
  // Whether it is the canary that the newest release of its service took back.
  bool is_inspected(const base::RevisionName& revision) const;
  std::optional<ReleaseFacts> release_facts(const ServiceState& service) const;
  base::RevisionName incumbent(const ServiceState& service, const std::optional<ReleaseEntry::Next>& superseded) const;

  // control_webhooks.cc
  base::Result<void> open_courier();
  void load_webhooks(const store::Contents& contents);
  void add_notices(ReleaseEntry::Next& next);
  void send_notices(const std::vector<store::NoticeRecord>& notices);
  // Asks the gate's webhook while the release waits for it.
  void follow_gate(const ServiceState& service);
  void forget_gate(const std::string& release);
  void answer_gate(const std::string& id, decide::ReleaseInput input);
  void on_notice_done(const std::string& id, const std::optional<std::string>& given_up);
  // control_experiments.cc
  void load_experiments(store::Contents& contents);
  model::Faults experiment_faults(const model::ExperimentSpec& spec) const;
  std::optional<Refusal> experiment_conflict(const model::ExperimentSpec& spec) const;
  model::StickyRule experiment_stickiness(const PutExperiment& command) const;
  store::ExperimentRecord experiment_record(const PutExperiment& command, const model::ExperimentSpec& spec,
                                            const ExperimentEntry* known) const;
  std::expected<void, Refusal> promote_arm(const ExperimentEntry& entry, const EndExperiment& command);
  void act_on_breach(ExperimentEntry& entry);
  bool end_experiment(ExperimentEntry& entry, model::ExperimentEnd cause, std::string detail, std::string who);
  void note_experiment_end(const ExperimentEntry& entry);
  // The record goes into the same commit as the apply, adopt_experiment() follows it.
  std::expected<std::optional<store::ExperimentRecord>, Refusal> experiment_before(const model::Service& wanted,
                                                                                   const ServiceState* state,
                                                                                   bool adds) const;
  void adopt_experiment(store::ExperimentRecord record);
  void forget_experiments(const base::ServiceName& service);
  void on_experiment_counts(const model::ExperimentCounts& counts);
  void look_at_experiments();

  // control_history.cc
  ServiceRecords records_of(const base::ServiceName& name) const;
  const std::optional<model::TimelineLine>* last_line(const base::ServiceName& name);
  std::vector<store::Change> history_of(std::span<const store::Change> changes);
  std::vector<std::string> changes_since(const base::ServiceName& service, std::int64_t unix_ns);
  void add_report(ReleaseEntry::Next& next);
  void keep_history(const std::vector<store::Change>& lines);
  void note_published(const base::ServiceName& name, const ServiceFacts& facts, const ServiceOutcome& outcome);
  void confirm_history();
  void note_event(model::PlatformEventKind kind, std::string detail = {});
  void note_refused(const base::Error& error);
  void let_wait(store::Change change);
  void store_waiting();
  void look_at_history();
  void begin_history(const std::string& version, const std::string& boot);

  // control_rollback.cc
  RollbackFacts rollback_facts(const ServiceState& service) const;
  std::expected<void, Refusal> send_all_to(ServiceState& service, TrafficPin pin);
  std::optional<ReleaseEntry::Next> rollback_line(const ServiceState& service, const RollBack& command,
                                                  const RollbackPlan& plan);
  std::expected<void, Refusal> carry_out(ServiceState& service, const RollBack& command, const RollbackPlan& plan);

  // control_usage.cc
  UsageBook::Moment usage_moment() const;
  bool kept_by_minimum(const base::InstanceId& id, const base::RevisionName& revision) const;
  void on_usage(const net::msg::InstanceUsage& account);
  void note_usage(const model::InstanceReport& report);
  void store_usage();

  // control_metrics.cc
  void add_role_metrics(std::vector<model::MetricValue>& out) const;
  void add_instance_metrics(std::vector<model::MetricValue>& out) const;

  // control_images.cc
  struct Lookup {
    std::string digest;                   // empty: a registry must be asked
    const model::Image* image = nullptr;  // null: it must be unpacked
    bool whole = false;                   // all its blobs are here
    std::string source;                   // the name by which a registry may have it; empty: none
  };
  base::Result<Lookup> look_up(const std::string& reference, const std::string& digest = {}) const;
  bool is_whole(const std::string& digest) const;
  // Unpacks again what ready revisions run and the disk has lost; the path of an image follows from its digest.
  void restore_images();
  bool has_blob(const std::string& digest) const;
  void prepare_image(ServiceState& service, RevisionState& revision);
  void prepare_images(ServiceState& service, RevisionState& revision, std::size_t from);
  void use_image(const base::RevisionName& name, std::size_t container, const base::Result<model::Image>& image);
  void ask_registry(const std::string& source, ImageWish wish);
  void asked(const std::string& source, const base::Result<net::msg::ImageResolved>& resolved);
  // Of blobs that are here; `otherwise` has them, too, when one is damaged. Empty: nobody.
  void make_image(const std::string& digest, const std::string& otherwise, ImageWish wish);
  std::int64_t unpacked_guess(const std::string& digest) const;
  void begin_making(const std::string& digest, const std::string& what, std::int64_t bytes);
  void start_making(const std::string& digest);
  void making_ended(const std::string& digest, const base::Result<model::Image>& image);
  void made(const std::string& digest, const base::Result<model::Image>& image);
  void drop_unwanted();
  // What a registry said of a name that may be a misspelt one of an image that is here.
  base::Error with_names_here(base::Error error, const std::string& reference) const;
  void count_limits(const base::Error& error);

  // control_room.cc: how much of the disk a job may take.
  struct Bound {
    std::int64_t bytes = 0;  // that it is known to need
    std::int64_t spare = 0;  // that it may take beside, while it runs
    std::int64_t room = 0;   // its bound; 0: it has none
    bool of_share = false;   // the share of images left less than the disk
    bool again = false;      // it ended at its bound and has begun anew
    bool none = false;       // what shall serve is not held up
  };
  std::int64_t take_room(Bound& bound) const;
  bool make_more_room(Bound& bound);
  base::Error at_bound(base::Error error, const Bound& bound);

  // control_builds.cc
  struct Building {
    BuildImage command;
    Observer observer;
    std::uint64_t job = 0;               // 0: it waits for images
    std::int64_t since_unix_ns = 0;      // what the builder makes from then on is not removed
    std::size_t awaited = 0;             // images that are being pulled for it
    bool asked = false;                  // it has said what it lacks
    bool waits = false;                  // for the cache of builds to be emptied
    std::set<std::string> digests = {};  // of images that it may be built on
    Bound bound = {};
  };
  void start_build(Ticket ticket);
  void complete_build(Ticket ticket, net::msg::BuildImage& work);
  void build_ended(Ticket ticket, const base::Result<model::Image>& image);
  void pull_for_build(Ticket ticket, const std::vector<std::string>& names);
  void pulled_for_build(Ticket ticket, const std::string& name, const base::Result<model::Image>& image);
  void finish_build(Ticket ticket, const base::Result<model::Image>& image);
  std::map<Ticket, Building> builds_;
  Ticket last_build_ = 0;

  // control_disk.cc
  // What images take of the disk: blobs, unpacked ones, the cache of builds.
  std::int64_t image_bytes() const;
  std::int64_t blob_bytes(std::map<std::string, std::int64_t>* each = nullptr) const;
  std::int64_t unrecorded_bytes(const std::string& digest) const;
  std::int64_t awaited_bytes() const;
  struct Left {
    std::int64_t of_disk = 0;
    std::int64_t of_share = 0;
    std::int64_t least() const { return std::min(of_disk, of_share); }
  };
  Left left(bool awaited) const;
  std::int64_t freeing_bytes(const DiskUse& use) const;
  std::int64_t tree_bytes(const std::string& digest) const;
  std::optional<UnusedImage> unused_image(const std::string& digest, std::int64_t unsafe) const;
  bool may_run_unknown() const;
  bool is_fresh(base::Instant noted) const;
  RemovableParts removable_parts(const std::set<std::string>& keep) const;
  void add_busy(std::set<std::string>& kept) const;
  bool is_given(const store::ImageName& name) const;
  bool is_free_blob(const std::string& digest, const KeptBlobs& kept, std::int64_t unsafe) const;
  void read_parts();
  // Folders that a death left half-filled.
  void sweep();
  std::int64_t unsafe_since() const;
  void note_young_blobs();
  base::Result<void> remove(const RemovalPlan& plan);
  void bury(const std::vector<std::string>& digests);
  void note_use(const std::vector<std::string>& digests);
  // To the changes that end a use of these images.
  void release(const std::vector<std::string>& digests, std::vector<store::Change>& changes);
  void release(const RevisionState& revision, std::vector<store::Change>& changes);
  std::set<std::string> kept_without(const std::vector<std::string>& names) const;
  Unused left_without(std::vector<std::string> names) const;
  std::expected<void, Refusal> check_quiet(const std::string& what) const;
  void clean(std::vector<std::string> digests, bool clear_builds, std::int64_t bytes,
             std::function<void(base::Result<void>)> done);
  void measure_builds();

  // control_commands.cc
  std::expected<Outcome, Refusal> run(const ApplyService& command);
  std::expected<Outcome, Refusal> run(const DeleteRevision& command);
  std::expected<Outcome, Refusal> run(const DeleteInstance& command);
  std::expected<Outcome, Refusal> run(const MoveRelease& command);
  std::expected<Outcome, Refusal> run(const AnswerGate& command);
  std::expected<Outcome, Refusal> run(const RollBack& command);
  std::expected<Outcome, Refusal> run(const PutReleasePolicy& command);
  std::expected<Outcome, Refusal> run(const DeleteReleasePolicy& command);
  std::expected<Outcome, Refusal> run(const PutExperiment& command);
  std::expected<Outcome, Refusal> run(const EndExperiment& command);
  std::expected<Outcome, Refusal> run(const DeleteExperiment& command);
  void run(const DeleteService& command, Done done);
  void run(const NameImage& command, Done done);
  Ticket run(const BuildImage& command, Observer observer);
  void run(const DeleteImages& command, Done done);
  void run(const DeleteBuilds& command, Done done);
  model::Faults host_faults(const model::Service& wanted) const;
  // But `stable`, which a release is about to need.
  std::vector<store::Change> surplus(const ServiceState* service, const base::RevisionName& stable) const;
  void adopt(ApplyDecision decision, const std::vector<store::Change>& dropped);
  void finish_delete(base::ServiceName name);  // by value: it destroys what may hold the caller's name
  // `given`: marea names it so by itself.
  std::expected<Outcome, Refusal> name_image(const std::string& name, const model::Image& image, bool given = false);

  net::Loop& loop_;
  base::Random& random_;
  const base::Log& log_;
  store::Store& store_;
  Folders folders_;
  RouterPort router_;
  EnginePort engine_;
  LogsPort logs_;
  BuilderJobs jobs_;

  std::map<base::ServiceName, ServiceState> services_;
  std::map<base::RevisionName, base::ServiceName> owners_;
  std::map<std::string, base::ServiceName> hosts_;
  std::map<std::string, store::ImageName> names_;
  std::map<std::string, store::ImageRecord> images_;
  struct Asking {
    std::vector<ImageWish> wishes;
    std::uint64_t job = 0;
    std::int64_t since_unix_ns = 0;  // what the builder stores from then on is not removed
  };
  struct Making {
    std::vector<ImageWish> wishes;
    std::string source;     // to pull it from; empty: all its blobs are here
    std::string otherwise;  // where it is to be had when they are damaged
    std::uint64_t job = 0;  // 0: what is removed now must be gone before
    Bound bound = {};
  };
  std::map<std::string, Asking> asking_;  // by the name that a registry is asked for
  std::map<std::string, Making> making_;  // by digest
  Instances instances_;
  UsageBook usage_;
  InstanceCounts instance_counts_;
  Scrape scrape_;
  std::uint64_t engine_links_ = 0;
  std::uint64_t router_links_ = 0;
  std::uint64_t logs_links_ = 0;

  std::set<base::ServiceName> touched_;
  net::Timer tick_;
  std::deque<std::pair<base::Instant, base::InstanceId>> settling_;
  net::Timer settle_;
  net::Timer expire_;
  net::Timer usage_timer_;
  std::map<std::string, store::ReleasePolicyRecord> policies_;
  std::map<std::string, std::vector<store::ReleaseAuditRecord>> histories_;  // of releases, by id
  std::map<std::string, base::ServiceName> counted_;  // whose release router tells of, by its id there: a memory
  base::Instant began_{};                             // when this control did
  net::Timer release_timer_;
  struct AskedGate {
    base::ServiceName service;
    std::string letter;
    std::uint32_t gate = 0;
  };
  std::map<std::string, AskedGate> asked_gates_;  // by release
  std::unique_ptr<webhook::Courier> courier_;     // never null once started
  HistoryBook history_;
  net::Timer history_timer_;
  std::string version_;
  std::string boot_;
  std::map<std::string, ExperimentEntry> experiments_;  // by name
  std::set<std::string> uncounted_;                     // of which not all that was counted is stored
  base::Instant experiments_stored_{};
  net::Timer experiment_timer_;

  std::function<base::Result<DiskUse>()> disk_;
  int most_disk_percent_;
  model::PlatformLimits limits_;
  std::map<model::Limit, std::uint64_t> limit_hits_ = {{model::Limit::pull_bytes, 0},
                                                       {model::Limit::pull_time, 0},
                                                       {model::Limit::pull_silence, 0},
                                                       {model::Limit::image_disk, 0}};
  ImageParts parts_;
  std::vector<std::string> unread_;  // images of which parts_ has yet to learn
  net::Timer reading_;
  net::Timer restoring_;  // until images that ready revisions lack are tried again
  std::map<std::string, base::Instant> fresh_blobs_;
  base::Instant fresh_swept_{};
  std::int64_t build_bytes_ = -1;  // not measured yet
  bool measuring_ = false;         // a job measures the cache of builds
  std::shared_ptr<Room::Promised> promised_ = std::make_shared<Room::Promised>();
  int cleaning_ = 0;                                                // jobs that remove
  int clearing_ = 0;                                                // of these, that empty the cache of builds
  std::int64_t cleaning_from_ = 0;                                  // what was used of the disk when the first began
  std::int64_t cleaning_bytes_ = 0;                                 // that they will have freed
  std::map<base::RevisionName, std::vector<std::string>> leaving_;  // digests of removed ones whose instances still end
  int backups_ = 0;
  std::function<void(const base::ServiceName&)> on_changed_;
  std::uint64_t applied_ = 0;  // routes version that on_applied() has told of
  std::function<void()> give_up_;
  net::Timer giving_up_;
};

}  // namespace marea::control
