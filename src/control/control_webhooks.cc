// Webhooks of releases: gates that are asked while a release waits for them, and notifications, which are stored with
// what they tell of and stay so until they were taken or given up. After a restart both go on with the same ids.
#include <algorithm>
#include <utility>

#include "control/control.h"
#include "control/release_letters.h"

namespace marea::control {

base::Result<void> Control::open_courier() {
  auto key =
      folders_.webhook_key.empty() ? webhook::SigningKey::make() : webhook::open_signing_key(folders_.webhook_key);
  if (!key) return base::fail(std::move(key.error()));
  const auto answer = [this](const std::string& id, const webhook::Verdict& verdict) {
    answer_gate(id, decide::GateAnswer{.passed = verdict.passed, .detail = verdict.detail});
  };
  courier_ = std::make_unique<webhook::Courier>(
      webhook::Courier::World{.loop = loop_, .random = random_, .key = *std::move(key)},
      webhook::Courier::Events{
          .on_answer = answer,
          .on_trouble = [this](const std::string& id,
                               const std::string& why) { answer_gate(id, decide::GateTrouble{.detail = why}); },
          .on_notice_done = [this](const std::string& id, const auto& given_up) { on_notice_done(id, given_up); }});
  return {};
}

void Control::load_webhooks(const store::Contents& contents) {
  const std::int64_t now = loop_.clock().wall().unix_ns;
  for (const store::NoticeRecord& notice : contents.notices) {
    courier_->notify(letter_of(notice), base::Duration(std::max<std::int64_t>(0, now - notice.created_unix_ns)));
  }
  for (const auto& [name, service] : services_) follow_gate(service);
}

void Control::add_notices(ReleaseEntry::Next& next) {
  next.notices = notices_of(next.record, next.actions, loop_.clock().wall().unix_ns, random_);
  if (next.notices.empty()) return;
  const std::size_t room = courier_->room_for(next.record.spec.id);
  if (next.notices.size() <= room) return;
  log_(base::Severity::warning, "too many notifications wait; some are not sent",
       {{"release", next.record.spec.id}, {"dropped", std::to_string(next.notices.size() - room)}});
  next.notices.resize(room);
}

void Control::send_notices(const std::vector<store::NoticeRecord>& notices) {
  for (const store::NoticeRecord& notice : notices) courier_->notify(letter_of(notice), base::Duration{0});
}

void Control::on_notice_done(const std::string& id, const std::optional<std::string>& given_up) {
  if (given_up) {
    log_(base::Severity::warning, "a notification was given up",
         {{"id", id},
          {"why", *given_up},
          {"delivered", std::to_string(courier_->counts().delivered)},
          {"given up", std::to_string(courier_->counts().given_up)}});
  }
  // One that could not be dropped is sent again by the next control, with the same id.
  write({store::DropNotice{.id = id}});
}

void Control::follow_gate(const ServiceState& service) {
  if (service.releases.empty()) return;
  const store::ReleaseRecord& record = service.releases.back().record();
  auto letter = service.record.deleting ? std::nullopt : letter_of_gate(record, release_history(record.spec.id));
  const auto asked = asked_gates_.find(record.spec.id);
  if (asked != asked_gates_.end()) {
    if (letter && asked->second.letter == letter->id) return;
    forget_gate(record.spec.id);
  }
  if (!letter) return;
  asked_gates_[record.spec.id] = {.service = record.spec.service, .letter = letter->id, .gate = record.state.next_gate};
  log_(base::Severity::info, "asking a gate's webhook", {{"release", record.spec.id}, {"id", letter->id}});
  courier_->ask(*std::move(letter));
}

void Control::forget_gate(const std::string& release) {
  const auto asked = asked_gates_.find(release);
  if (asked == asked_gates_.end()) return;
  courier_->withdraw(asked->second.letter);
  asked_gates_.erase(asked);
}

// `input`: a GateAnswer or GateTrouble, whose gate is set here.
void Control::answer_gate(const std::string& id, decide::ReleaseInput input) {
  const auto asked = std::ranges::find_if(asked_gates_, [&](const auto& each) { return each.second.letter == id; });
  if (asked == asked_gates_.end()) return;
  const std::string release = asked->first;
  const std::uint32_t gate = asked->second.gate;
  ServiceState* service = find(asked->second.service);
  if (service == nullptr || service->releases.empty() || service->releases.back().record().spec.id != release) return;
  if (auto* answer = std::get_if<decide::GateAnswer>(&input)) answer->gate = gate;
  if (auto* trouble = std::get_if<decide::GateTrouble>(&input)) {
    trouble->gate = gate;
    log_(base::Severity::warning, "a gate's webhook gave no answer",
         {{"release", release}, {"id", id}, {"why", trouble->detail}});
    if (release_history(release).size() >= kMostReleaseLines) return;
  }
  if (std::holds_alternative<decide::GateAnswer>(input)) asked_gates_.erase(release);  // it is asked no more
  move_release(*service, {std::move(input)});  // where the disk does not take it, the next look asks again
}

}  // namespace marea::control
