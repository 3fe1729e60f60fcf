#include "control/builder_jobs.h"

#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "model/instance.h"

namespace marea::control {

namespace msg = net::msg;

namespace {

bool asks_registries(const net::ControlToBuilder& work) {
  return std::holds_alternative<msg::ResolveImage>(work) || std::holds_alternative<msg::PullImage>(work);
}

// Into builder_jobs.h's kPlaces.
std::size_t lane_of(const net::ControlToBuilder& work) {
  if (asks_registries(work)) return 1;
  return std::holds_alternative<msg::CleanDisk>(work) ? 2 : 0;
}

bool is_build(const BuilderJobs::Job& job) {
  return std::holds_alternative<msg::BuildImage>(job.work);
}

}  // namespace

BuilderJobs::BuilderJobs(net::Loop& loop, net::ToKeeper to_keeper, std::uint64_t first_number)
    : loop_(loop),
      to_keeper_(std::move(to_keeper)),
      last_number_(first_number),
      kick_(loop, [this] { start_next(); }) {}

base::Result<std::uint64_t> BuilderJobs::add(Job job) {
  auto& waiting = waiting_.at(lane_of(job.work));
  const auto builds = is_build(job)
                          ? std::ranges::count_if(waiting, [](const auto& one) { return is_build(one.second); })
                          : std::ptrdiff_t{0};
  if (waiting.size() >= kMostWaitingJobs || std::cmp_greater_equal(builds, kMostWaitingBuilds)) {
    return base::fail(base::ErrorCode::too_large, "cannot start another image job",
                      std::to_string(waiting.size()) + " are waiting already", "Try again when some have ended");
  }
  const std::uint64_t number = ++last_number_;
  waiting.emplace_back(number, std::move(job));
  kick_.arm_in(base::Duration{0});
  return number;
}

void BuilderJobs::cancel(std::uint64_t number) {
  for (auto& waiting : waiting_) std::erase_if(waiting, [number](const auto& one) { return one.first == number; });
  if (running_.erase(number) == 0) return;
  to_keeper_(msg::KillBuilder{.job = number}, {});
  kick_.arm_in(base::Duration{0});
}

bool BuilderJobs::has_place(std::size_t lane) const {
  const auto alike =
      std::ranges::count_if(running_, [&](const auto& one) { return lane_of(one.second.job.work) == lane; });
  return std::cmp_less(alike, kPlaces.at(lane));
}

void BuilderJobs::start_next() {
  for (std::size_t lane = 0; lane < kPlaces.size(); ++lane) {
    auto& waiting = waiting_.at(lane);
    while (!waiting.empty() && has_place(lane)) {
      auto [number, job] = std::move(waiting.front());
      waiting.pop_front();
      start(number, std::move(job));
    }
  }
}

void BuilderJobs::start(std::uint64_t number, Job job) {
  auto pair = net::make_socket_pair();
  if (!pair) {
    tell(job, base::fail(std::move(pair.error())));
    return;
  }
  Running& running = running_[number];
  running.job = std::move(job);
  if (running.job.on_start) running.job.on_start(running.job.work);
  running.link = std::make_unique<Link>(
      loop_, std::move(pair->first),
      Link::Events{.on_message = [this, number](net::BuilderToControl message,
                                                std::vector<base::Fd>) { on_message(number, std::move(message)); },
                   .on_closed = [this, number](const std::string&) { finish_without_result(number); }});
  running.deadline = std::make_unique<net::Timer>(loop_, [this, number] {
    to_keeper_(msg::KillBuilder{.job = number}, {});
    finish(number, base::fail(base::ErrorCode::timeout, "the builder did not finish the image in time",
                              "deadline passed", "Look at its last lines; a smaller image or build context may help"));
  });
  running.deadline->arm_in(running.job.deadline);
  running.link->send(running.job.work);
  std::vector<base::Fd> fds;
  fds.push_back(std::move(pair->second));
  to_keeper_(msg::RunBuilder{.job = number, .registries = asks_registries(running.job.work)}, std::move(fds));
}

void BuilderJobs::on_message(std::uint64_t number, net::BuilderToControl message) {
  const auto running = running_.find(number);
  if (running == running_.end()) return;
  if (auto* progress = std::get_if<msg::Progress>(&message)) {
    const auto on_progress = running->second.job.on_progress;  // it may cancel the job
    if (on_progress) on_progress(std::move(progress->line));
  } else if (auto* done = std::get_if<msg::ImageDone>(&message)) {
    finish(number, std::move(done->image));
  } else if (const auto* cleaned = std::get_if<msg::DiskCleaned>(&message)) {
    finish(number, *cleaned);
  } else if (auto* resolved = std::get_if<msg::ImageResolved>(&message)) {
    finish(number, std::move(*resolved));
  } else if (const auto* used = std::get_if<msg::ImagesUsed>(&message)) {
    const auto on_used = running->second.job.on_used;
    if (on_used) on_used(used->digests);
  } else if (auto* needed = std::get_if<msg::ImagesNeeded>(&message)) {
    finish(number, std::move(*needed));
  } else if (auto* failed = std::get_if<msg::JobFailed>(&message)) {
    finish(number, base::fail(std::move(failed->error)));
  }
}

void BuilderJobs::on_ended(std::uint64_t number, int wait_status) {
  const auto running = running_.find(number);
  if (running == running_.end()) return;
  running->second.wait_status = wait_status;
  finish_without_result(number);
}

// The process and its socket end in either order, and its last message may still be on the way: only when both have
// ended is it certain that there is no result.
void BuilderJobs::finish_without_result(std::uint64_t number) {
  const auto running = running_.find(number);
  if (running == running_.end() || !running->second.wait_status || running->second.link->open()) return;
  const int raw = *running->second.wait_status;
  const model::ExitStatus status{.code = WIFEXITED(raw) ? WEXITSTATUS(raw) : 0,
                                 .signal = WIFSIGNALED(raw) ? WTERMSIG(raw) : 0};
  Job& job = running->second.job;
  // What leaves nothing half-done begins anew; of a build, somebody has already read the beginning.
  const bool again = std::holds_alternative<msg::UnpackImage>(job.work) || asks_registries(job.work);
  if (status.signal != 0 && again && ++job.deaths < kMostDeaths) {
    waiting_.at(lane_of(job.work)).emplace_front(number, std::move(job));
    running_.erase(running);
    kick_.arm_in(base::Duration{0});
    return;
  }
  finish(number, base::fail(base::ErrorCode::build_failed, "the builder ended without a result", to_string(status),
                            "Look at marea's log, and run: marea doctor"));
}

void BuilderJobs::finish(std::uint64_t number, base::Result<Product> result) {
  const auto running = running_.find(number);
  if (running == running_.end()) return;
  Running ended = std::move(running->second);
  running_.erase(running);
  kick_.arm_in(base::Duration{0});
  tell(ended.job, std::move(result));
}

void BuilderJobs::tell(const Job& job, base::Result<Product> result) {
  if (auto* needed = result ? std::get_if<msg::ImagesNeeded>(&*result) : nullptr; needed != nullptr && job.on_needed) {
    return job.on_needed(std::move(needed->names));
  }
  const auto as = [&]<class T>(const std::function<void(base::Result<T>)>& done) {
    if (!done) return;
    if (!result) return done(base::fail(std::move(result.error())));
    if (auto* product = std::get_if<T>(&*result)) return done(std::move(*product));
    done(base::fail(base::ErrorCode::internal, "the builder answered something else than it was asked"));
  };
  as(job.on_done);
  as(job.on_cleaned);
  as(job.on_resolved);
}

}  // namespace marea::control
