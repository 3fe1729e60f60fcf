#include "control/usage_book.h"

#include <algorithm>

#include "decide/usage.h"

namespace marea::control {
namespace {

// What a line or a sum covers, made wider by another.
template <class Sum>
void add_to(Sum& sum, std::int64_t since, std::int64_t until, const model::Bill& bill) {
  sum.since_unix_ns = sum.since_unix_ns == 0 ? since : std::min(sum.since_unix_ns, since);
  sum.until_unix_ns = std::max(sum.until_unix_ns, until);
  sum.bill = decide::sum(sum.bill, bill);
}

}  // namespace

void UsageBook::load(std::vector<store::UsageRecord> records, std::vector<store::UsageTotal> totals, Moment moment) {
  for (store::UsageRecord& record : records) {
    if (record.ended) ended_.emplace(moment.now, record.instance);
    records_.emplace(record.instance, std::move(record));
  }
  for (store::UsageTotal& total : totals) totals_.emplace(Revision(total.service, total.revision), std::move(total));
}

void UsageBook::take(const Account& account, Moment moment) {
  missing_.erase(account.instance);
  if (account.ended) last_told_.insert(account.instance);
  const auto found = records_.find(account.instance);
  // An app that never ran used nothing.
  if (found == records_.end() && account.usage.alive == base::Duration{0}) return;
  store::UsageRecord& record = records_[account.instance];
  if (found == records_.end()) {
    record.instance = account.instance;
    record.revision = account.revision;
    record.service = account.service;
    record.since_unix_ns = moment.unix_ns - account.usage.alive.count();
  }
  record.account = decide::add(record.account, account.usage, account.kept);
  record.until_unix_ns = std::max(record.until_unix_ns, moment.unix_ns);
  if (account.ended) end(record, moment.now);
  dirty_.insert(account.instance);
}

void UsageBook::end(store::UsageRecord& record, base::Instant now) {
  if (std::exchange(record.ended, true)) return;
  ended_.emplace(now, record.instance);
}

void UsageBook::begin_listing() {
  missing_.clear();
  for (const auto& [id, record] : records_) {
    if (!record.ended) missing_.insert(id);
  }
}

void UsageBook::finish_listing(Moment moment) {
  for (const base::InstanceId& id : std::exchange(missing_, {})) {
    end(records_.at(id), moment.now);
    dirty_.insert(id);
  }
}

void UsageBook::sum_up(base::Instant now) {
  for (const auto& [at, id] : ended_) {
    const bool due = now - at >= kUsageApart || ended_.size() - summed_up_.size() > kMostUsageApart;
    if (!due) return;
    if (dirty_.contains(id)) continue;  // first its own account
    const store::UsageRecord& record = records_.at(id);
    const Revision revision(record.service, record.revision);
    auto total = new_totals_.find(revision);
    if (total == new_totals_.end()) {
      const auto had = totals_.find(revision);
      const store::UsageTotal first{.service = record.service, .revision = record.revision};
      total = new_totals_.emplace(revision, had == totals_.end() ? first : had->second).first;
    }
    add_to(total->second, record.since_unix_ns, record.until_unix_ns, decide::bill_of(record.account));
    summed_up_.insert(id);
  }
}

std::vector<store::Change> UsageBook::changes(base::Instant now) {
  new_totals_.clear();
  summed_up_.clear();
  sum_up(now);
  std::vector<store::Change> out;
  out.reserve(dirty_.size() + new_totals_.size() + summed_up_.size());
  for (const base::InstanceId& id : dirty_) out.emplace_back(records_.at(id));
  for (const auto& [revision, total] : new_totals_) out.emplace_back(total);
  for (const base::InstanceId& id : summed_up_) out.emplace_back(store::DropUsage{id});
  return out;
}

std::vector<base::InstanceId> UsageBook::written() {
  dirty_.clear();
  for (auto& [revision, total] : std::exchange(new_totals_, {})) totals_[revision] = std::move(total);
  for (const base::InstanceId& id : summed_up_) records_.erase(id);
  std::erase_if(ended_, [this](const auto& each) { return summed_up_.contains(each.second); });
  summed_up_.clear();
  const std::set<base::InstanceId> told = std::exchange(last_told_, {});
  return {told.begin(), told.end()};
}

std::vector<UsageBook::Line> UsageBook::lines(const base::ServiceName& service) const {
  std::map<Revision, Line> lines;
  const auto add = [&](const auto& part, const model::Bill& bill) {
    if (!service.str().empty() && part.service != service) return;
    Line& line = lines[Revision(part.service, part.revision)];
    line.service = part.service;
    line.revision = part.revision;
    add_to(line, part.since_unix_ns, part.until_unix_ns, bill);
  };
  for (const auto& [revision, total] : totals_) add(total, total.bill);
  for (const auto& [id, record] : records_) add(record, decide::bill_of(record.account));
  std::vector<Line> out;
  out.reserve(lines.size());
  for (auto& [revision, line] : lines) out.push_back(std::move(line));
  return out;
}

std::vector<const store::UsageRecord*> UsageBook::living() const {
  std::vector<const store::UsageRecord*> out;
  for (const auto& [id, record] : records_) {
    if (!record.ended) out.push_back(&record);
  }
  return out;
}

}  // namespace marea::control
