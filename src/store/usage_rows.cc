#include "store/usage_rows.h"

#include <utility>

#include "store/rows.h"

namespace marea::store {

base::Result<void> write_usage(Database& db, const UsageRecord& record) {
  const model::Usage& usage = record.account.usage;
  return execute(db, "INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 record.instance.str(), record.revision.str(), record.service.str(), record.since_unix_ns,
                 record.until_unix_ns, static_cast<int>(record.ended), usage.requests, usage.alive.count(),
                 usage.busy.count(), usage.billed.count(), usage.unready.count(), usage.stopping.count(),
                 usage.cpu.count(), usage.peak_memory_bytes, usage.memory_limit_bytes, usage.milli_cpu,
                 static_cast<int>(usage.whole_life), record.account.kept_idle.count());
}

base::Result<void> write_usage(Database& db, const UsageTotal& total) {
  const model::Bill& bill = total.bill;
  return execute(db, "INSERT OR REPLACE INTO usage_totals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 total.service.str(), total.revision.str(), total.since_unix_ns, total.until_unix_ns, bill.instances,
                 bill.requests, bill.billable.count(), bill.kept_idle.count(), bill.busy.count(), bill.alive.count(),
                 bill.cpu.count(), bill.milli_cpu_ms, bill.mebibyte_ms, bill.peak_memory_bytes);
}

base::Result<void> load_usage(Database& db, Contents& out) {
  const auto time = [](const Statement& row, int column) { return base::Duration(row.integer(column)); };
  const auto record = [&](const Statement& row) -> base::Result<void> {
    const model::Usage usage{.requests = static_cast<std::uint64_t>(row.integer(6)),
                             .alive = time(row, 7),
                             .busy = time(row, 8),
                             .billed = time(row, 9),
                             .unready = time(row, 10),
                             .stopping = time(row, 11),
                             .cpu = time(row, 12),
                             .peak_memory_bytes = row.integer(13),
                             .memory_limit_bytes = row.integer(14),
                             .milli_cpu = static_cast<int>(row.integer(15)),
                             .whole_life = row.integer(16) != 0};
    out.usage.push_back({.instance = base::InstanceId(row.text(0)),
                         .revision = base::RevisionName(row.text(1)),
                         .service = base::ServiceName(row.text(2)),
                         .since_unix_ns = row.integer(3),
                         .until_unix_ns = row.integer(4),
                         .ended = row.integer(5) != 0,
                         .account = {.usage = usage, .kept_idle = time(row, 17)}});
    return {};
  };
  const auto total = [&](const Statement& row) -> base::Result<void> {
    const model::Bill bill{.instances = static_cast<std::uint64_t>(row.integer(4)),
                           .requests = static_cast<std::uint64_t>(row.integer(5)),
                           .billable = time(row, 6),
                           .kept_idle = time(row, 7),
                           .busy = time(row, 8),
                           .alive = time(row, 9),
                           .cpu = time(row, 10),
                           .milli_cpu_ms = row.integer(11),
                           .mebibyte_ms = row.integer(12),
                           .peak_memory_bytes = row.integer(13)};
    out.usage_totals.push_back({.service = base::ServiceName(row.text(0)),
                                .revision = base::RevisionName(row.text(1)),
                                .since_unix_ns = row.integer(2),
                                .until_unix_ns = row.integer(3),
                                .bill = bill});
    return {};
  };
  if (auto done = each_row(db, "SELECT * FROM usage ORDER BY instance", record); !done) return done;
  return each_row(db, "SELECT * FROM usage_totals ORDER BY service, revision", total);
}

}  // namespace marea::store
