// Everything that marea's roles say to each other, one closed variant per direction of each link. keeper makes the
// links: whenever a role (re)starts, keeper hands a fresh socket to both ends (PeerLink), and each side begins by
// telling the other its whole state, so that no message has to survive a death.
//
//   keeper  ↔ every role   links, listening sockets, descriptors that must outlive a role
//   control → engine       plans;           engine → control   what instances do
//   router  → engine       demand, readiness, quiet;  engine → router   instances and their sockets
//   control → router       routes;          router → control   loads
//   control → logs         what may go;  control ↔ builder  one job
//   control → router, engine, logs   what have you counted?
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "net/wire_model.h"

namespace marea::net {

enum class Role : std::uint8_t { keeper, engine, router, control, logs, builder };
std::string_view to_string(Role role);

inline constexpr std::size_t kMostMetricValues = 2000;  // in a frame: some 300 KiB

enum class ListenerKind : std::uint8_t { http, api_tcp, api_unix };

namespace msg {

// ---- keeper → role
struct PeerLink {  // + 1 descriptor: a stream socket to `peer`; replaces any older link to it
  Role peer = Role::keeper;
};
struct Listener {  // + 1 descriptor: a listening socket; keeper keeps its own copy for ever
  ListenerKind kind = ListenerKind::http;
  std::string address;  // as bound: "127.0.0.1:8080", "unix:/…/api.sock"
};
struct HeldFds {  // + descriptors that were put with Hold, by this role or for it
  std::string key;
};
struct HeldDone {};  // everything held for this role has been sent: after a start, before the first PeerLink
struct Stop {        // finish within `grace`, then exit 0
  base::Duration grace{};
};
struct BuilderEnded {  // to control
  std::uint64_t job = 0;
  int status = 0;  // as of waitpid
};

// ---- role → keeper
struct Hold {  // + descriptors: keep them beyond my death and give them to `owner`, now and whenever it starts
  Role owner = Role::keeper;
  std::string key;
};
struct Release {
  Role owner = Role::keeper;
  std::string key;
};
struct RunBuilder {  // control only; + 1 descriptor: the builder's end of its link to control
  std::uint64_t job = 0;
  bool registries = false;  // it asks registries: it gets the operator's files for that (net/role.h)
};
struct KillBuilder {
  std::uint64_t job = 0;
};

// ---- control → engine
struct PlanRevision {
  std::uint64_t number = 0;
  model::RevisionPlan plan;
};
struct PlanCommit {  // the plan `number` is complete: what it did not name is drained and stopped
  std::uint64_t number = 0;
  base::Duration grants_for{};  // see model::Plan
};
struct DeleteInstance {
  base::InstanceId id;
  model::Reason reason = model::Reason::deleted;
};
struct ReportKept {  // the final report of this instance is kept here: engine need not tell it again
  base::InstanceId id;
};

// ---- engine → control
struct EngineReady {
  std::string runtime;  // "crun 1.8.1"
};
// model::InstanceReport at every change of state; after a new link those of all instances, and the final ones for which
// no ReportKept came.
struct InstanceUsage {  // of one that lives, every few seconds; the final report has the last account
  base::InstanceId id;
  base::RevisionName revision;
  base::ServiceName service;
  model::Usage usage;
};
struct InstancesDone {};  // ends that first list

// ---- router → engine
struct Demand {  // idempotent: "revision needs so many instances now"; engine bounds it by the plan and the machine
  base::RevisionName revision;
  int wanted = 0;
  model::Reason reason = model::Reason::none;
};
struct InstanceReady {
  base::InstanceId id;
};
struct InstanceUnready {  // a deadline of the start passed, or liveness failed
  base::InstanceId id;
  model::Reason reason = model::Reason::none;
  std::string detail;
};
struct Retire {  // an idle instance that router proposes to stop; engine refuses silently below min
  base::InstanceId id;
  model::Reason reason = model::Reason::none;
};
struct Quiet {  // after InstanceDrain: nothing is in flight on it and nothing will be
  base::InstanceId id;
  std::uint64_t epoch = 0;
};
struct SocketsWanted {
  base::InstanceId id;
  int count = 0;
};
// Only of revisions with cpu_throttling: requests or probes are in it, or none has been for a while.
struct InstanceBusy {
  base::InstanceId id;
  bool busy = true;
};

// ---- engine → router
struct InstanceOpen {  // + descriptors: unconnected sockets inside the instance's network namespace
  base::InstanceId id;
  base::RevisionName revision;
  std::uint64_t epoch = 0;
  bool ready = false;  // it was reported ready before this link existed
  int slot = 0;        // its place in the ledger (net/ledger.h); no other living instance has it
};
struct InstanceDrain {  // give it nothing new; answer Quiet when nothing is in flight
  base::InstanceId id;
  std::uint64_t epoch = 0;
};
struct InstanceClosed {
  base::InstanceId id;
  base::RevisionName revision;
};
struct Sockets {  // + descriptors, the answer to SocketsWanted
  base::InstanceId id;
};
struct StartsFailing {  // the last starts failed; nothing is started before retry_after has passed; failures == 0: over
  base::RevisionName revision;
  int failures = 0;
  base::Duration retry_after{};
  model::Reason reason = model::Reason::none;
  std::string detail;
};
struct DemandRefused {  // the wish was bounded: max_scale, machine_full, grant_expired
  base::RevisionName revision;
  int granted = 0;
  model::Reason reason = model::Reason::none;
};
struct MachineBusy {  // on change, while instances live; cpus == 0: nothing is known
  int cpus = 0;
  int busy_permille = 0;     // of all CPUs' time in the last tenth of a second
  int waiting_permille = 0;  // of that time: some task was runnable and had no CPU
};
// InstancesDone here too: an instance that was not named over the new link before it has ended.

// ---- control → router. A publication is Begin, the changed parts, Commit; it takes effect at Commit, whole.
struct RoutesBegin {
  std::uint64_t version = 0;
  bool full = false;  // true: forget everything that is not named
};
// model::ServiceRoute, model::RevisionRoute: add or replace
struct DropService {
  base::ServiceName name;
};
struct DropRevision {
  base::RevisionName name;
};
struct RoutesCommit {
  std::uint64_t version = 0;
};

struct ReleaseCountsSeen {  // of the release, all ticks below `closed` are kept here
  std::string release;
  std::uint64_t closed = 0;
};

// ---- router → control; model::ReleaseCounts, too: the next one of a release follows when this one was seen; and
// model::ExperimentCounts, at most once a second of each
struct RoutesApplied {  // every worker routes by `version` now
  std::uint64_t version = 0;
};
struct InstanceLoad {  // sent on change, at most five times a second per instance
  base::InstanceId id;
  int in_flight = 0;
  bool available = true;  // false: its readiness probe fails, so that it gets nothing new
  std::string detail;     // why not
};
struct RevisionLoad {
  base::RevisionName revision;
  int in_flight = 0;
  int waiting = 0;
  std::uint64_t requests = 0;  // answered since router started
  std::uint64_t failed = 0;    // by the app: of these, and those that it did not answer
};

// ---- control → router, engine, logs, and back
struct MetricsWanted {  // answered with Metrics of the same number
  std::uint64_t number = 0;
};
struct Metrics {  // at most kMostMetricValues; more follow unless it is the last
  std::uint64_t number = 0;
  std::vector<model::MetricValue> values;
  bool last = false;
};

// ---- control → logs
struct DropLogs {  // what the apps of a service wrote so far
  base::ServiceName service;
};

// ---- control → builder
struct UnpackImage {
  std::string blobs;      // directory of verified-by-name blobs: sha256/HEX
  std::string digest;     // of the image manifest or index
  std::string images;     // where unpacked images live: IMAGES/HEX/{rootfs,image.json}
  std::int64_t room = 0;  // bytes of the disk that it may take; 0: its other bounds are all
};
struct ResolveImage {     // asks a registry where a name leads; the manifests come into `blobs`
  std::string reference;  // pipeline/registry_reference.h
  std::string blobs;
  std::string registries;    // folder of the operator's files: certs.d/
  base::Duration silence{};  // the longest one that is borne
};
struct PullImage {  // brings what is missing of a resolved image into `blobs`, then unpacks it
  std::string reference;
  std::string digest;  // of its manifest or index, which are in `blobs`
  std::string blobs;
  std::string images;
  std::string registries;
  base::Duration silence{};
  base::Duration time{};        // for all of it but the unpacking
  std::int64_t most_bytes = 0;  // of all its blobs
  std::int64_t room = 0;        // as of UnpackImage, of what is missing and its unpacking together
};
struct BuildImage {
  std::string context;     // directory with the build context, unpacked or as its one file context.tar
  std::string dockerfile;  // relative to it
  std::string tag;         // name to record
  std::string blobs;
  std::string images;
  std::string storage;                                     // buildah's own storage and cache
  std::vector<std::pair<std::string, std::string>> known;  // image names a FROM may use → digest in blobs
  std::int64_t room = 0;                                   // as of UnpackImage, of all that it leaves meanwhile
  std::int64_t storage_bytes = -1;                         // what `storage` takes; -1: not known
};

struct CleanDisk {
  std::string images;
  std::vector<std::string> digests;  // unpacked images that go
  std::string blobs;                 // what control buried there goes
  std::string storage;               // buildah's
  bool clear_storage = false;        // it is emptied; else only measured
};

// ---- builder → control
struct Progress {
  std::string line;
};
struct ImageDone {
  model::Image image;
};
struct ImageResolved {
  std::string digest;               // of the manifest or index that the name leads to
  std::int64_t missing_bytes = 0;   // of the blobs that are not here
  std::int64_t unpacked_bytes = 0;  // about: what its layers may take once they are unpacked
};
struct ImagesNeeded {  // of a build: nothing is built yet; names as the Dockerfile has them
  std::vector<std::string> names;
};
struct ImagesUsed {  // of a build, before it begins: images that it is built on
  std::vector<std::string> digests;
};
struct DiskCleaned {
  std::int64_t build_bytes = 0;  // what buildah's storage takes now; -1: it was not measured
};
struct JobFailed {
  base::Error error;
};

}  // namespace msg

using KeeperToRole =
    std::variant<msg::PeerLink, msg::Listener, msg::HeldFds, msg::HeldDone, msg::Stop, msg::BuilderEnded>;
using RoleToKeeper = std::variant<msg::Hold, msg::Release, msg::RunBuilder, msg::KillBuilder>;
using ControlToEngine =
    std::variant<msg::PlanRevision, msg::PlanCommit, msg::DeleteInstance, msg::ReportKept, msg::MetricsWanted>;
using EngineToControl =
    std::variant<msg::EngineReady, model::InstanceReport, msg::InstanceUsage, msg::InstancesDone, msg::Metrics>;
using RouterToEngine = std::variant<msg::Demand, msg::InstanceReady, msg::InstanceUnready, msg::Retire, msg::Quiet,
                                    msg::SocketsWanted, msg::InstanceBusy>;
using EngineToRouter = std::variant<msg::InstanceOpen, msg::InstanceDrain, msg::InstanceClosed, msg::Sockets,
                                    msg::StartsFailing, msg::DemandRefused, msg::InstancesDone, msg::MachineBusy>;
using ControlToRouter = std::variant<msg::RoutesBegin, model::ServiceRoute, model::RevisionRoute, msg::DropService,
                                     msg::DropRevision, msg::RoutesCommit, msg::MetricsWanted, msg::ReleaseCountsSeen>;
using RouterToControl = std::variant<msg::RoutesApplied, msg::InstanceLoad, msg::RevisionLoad, msg::Metrics,
                                     model::ReleaseCounts, model::ExperimentCounts>;
using ControlToLogs = std::variant<msg::DropLogs, msg::MetricsWanted>;
using LogsToControl = std::variant<msg::Metrics>;
using ControlToBuilder =
    std::variant<msg::UnpackImage, msg::BuildImage, msg::CleanDisk, msg::ResolveImage, msg::PullImage>;
using BuilderToControl = std::variant<msg::Progress, msg::ImageDone, msg::JobFailed, msg::DiskCleaned,
                                      msg::ImageResolved, msg::ImagesNeeded, msg::ImagesUsed>;

namespace msg {

// clang-format off
template <class A, Is<PeerLink> T> void visit(A& a, T& v) { a(v.peer); }
template <class A, Is<Listener> T> void visit(A& a, T& v) { a(v.kind, v.address); }
template <class A, Is<HeldFds> T> void visit(A& a, T& v) { a(v.key); }
template <class A, Is<HeldDone> T> void visit(A& /*a*/, T& /*v*/) {}
template <class A, Is<Stop> T> void visit(A& a, T& v) { a(v.grace); }
template <class A, Is<BuilderEnded> T> void visit(A& a, T& v) { a(v.job, v.status); }
template <class A, Is<Hold> T> void visit(A& a, T& v) { a(v.owner, v.key); }
template <class A, Is<Release> T> void visit(A& a, T& v) { a(v.owner, v.key); }
template <class A, Is<RunBuilder> T> void visit(A& a, T& v) { a(v.job, v.registries); }
template <class A, Is<KillBuilder> T> void visit(A& a, T& v) { a(v.job); }
template <class A, Is<PlanRevision> T> void visit(A& a, T& v) { a(v.number, v.plan); }
template <class A, Is<PlanCommit> T> void visit(A& a, T& v) { a(v.number, v.grants_for); }
template <class A, Is<DeleteInstance> T> void visit(A& a, T& v) { a(v.id, v.reason); }
template <class A, Is<ReportKept> T> void visit(A& a, T& v) { a(v.id); }
template <class A, Is<EngineReady> T> void visit(A& a, T& v) { a(v.runtime); }
template <class A, Is<InstanceUsage> T> void visit(A& a, T& v) { a(v.id, v.revision, v.service, v.usage); }
template <class A, Is<InstancesDone> T> void visit(A& /*a*/, T& /*v*/) {}
template <class A, Is<Demand> T> void visit(A& a, T& v) { a(v.revision, v.wanted, v.reason); }
template <class A, Is<InstanceReady> T> void visit(A& a, T& v) { a(v.id); }
template <class A, Is<InstanceUnready> T> void visit(A& a, T& v) { a(v.id, v.reason, v.detail); }
template <class A, Is<Retire> T> void visit(A& a, T& v) { a(v.id, v.reason); }
template <class A, Is<Quiet> T> void visit(A& a, T& v) { a(v.id, v.epoch); }
template <class A, Is<SocketsWanted> T> void visit(A& a, T& v) { a(v.id, v.count); }
template <class A, Is<InstanceBusy> T> void visit(A& a, T& v) { a(v.id, v.busy); }
template <class A, Is<InstanceOpen> T> void visit(A& a, T& v) { a(v.id, v.revision, v.epoch, v.ready, v.slot); }
template <class A, Is<InstanceDrain> T> void visit(A& a, T& v) { a(v.id, v.epoch); }
template <class A, Is<InstanceClosed> T> void visit(A& a, T& v) { a(v.id, v.revision); }
template <class A, Is<Sockets> T> void visit(A& a, T& v) { a(v.id); }
template <class A, Is<StartsFailing> T> void visit(A& a, T& v) { a(v.revision, v.failures, v.retry_after, v.reason, v.detail); }
template <class A, Is<DemandRefused> T> void visit(A& a, T& v) { a(v.revision, v.granted, v.reason); }
template <class A, Is<MachineBusy> T> void visit(A& a, T& v) { a(v.cpus, v.busy_permille, v.waiting_permille); }
template <class A, Is<RoutesBegin> T> void visit(A& a, T& v) { a(v.version, v.full); }
template <class A, Is<DropService> T> void visit(A& a, T& v) { a(v.name); }
template <class A, Is<DropRevision> T> void visit(A& a, T& v) { a(v.name); }
template <class A, Is<RoutesCommit> T> void visit(A& a, T& v) { a(v.version); }
template <class A, Is<RoutesApplied> T> void visit(A& a, T& v) { a(v.version); }
template <class A, Is<ReleaseCountsSeen> T> void visit(A& a, T& v) { a(v.release, v.closed); }
template <class A, Is<InstanceLoad> T> void visit(A& a, T& v) { a(v.id, v.in_flight, v.available, v.detail); }
template <class A, Is<RevisionLoad> T> void visit(A& a, T& v) { a(v.revision, v.in_flight, v.waiting, v.requests, v.failed); }
template <class A, Is<MetricsWanted> T> void visit(A& a, T& v) { a(v.number); }
template <class A, Is<Metrics> T> void visit(A& a, T& v) { a(v.number, v.values, v.last); }
template <class A, Is<DropLogs> T> void visit(A& a, T& v) { a(v.service); }
template <class A, Is<UnpackImage> T> void visit(A& a, T& v) { a(v.blobs, v.digest, v.images, v.room); }
template <class A, Is<BuildImage> T> void visit(A& a, T& v) { a(v.context, v.dockerfile, v.tag, v.blobs, v.images, v.storage, v.known, v.room, v.storage_bytes); }
template <class A, Is<Progress> T> void visit(A& a, T& v) { a(v.line); }
template <class A, Is<ImageDone> T> void visit(A& a, T& v) { a(v.image); }
template <class A, Is<ResolveImage> T> void visit(A& a, T& v) { a(v.reference, v.blobs, v.registries, v.silence); }
template <class A, Is<PullImage> T> void visit(A& a, T& v) { a(v.reference, v.digest, v.blobs, v.images, v.registries, v.silence, v.time, v.most_bytes, v.room); }
template <class A, Is<ImageResolved> T> void visit(A& a, T& v) { a(v.digest, v.missing_bytes, v.unpacked_bytes); }
template <class A, Is<ImagesNeeded> T> void visit(A& a, T& v) { a(v.names); }
template <class A, Is<ImagesUsed> T> void visit(A& a, T& v) { a(v.digests); }
template <class A, Is<CleanDisk> T> void visit(A& a, T& v) { a(v.images, v.digests, v.blobs, v.storage, v.clear_storage); }
template <class A, Is<DiskCleaned> T> void visit(A& a, T& v) { a(v.build_bytes); }
template <class A, Is<JobFailed> T> void visit(A& a, T& v) { a(v.error); }
// clang-format on

}  // namespace msg
}  // namespace marea::net
