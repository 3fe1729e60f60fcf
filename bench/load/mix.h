// What is asked for: kinds of requests, each with its share. The shares may change while the load runs.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <random>
#include <string>

namespace marea::load {

struct Kind {
  std::string name;
  unsigned share = 0;  // of the sum of all shares
  std::string host;
  std::string method;
  std::string target;
  std::size_t body = 0;  // bytes
  // The answer's body must be the request's.
  bool echoes() const { return target.starts_with("/echo"); }
};

// "NAME SHARE HOST METHOD TARGET [BYTES]"; nothing when it is not that.
std::optional<Kind> parse_kind(const std::string& words);

class Mix {
 public:
  // A kind of the same name gets the new share, and only that: requests of it may be under way.
  void set(const Kind& kind);
  // The next request's kind; null while all shares are zero.
  const Kind* pick(std::mt19937_64& random) const;
  // Their addresses stay.
  const std::deque<Kind>& kinds() const { return kinds_; }

 private:
  std::deque<Kind> kinds_;
};

}  // namespace marea::load
