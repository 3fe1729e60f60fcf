// What engine and marea-shim (PID 1 of a sandbox) say to each other over the socket that the shim inherits as
// descriptor 3: a Unix stream between the same two builds, so numbers have the machine's own order.
//
// engine → shim: a ShimHeader, then `bytes` of body. start comes at most once, signal any number of times. The shim
// checks every length against the message's end; a message that does not parse ends the sandbox.
// shim → engine: ShimReport, fixed size.
//
// This header is also the shim's: it needs nothing but the C library.
#pragma once

#include <cstdint>

namespace marea::engine::local {

inline constexpr int kShimSocket = 3;
inline constexpr int kShimStdout = 4;  // the app's pipes; the shim itself never writes to them
inline constexpr int kShimStderr = 5;

// Linux gives a new program about 2 MB for arguments and environment; a quarter of it bounds what engine accepts.
inline constexpr std::uint32_t kMostShimMessageBytes = 512U << 10;
inline constexpr std::uint32_t kMostShimWords = 4096;  // arguments, or environment entries
inline constexpr std::uint32_t kMostShimGroups = 64;

enum class ShimCommand : std::uint32_t { start = 1, signal = 2 };

struct ShimHeader {
  ShimCommand command = ShimCommand::start;
  std::uint32_t bytes = 0;  // of the body: at most kMostShimMessageBytes
};

// Body of start: this, then `groups` numbers of 4 bytes, then as texts (4 bytes length without the final NUL, the
// bytes, a NUL): the working directory, `arguments` words, `environment` words.
struct ShimStart {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t keep_capabilities = 0;  // 1: the app keeps those of the sandbox when it is root; 0: it has none
  std::uint32_t groups = 0;
  std::uint32_t arguments = 0;
  std::uint32_t environment = 0;
};

// Body of signal: the number, 4 bytes.

// What the shim was doing when the app could not be started.
enum class ShimStep : std::uint32_t { none, fork, change_user, change_directory, find_program, run_program };

enum class ShimEvent : std::uint32_t {
  started = 1,      // the app's program was executed
  not_started = 2,  // step, value = errno; the shim ends with 127 (not found) or 126
  exited = 3,       // value = wait status; every other process of the sandbox is about to be killed
};

struct ShimReport {
  ShimEvent event = ShimEvent::started;
  ShimStep step = ShimStep::none;
  std::int32_t value = 0;
};

}  // namespace marea::engine::local
