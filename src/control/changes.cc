#include "control/changes.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace marea::control {
namespace {

using model::PlatformEventKind;
using model::TimelineCause;

ChangeKind kind_of_cause(TimelineCause cause) {
  switch (cause) {
    case TimelineCause::found:
    case TimelineCause::traffic: return ChangeKind::split;
    case TimelineCause::configuration: return ChangeKind::configuration;
    case TimelineCause::release_step:
    case TimelineCause::promoted:
    case TimelineCause::rolled_back:
    case TimelineCause::release_ended: return ChangeKind::release;
    case TimelineCause::deploy_asked:
    case TimelineCause::deployed:
    case TimelineCause::deploy_failed:
    case TimelineCause::deleting:
    case TimelineCause::deleted: return ChangeKind::deploy;
  }
  return ChangeKind::deploy;
}

std::string words_of_line(const model::TimelineLine& line) {
  const std::string& revision = line.revision.str();
  switch (line.cause) {
    case TimelineCause::found: return "what serves was found as it is";
    case TimelineCause::deploy_asked: return revision + " asked for";
    case TimelineCause::deployed: return revision + " is ready";
    case TimelineCause::deploy_failed: return revision + " failed, what served stays";
    case TimelineCause::release_step:
      return "release " + line.release + " goes on" + (line.proof.empty() ? "" : ", the step before " + line.proof);
    case TimelineCause::promoted:
      return "release " + line.release + " promoted" + (line.proof.empty() ? "" : ", " + line.proof);
    case TimelineCause::rolled_back:
      return (line.release.empty() ? revision : "release " + line.release) + " rolled back";
    case TimelineCause::release_ended: return "release " + line.release + " ended";
    case TimelineCause::traffic: return "the split changed";
    case TimelineCause::configuration: return "the service's settings changed";
    case TimelineCause::deleting: return "the service is being deleted";
    case TimelineCause::deleted: return "the service is deleted";
  }
  return {};
}

ShownChange shown(const model::TimelineLine& line, const model::TimelineLine* before) {
  const bool splits = before != nullptr && before->serving.shares != line.serving.shares;
  return {.unix_ns = line.unix_ns,
          .kind = kind_of_cause(line.cause),
          .what = words_of_line(line),
          .who = !line.who.empty()                             ? line.who
                 : line.actor == model::ReleaseActor::platform ? std::string()
                                                               : std::string(to_string(line.actor)),
          .why = line.why,
          .changed = line.changed,
          .split = splits ? model::print_split(line.serving) : std::string(),
          .revision = line.revision};
}

std::string print(const ShownChange& change) {
  std::string out = base::rfc3339(change.unix_ns) + " " + std::string(to_string(change.kind)) + ": " + change.what;
  if (!change.who.empty()) out += " by " + change.who;
  if (!change.why.empty()) out += " (" + change.why + ")";
  for (const std::string& each : change.changed) out += "; " + each;
  if (!change.split.empty()) out += "; now " + change.split;
  if (out.size() <= kMostReportBytes) return out;
  std::size_t end = kMostReportBytes;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
  return out.substr(0, end) + "…";
}

}  // namespace

std::string_view to_string(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::deploy: return "deploy";
    case ChangeKind::release: return "release";
    case ChangeKind::split: return "split";
    case ChangeKind::configuration: return "configuration";
    case ChangeKind::platform: return "platform";
  }
  return "platform";
}

std::vector<ShownChange> changes_of(std::span<const model::TimelineLine> lines,
                                    std::span<const model::PlatformEvent> events) {
  std::vector<ShownChange> out;
  for (const model::PlatformEvent& event : events) {
    out.push_back({.unix_ns = event.unix_ns,
                   .kind = ChangeKind::platform,
                   .what = std::string(to_string(event.kind)),
                   .why = event.detail});
  }
  const model::TimelineLine* before = nullptr;
  for (const model::TimelineLine& line : lines) {
    out.push_back(shown(line, before));
    before = &line;
  }
  std::ranges::stable_sort(out, {}, &ShownChange::unix_ns);
  return out;
}

std::vector<std::string> report_of(std::span<const ShownChange> changes, std::size_t most) {
  std::vector<std::string> out;
  if (most == 0) return out;
  std::span<const ShownChange> kept = changes;
  if (changes.size() > most) {
    kept = changes.last(most - 1);
    out.push_back(std::to_string(changes.size() - kept.size()) + " earlier changes are left out");
  }
  for (const ShownChange& each : kept) out.push_back(print(each));
  return out;
}

}  // namespace marea::control
