#include "router/revision.h"

#include <algorithm>

namespace marea::router {

std::vector<std::shared_ptr<Instance>> Revision::instances() const {
  const std::scoped_lock lock(mutex_);
  return instances_;
}

std::int64_t Revision::waiting_bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

std::shared_ptr<const Refusal> Revision::enqueue(Waiter waiter, const QueueLimits& limits) {
  static const auto full =
      std::make_shared<const Refusal>(Refusal{.status = 429,
                                              .retry_after = std::chrono::seconds(1),
                                              .why = "too many requests are already waiting for it",
                                              .full = model::Limit::queue_requests});
  static const auto heavy = std::make_shared<const Refusal>(
      Refusal{.status = 429,
              .retry_after = std::chrono::seconds(1),
              .why = "the requests that already wait for it take all the memory that they may",
              .full = model::Limit::queue_bytes});
  const std::scoped_lock lock(mutex_);
  if (refusal_ && instances_.empty()) return refusal_;
  if (queue_.size() >= limits.requests) return full;
  if (bytes_ + waiter.bytes > limits.bytes) return heavy;
  bytes_ += waiter.bytes;
  queue_.push_back(waiter);
  waiting_.fetch_add(1);
  return nullptr;
}

bool Revision::cancel(const Waiter& waiter) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find(queue_.begin(), queue_.end(), waiter);
  if (found == queue_.end()) return false;
  bytes_ -= found->bytes;
  queue_.erase(found);
  waiting_.fetch_sub(1);
  return true;
}

void Revision::limit_by_max_scale(const std::string& unready, bool all) {
  {
    const std::scoped_lock lock(mutex_);
    unready_ = unready;
  }
  limit = all ? model::Reason::readiness_probe_failed : model::Reason::max_scale;
}

Refusal Revision::late() const {
  constexpr base::Duration kRetry = std::chrono::seconds(1);
  const model::Reason reason = limit.load(std::memory_order_relaxed);
  std::string unready;
  {
    const std::scoped_lock lock(mutex_);
    unready = unready_;
  }
  switch (reason) {
    case model::Reason::max_scale: {
      std::string why = "every instance that " + name_.str() + " may have (maxScale) was busy all the time";
      if (!unready.empty()) why += ", or fails its readiness probe: " + unready;
      return {429, kRetry, std::move(why), reason};
    }
    case model::Reason::machine_full:
      return {429, kRetry, "the machine has no memory left for another instance of " + name_.str(),
              model::Reason::machine_full};
    case model::Reason::readiness_probe_failed:
      return {503, kRetry,
              "every instance that " + name_.str() + " may have (maxScale) fails its readiness probe: " + unready,
              reason};
    default:
      return {504,
              {},
              "no instance of " + name_.str() + " was ready in the time that a request waits",
              model::Reason::none};
  }
}

std::vector<Revision::Grant> Revision::dispatch(base::Instant now) {
  std::vector<Grant> grants;
  const std::scoped_lock lock(mutex_);
  while (!queue_.empty()) {
    const auto* instance =
        claim_least_loaded(instances_, now, [](const std::shared_ptr<Instance>& each) -> Instance& { return *each; });
    if (instance == nullptr) break;
    grants.push_back({queue_.front(), *instance});
    bytes_ -= queue_.front().bytes;
    queue_.pop_front();
    waiting_.fetch_sub(1);
  }
  return grants;
}

RevisionCounts& Revision::counts(int worker) {
  const auto index = static_cast<std::size_t>(worker);
  const std::scoped_lock lock(mutex_);
  if (counts_.size() <= index) counts_.resize(index + 1);
  if (!counts_[index]) counts_[index] = std::make_unique<RevisionCounts>();
  return *counts_[index];
}

std::vector<const RevisionCounts*> Revision::all_counts() const {
  const std::scoped_lock lock(mutex_);
  std::vector<const RevisionCounts*> out;
  for (const auto& counts : counts_) {
    if (counts) out.push_back(counts.get());
  }
  return out;
}

void Revision::add(std::shared_ptr<Instance> instance) {
  const std::scoped_lock lock(mutex_);
  instances_.push_back(std::move(instance));
  version_.fetch_add(1, std::memory_order_release);
}

bool Revision::remove(const Instance& instance) {
  const std::scoped_lock lock(mutex_);
  const auto erased = std::erase_if(instances_, [&](const auto& each) { return each.get() == &instance; });
  version_.fetch_add(1, std::memory_order_release);
  return erased > 0;
}

std::vector<Revision::Waiter> Revision::refuse(std::shared_ptr<const Refusal> refusal) {
  const std::scoped_lock lock(mutex_);
  refusal_ = std::move(refusal);
  std::vector<Waiter> refused;
  if (refusal_ && instances_.empty()) {
    refused.assign(queue_.begin(), queue_.end());
    queue_.clear();
    bytes_ = 0;
    waiting_.store(0);
  }
  return refused;
}

}  // namespace marea::router
