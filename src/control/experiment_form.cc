#include "control/experiment_form.h"

#include <array>
#include <concepts>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <vector>

namespace marea::control {
namespace {

using Json = nlohmann::json;

template <class T, class U>
concept Of = std::same_as<std::remove_const_t<T>, U>;

// Each type lists its members once; writing and reading walk the same lists.
template <class Form, Of<model::ValueCounts> T>
void list(Form& form, T& values) {
  form("n", values.n);
  form("sum", values.sum);
  form("sum_of_squares", values.sum_of_squares);
  form("buckets", values.buckets);
}
template <class Form, Of<model::ArmOutcomes> T>
void list(Form& form, T& arm) {
  form("keys", arm.keys);
  form("due", arm.due);
  form("converted", arm.converted);
  form("converted_in_due", arm.converted_in_due);
  form("failed", arm.failed);
  form("timed", arm.timed);
  form("slow", arm.slow);
  form("latency", arm.latency);
  form("measures", arm.measures);
  form("requests", arm.requests);
  form("failures", arm.failures);
}
template <class Form, Of<model::SegmentOutcomes> T>
void list(Form& form, T& segment) {
  form("keys", segment.keys);
  form("failed", segment.failed);
  form("converted", segment.converted);
}
template <class Form, Of<model::ExperimentCounts> T>
void list(Form& form, T& counts) {
  form("experiment", counts.experiment);
  form("memory", counts.memory);
  form("split", counts.split);
  form("led", counts.led);
  form("untracked", counts.untracked);
  form("crossed", counts.crossed);
  form("segments", counts.segments);
}
template <class Form, Of<decide::HarmState> T>
void list(Form& form, T& state) {
  form("waiting", state.waiting);
  form("staked", state.staked);
  form("seen", state.seen);
  form("first", state.first);
  form("tick", state.tick);
  form("weight", state.weight);
  form("steps", state.steps);
}
template <class Form, Of<decide::ExperimentData> T>
void list(Form& form, T& data) {
  form("now", data.now);
  form("split_before", data.split_before);
  form("led_before", data.led_before);
  form("untracked_before", data.untracked_before);
  form("crossed_before", data.crossed_before);
  form("split_logs", data.split_logs);
  form("mistrusted", data.mistrusted);
  form("guards", data.guards);
  form("breached_at", data.breached_at);
  form("memory_before", data.memory_before);
  form("guards_before", data.guards_before);
  form("segments_before", data.segments_before);
}

template <class T>
inline constexpr bool kIsList = false;
template <class T>
inline constexpr bool kIsList<std::vector<T>> = true;
template <class T, std::size_t n>
inline constexpr bool kIsList<std::array<T, n>> = true;

class DataWriter {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    json_[name] = made(value);
  }
  template <class T>
  static Json made(const T& value) {
    if constexpr (kIsList<T>) {
      Json out = Json::array();
      for (const auto& each : value) out.push_back(made(each));
      return out;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return value;
    } else {
      DataWriter inner;
      list(inner, value);
      return std::move(inner.json_);
    }
  }

 private:
  Json json_ = Json::object();
};

// Throws where a value has another type.
class DataReader {
 public:
  explicit DataReader(const Json& json) : json_(json) {}
  template <class T>
  void operator()(const char* name, T& value) {
    if (json_.contains(name)) take(json_.at(name), value);
  }
  template <class T>
  static void take(const Json& json, std::vector<T>& values) {
    values.clear();
    for (const Json& each : json) take(each, values.emplace_back());
  }
  template <class T, std::size_t n>
  static void take(const Json& json, std::array<T, n>& values) {
    for (std::size_t i = 0; i < n; ++i) take(json.at(i), values.at(i));
  }
  template <class T>
  static void take(const Json& json, T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      json.get_to(value);
    } else {
      DataReader inner(json);
      list(inner, value);
    }
  }

 private:
  const Json& json_;
};

}  // namespace

std::string experiment_to_text(const decide::ExperimentData& data) {
  return DataWriter::made(data).dump(-1, ' ', false, Json::error_handler_t::replace);
}

base::Result<decide::ExperimentData> experiment_from_text(const std::string& text) {
  decide::ExperimentData out;
  if (text.empty()) return out;
  try {
    DataReader::take(Json::parse(text), out);
  } catch (const Json::exception& problem) {
    return base::fail(base::ErrorCode::io, "malformed data of an experiment", problem.what());
  }
  return out;
}

}  // namespace marea::control
