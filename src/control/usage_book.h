// What all instances have used: accounts of those that live and of those that ended lately, sums of all others. Filled
// by engine's accounts, which contain all before them (model/usage.h); says what must be written, and learns when it
// is. Does no I/O.
//
//   book.take({.instance = …, .usage = …, .ended = true}, moment);
//   if (store.commit(book.changes(now))) for (const base::InstanceId& id : book.written()) engine.kept(id);
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/records.h"

namespace marea::control {

// An account stays apart for so long after its instance's end: engine, which tells the last one until it knows that it
// is kept, has long been answered then.
inline constexpr base::Duration kUsageApart = std::chrono::hours(24);
inline constexpr std::size_t kMostUsageApart = 10'000;  // some 4 MB; the oldest beyond it are summed up before that

class UsageBook {
 public:
  struct Account {
    base::InstanceId instance;
    base::RevisionName revision;
    base::ServiceName service;
    model::Usage usage;
    bool kept = false;   // the minimum of its revision is why it runs
    bool ended = false;  // the last account
  };
  struct Moment {
    base::Instant now;
    std::int64_t unix_ns = 0;
  };
  struct Line {
    base::ServiceName service;
    base::RevisionName revision;
    std::int64_t since_unix_ns = 0;
    std::int64_t until_unix_ns = 0;
    model::Bill bill;
  };

  void load(std::vector<store::UsageRecord> records, std::vector<store::UsageTotal> totals, Moment moment);
  void take(const Account& account, Moment moment);

  // A new link to engine tells of all that live: who is not named by finish_listing() ended unseen, and what was told
  // before is all there is.
  void begin_listing();
  void named(const base::InstanceId& instance) { missing_.erase(instance); }
  void finish_listing(Moment moment);

  // What the store does not have yet, and the same again until written() is called.
  std::vector<store::Change> changes(base::Instant now);
  // changes() is stored. Gives the instances whose last account it has now.
  std::vector<base::InstanceId> written();

  // A line per revision, by service and revision; of one service, or of all when it is empty.
  std::vector<Line> lines(const base::ServiceName& service) const;
  // The newest accounts of those that live.
  std::vector<const store::UsageRecord*> living() const;

 private:
  using Revision = std::pair<base::ServiceName, base::RevisionName>;
  void end(store::UsageRecord& record, base::Instant now);
  void sum_up(base::Instant now);

  std::map<base::InstanceId, store::UsageRecord> records_;
  std::map<Revision, store::UsageTotal> totals_;
  std::multimap<base::Instant, base::InstanceId> ended_;
  std::set<base::InstanceId> missing_;
  std::set<base::InstanceId> dirty_;
  std::set<base::InstanceId> last_told_;  // who waits to hear that the last account is kept
  std::map<Revision, store::UsageTotal> new_totals_;
  std::set<base::InstanceId> summed_up_;
};

}  // namespace marea::control
