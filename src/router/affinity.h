// Session affinity (run.googleapis.com/sessionAffinity): a cookie of marea's own that leads a client to the instance
// that answered it last, and to its revision whatever the split, as long as both are there. Best effort: where that
// instance is gone or full, another one answers and its cookie takes the place.
//
// Where a rule leads a request (rule_set.h) is no place for others: its cookie's mark of the revision is another one,
// and it never takes the place of another's.
//
// The value is two marks, keyed hashes of the names of revision and instance. It says nothing to who reads it, and who
// makes one up can at most choose among the instances that the split could have given him anyway. The key is kept in a
// file, so that cookies outlive the router; nothing is remembered per client.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/random.h"
#include "net/http/codec.h"
#include "net/http/head_writer.h"
#include "router/cookies.h"

namespace marea::router {

// Zero: none.
struct AffinityMarks {
  std::uint64_t revision = 0;
  std::uint64_t instance = 0;
  friend bool operator==(const AffinityMarks&, const AffinityMarks&) = default;
};

// Whose marks nobody without the key can compute (HMAC-SHA256, RFC 2104, its first eight bytes).
class AffinityKey {
 public:
  AffinityKey() = default;
  AffinityKey(std::uint64_t low, std::uint64_t high) : words_{low, high} {}
  // The one in the file, or a new one which is there afterwards. E_IO, E_DISK_FULL: then the key lasts as long as this
  // process.
  static base::Result<AffinityKey> load_or_make(const std::string& path, AffinityKey fresh);

  // Never zero.
  std::uint64_t mark(std::string_view name) const;
  friend bool operator==(const AffinityKey&, const AffinityKey&) = default;

 private:
  std::array<std::uint64_t, 2> words_{};
};

// By what a request came to its revision.
enum class LedBy : std::uint8_t { split, rule };

// The mark of the revision whose own is `mark` in the cookie of a client that came to it so. By that of a rule the
// split finds none of its revisions: no own mark is the complement of another, but by a chance of 2^-64.
constexpr std::uint64_t mark_for(std::uint64_t mark, LedBy by) {
  return by == LedBy::rule ? ~mark : mark;
}

// The marks of the request's cookie; none where there is no such cookie, or none that we could have made. Of several
// the first counts.
AffinityMarks affinity_in(const net::http::RequestHead& request);

// One Set-Cookie: for this host alone, for 30 days, not for scripts, not with requests that other sites cause.
void write_affinity(net::http::HeadWriter& out, const AffinityMarks& marks);

}  // namespace marea::router
