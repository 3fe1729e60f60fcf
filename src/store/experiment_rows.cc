#include "store/experiment_rows.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "store/rows.h"

namespace marea::store {
namespace {

using Json = nlohmann::json;

template <class Value>
Value word_of(const Json& json, const char* name, std::size_t count, Value otherwise) {
  if (!json.contains(name)) return otherwise;
  const auto text = json.at(name).get<std::string>();
  for (std::size_t i = 0; i < count; ++i) {
    if (to_string(static_cast<Value>(i)) == text) return static_cast<Value>(i);
  }
  throw std::invalid_argument(std::string(name) + " is \"" + text + "\"");
}

std::string state_to_text(const model::ExperimentState& state) {
  const Json out = {{"phase", to_string(state.phase)}, {"cause", to_string(state.cause)},
                    {"detail", state.detail},          {"who", state.who},
                    {"began", state.began_unix_ns},    {"ended", state.ended_unix_ns}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Unknown members are ignored and missing ones keep their defaults; a word that is not known here is an error, since an
// experiment must not go on from what this marea takes for another phase.
base::Result<model::ExperimentState> state_from_text(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    return model::ExperimentState{
        .phase = word_of(json, "phase", model::kExperimentPhases, model::ExperimentPhase::ended),
        .cause = word_of(json, "cause", model::kExperimentEnds, model::ExperimentEnd::none),
        .detail = json.value("detail", ""),
        .who = json.value("who", ""),
        .began_unix_ns = json.value("began", std::int64_t{0}),
        .ended_unix_ns = json.value("ended", std::int64_t{0})};
  } catch (const std::exception& problem) {
    return base::fail(base::ErrorCode::io, "malformed state of an experiment", problem.what());
  }
}

base::Error damaged_experiment(const std::string& name, std::string why, const Database& db) {
  return {.code = base::ErrorCode::store_damaged,
          .what = "cannot read experiment " + name + " of the store " + db.path(),
          .why = std::move(why),
          .remedy = "Stop marea and run: sudo marea repair --data DIR, with its data directory",
          .more = {}};
}

}  // namespace

base::Result<void> write_experiment(Database& db, const ExperimentRecord& record) {
  return execute(db, "INSERT OR REPLACE INTO experiments VALUES (?, ?, ?, ?, ?, ?, ?)", record.spec.name,
                 record.spec.service.str(), record.created_unix_ns, record.document, record.salt,
                 state_to_text(record.state), record.data);
}

base::Result<void> drop_experiments(Database& db, const DropExperiment& drop) {
  return execute(db, "DELETE FROM experiments WHERE name = ?", drop.name);
}

base::Result<void> drop_experiments(Database& db, const base::ServiceName& service) {
  return execute(db, "DELETE FROM experiments WHERE service = ?", service.str());
}

base::Result<void> load_experiments(Database& db, Contents& out) {
  return each_row(
      db, "SELECT name, created_unix_ns, document, salt, state, data FROM experiments ORDER BY name",
      [&](const Statement& row) -> base::Result<void> {
        ExperimentRecord record{
            .document = row.text(2), .created_unix_ns = row.integer(1), .salt = row.text(3), .data = row.text(5)};
        auto parsed = model::parse_experiment(model::Json::parse(record.document, nullptr, false));
        if (!parsed) {
          const std::string why = parsed.error().empty() ? "invalid document" : to_string(parsed.error().front());
          return base::fail(damaged_experiment(row.text(0), why, db));
        }
        record.spec = std::move(parsed->spec);
        auto state = state_from_text(row.text(4));
        if (!state) return base::fail(damaged_experiment(row.text(0), state.error().why, db));
        record.state = *std::move(state);
        out.experiments.push_back(std::move(record));
        return {};
      });
}

}  // namespace marea::store
