#include "app/cli_progress.h"

#include <chrono>

namespace marea::app {
namespace {

constexpr base::Duration kDrawEvery = std::chrono::milliseconds(100);
constexpr std::string_view kBuildStep = "STEP ";

}  // namespace

void Progress::draw(std::string_view detail, bool always) {
  const base::Instant now = clock_.now();
  if (!always && now - drawn_ < kDrawEvery) return;
  drawn_ = now;
  console_.step(step_, now - began_, detail);
}

void Progress::sent(std::string_view what, std::int64_t bytes, std::int64_t all) {
  if (!console_.draws()) return;
  const bool fresh = step_ != what;
  if (fresh) {
    step_ = what;
    began_ = clock_.now();
  }
  constexpr double kMebibyte = 1 << 20;
  const double part = static_cast<double>(bytes) / kMebibyte;
  const double whole = static_cast<double>(all) / kMebibyte;
  draw(fmt::format("{:.1f}/{:.1f} MiB", part, whole), fresh || bytes == all);
}

void Progress::build_line(const std::string& line) {
  if (!console_.draws()) {
    console_.say(line);
    return;
  }
  const bool fresh = line.starts_with(kBuildStep) || !step_.starts_with(kBuildStep);
  if (fresh) {
    step_ = line;
    began_ = clock_.now();
  }
  draw(fresh ? std::string_view{} : std::string_view(line), fresh);
}

}  // namespace marea::app
