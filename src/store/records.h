// What must not be lost, as values: the rows of the store, with documents already parsed.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/strong_id.h"
#include "model/experiment.h"
#include "model/reason.h"
#include "model/release.h"
#include "model/revision.h"
#include "model/service.h"
#include "model/timeline.h"
#include "model/usage.h"

namespace marea::store {

struct ServiceRecord {
  model::Service service;
  std::string document;  // JSON text as the user gave it, without status
  std::string uid;
  int generation = 1;                  // grows when what shall run changes
  std::uint64_t resource_version = 0;  // set by Store::commit
  std::int64_t created_unix_ns = 0;
  bool deleting = false;
  friend bool operator==(const ServiceRecord&, const ServiceRecord&) = default;
};

// pending: its image is being resolved, or it has not yet proven that it starts.
enum class RevisionResult { pending, ready, failed };
std::string_view to_string(RevisionResult result);

struct RevisionRecord {
  model::Revision revision;  // image.digest is empty until it is resolved
  std::string document;      // the Service document that it is a snapshot of
  std::string uid;
  std::uint64_t resource_version = 0;  // set by Store::commit
  RevisionResult result = RevisionResult::pending;
  model::Reason reason = model::Reason::none;
  base::ErrorCode code = base::ErrorCode::internal;  // of a failed one
  std::string message;
  std::int64_t decided_unix_ns = 0;
  friend bool operator==(const RevisionRecord&, const RevisionRecord&) = default;
};

struct ImageName {
  std::string name;
  std::string digest;
  std::int64_t named_unix_ns = 0;
  friend bool operator==(const ImageName&, const ImageName&) = default;
};

// An unpacked image under the digest by which it was asked for: that of its manifest, or of an index that leads to it.
struct ImageRecord {
  std::string digest;
  model::Image image;
  std::int64_t used_unix_ns = 0;        // when it began or ended to be of use; 0: not known
  std::vector<std::string> given = {};  // names of it that marea gave by itself, to what a FROM names
  friend bool operator==(const ImageRecord&, const ImageRecord&) = default;
};

// Of one instance, by its id: written again and again, the newest account whole, so that to write one twice changes
// nothing.
struct UsageRecord {
  base::InstanceId instance;
  base::RevisionName revision;
  base::ServiceName service;
  std::int64_t since_unix_ns = 0;
  std::int64_t until_unix_ns = 0;
  bool ended = false;  // there comes no newer one
  model::UsageAccount account;
  friend bool operator==(const UsageRecord&, const UsageRecord&) = default;
};

// The instances of a revision that ended and are told apart no more.
struct UsageTotal {
  base::ServiceName service;
  base::RevisionName revision;
  std::int64_t since_unix_ns = 0;
  std::int64_t until_unix_ns = 0;
  model::Bill bill;
  friend bool operator==(const UsageTotal&, const UsageTotal&) = default;
};

// One way of a revision to its traffic; the newest of a service is the one that runs, if any does.
struct ReleaseRecord {
  model::ReleaseSpec spec;
  std::string salt;  // of the buckets of this attempt's keys
  std::int64_t created_unix_ns = 0;
  std::int64_t began_unix_ns = 0;  // this attempt; its ticks are counted from then on
  base::Duration objective{};      // slower is slow: declared, or learnt from stable; zero: not known yet
  base::Duration age{};            // model/release.h
  model::ReleaseState state;
  std::string judge;  // what the judge knows, as control writes it; empty: nothing yet
  friend bool operator==(const ReleaseRecord&, const ReleaseRecord&) = default;
};

// A line of a release's history: written once, in the order of the numbers.
struct ReleaseAuditRecord {
  std::string release;
  std::int64_t number = 0;
  model::ReleaseAudit audit;
  friend bool operator==(const ReleaseAuditRecord&, const ReleaseAuditRecord&) = default;
};

struct ReleasePolicyRecord {
  std::string name;
  model::ReleasePolicy policy;
  std::string document;  // JSON text as the user gave it
  std::int64_t created_unix_ns = 0;
  friend bool operator==(const ReleasePolicyRecord&, const ReleasePolicyRecord&) = default;
};

// A notification of a release that its receiver has not taken yet. Stored with what it tells of, so that it is sent at
// least once.
struct NoticeRecord {
  std::string id;  // by which the receiver knows it again
  std::string release;
  std::string url;
  std::int64_t created_unix_ns = 0;
  std::string body;  // JSON text
  friend bool operator==(const NoticeRecord&, const NoticeRecord&) = default;
};

// A line of a service's timeline, with its number.
struct TimelineRecord {
  model::TimelineLine line;
  friend bool operator==(const TimelineRecord&, const TimelineRecord&) = default;
};

// Every worker of router serves by that line.
struct TimelineConfirmed {
  base::ServiceName service;
  std::int64_t number = 0;
  std::int64_t unix_ns = 0;
};

// The store numbers it.
struct PlatformEventRecord {
  model::PlatformEvent event;
  friend bool operator==(const PlatformEventRecord&, const PlatformEventRecord&) = default;
};

// At most one of a service runs.
struct ExperimentRecord {
  model::ExperimentSpec spec;
  std::string document;  // JSON text as the user gave it
  std::int64_t created_unix_ns = 0;
  std::string salt;  // of the buckets of its keys
  model::ExperimentState state;
  std::string data;  // what was counted, as control writes it; empty: nothing yet
  friend bool operator==(const ExperimentRecord&, const ExperimentRecord&) = default;
};

struct DropService {  // with its revisions, releases and experiments; its timeline stays
  base::ServiceName name;
};
struct DropRevision {
  base::RevisionName name;
};

struct DropImageName {
  std::string name;
};
struct DropImage {
  std::string digest;
};
struct DropUsage {
  base::InstanceId instance;
};
struct DropRelease {  // with its history
  std::string id;
};
struct DropReleasePolicy {
  std::string name;
};
struct DropNotice {
  std::string id;
};
struct DropExperiment {
  std::string name;
};

using Change = std::variant<ServiceRecord, RevisionRecord, ImageName, ImageRecord, UsageRecord, UsageTotal, DropService,
                            DropRevision, DropImageName, DropImage, DropUsage, ReleaseRecord, ReleaseAuditRecord,
                            ReleasePolicyRecord, DropRelease, DropReleasePolicy, NoticeRecord, DropNotice,
                            TimelineRecord, TimelineConfirmed, PlatformEventRecord, ExperimentRecord, DropExperiment>;

struct Contents {
  std::vector<ServiceRecord> services;
  std::vector<RevisionRecord> revisions;
  std::vector<ImageName> names;
  std::vector<ImageRecord> images;
  std::vector<UsageRecord> usage;
  std::vector<UsageTotal> usage_totals;
  std::vector<ReleasePolicyRecord> release_policies;
  std::vector<ReleaseRecord> releases;
  std::vector<ReleaseAuditRecord> release_audits;
  std::vector<NoticeRecord> notices;
  // Only where all is read at once, to repair a store.
  std::vector<TimelineRecord> timeline;
  std::vector<PlatformEventRecord> platform_events;
  std::vector<ExperimentRecord> experiments;
};

}  // namespace marea::store
