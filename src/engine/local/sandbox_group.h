// An instance of several containers as one Sandbox: a LocalSandbox for each, which share the first one's network and
// user namespace and its volumes. The first is that of the app, the others are its sidecars.
//
// All are made before any starts. Then each starts as soon as those that it starts after are ready: a sidecar when its
// startup probe has passed (without one: when it runs), the app when its owner says app_ready(). The group is prepared
// once the app was told to start and all sidecars are ready but those that wait for the app. So start() has little left
// to do, and what fails before it is a failed start.
//
// Whoever ends by itself ends the group. A sidecar that ends, or fails its liveness probe, after start() only tells
// on_failing, so that requests may end before. SIGTERM goes to all at once, SIGKILL to who is left after the grace,
// which is kUnusedGrace where a sidecar failed before start(). keeper's copies of all descriptors stay until the last
// container has ended: an adopting engine finds each as it is.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/local/sandbox.h"
#include "engine/local/sandbox_instance.h"
#include "engine/local/sandbox_machine.h"
#include "engine/local/sidecar_health.h"

namespace marea::engine::local {

class SandboxGroup final : public Sandbox {
 public:
  static base::Result<std::unique_ptr<SandboxGroup>> create(SandboxMachine& machine, SandboxOrder order, Events events);
  static base::Result<std::unique_ptr<SandboxGroup>> adopt(SandboxMachine& machine, SandboxOrder order,
                                                           SandboxPast past, HeldDescriptors held, Events events);
  ~SandboxGroup() override;
  SandboxGroup(const SandboxGroup&) = delete;
  SandboxGroup& operator=(const SandboxGroup&) = delete;

  void start() override;
  void stop(base::Duration grace) override;
  void app_ready() override;
  base::Result<std::vector<base::Fd>> make_sockets(int count) override;
  std::vector<model::ListeningSocket> listening() const override;
  SandboxUse use() const override;
  std::int64_t memory_bytes() const override;
  void confine(bool confined) override;
  bool give_cpu(CpuGrant grant) override;

 private:
  // dying: its end is known, and it is being removed.
  enum class State { absent, preparing, prepared, starting, started, ready, dying, ended };
  struct Member {
    const model::Container* container = nullptr;
    bool after_app = false;  // it waits for the app, directly or not
    State state = State::absent;
    std::unique_ptr<LocalSandbox> sandbox;
    std::unique_ptr<SidecarHealth> health;
    std::optional<SandboxEnd> known;  // its end, by the engine before
    SandboxEnd end;
  };
  SandboxGroup(SandboxMachine& machine, SandboxOrder order, Events events);

  void find_those_after_app();
  SandboxOrder order_of(std::size_t number) const;
  Sandbox::Events events_of(std::size_t number);
  base::Result<void> create_member(std::size_t number);
  base::Result<void> adopt_member(std::size_t number, SandboxPast past, std::vector<base::Fd> held);
  void watch(std::size_t number, bool from_startup);
  void on_prepared(std::size_t number);
  void on_started(std::size_t number);
  void on_ready(std::size_t number);
  void on_dying(std::size_t number, SandboxEnd end);
  void on_ended(std::size_t number, SandboxEnd end);
  bool may_start(const Member& member) const;
  void advance();
  void fail(std::size_t number, SandboxEnd end);
  void note_cause(std::size_t number, SandboxEnd end);
  void tell_parting() const;
  bool all_ended() const;
  SandboxEnd whole_end() const;
  void release() const;
  bool probing() const;
  bool settle_cpu();
  void finish();

  SandboxMachine& machine_;
  SandboxOrder order_;
  Events events_;
  std::vector<Member> members_;  // the app first
  bool told_prepared_ = false;
  bool opened_ = false;  // start() was called
  bool stopping_ = false;
  bool failing_ = false;  // on_failing was called
  bool finished_ = false;
  CpuGrant wanted_ = CpuGrant::usual;                // by its owner
  std::optional<CpuGrant> given_ = CpuGrant::usual;  // not throttled while a sidecar's probe runs; nothing: unknown
  std::optional<SandboxEnd> cause_;                  // of an end that nobody asked for
  net::Timer finish_;                                // where nobody is left to tell an end
};

}  // namespace marea::engine::local
