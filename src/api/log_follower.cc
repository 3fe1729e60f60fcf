#include "api/log_follower.h"

#include <chrono>
#include <utility>

namespace marea::api {
namespace {

constexpr base::Duration kFollowEvery = std::chrono::milliseconds(100);  // a person sees no difference to at once

}  // namespace

void LogFollower::begin(net::Loop& loop, Source source, Start start, std::shared_ptr<JsonLines> lines) {
  const auto follower = std::make_shared<LogFollower>(loop, std::move(source), std::move(start), std::move(lines));
  follower->lines_->on_closed([follower] { follower->again_.cancel(); });
  follower->lines_->on_room([weak = std::weak_ptr(follower)] {
    if (const auto self = weak.lock()) self->go_on();
  });
  follower->go_on();
}

LogFollower::LogFollower(net::Loop& loop, Source source, Start start, std::shared_ptr<JsonLines> lines)
    : source_(std::move(source)),
      pending_(std::move(start.lines)),
      cursor_(start.cursor),
      lines_(std::move(lines)),
      again_(loop, [this] { go_on(); }) {}

void LogFollower::go_on() {
  const std::shared_ptr<LogFollower> self = shared_from_this();
  if (!lines_->open()) return;
  for (;;) {
    while (next_ < pending_.size()) {
      const std::string text = source_.print(pending_[next_]);
      if (!text.empty() && !lines_->offer_text(text)) return;  // on_room goes on
      ++next_;
    }
    pending_ = source_.spool.follow(source_.query, cursor_);
    next_ = 0;
    if (!pending_.empty()) continue;
    if (last_round_) return lines_->finish();
    // What is written last reaches the spool a moment after its writer's end.
    last_round_ = source_.over && source_.over();
    break;
  }
  again_.arm_in(kFollowEvery);
}

}  // namespace marea::api
