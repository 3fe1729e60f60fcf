// How busy this machine is, read from /proc: what stands between a wish for another instance and its start. The fleet
// goes by it (fleet.h) and router hears of it. A reading costs some tens of microseconds, so it is taken while
// instances live and at most kLoadEvery often, never on a request.
//
// Source: proc(5), /proc/stat and /proc/meminfo; Documentation/accounting/psi.rst for /proc/pressure/cpu.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"

namespace marea::engine::local {

// What one reading says of the time since the one before it.
struct MachineLoad {
  std::int64_t memory_available = -1;  // MemAvailable in bytes: free, or given back when asked; -1: not known
  int cpus = 0;                        // 0: nothing is known of the CPUs
  int busy_permille = 0;               // of all CPUs' time
  int instances_permille = 0;          // the same, what instances used of it
  int waiting_permille = 0;  // of the time: some task was runnable and had no CPU; 0 where the kernel does not tell
};

// Of the whole machine since its start, in ticks.
struct CpuTimes {
  std::uint64_t idle = 0;
  std::uint64_t total = 0;
  int cpus = 0;
};

// Pure: the texts of /proc/stat, /proc/pressure/cpu (microseconds of "some") and /proc/meminfo.
CpuTimes parse_cpu_times(const std::string& stat);
std::optional<std::uint64_t> parse_stalled_us(const std::string& pressure);
std::int64_t parse_available_bytes(const std::string& meminfo);

class MachineGauge {
 public:
  MachineGauge();
  // Twice within a few milliseconds gives the load of the first: ticks are 10 ms. `instances`: the CPU time of all
  // instances so far, those that ended too.
  MachineLoad read(base::Instant now, base::Duration instances);

 private:
  base::Fd stat_;
  base::Fd pressure_;
  base::Fd memory_;
  base::Instant at_{};
  CpuTimes times_;
  std::uint64_t stalled_us_ = 0;
  base::Duration instances_{};
  MachineLoad last_;
};

}  // namespace marea::engine::local
