#include "api/watch.h"

#include <utility>

namespace marea::api {
namespace {

constexpr const char* kInitialEnd = "k8s.io/initial-events-end";

std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

bool Choice::takes(const std::string& name, const Labels& of_object, const Text& stored) const {
  if (const auto only = fields.name(); only && *only != name) return false;
  if (Views::stored_kind(kind) == kind) {
    if (!labels.matches(of_object)) return false;
  } else {
    Labels own = of_object;  // of the service; theirs tell whose they are
    std::erase_if(own, [](const auto& one) { return one.first == kServiceLabel; });
    own.emplace_back(kServiceLabel, name);
    if (!labels.matches(own)) return false;
  }
  return !fields.needs_object() || fields.matches(Json::parse(*stored, nullptr, false));
}

void Watch::begin(net::Loop& loop, Views& views, Options options, net::Responder responder) {
  std::make_shared<Watch>(loop, views, std::move(options), std::move(responder))->start();
}

Watch::Watch(net::Loop& loop, Views& views, Options options, net::Responder responder)
    : loop_(loop),
      views_(views),
      options_(std::move(options)),
      responder_(std::move(responder)),
      seen_(options_.after),
      bookmark_(loop,
                [this] {
                  bookmark_due_ = true;
                  views_.settle();
                  go_on();
                }),
      end_(loop, [this] { finish({}); }) {
  const std::optional<TableForm>& table = options_.choice.table;
  form_ = info(options_.choice.kind).plural;
  if (table) form_ += " " + table->version + " " + std::to_string(static_cast<int>(table->object));
}

Watch::~Watch() {
  views_.forget(this);
}

void Watch::start() {
  responder_.begin({.status = 200, .fields = {{"Content-Type", "application/json"}}, .body = {}});
  responder_.on_writable([self = shared_from_this()] { self->go_on(); });
  responder_.on_closed([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->views_.forget(self.get());
  });
  views_.listen(this, [this] { go_on(); });
  end_.arm_in(options_.most);
  if (options_.bookmarks) bookmark_.arm_in(kBookmarkEvery);
  initial_end_due_ = options_.initial && options_.bookmarks;
  bookmark_due_ = initial_end_due_;
  go_on();
}

// As much as there is, and as there is room for.
void Watch::go_on() {
  const std::shared_ptr<Watch> self = shared_from_this();
  if (finishing_) return end_if_taken();
  if (!responder_.open()) return;
  if (options_.initial && !send_initial()) return;
  for (;;) {
    if (seen_ < views_.floor()) {
      return finish(R"({"type":"ERROR","object":)" +
                    json_text(status_object(410, "Expired",
                                            "too old resource version: the changes after it came faster than they were "
                                            "taken; list again")) +
                    "}\n");
    }
    const Change* change = views_.next(seen_);
    if (change == nullptr) break;
    if (!send(*change)) return;
    seen_ = change->version;
  }
  if (bookmark_due_ && send_bookmark(initial_end_due_)) {
    bookmark_due_ = false;
    initial_end_due_ = false;
    bookmark_.arm_in(kBookmarkEvery);
  }
}

bool Watch::send_initial() {
  const auto& objects = views_.all(options_.choice.kind);
  for (auto at = objects.lower_bound(next_); at != objects.end(); ++at) {
    next_ = at->first;
    if (!options_.choice.takes(at->first, at->second.labels, at->second.text)) continue;
    if (!responder_.write(*line("ADDED", at->second.text), kMostWaitingBytes)) return false;
  }
  options_.initial = false;
  return true;
}

// True: it was sent, or is of no interest.
bool Watch::send(const Change& change) {
  const Choice& choice = options_.choice;
  if (change.kind != Views::stored_kind(choice.kind)) return true;
  const bool now = choice.takes(change.name, change.labels, change.text);
  const bool before =
      change.type == ChangeType::modified && choice.takes(change.name, change.labels_before, change.text_before);
  const char* type = "ADDED";
  if (change.type == ChangeType::deleted || (before && !now)) {
    type = "DELETED";
  } else if (before) {
    type = "MODIFIED";
  }
  return (!now && !before) || responder_.write(*line_of(change, type), kMostWaitingBytes);
}

bool Watch::send_bookmark(bool initial_end) {
  const Choice& choice = options_.choice;
  const std::uint64_t version = views_.version();
  Json metadata = {{"resourceVersion", std::to_string(version)}};
  Json object;
  if (choice.table) {
    object = table_of(choice.kind, *choice.table, {}, std::move(metadata), 0);
  } else {
    if (initial_end) metadata["annotations"] = {{kInitialEnd, "true"}};
    object = {{"kind", info(choice.kind).name}, {"apiVersion", info(choice.kind).api_version()}};
    object["metadata"] = std::move(metadata);
  }
  if (!responder_.write(R"({"type":"BOOKMARK","object":)" + json_text(object) + "}\n", kMostWaitingBytes)) return false;
  seen_ = version;
  return true;
}

Text Watch::line_of(const Change& change, const char* type) const {
  std::string key = type + (" " + form_);
  if (const auto found = change.lines.find(key); found != change.lines.end()) return found->second;
  Text made = line(type, change.text);
  views_.keep_line(change, std::move(key), made);
  return made;
}

Text Watch::line(const char* type, const Text& stored) const {
  const Choice& choice = options_.choice;
  Text text = Views::text_of(choice.kind, stored);
  std::string out = R"({"type":")";
  out += type;
  out += R"(","object":)";
  if (choice.table) {
    const Json object = Json::parse(*text, nullptr, false);
    Json metadata = {{"resourceVersion", object["metadata"]["resourceVersion"]}};
    out += json_text(table_of(choice.kind, *choice.table, {object}, std::move(metadata), loop_.clock().wall().unix_ns));
  } else {
    out += *text;
  }
  return std::make_shared<const std::string>(out + "}\n");
}

void Watch::finish(std::string last_line) {
  const std::shared_ptr<Watch> self = shared_from_this();
  finishing_ = true;
  last_ = std::move(last_line);
  views_.forget(this);
  bookmark_.cancel();
  end_if_taken();
}

void Watch::end_if_taken() {
  if (!last_.empty() && responder_.open() && !responder_.write(last_, kMostWaitingBytes)) return;  // when there is room
  last_.clear();
  responder_.end();
}

}  // namespace marea::api
