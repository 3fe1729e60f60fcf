#include "store/release_rows.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "store/release_form.h"
#include "store/rows.h"

namespace marea::store {
namespace {

base::Error damaged_release(const std::string& row, std::string why, const Database& db) {
  return {.code = base::ErrorCode::store_damaged,
          .what = "cannot read " + row + " of the store " + db.path(),
          .why = std::move(why),
          .remedy = "Stop marea and run: sudo marea repair --data DIR, with its data directory",
          .more = {}};
}

std::string first_of(const model::Faults& faults) {
  return faults.empty() ? "invalid document" : to_string(faults.front());
}

base::Result<void> load_policies(Database& db, Contents& out) {
  return each_row(db, "SELECT name, created_unix_ns, document FROM release_policies ORDER BY name",
                  [&](const Statement& row) -> base::Result<void> {
                    const std::string place = "release policy " + row.text(0);
                    ReleasePolicyRecord record{
                        .name = row.text(0), .document = row.text(2), .created_unix_ns = row.integer(1)};
                    auto parsed = model::parse_release_policy(model::Json::parse(record.document, nullptr, false));
                    if (!parsed) return base::fail(damaged_release(place, first_of(parsed.error()), db));
                    record.policy = std::move(parsed->policy);
                    out.release_policies.push_back(std::move(record));
                    return {};
                  });
}

base::Result<void> load_history(Database& db, Contents& out) {
  return each_row(db,
                  "SELECT release, number, at, unix_ns, actor, who, event, weight, why FROM release_audit "
                  "ORDER BY release, number",
                  [&](const Statement& row) -> base::Result<void> {
                    ReleaseAuditRecord record{.release = row.text(0),
                                              .number = row.integer(1),
                                              .audit = {.at = base::Duration(row.integer(2)),
                                                        .unix_ns = row.integer(3),
                                                        .who = row.text(5),
                                                        .weight = static_cast<model::Weight>(row.integer(7)),
                                                        .why = row.text(8)}};
                    if (!read_word(row.text(4), record.audit.actor) || !read_word(row.text(6), record.audit.event)) {
                      const std::string words = "it is by \"" + row.text(4) + "\", \"" + row.text(6) + "\"";
                      return base::fail(damaged_release("the history of release " + record.release, words, db));
                    }
                    out.release_audits.push_back(std::move(record));
                    return {};
                  });
}

}  // namespace

base::Result<void> write_release(Database& db, const ReleaseRecord& record) {
  const std::string document = model::release_document(record.spec, {}).dump();
  return execute(db, "INSERT OR REPLACE INTO releases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", record.spec.id,
                 record.spec.service.str(), record.created_unix_ns, record.began_unix_ns, record.spec.rollbacks_before,
                 document, record.salt, record.objective.count(), record.age.count(),
                 release_state_to_text(record.state), record.judge);
}

base::Result<void> write_release(Database& db, const ReleaseAuditRecord& record) {
  const model::ReleaseAudit& audit = record.audit;
  return execute(db, "INSERT OR REPLACE INTO release_audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", record.release,
                 record.number, audit.at.count(), audit.unix_ns, std::string(to_string(audit.actor)), audit.who,
                 std::string(to_string(audit.event)), std::int64_t{audit.weight}, audit.why);
}

base::Result<void> write_release(Database& db, const ReleasePolicyRecord& record) {
  return execute(db, "INSERT OR REPLACE INTO release_policies VALUES (?, ?, ?)", record.name, record.created_unix_ns,
                 record.document);
}

base::Result<void> drop_releases(Database& db, const DropRelease& drop) {
  if (auto done = execute(db, "DELETE FROM release_audit WHERE release = ?", drop.id); !done) return done;
  return execute(db, "DELETE FROM releases WHERE id = ?", drop.id);
}

base::Result<void> drop_releases(Database& db, const DropReleasePolicy& drop) {
  return execute(db, "DELETE FROM release_policies WHERE name = ?", drop.name);
}

base::Result<void> write_release(Database& db, const NoticeRecord& record) {
  return execute(db, "INSERT OR REPLACE INTO notices VALUES (?, ?, ?, ?, ?)", record.id, record.release, record.url,
                 record.created_unix_ns, record.body);
}

base::Result<void> drop_releases(Database& db, const DropNotice& drop) {
  return execute(db, "DELETE FROM notices WHERE id = ?", drop.id);
}

base::Result<void> drop_releases(Database& db, const base::ServiceName& service) {
  const char* audits = "DELETE FROM release_audit WHERE release IN (SELECT id FROM releases WHERE service = ?)";
  if (auto done = execute(db, audits, service.str()); !done) return done;
  return execute(db, "DELETE FROM releases WHERE service = ?", service.str());
}

base::Result<void> load_releases(Database& db, Contents& out) {
  if (auto done = load_policies(db, out); !done) return done;
  const char* columns =
      "SELECT id, created_unix_ns, rollbacks_before, document, salt, age, state, judge, began_unix_ns, objective FROM "
      "releases "
      "ORDER BY service, created_unix_ns, id";
  const auto release = [&](const Statement& row) -> base::Result<void> {
    const std::string place = "release " + row.text(0);
    auto spec = model::parse_release(model::Json::parse(row.text(3), nullptr, false));
    if (!spec) return base::fail(damaged_release(place, first_of(spec.error()), db));
    auto state = release_state_from_text(row.text(6));
    if (!state) return base::fail(damaged_release(place, state.error().why, db));
    spec->rollbacks_before = static_cast<int>(row.integer(2));
    out.releases.push_back({.spec = *std::move(spec),
                            .salt = row.text(4),
                            .created_unix_ns = row.integer(1),
                            .began_unix_ns = row.integer(8),
                            .objective = base::Duration(row.integer(9)),
                            .age = base::Duration(row.integer(5)),
                            .state = *std::move(state),
                            .judge = row.text(7)});
    return {};
  };
  if (auto done = each_row(db, columns, release); !done) return done;
  return load_history(db, out);
}

base::Result<void> load_notices(Database& db, Contents& out) {
  return each_row(db, "SELECT id, release, url, created_unix_ns, body FROM notices ORDER BY created_unix_ns, id",
                  [&](const Statement& row) -> base::Result<void> {
                    out.notices.push_back({.id = row.text(0),
                                           .release = row.text(1),
                                           .url = row.text(2),
                                           .created_unix_ns = row.integer(3),
                                           .body = row.text(4)});
                    return {};
                  });
}

}  // namespace marea::store
