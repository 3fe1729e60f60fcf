// The fields of model's values, in the order in which they travel. A new field of a model type is added here too, at
// the end: files of an earlier marea lack it (net/wire.h). The test net/link_test.cc round-trips filled values and
// compares.
#pragma once

#include "base/error.h"
#include "model/instance.h"
#include "model/metric.h"
#include "model/plan.h"
#include "model/release_counts.h"
#include "model/revision.h"
#include "model/routes.h"
#include "model/service.h"
#include "net/wire.h"

namespace marea::base {

template <class A, net::Is<Error> T>
void visit(A& a, T& v) {
  a(v.code, v.what, v.why, v.remedy, v.more);
}

}  // namespace marea::base

namespace marea::model {

using net::Is;

template <class A, Is<Probe> T>
void visit(A& a, T& v) {
  a(v.kind, v.port, v.path, v.headers, v.initial_delay, v.timeout, v.period, v.failure_threshold, v.declared, v.service,
    v.success_threshold);
}
template <class A, Is<Limits> T>
void visit(A& a, T& v) {
  a(v.memory_bytes, v.milli_cpu);
}
template <class A, Is<VolumeItem> T>
void visit(A& a, T& v) {
  a(v.key, v.path, v.mode);
}
template <class A, Is<VolumeSource> T>
void visit(A& a, T& v) {
  a(v.kind, v.name, v.items, v.mode, v.optional);
}
template <class A, Is<Volume> T>
void visit(A& a, T& v) {
  a(v.name, v.size_bytes, v.sources);
}
template <class A, Is<VolumeMount> T>
void visit(A& a, T& v) {
  a(v.volume, v.path, v.sub_path, v.read_only);
}
template <class A, Is<EnvReference> T>
void visit(A& a, T& v) {
  a(v.variable, v.kind, v.name, v.key, v.optional);
}
template <class A, Is<Container> T>
void visit(A& a, T& v) {
  a(v.name, v.image, v.command, v.args, v.env, v.working_dir, v.port, v.limits, v.startup, v.liveness, v.run_as_user,
    v.env_references, v.readiness, v.mounts, v.starts_after);
}
template <class A, Is<Template> T>
void visit(A& a, T& v) {
  a(v.revision_name, v.labels, v.annotations, v.container, v.timeout, v.concurrency, v.min_scale, v.max_scale,
    v.initial_scale, v.target, v.scale_down_delay, v.idle_timeout, v.egress, v.capabilities, v.sidecars, v.volumes,
    v.session_affinity, v.cpu_throttling, v.startup_cpu_boost);
}
template <class A, Is<ImageConfig> T>
void visit(A& a, T& v) {
  a(v.entrypoint, v.cmd, v.env, v.working_dir, v.user, v.uid, v.gid, v.groups, v.home, v.exposed_ports, v.stop_signal);
}
template <class A, Is<Image> T>
void visit(A& a, T& v) {
  a(v.digest, v.rootfs, v.bytes, v.config);
}
template <class A, Is<Revision> T>
void visit(A& a, T& v) {
  a(v.name, v.service, v.generation, v.created_unix_ns, v.spec, v.image, v.sidecar_images);
}
template <class A, Is<RevisionPlan> T>
void visit(A& a, T& v) {
  a(v.revision, v.min, v.max, v.wanted, v.reason);
}
template <class A, Is<Plan> T>
void visit(A& a, T& v) {
  a(v.number, v.grants_for, v.revisions);
}
template <class A, Is<RevisionRoute> T>
void visit(A& a, T& v) {
  a(v.name, v.service, v.port, v.concurrency, v.target, v.min_scale, v.max_scale, v.scale_down_delay, v.timeout,
    v.idle_timeout, v.startup, v.has_liveness, v.liveness, v.session_affinity, v.cpu_throttling, v.readiness);
}
template <class A, Is<RateLimit> T>
void visit(A& a, T& v) {
  a(v.interval, v.burst);
}
template <class A, Is<RouteShare> T>
void visit(A& a, T& v) {
  a(v.revision, v.weight);
}
template <class A, Is<TagRoute> T>
void visit(A& a, T& v) {
  a(v.host, v.revision);
}
template <class A, Is<MatchCondition> T>
void visit(A& a, T& v) {
  a(v.subject, v.name, v.kind, v.values);
}
template <class A, Is<RouteRule> T>
void visit(A& a, T& v) {
  a(v.name, v.conditions, v.target, v.revision, v.arm, v.segment);
}
template <class A, Is<ReleaseRoute> T>
void visit(A& a, T& v) {
  a(v.id, v.salt, v.step, v.stable, v.canary, v.weight, v.objective, v.sticky, v.header, v.began_unix_ns);
}
template <class A, Is<OutcomeRoute> T>
void visit(A& a, T& v) {
  a(v.method, v.path, v.least_status, v.most_status);
}
template <class A, Is<ConversionRoute> T>
void visit(A& a, T& v) {
  a(v.route, v.event);
}
template <class A, Is<ExperimentArmRoute> T>
void visit(A& a, T& v) {
  a(v.revision, v.weight, v.segments, v.name);
}
template <class A, Is<ExperimentRoute> T>
void visit(A& a, T& v) {
  a(v.id, v.salt, v.arms, v.conversions, v.measures, v.objective, v.window, v.sticky, v.header, v.began_unix_ns,
    v.consent, v.name);
}
template <class A, Is<ServiceRoute> T>
void visit(A& a, T& v) {
  a(v.name, v.hosts, v.shares, v.unready, v.rate_limit, v.tags, v.rules, v.release, v.experiment, v.own_paths);
}
template <class A, Is<ArmCounts> T>
void visit(A& a, T& v) {
  a(v.entered, v.at_risk, v.failed, v.at_risk_slow, v.slow, v.timed, v.open, v.ended, v.gone);
}
template <class A, Is<StratumCounts> T>
void visit(A& a, T& v) {
  a(v.stable, v.canary);
}
template <class A, Is<ReleaseTick> T>
void visit(A& a, T& v) {
  a(v.number, v.weight, v.keyed, v.keyless, v.requests, v.platform);
}
template <class A, Is<FirstRequests> T>
void visit(A& a, T& v) {
  a(v.number, v.weight, v.stable_failed, v.canary_failed);
}
template <class A, Is<ArmTotals> T>
void visit(A& a, T& v) {
  a(v.requests, v.failures, v.cold, v.untracked, v.late);
}
template <class A, Is<LatencyShape> T>
void visit(A& a, T& v) {
  a(v.buckets);
}
template <class A, Is<ReleaseCounts> T>
void visit(A& a, T& v) {
  a(v.release, v.step, v.closed, v.open, v.ticks, v.stable, v.canary, v.stable_shape, v.canary_shape, v.memory, v.lost,
    v.firsts);
}
template <class A, Is<ValueCounts> T>
void visit(A& a, T& v) {
  a(v.n, v.sum, v.sum_of_squares, v.buckets);
}
template <class A, Is<ArmOutcomes> T>
void visit(A& a, T& v) {
  a(v.keys, v.due, v.converted, v.converted_in_due, v.failed, v.timed, v.slow, v.latency, v.measures, v.requests,
    v.failures);
}
template <class A, Is<SegmentOutcomes> T>
void visit(A& a, T& v) {
  a(v.keys, v.failed, v.converted);
}
template <class A, Is<ExperimentCounts> T>
void visit(A& a, T& v) {
  a(v.experiment, v.memory, v.split, v.led, v.untracked, v.crossed, v.segments);
}
template <class A, Is<Routes> T>
void visit(A& a, T& v) {
  a(v.version, v.services, v.revisions);
}
template <class A, Is<ExitStatus> T>
void visit(A& a, T& v) {
  a(v.code, v.signal, v.out_of_memory);
}
template <class A, Is<ListeningSocket> T>
void visit(A& a, T& v) {
  a(v.address, v.port);
}
template <class A, Is<Usage> T>
void visit(A& a, T& v) {
  a(v.requests, v.alive, v.busy, v.billed, v.unready, v.stopping, v.cpu, v.peak_memory_bytes, v.memory_limit_bytes,
    v.milli_cpu, v.whole_life);
}
template <class A, Is<InstanceReport> T>
void visit(A& a, T& v) {
  a(v.id, v.revision, v.service, v.state, v.reason, v.detail, v.since_unix_ns, v.created_unix_ns, v.exit, v.listening,
    v.peak_memory_bytes, v.usage, v.container);
}
template <class A, Is<MetricValue> T>
void visit(A& a, T& v) {
  a(v.metric, v.labels, v.values);
}

}  // namespace marea::model
