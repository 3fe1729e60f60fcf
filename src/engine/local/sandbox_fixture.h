// For tests: a machine with a data directory, a busybox image and a loop, on which real sandboxes run.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "engine/local/sandbox.h"

namespace marea::engine::local {

// One sandbox under test and what has happened to it.
struct TestRun {
  std::unique_ptr<Sandbox> sandbox;
  bool prepared = false;
  bool adopted = false;
  bool started = false;
  std::optional<SandboxEnd> failing;
  SandboxParting parting;
  int dyings = 0;  // how often its end was told before it was removed
  std::optional<SandboxEnd> end;
  std::vector<base::Fd> output;  // stdout, stderr: read ends
};

class SandboxFixture : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override;
  void TearDown() override;

  void open_host();
  // As when the engine is killed: nobody speaks with the sandbox any more, keeper holds its descriptors, and a new host
  // is open.
  void abandon(TestRun& run);
  // By the new host; null when it refuses.
  std::unique_ptr<TestRun> adopt(const model::Revision& revision, SandboxPast past);
  model::Revision revision(const std::string& script) const;
  // Beside the app; its name and what it runs.
  void add_sidecar(model::Revision& to, const std::string& name, const std::string& script) const;
  // Each run gets a slot of its own. Fails the test when the host refuses.
  std::unique_ptr<TestRun> create(model::Revision revision);
  std::unique_ptr<TestRun> create(const std::string& script) { return create(revision(script)); }
  // Turns the loop until `done`; false after a long time.
  bool wait(const std::function<bool()>& done);
  bool run_until_started(TestRun& run);
  bool run_until_ended(TestRun& run);
  // All that it has written to stdout so far.
  std::string read_output(TestRun& run, std::size_t stream = 0);
  std::string read_sidecar(const std::string& name) const;
  // A file of the group of the sandbox that was made last, such as "cpu.stat"; "" where there is none.
  std::string read_group(const std::string& controller, const std::string& file) const;
  // Names of instances' folders and mounts that are still there.
  std::vector<std::string> left_behind() const;
  // Waits until stdout holds `text`.
  bool wait_output(TestRun& run, const std::string& text);
  // Connects a socket of the sandbox to 127.0.0.1:port, sends `request` and returns all that comes back.
  std::string exchange(TestRun& run, std::uint16_t port, const std::string& request);

  void keep(const net::msg::Hold& hold, std::vector<base::Fd> fds);

  std::string data_;
  base::SystemClock clock_;
  std::optional<base::Log> log_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<SandboxHost> host_;
  std::vector<base::Fd> last_held_;
  HeldDescriptors held_shim_;                                    // of the sandbox that was made last
  std::map<std::string, std::vector<base::Fd>> sidecar_output_;  // by the container's name
  int next_slot_ = 0;
};

}  // namespace marea::engine::local
