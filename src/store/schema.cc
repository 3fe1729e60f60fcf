#include "store/schema.h"

#include <array>

namespace marea::store {
namespace {

constexpr std::array<const char*, kSchemaVersion> kSteps = {
    // 1: `document` is the JSON text of a Knative Service as it was given. A revision keeps the whole Service document
    // it is a snapshot of, because service annotations count in its template. `image` is model::Image as JSON, or ''.
    R"sql(
      CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
      INSERT INTO counters VALUES ('resource_version', 0), ('epoch', 0);
      CREATE TABLE services (
        name TEXT PRIMARY KEY, uid TEXT NOT NULL, generation INTEGER NOT NULL, resource_version INTEGER NOT NULL,
        created_unix_ns INTEGER NOT NULL, deleting INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
      CREATE TABLE revisions (
        name TEXT PRIMARY KEY, service TEXT NOT NULL REFERENCES services (name), uid TEXT NOT NULL,
        generation INTEGER NOT NULL, resource_version INTEGER NOT NULL, created_unix_ns INTEGER NOT NULL,
        document TEXT NOT NULL, image TEXT NOT NULL, result TEXT NOT NULL, reason TEXT NOT NULL, code TEXT NOT NULL,
        message TEXT NOT NULL, decided_unix_ns INTEGER NOT NULL) STRICT;
      CREATE INDEX revisions_by_service ON revisions (service);
      CREATE TABLE images (digest TEXT PRIMARY KEY, image TEXT NOT NULL) STRICT;
      CREATE TABLE image_names (name TEXT PRIMARY KEY, digest TEXT NOT NULL, named_unix_ns INTEGER NOT NULL) STRICT;
    )sql",
    // 2: what instances used. Times are nanoseconds, milli_cpu_ms and mebibyte_ms as in model::Bill.
    R"sql(
      CREATE TABLE usage (
        instance TEXT PRIMARY KEY, revision TEXT NOT NULL, service TEXT NOT NULL, since_unix_ns INTEGER NOT NULL,
        until_unix_ns INTEGER NOT NULL, ended INTEGER NOT NULL, requests INTEGER NOT NULL, alive INTEGER NOT NULL,
        busy INTEGER NOT NULL, billed INTEGER NOT NULL, unready INTEGER NOT NULL, stopping INTEGER NOT NULL,
        cpu INTEGER NOT NULL, peak_memory_bytes INTEGER NOT NULL, memory_limit_bytes INTEGER NOT NULL,
        milli_cpu INTEGER NOT NULL, whole_life INTEGER NOT NULL, kept_idle INTEGER NOT NULL) STRICT;
      CREATE TABLE usage_totals (
        service TEXT NOT NULL, revision TEXT NOT NULL, since_unix_ns INTEGER NOT NULL, until_unix_ns INTEGER NOT NULL,
        instances INTEGER NOT NULL, requests INTEGER NOT NULL, billable INTEGER NOT NULL, kept_idle INTEGER NOT NULL,
        busy INTEGER NOT NULL, alive INTEGER NOT NULL, cpu INTEGER NOT NULL, milli_cpu_ms INTEGER NOT NULL,
        mebibyte_ms INTEGER NOT NULL, peak_memory_bytes INTEGER NOT NULL, PRIMARY KEY (service, revision)) STRICT;
    )sql",
    // 3: releases. `document` is a Release or ReleasePolicy as JSON, `state` as in release_form.h, `judge` as control
    // writes it; objective, age and at are nanoseconds, weight is in 0.01 %.
    R"sql(
      CREATE TABLE release_policies (
        name TEXT PRIMARY KEY, created_unix_ns INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
      CREATE TABLE releases (
        id TEXT PRIMARY KEY, service TEXT NOT NULL, created_unix_ns INTEGER NOT NULL, began_unix_ns INTEGER NOT NULL,
        rollbacks_before INTEGER NOT NULL, document TEXT NOT NULL, salt TEXT NOT NULL, objective INTEGER NOT NULL,
        age INTEGER NOT NULL, state TEXT NOT NULL, judge TEXT NOT NULL) STRICT;
      CREATE TABLE release_audit (
        release TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, unix_ns INTEGER NOT NULL,
        actor TEXT NOT NULL, who TEXT NOT NULL, event TEXT NOT NULL, weight INTEGER NOT NULL, why TEXT NOT NULL,
        PRIMARY KEY (release, number)) STRICT;
    )sql",
    // 4: notifications of releases that are still to be sent. `body` is the JSON text of what is told.
    R"sql(
      CREATE TABLE notices (
        id TEXT PRIMARY KEY, release TEXT NOT NULL, url TEXT NOT NULL, created_unix_ns INTEGER NOT NULL,
        body TEXT NOT NULL) STRICT;
    )sql",
    // 5: what served when. `cause`, `kind` and `document` are as in model/timeline.h; a timeline that is gone is of a
    // service that was deleted, at the time of its last line.
    R"sql(
      CREATE TABLE timeline (
        service TEXT NOT NULL, number INTEGER NOT NULL, unix_ns INTEGER NOT NULL, confirmed_unix_ns INTEGER NOT NULL,
        cause TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (service, number)) STRICT;
      CREATE TABLE timeline_gone (service TEXT PRIMARY KEY, unix_ns INTEGER NOT NULL) STRICT;
      CREATE TABLE platform_events (
        number INTEGER PRIMARY KEY, unix_ns INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
    )sql",
    // 6: experiments. `document` is an Experiment as JSON, `state` as in experiment_rows.cc, `data` as control writes
    // it.
    R"sql(
      CREATE TABLE experiments (
        name TEXT PRIMARY KEY, service TEXT NOT NULL, created_unix_ns INTEGER NOT NULL, document TEXT NOT NULL,
        salt TEXT NOT NULL, state TEXT NOT NULL, data TEXT NOT NULL) STRICT;
    )sql",
};

}  // namespace

base::Error emptied(const std::string& path) {
  return {.code = base::ErrorCode::store_damaged,
          .what = "the store " + path + " is damaged",
          .why = "it is empty, and it was not before",
          .remedy = "Stop marea and run: sudo marea repair --data DIR, with its data directory",
          .more = {}};
}

base::Result<std::int64_t> form_of(Database& db) {
  auto pragma = db.prepare("PRAGMA user_version");
  if (!pragma) return base::fail(std::move(pragma.error()));
  if (auto row = pragma->next(); !row) return base::fail(std::move(row.error()));
  return pragma->integer(0);
}

base::Error of_newer_form(const std::string& path, std::int64_t form) {
  return {
      .code = base::ErrorCode::conflict,
      .what = "cannot use the store " + path,
      .why = "it has form " + std::to_string(form) + ", this marea knows forms up to " + std::to_string(kSchemaVersion),
      .remedy = "Start the newer marea that wrote it, or give this one another --data directory",
      .more = {}};
}

base::Result<void> migrate(Database& db) {
  const base::Result<std::int64_t> have = form_of(db);
  if (!have) return base::fail(have.error());
  if (*have > kSchemaVersion) {
    return base::fail(of_newer_form(db.path(), *have));
  }
  for (std::int64_t step = *have; step < kSchemaVersion; ++step) {
    auto transaction = Transaction::begin(db);
    if (!transaction) return base::fail(std::move(transaction.error()));
    if (auto done = db.run(kSteps.at(static_cast<std::size_t>(step))); !done) return done;
    const std::string version = "PRAGMA user_version=" + std::to_string(step + 1);
    if (auto done = db.run(version.c_str()); !done) return done;
    if (auto done = transaction->commit(); !done) return done;
  }
  return {};
}

}  // namespace marea::store
