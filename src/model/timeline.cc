#include "model/timeline.h"

#include <algorithm>
#include <array>

#include "model/release_policy.h"

namespace marea::model {
namespace {

using Word = std::string_view;

constexpr std::array kCauseWords = {Word("found"),         Word("deploy asked"),  Word("deployed"),
                                    Word("deploy failed"), Word("release step"),  Word("promoted"),
                                    Word("rolled back"),   Word("release ended"), Word("traffic"),
                                    Word("configuration"), Word("deleting"),      Word("deleted")};
static_assert(kCauseWords.size() == kTimelineCauses);
constexpr std::array kEventWords = {Word("control started"),  Word("version changed"),  Word("machine started"),
                                    Word("router restarted"), Word("engine restarted"), Word("logs restarted"),
                                    Word("disk full"),        Word("disk free"),        Word("store refused")};
static_assert(kEventWords.size() == kPlatformEventKinds);
constexpr std::array kActorWords = {ReleaseActor::platform, ReleaseActor::judge, ReleaseActor::person,
                                    ReleaseActor::gate};
static_assert(kActorWords.size() == kReleaseActors);

template <class Value, std::size_t N>
std::optional<Value> value_of(const std::array<Word, N>& words, std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Value>(found - words.begin());
}

void add(Json& out, const char* name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}

void add(Json& out, const char* name, const std::vector<std::string>& texts) {
  if (!texts.empty()) out[name] = texts;
}

Json ways_json(const std::vector<ServingWay>& ways) {
  Json out = Json::array();
  for (const ServingWay& each : ways) out.push_back({{"name", each.name}, {"to", each.to}});
  return out;
}

std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json list_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : Json::array();
}

std::vector<std::string> texts_in(const Json& object, const char* name) {
  std::vector<std::string> out;
  for (const Json& each : list_in(object, name)) {
    if (each.is_string()) out.push_back(each.get<std::string>());
  }
  return out;
}

std::vector<ServingWay> ways_in(const Json& object, const char* name) {
  std::vector<ServingWay> out;
  for (const Json& each : list_in(object, name)) {
    if (each.is_object()) out.push_back({.name = text_in(each, "name"), .to = text_in(each, "to")});
  }
  return out;
}

std::int64_t number_in(const Json& object, const char* name, std::int64_t otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

}  // namespace

std::string_view to_string(TimelineCause value) {
  return kCauseWords.at(static_cast<std::size_t>(value));
}

std::string_view to_string(PlatformEventKind value) {
  return kEventWords.at(static_cast<std::size_t>(value));
}

std::optional<TimelineCause> timeline_cause(std::string_view word) {
  return value_of<TimelineCause>(kCauseWords, word);
}

std::optional<PlatformEventKind> platform_event_kind(std::string_view word) {
  return value_of<PlatformEventKind>(kEventWords, word);
}

std::string print_split(const Serving& serving) {
  std::string out;
  for (const ServingShare& each : serving.shares) {
    out += (out.empty() ? "" : ", ") + each.revision.str() + " " + print_weight(each.weight);
  }
  return out;
}

Json timeline_document(const TimelineLine& line) {
  Json out = {{"actor", to_string(line.actor)}};
  add(out, "who", line.who);
  add(out, "why", line.why);
  add(out, "revision", line.revision.str());
  add(out, "release", line.release);
  add(out, "proof", line.proof);
  add(out, "changed", line.changed);
  add(out, "report", line.report);
  Json& split = out["split"] = Json::array();
  for (const ServingShare& each : line.serving.shares) {
    Json share = {{"revision", each.revision.str()}, {"weight", each.weight}, {"percent", print_weight(each.weight)}};
    add(share, "digest", each.digest);
    add(share, "commit", each.commit);
    split.push_back(std::move(share));
  }
  if (!line.serving.tags.empty()) out["tags"] = ways_json(line.serving.tags);
  if (!line.serving.rules.empty()) out["rules"] = ways_json(line.serving.rules);
  if (!line.serving.release.empty()) out["dividing"] = {{"release", line.serving.release}, {"step", line.serving.step}};
  return out;
}

bool read_timeline_document(const Json& document, TimelineLine& out) {
  if (!document.is_object()) return false;
  const std::string actor = text_in(document, "actor");
  const auto known = std::ranges::find(kActorWords, actor, [](ReleaseActor each) { return to_string(each); });
  if (known == kActorWords.end()) return false;
  out.actor = *known;
  out.who = text_in(document, "who");
  out.why = text_in(document, "why");
  out.revision = base::RevisionName(text_in(document, "revision"));
  out.release = text_in(document, "release");
  out.proof = text_in(document, "proof");
  out.changed = texts_in(document, "changed");
  out.report = texts_in(document, "report");
  out.serving = {.tags = ways_in(document, "tags"), .rules = ways_in(document, "rules")};
  for (const Json& each : list_in(document, "split")) {
    if (!each.is_object()) return false;
    out.serving.shares.push_back({.revision = base::RevisionName(text_in(each, "revision")),
                                  .weight = static_cast<std::uint32_t>(number_in(each, "weight", 0)),
                                  .digest = text_in(each, "digest"),
                                  .commit = text_in(each, "commit")});
  }
  if (const auto dividing = document.find("dividing"); dividing != document.end() && dividing->is_object()) {
    out.serving.release = text_in(*dividing, "release");
    if (!out.serving.release.empty()) out.serving.step = static_cast<int>(number_in(*dividing, "step", -1));
  }
  return true;
}

}  // namespace marea::model
