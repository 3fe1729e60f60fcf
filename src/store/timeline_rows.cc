#include "store/timeline_rows.h"

#include <algorithm>
#include <string>
#include <utility>

#include "store/rows.h"

namespace marea::store {
namespace {

constexpr const char* kColumns = "service, number, unix_ns, confirmed_unix_ns, cause, document";

base::Result<model::TimelineLine> line_in(const Statement& row, const Database& db) {
  model::TimelineLine line{.service = base::ServiceName(row.text(0)),
                           .number = row.integer(1),
                           .unix_ns = row.integer(2),
                           .confirmed_unix_ns = row.integer(3)};
  const auto cause = model::timeline_cause(row.text(4));
  if (!cause || !model::read_timeline_document(model::Json::parse(row.text(5), nullptr, false), line)) {
    return base::fail(base::ErrorCode::store_damaged,
                      "cannot read line " + row.text(1) + " of the history of " + row.text(0) + " in " + db.path(),
                      "its cause is \"" + row.text(4) + "\"",
                      "Stop marea and run: sudo marea repair --data DIR, with its data directory");
  }
  line.cause = *cause;
  return line;
}

base::Result<model::PlatformEvent> event_in(const Statement& row) {
  model::PlatformEvent event{.number = row.integer(0), .unix_ns = row.integer(1), .detail = row.text(3)};
  const auto kind = model::platform_event_kind(row.text(2));
  if (!kind) {
    return base::fail(base::ErrorCode::store_damaged, "cannot read event " + row.text(0) + " of the platform",
                      "it is a \"" + row.text(2) + "\"");
  }
  event.kind = *kind;
  return event;
}

}  // namespace

base::Result<void> write_timeline(Database& db, const TimelineRecord& record) {
  const model::TimelineLine& line = record.line;
  if (line.cause != model::TimelineCause::deleted) {
    if (auto done = execute(db, "DELETE FROM timeline_gone WHERE service = ?", line.service.str()); !done) return done;
  }
  if (auto done = execute(db, "DELETE FROM timeline WHERE service = ? AND number <= ?", line.service.str(),
                          line.number - kMostTimelineLines);
      !done) {
    return done;
  }
  return execute(db, "INSERT OR REPLACE INTO timeline VALUES (?, ?, ?, ?, ?, ?)", line.service.str(), line.number,
                 line.unix_ns, line.confirmed_unix_ns, std::string(to_string(line.cause)),
                 model::timeline_document(line).dump(-1, ' ', false, model::Json::error_handler_t::replace));
}

base::Result<void> write_timeline(Database& db, const TimelineConfirmed& record) {
  return execute(db, "UPDATE timeline SET confirmed_unix_ns = ? WHERE service = ? AND number = ?", record.unix_ns,
                 record.service.str(), record.number);
}

base::Result<void> write_timeline(Database& db, const PlatformEventRecord& record) {
  const model::PlatformEvent& event = record.event;
  if (auto done = execute(db,
                          "INSERT INTO platform_events SELECT COALESCE(MAX(number), 0) + 1, ?, ?, ? FROM "
                          "platform_events",
                          event.unix_ns, std::string(to_string(event.kind)), event.detail);
      !done) {
    return done;
  }
  return execute(db, "DELETE FROM platform_events WHERE number <= (SELECT MAX(number) FROM platform_events) - ?",
                 kMostPlatformEvents);
}

base::Result<void> leave_timeline(Database& db, const base::ServiceName& service) {
  const std::string most = std::to_string(kMostGoneTimelines);
  const std::string newest = "SELECT service FROM timeline_gone ORDER BY unix_ns DESC, service LIMIT ";
  const std::string drop = "DELETE FROM timeline WHERE service IN (" + newest + "-1 OFFSET " + most +
                           "); DELETE FROM timeline_gone WHERE service NOT IN (" + newest + most + ")";
  if (auto done = execute(db,
                          "INSERT OR REPLACE INTO timeline_gone SELECT service, MAX(unix_ns) FROM timeline WHERE "
                          "service = ? GROUP BY service",
                          service.str());
      !done) {
    return done;
  }
  return db.run(drop.c_str());
}

base::Result<Timeline> read_timeline(Database& db, const TimelineQuery& query) {
  Timeline out;
  auto first = db.prepare("SELECT COALESCE(MIN(number), 0) FROM timeline WHERE service = ?");
  if (!first) return base::fail(std::move(first.error()));
  first->bind(query.service.str());
  if (auto row = first->next(); !row) return base::fail(std::move(row.error()));
  out.first = first->integer(0);
  const std::string only = query.cause ? std::string(to_string(*query.cause)) : std::string();
  auto rows = db.prepare(std::string("SELECT ") + kColumns +
                         " FROM timeline WHERE service = ? AND unix_ns BETWEEN ? AND ? AND ? IN ('', cause) ORDER BY "
                         "number DESC LIMIT ?");
  if (!rows) return base::fail(std::move(rows.error()));
  rows->bind(query.service.str(), query.from_unix_ns, query.until_unix_ns, only, static_cast<std::int64_t>(query.most));
  for (;;) {
    const base::Result<bool> row = rows->next();
    if (!row) return base::fail(row.error());
    if (!*row) break;
    base::Result<model::TimelineLine> line = line_in(*rows, db);
    if (!line) return base::fail(std::move(line.error()));
    out.lines.push_back(std::move(*line));
  }
  std::ranges::reverse(out.lines);
  return out;
}

base::Result<std::vector<model::PlatformEvent>> read_events(Database& db, std::int64_t from_unix_ns,
                                                            std::int64_t until_unix_ns) {
  std::vector<model::PlatformEvent> out;
  auto rows = db.prepare(
      "SELECT number, unix_ns, kind, detail FROM platform_events WHERE unix_ns BETWEEN ? AND ? ORDER BY number");
  if (!rows) return base::fail(std::move(rows.error()));
  rows->bind(from_unix_ns, until_unix_ns);
  for (;;) {
    const base::Result<bool> row = rows->next();
    if (!row) return base::fail(row.error());
    if (!*row) return out;
    base::Result<model::PlatformEvent> event = event_in(*rows);
    if (!event) return base::fail(std::move(event.error()));
    out.push_back(std::move(*event));
  }
}

base::Result<void> load_timelines(Database& db, Contents& out) {
  const std::string lines = std::string("SELECT ") + kColumns + " FROM timeline ORDER BY service, number";
  if (auto done = each_row(db, lines.c_str(),
                           [&](const Statement& row) -> base::Result<void> {
                             auto line = line_in(row, db);
                             if (line) out.timeline.push_back({.line = std::move(*line)});
                             return {};
                           });
      !done) {
    return done;
  }
  return each_row(db, "SELECT number, unix_ns, kind, detail FROM platform_events ORDER BY number",
                  [&](const Statement& row) -> base::Result<void> {
                    auto event = event_in(row);
                    if (event) out.platform_events.push_back({.event = std::move(*event)});
                    return {};
                  });
}

}  // namespace marea::store
