// One direction of a stream socket between two roles, or a mailbox inside one: what was sent arrives late, whole and in
// order, until one of the two ends dies. What the sender had sent before its death still arrives, then the end.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "sim/dice.h"
#include "sim/timeline.h"

namespace marea::sim::drain {

// Usually at once; now and then the reader is busy, and rarely it is not scheduled for long.
struct Delays {
  base::Duration usual{};
  base::Duration busy{};
  base::Duration stalled{};
};
inline constexpr Delays kSocket{.usual = std::chrono::microseconds(100),
                                .busy = std::chrono::milliseconds(3),
                                .stalled = std::chrono::milliseconds(300)};
inline constexpr Delays kMailbox{.usual = std::chrono::microseconds(20),
                                 .busy = std::chrono::microseconds(500),
                                 .stalled = std::chrono::milliseconds(20)};

inline base::Duration draw(Dice& dice, const Delays& delays) {
  const int roll = dice.roll(50);
  return dice.between({}, roll == 0 ? delays.stalled : roll < 6 ? delays.busy : delays.usual);
}

template <class Message>
class Pipe : public std::enable_shared_from_this<Pipe<Message>> {
 public:
  Pipe(Timeline& timeline, Dice& dice, const Delays& delays) : timeline_(timeline), dice_(dice), delays_(delays) {}

  void send(Message message) {
    if (sending_) put(std::move(message));
  }
  // The sender died or left.
  void end() {
    if (std::exchange(sending_, false)) put(std::nullopt);
  }
  // The reader died or left.
  void drop() {
    sending_ = false;
    queue_.clear();
    take_ = nullptr;
    ended_ = nullptr;
  }
  // The reader is there: it gets what waits, and what comes.
  void attach(std::function<void(Message)> take, std::function<void()> ended) {
    take_ = std::move(take);
    ended_ = std::move(ended);
    for (std::size_t i = 0; i < queue_.size(); ++i) expect(queue_[i].arrives);
  }

 private:
  struct Entry {
    base::Instant arrives;
    std::optional<Message> message;  // nothing: the end
  };
  void put(std::optional<Message> message) {
    last_ = std::max(last_, timeline_.now() + draw(dice_, delays_));
    queue_.push_back({last_, std::move(message)});
    if (take_) expect(last_);
  }
  void expect(base::Instant when) {
    timeline_.at(when, [self = this->shared_from_this()] { self->deliver(); });
  }
  void deliver() {
    if (queue_.empty() || !take_ || queue_.front().arrives > timeline_.now()) return;
    std::optional<Message> message = std::move(queue_.front().message);
    queue_.pop_front();
    if (message) {
      const auto take = take_;  // it may drop the pipe
      take(std::move(*message));
    } else if (const auto ended = std::exchange(ended_, nullptr)) {
      take_ = nullptr;
      ended();
    }
  }

  Timeline& timeline_;
  Dice& dice_;
  Delays delays_;
  bool sending_ = true;
  base::Instant last_{};
  std::deque<Entry> queue_;
  std::function<void(Message)> take_;
  std::function<void()> ended_;
};

// Both directions, as one end sees them.
template <class Out, class In>
struct End {
  using Other = End<In, Out>;
  std::shared_ptr<Pipe<Out>> out;
  std::shared_ptr<Pipe<In>> in;

  explicit operator bool() const { return out != nullptr; }
  void send(Out message) const {
    if (out) out->send(std::move(message));
  }
  void close() {
    if (out) out->end();
    if (in) in->drop();
    out = nullptr;
    in = nullptr;
  }
  Other other() const { return {in, out}; }
};

template <class Out, class In>
End<Out, In> make_link(Timeline& timeline, Dice& dice) {
  return {std::make_shared<Pipe<Out>>(timeline, dice, kSocket), std::make_shared<Pipe<In>>(timeline, dice, kSocket)};
}

}  // namespace marea::sim::drain
