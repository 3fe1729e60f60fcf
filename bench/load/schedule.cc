#include "bench/load/schedule.h"

#include <charconv>

namespace marea::load {
namespace {

constexpr double kRounding = 1e-9;  // of a sum of steps, in seconds

bool read(std::string_view text, auto& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

}  // namespace

std::optional<Stage> parse_stage(std::string_view text) {
  Stage stage;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !read(text.substr(0, colon), stage.seconds)) return std::nullopt;
  const std::string_view rate = text.substr(colon + 1);
  if (rate.starts_with('=')) return read(rate.substr(1), stage.burst) ? std::optional(stage) : std::nullopt;
  const std::size_t dash = rate.find('-');
  if (!read(rate.substr(0, dash), stage.from)) return std::nullopt;
  stage.to = stage.from;
  if (dash != std::string_view::npos && !read(rate.substr(dash + 1), stage.to)) return std::nullopt;
  return stage;
}

std::optional<Schedule::Due> Schedule::next() {
  for (; stage_ < stages_.size(); ++stage_) {
    const Stage& stage = stages_[stage_];
    const auto at = [this](double inside) { return std::chrono::duration<double>(begin_ + inside); };
    if (burst_ < stage.burst) {
      ++burst_;
      return Due{std::chrono::duration_cast<Nanoseconds>(at(0)), stage_};
    }
    if (inside_ < stage.seconds - kRounding && stage.burst == 0) {
      const double rate = stage.from + (stage.to - stage.from) * inside_ / stage.seconds;
      if (rate > 0) {
        const Due due{std::chrono::duration_cast<Nanoseconds>(at(inside_)), stage_};
        inside_ += 1 / rate;
        return due;
      }
    }
    begin_ += stage.seconds;
    inside_ = 0;
    burst_ = 0;
  }
  return std::nullopt;
}

Nanoseconds Schedule::length() const {
  double seconds = 0;
  for (const Stage& stage : stages_) seconds += stage.seconds;
  return std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace marea::load
