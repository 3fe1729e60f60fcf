#include "store/record_rows.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "model/manifest.h"
#include "store/experiment_rows.h"
#include "store/image_form.h"
#include "store/release_rows.h"
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
  return {.code = base::ErrorCode::store_damaged,
          .what = "cannot read " + row + " of the store " + path,
          .why = std::move(why),
          .remedy = "Stop marea and run: sudo marea repair --data DIR, with its data directory"};
}

base::Result<model::Service> parse(const std::string& text, const std::string& row, const std::string& path) {
  model::Json document = model::Json::parse(text, nullptr, false);
  if (document.is_discarded()) return base::fail(damaged(row, "its document is not JSON", path));
  // The API's bookkeeping of who manages which field: bounded by the API, but not as a manifest is.
  if (document.is_object() && document.contains("metadata") && document["metadata"].is_object()) {
    document["metadata"].erase("managedFields");
  }
  auto parsed = model::parse_stored(std::move(document));
  if (!parsed) {
    const std::string why = parsed.error().empty() ? "invalid document" : to_string(parsed.error().front());
    return base::fail(damaged(row, why, path));
  }
  return std::move(parsed->service);
}

template <class Record>
base::Result<void> read_all(Database& db, const std::string& columns, const std::string& from,
                            base::Result<Record> (*read)(const Statement&, const std::string&),
                            std::vector<Record>& into) {
  auto rows = db.prepare("SELECT " + columns + " FROM " + from);
  if (!rows) return base::fail(std::move(rows.error()));
  for (;;) {
    base::Result<bool> row = rows->next();
    if (!row) return base::fail(std::move(row.error()));
    if (!*row) return {};
    base::Result<Record> record = read(*rows, db.path());
    if (!record) return base::fail(std::move(record.error()));
    into.push_back(std::move(*record));
  }
}

}  // namespace

base::Result<ServiceRecord> service_in(const Statement& row, const std::string& path) {
  ServiceRecord record{.document = row.text(6),
                       .uid = row.text(1),
                       .generation = static_cast<int>(row.integer(2)),
                       .resource_version = static_cast<std::uint64_t>(row.integer(3)),
                       .created_unix_ns = row.integer(4),
                       .deleting = row.integer(5) != 0};
  base::Result<model::Service> parsed = parse(record.document, "service " + row.text(0), path);
  if (!parsed) return base::fail(std::move(parsed.error()));
  record.service = std::move(*parsed);
  return record;
}

base::Result<RevisionRecord> revision_in(const Statement& row, const std::string& path) {
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
  if (const base::Result<void> images = images_from_text(row.text(7), record.revision); !images) {
    return base::fail(damaged(place, images.error().why, path));
  }
  return record;
}

base::Result<ImageRecord> image_in(const Statement& row, const std::string& path) {
  base::Result<model::Image> parsed = image_from_text(row.text(1));
  if (!parsed) return base::fail(damaged("image " + row.text(0), parsed.error().why, path));
  return ImageRecord{.digest = row.text(0),
                     .image = std::move(*parsed),
                     .used_unix_ns = used_in_text(row.text(1)),
                     .given = given_in_text(row.text(1))};
}

base::Result<ImageName> name_in(const Statement& row, const std::string& /*path*/) {
  return ImageName{.name = row.text(0), .digest = row.text(1), .named_unix_ns = row.integer(2)};
}

base::Result<Contents> read_contents(Database& db) {
  Contents out;
  const std::string revisions = "revisions ORDER BY service, generation, created_unix_ns";
  for (const auto& done : {read_all(db, kServiceColumns, "services ORDER BY name", service_in, out.services),
                           read_all(db, kRevisionColumns, revisions, revision_in, out.revisions),
                           read_all(db, kImageColumns, "images ORDER BY digest", image_in, out.images),
                           read_all(db, kNameColumns, "image_names ORDER BY name", name_in, out.names)}) {
    if (!done) return base::fail(done.error());
  }
  if (auto done = load_usage(db, out); !done) return base::fail(std::move(done.error()));
  if (auto done = load_releases(db, out); !done) return base::fail(std::move(done.error()));
  if (auto done = load_notices(db, out); !done) return base::fail(std::move(done.error()));
  if (auto done = load_experiments(db, out); !done) return base::fail(std::move(done.error()));
  return out;
}

}  // namespace marea::store
