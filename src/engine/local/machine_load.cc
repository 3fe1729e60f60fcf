#include "engine/local/machine_load.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>

namespace marea::engine::local {
namespace {

constexpr base::Duration kShortest = std::chrono::milliseconds(50);  // five ticks: a share of fewer is a guess
constexpr std::size_t kMostBytes = 64U << 10;                        // a machine with 500 CPUs

base::Fd open_file(const char* path) {
  return base::Fd(::open(path, O_RDONLY | O_CLOEXEC));
}

// Procfs makes the text anew for a read at its beginning. What follows `stop` is of no interest.
std::string text_of(const base::Fd& file, const char* stop) {
  std::string out;
  std::array<char, 4096> block;
  ssize_t got = 0;
  while (file && out.size() < kMostBytes && out.find(stop) == std::string::npos &&
         (got = ::pread(file.get(), block.data(), block.size(), static_cast<off_t>(out.size()))) > 0) {
    out.append(block.data(), static_cast<std::size_t>(got));
  }
  return out;
}

std::string stat_of(const base::Fd& file) {
  return text_of(file, "\nintr ");
}

std::string pressure_of(const base::Fd& file) {
  return text_of(file, "\n");
}

std::string memory_of(const base::Fd& file) {
  return text_of(file, "\nBuffers:");
}

int permille(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<int>(std::min<std::uint64_t>(1000, part * 1000 / whole));
}

}  // namespace

CpuTimes parse_cpu_times(const std::string& stat) {
  CpuTimes out;
  std::istringstream lines(stat);
  for (std::string line; std::getline(lines, line) && line.starts_with("cpu");) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name != "cpu") {
      ++out.cpus;
      continue;
    }
    // user nice system idle iowait irq softirq steal; guest times are in user and nice already
    std::uint64_t ticks = 0;
    for (int column = 0; column < 8 && words >> ticks; ++column) {
      out.total += ticks;
      if (column == 3 || column == 4) out.idle += ticks;
    }
  }
  return out;
}

std::optional<std::uint64_t> parse_stalled_us(const std::string& pressure) {
  constexpr std::string_view kTotal = "total=";
  if (!pressure.starts_with("some ")) return std::nullopt;
  const std::size_t at = pressure.find(kTotal);
  if (at == std::string::npos) return std::nullopt;
  return std::strtoull(pressure.c_str() + at + kTotal.size(), nullptr, 10);
}

std::int64_t parse_available_bytes(const std::string& meminfo) {
  constexpr std::string_view kLine = "MemAvailable:";
  const std::size_t at = meminfo.find(kLine);
  if (at == std::string::npos) return -1;
  return std::strtoll(meminfo.c_str() + at + kLine.size(), nullptr, 10) * 1024;
}

MachineGauge::MachineGauge()
    : stat_(open_file("/proc/stat")),
      pressure_(open_file("/proc/pressure/cpu")),
      memory_(open_file("/proc/meminfo")),
      times_(parse_cpu_times(stat_of(stat_))),
      stalled_us_(parse_stalled_us(pressure_of(pressure_)).value_or(0)) {
  last_.cpus = times_.cpus;
}

MachineLoad MachineGauge::read(base::Instant now, base::Duration instances) {
  last_.memory_available = parse_available_bytes(memory_of(memory_));
  const base::Duration since = now - at_;
  if (since < kShortest) return last_;
  const CpuTimes times = parse_cpu_times(stat_of(stat_));
  const std::uint64_t stalled = parse_stalled_us(pressure_of(pressure_)).value_or(0);
  const std::uint64_t total = times.total - times_.total;
  const std::uint64_t idle = std::min(total, times.idle - std::min(times.idle, times_.idle));  // iowait may go back
  last_.cpus = times.cpus;
  last_.busy_permille = permille(total - idle, total);
  const auto us = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
  last_.waiting_permille = at_ == base::Instant{} ? 0 : permille(stalled - stalled_us_, us);
  const auto used = std::chrono::duration_cast<std::chrono::microseconds>(instances - instances_).count();
  const std::uint64_t of = us * static_cast<std::uint64_t>(std::max(1, times.cpus));
  last_.instances_permille = used <= 0 ? 0 : std::min(1000, permille(static_cast<std::uint64_t>(used), of));
  at_ = now;
  times_ = times;
  stalled_us_ = stalled;
  instances_ = instances;
  return last_;
}

}  // namespace marea::engine::local
