// Work for the builder role: image unpacking and builds. keeper starts one builder process per job and hands it a
// socket; a few run at a time, the rest wait in a bounded queue, and a job that overstays its deadline is killed.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "control/apply.h"
#include "net/link.h"
#include "net/messages.h"
#include "net/role.h"

namespace marea::control {

inline constexpr std::size_t kMostRunningJobs = 2;  // builder has low CPU weight, but unpacking is bound by the disk
// Those that ask registries wait for others' networks: they have places of their own, so that slow registries hold up
// no build and no image that is here.
inline constexpr std::size_t kMostRunningPulls = 4;
// Removals and measurements: who needs room waits for them, and builds may hold their places for half an hour.
inline constexpr std::size_t kMostRunningCleanings = 2;
inline constexpr std::size_t kMostWaitingBuilds = 64;  // each has its context on disk
// What services wait for is wanted until it is there: each may wait for one image of its newest revision, and for one
// of those that are made again at the start.
inline constexpr std::size_t kMostWaitingJobs = 2 * kMostServices;  // of each kind
inline constexpr int kMostDeaths = 3;  // of builders of one job: an image that kills each is not tried for ever

class BuilderJobs {
 public:
  struct Job {
    net::ControlToBuilder work;
    base::Duration deadline{};  // from the start of its process
    std::function<void(std::string line)> on_progress;
    // Completes the work when its process is about to start, with what is known by then; may be empty.
    std::function<void(net::ControlToBuilder& work)> on_start = {};
    // One of these, as the work is, once; never inside add() or cancel().
    std::function<void(base::Result<model::Image>)> on_done = {};
    std::function<void(base::Result<net::msg::DiskCleaned>)> on_cleaned = {};
    std::function<void(base::Result<net::msg::ImageResolved>)> on_resolved = {};
    // Beside on_done, of a build: it lacks these images and has not begun.
    std::function<void(std::vector<std::string> names)> on_needed = {};
    // Of a build, before it begins: the digests of the images that it is built on.
    std::function<void(const std::vector<std::string>&)> on_used = {};
    int deaths = 0;
  };
  // Job numbers start above first_number, which must grow over restarts of control.
  BuilderJobs(net::Loop& loop, net::ToKeeper to_keeper, std::uint64_t first_number);

  // The job's number; too_large when the queue is full.
  base::Result<std::uint64_t> add(Job job);
  // That run or wait.
  std::size_t size() const {
    std::size_t out = running_.size();
    for (const auto& waiting : waiting_) out += waiting.size();
    return out;
  }
  bool idle() const { return size() == 0; }
  // Ends it; its on_done is not called. Unknown numbers are ignored.
  void cancel(std::uint64_t number);
  // keeper says that the process of a job ended.
  void on_ended(std::uint64_t number, int wait_status);

 private:
  using Link = net::Link<net::ControlToBuilder, net::BuilderToControl>;
  struct Running {
    Job job;
    std::unique_ptr<Link> link;
    std::unique_ptr<net::Timer> deadline;
    std::optional<int> wait_status;
  };
  void start_next();
  bool has_place(std::size_t lane) const;
  void start(std::uint64_t number, Job job);
  void on_message(std::uint64_t number, net::BuilderToControl message);
  void finish_without_result(std::uint64_t number);
  using Product = std::variant<model::Image, net::msg::DiskCleaned, net::msg::ImageResolved, net::msg::ImagesNeeded>;
  void finish(std::uint64_t number, base::Result<Product> result);
  static void tell(const Job& job, base::Result<Product> result);

  net::Loop& loop_;
  net::ToKeeper to_keeper_;
  std::uint64_t last_number_;
  static constexpr std::array kPlaces = {kMostRunningJobs, kMostRunningPulls, kMostRunningCleanings};
  std::array<std::deque<std::pair<std::uint64_t, Job>>, kPlaces.size()> waiting_;  // by lane: whose places they take
  std::map<std::uint64_t, Running> running_;
  net::Timer kick_;  // starts jobs from the loop, not from add()
};

}  // namespace marea::control
