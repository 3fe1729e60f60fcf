#include "store/store.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "model/manifest.h"
#include "store/image_form.h"
#include "store/rows.h"
#include "store/schema.h"
#include "store/usage_rows.h"

namespace marea::store {
namespace {

constexpr int kMostReasons = 256;  // more than model::Reason will ever list

model::Reason reason_from(const std::string& text) {
  for (int i = 0; i < kMostReasons; ++i) {
    const auto reason = static_cast<model::Reason>(i);
    if (to_string(reason) == text) return reason;
  }
  return model::Reason::none;
}

std::optional<RevisionResult> result_from(const std::string& text) {
  for (const RevisionResult result : {RevisionResult::pending, RevisionResult::ready, RevisionResult::failed}) {
    if (to_string(result) == text) return result;
  }
  return std::nullopt;
}

base::Error damaged(const std::string& row, std::string why, const std::string& path) {
  return {.code = base::ErrorCode::io,
          .what = "cannot read " + row + " of the store " + path,
          .why = std::move(why),
          .remedy = "Stop marea, keep a copy of the file, and remove the row with `sqlite3 " + path +
                    "`; then apply that service's manifest again"};
}

base::Result<model::Service> parse(const std::string& text, const std::string& row, const std::string& path) {
  model::Json document = model::Json::parse(text, nullptr, false);
  if (document.is_discarded()) return base::fail(damaged(row, "its document is not JSON", path));
  auto parsed = model::parse_service(std::move(document));
  if (!parsed) {
    const std::string why = parsed.error().empty() ? "invalid document" : to_string(parsed.error().front());
    return base::fail(damaged(row, why, path));
  }
  return std::move(parsed->service);
}

bool is_usage(const Change& change) {
  return std::holds_alternative<UsageRecord>(change) || std::holds_alternative<UsageTotal>(change) ||
         std::holds_alternative<DropUsage>(change);
}

}  // namespace

std::string_view to_string(RevisionResult result) {
  switch (result) {
    case RevisionResult::pending: return "pending";
    case RevisionResult::ready: return "ready";
    case RevisionResult::failed: return "failed";
  }
  return "failed";
}

base::Result<Store> Store::open(const std::string& path) {
  base::Result<Database> db = Database::open(path);
  if (!db) return base::fail(std::move(db.error()));
  if (auto done = migrate(*db); !done) return base::fail(std::move(done.error()));
  if (auto done = db->run("UPDATE counters SET value = value + 1 WHERE name = 'epoch'"); !done) {
    return base::fail(std::move(done.error()));
  }
  Store store(std::move(*db));
  if (auto done = store.read_counters(); !done) return base::fail(std::move(done.error()));
  return store;
}

base::Result<void> Store::read_counters() {
  return each_row(db_, "SELECT name, value FROM counters", [this](const Statement& row) -> base::Result<void> {
    std::uint64_t& counter = row.text(0) == "epoch" ? epoch_ : resource_version_;
    counter = static_cast<std::uint64_t>(row.integer(1));
    return {};
  });
}

base::Result<Contents> Store::load() {
  Contents out;
  const std::string& path = db_.path();
  const auto service = [&](const Statement& row) -> base::Result<void> {
    ServiceRecord record{.document = row.text(6),
                         .uid = row.text(1),
                         .generation = static_cast<int>(row.integer(2)),
                         .resource_version = static_cast<std::uint64_t>(row.integer(3)),
                         .created_unix_ns = row.integer(4),
                         .deleting = row.integer(5) != 0};
    base::Result<model::Service> parsed = parse(record.document, "service " + row.text(0), path);
    if (!parsed) return base::fail(std::move(parsed.error()));
    record.service = std::move(*parsed);
    out.services.push_back(std::move(record));
    return {};
  };
  const auto revision = [&](const Statement& row) -> base::Result<void> {
    const std::string place = "revision " + row.text(0);
    RevisionRecord record{.document = row.text(6),
                          .uid = row.text(2),
                          .resource_version = static_cast<std::uint64_t>(row.integer(4)),
                          .reason = reason_from(row.text(9)),
                          .code = base::error_code_from(row.text(10)),
                          .message = row.text(11),
                          .decided_unix_ns = row.integer(12)};
    base::Result<model::Service> parsed = parse(record.document, place, path);
    if (!parsed) return base::fail(std::move(parsed.error()));
    record.revision = {.name = base::RevisionName(row.text(0)),
                       .service = base::ServiceName(row.text(1)),
                       .generation = static_cast<int>(row.integer(3)),
                       .created_unix_ns = row.integer(5),
                       .spec = std::move(parsed->revision_template)};
    const std::optional<RevisionResult> result = result_from(row.text(8));
    if (!result) return base::fail(damaged(place, "unknown result \"" + row.text(8) + "\"", path));
    record.result = *result;
    if (const std::string text = row.text(7); !text.empty()) {
      base::Result<model::Image> image = image_from_text(text);
      if (!image) return base::fail(damaged(place, image.error().why, path));
      record.revision.image = std::move(*image);
    }
    out.revisions.push_back(std::move(record));
    return {};
  };
  const auto image = [&](const Statement& row) -> base::Result<void> {
    base::Result<model::Image> parsed = image_from_text(row.text(1));
    if (!parsed) return base::fail(damaged("image " + row.text(0), parsed.error().why, path));
    out.images.push_back({.digest = row.text(0), .image = std::move(*parsed)});
    return {};
  };
  const auto name = [&](const Statement& row) -> base::Result<void> {
    out.names.push_back({.name = row.text(0), .digest = row.text(1), .named_unix_ns = row.integer(2)});
    return {};
  };
  constexpr const char* kServices =
      "SELECT name, uid, generation, resource_version, created_unix_ns, deleting, document FROM services ORDER BY name";
  constexpr const char* kRevisions =
      "SELECT name, service, uid, generation, resource_version, created_unix_ns, document, image, result, reason, "
      "code, message, decided_unix_ns FROM revisions ORDER BY service, generation, created_unix_ns";
  for (const auto& done : {each_row(db_, kServices, service), each_row(db_, kRevisions, revision),
                           each_row(db_, "SELECT digest, image FROM images ORDER BY digest", image),
                           each_row(db_, "SELECT name, digest, named_unix_ns FROM image_names ORDER BY name", name)}) {
    if (!done) return base::fail(done.error());
  }
  if (auto done = load_usage(db_, out); !done) return base::fail(std::move(done.error()));
  return out;
}

base::Result<void> Store::commit(std::span<Change> changes) {
  base::Result<Transaction> transaction = Transaction::begin(db_);
  if (!transaction) return base::fail(std::move(transaction.error()));
  // What instances used is no part of what clients watch.
  const std::uint64_t version = resource_version_ + (std::ranges::all_of(changes, is_usage) ? 0 : 1);
  for (Change& change : changes) {
    if (auto* service = std::get_if<ServiceRecord>(&change)) service->resource_version = version;
    if (auto* revision = std::get_if<RevisionRecord>(&change)) revision->resource_version = version;
    if (auto done = std::visit([this](const auto& one) { return write(one); }, change); !done) return done;
  }
  if (auto done = execute(db_, "UPDATE counters SET value = ? WHERE name = 'resource_version'", version); !done) {
    return done;
  }
  if (auto done = transaction->commit(); !done) return done;
  resource_version_ = version;
  return {};
}

base::Result<void> Store::write(const ServiceRecord& record) {
  return execute(db_,
                 "INSERT INTO services VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET uid = "
                 "excluded.uid, generation = excluded.generation, resource_version = excluded.resource_version, "
                 "created_unix_ns = excluded.created_unix_ns, deleting = excluded.deleting, document = "
                 "excluded.document",
                 record.service.name.str(), record.uid, record.generation, record.resource_version,
                 record.created_unix_ns, static_cast<int>(record.deleting), record.document);
}

base::Result<void> Store::write(const RevisionRecord& record) {
  const model::Revision& revision = record.revision;
  const std::string image = revision.image.digest.empty() ? std::string() : image_to_text(revision.image);
  return execute(db_, "INSERT OR REPLACE INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 revision.name.str(), revision.service.str(), record.uid, revision.generation, record.resource_version,
                 revision.created_unix_ns, record.document, image, std::string(to_string(record.result)),
                 std::string(to_string(record.reason)), std::string(base::to_string(record.code)), record.message,
                 record.decided_unix_ns);
}

base::Result<void> Store::write(const ImageName& name) {
  return execute(db_, "INSERT OR REPLACE INTO image_names VALUES (?, ?, ?)", name.name, name.digest,
                 name.named_unix_ns);
}

base::Result<void> Store::write(const ImageRecord& record) {
  return execute(db_, "INSERT OR REPLACE INTO images VALUES (?, ?)", record.digest, image_to_text(record.image));
}

base::Result<void> Store::write(const UsageRecord& record) {
  return write_usage(db_, record);
}

base::Result<void> Store::write(const UsageTotal& total) {
  return write_usage(db_, total);
}

base::Result<void> Store::write(const DropUsage& drop) {
  return execute(db_, "DELETE FROM usage WHERE instance = ?", drop.instance.str());
}

base::Result<void> Store::write(const DropService& drop) {
  if (auto done = execute(db_, "DELETE FROM revisions WHERE service = ?", drop.name.str()); !done) return done;
  return execute(db_, "DELETE FROM services WHERE name = ?", drop.name.str());
}

base::Result<void> Store::write(const DropRevision& drop) {
  return execute(db_, "DELETE FROM revisions WHERE name = ?", drop.name.str());
}

}  // namespace marea::store
