#include "control/experiment_form.h"

#include "control/state_form.h"

namespace marea::control {

template <class Form, Is<model::ValueCounts> T>
void walk(Form& form, T& values) {
  form("n", values.n);
  form("sum", values.sum);
  form("sum_of_squares", values.sum_of_squares);
  form("buckets", values.buckets);
}
template <class Form, Is<model::ArmOutcomes> T>
void walk(Form& form, T& arm) {
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
template <class Form, Is<model::SegmentOutcomes> T>
void walk(Form& form, T& segment) {
  form("keys", segment.keys);
  form("failed", segment.failed);
  form("converted", segment.converted);
}
template <class Form, Is<model::ExperimentCounts> T>
void walk(Form& form, T& counts) {
  form("experiment", counts.experiment);
  form("memory", counts.memory);
  form("split", counts.split);
  form("led", counts.led);
  form("untracked", counts.untracked);
  form("crossed", counts.crossed);
  form("segments", counts.segments);
}
template <class Form, Is<decide::ExperimentData> T>
void walk(Form& form, T& data) {
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

std::string experiment_to_text(const decide::ExperimentData& data) {
  return FormWriter::made(data).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

base::Result<decide::ExperimentData> experiment_from_text(const std::string& text) {
  decide::ExperimentData out;
  if (text.empty()) return out;
  try {
    FormReader::take(nlohmann::json::parse(text), out);
  } catch (const nlohmann::json::exception& problem) {
    return base::fail(base::ErrorCode::io, "malformed data of an experiment", problem.what());
  }
  return out;
}

}  // namespace marea::control
