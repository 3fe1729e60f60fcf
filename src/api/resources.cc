// Reading any kind of object: get, list, watch.
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/methods.h"
#include "api/watch.h"

namespace marea::api {
namespace {

constexpr std::size_t kMostContinue = 400;  // a token of ours is a version and a name

net::HttpResponse bad_query(std::string what, std::string why) {
  return failure({.code = base::ErrorCode::invalid_argument, .what = std::move(what), .why = std::move(why)});
}

net::HttpResponse expired(const std::string& why) {
  return json_response(410, status_object(410, "Expired", why));
}

bool says(const net::HttpRequest& head, std::string_view parameter) {
  const auto value = head.parameter(parameter);
  return value && *value != "false" && *value != "0";
}

template <class T>
bool read_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

std::optional<TableForm> table_wanted(const net::HttpRequest& head) {
  return table_form(head.field("Accept").value_or(""), head.parameter("includeObject").value_or(""));
}

// Where a list goes on, and as of when its first part was.
struct Continue {
  std::uint64_t version = 0;
  std::string after;
};

std::optional<Continue> read_continue(std::string_view token) {
  Continue out;
  const std::size_t at = token.find('.');
  if (at == std::string_view::npos || token.size() > kMostContinue || !read_number(token.substr(0, at), out.version)) {
    return std::nullopt;
  }
  out.after = token.substr(at + 1);
  return out;
}

std::string list_head(const KindInfo& kind, std::uint64_t version, const std::string& go_on) {
  Json metadata = {{"resourceVersion", std::to_string(version)}};
  if (!go_on.empty()) metadata["continue"] = go_on;
  return R"({"apiVersion":")" + kind.api_version() + R"(","kind":")" + std::string(kind.name) + R"(List","metadata":)" +
         metadata.dump() + R"(,"items":[)";
}

net::HttpResponse table_response(Kind kind, const TableForm& form, const std::vector<Text>& texts, Json metadata,
                                 std::int64_t now) {
  std::vector<Json> objects;
  objects.reserve(texts.size());
  for (const Text& text : texts) objects.push_back(Json::parse(*text, nullptr, false));
  return json_response(200, table_of(kind, form, objects, std::move(metadata), now));
}

}  // namespace

net::BodyPlan Api::read_one(const net::HttpRequest& head, Kind kind, const std::string& name) {
  if (kind == Kind::pod) views_.want_pods();
  views_.settle();
  const Shown* found = views_.find(kind, name);
  if (found == nullptr) return not_found(info(kind).resource(), name);
  const Text text = Views::text_of(kind, found->text);
  if (const auto table = table_wanted(head)) {
    const Json metadata = {{"resourceVersion", std::to_string(found->version)}};
    return table_response(kind, *table, {text}, metadata, world_.loop.clock().wall().unix_ns);
  }
  return net::HttpResponse{.status = 200, .fields = {{"Content-Type", "application/json"}}, .body = *text + "\n"};
}

// Which objects of a collection a request is about, brought up to date.
std::expected<Choice, net::HttpResponse> Api::choose(const net::HttpRequest& head, Kind kind) {
  std::string wanted(head.parameter("labelSelector").value_or(""));
  if (const auto service = head.parameter("service"); service && info(kind).group == kOwnGroup) {
    wanted += (wanted.empty() ? "" : ",") + std::string(kServiceLabel) + "=" + std::string(*service);
  }
  auto labels = LabelSelector::parse(wanted);
  if (!labels) return std::unexpected(bad_query("cannot use the label selector", labels.error()));
  auto fields = FieldSelector::parse(head.parameter("fieldSelector").value_or(""), kind);
  if (!fields) return std::unexpected(bad_query("cannot use the field selector", fields.error()));
  if (kind == Kind::pod) views_.want_pods();
  views_.settle();
  return Choice{.kind = kind, .labels = std::move(*labels), .fields = std::move(*fields), .table = table_wanted(head)};
}

net::BodyPlan Api::read_many(const net::HttpRequest& head, Kind kind) {
  auto choice = choose(head, kind);
  if (!choice) return std::move(choice.error());
  if (says(head, "watch")) return watch(head, std::move(*choice));
  const auto found = page(head, *choice);
  return found ? list(*choice, *found) : found.error();
}

std::expected<Api::Page, net::HttpResponse> Api::page(const net::HttpRequest& head, const Choice& choice) const {
  std::size_t most = 0;  // 0: all
  const auto limit = head.parameter("limit");
  if (limit && !limit->empty() && !read_number(*limit, most)) {
    return std::unexpected(bad_query("limit must be a number", std::string(*limit)));
  }
  Continue from{.version = views_.version(), .after = {}};
  if (const auto token = head.parameter("continue"); token && !token->empty()) {
    const std::optional<Continue> read = read_continue(*token);
    if (!read) return std::unexpected(bad_query("cannot use the continue token", "it is none that a list gave"));
    if (read->version < views_.floor()) {
      return std::unexpected(expired("the continue token is too old; begin the list again"));
    }
    from = *read;
  }
  Page out{.names = {}, .texts = {}, .version = from.version, .go_on = {}};
  const auto& objects = views_.all(choice.kind);
  for (auto at = from.after.empty() ? objects.begin() : objects.upper_bound(from.after); at != objects.end(); ++at) {
    if (!choice.takes(at->first, at->second.labels, at->second.text)) continue;
    if (most > 0 && out.texts.size() == most) {
      out.go_on = std::to_string(from.version) + "." + out.names.back();
      break;
    }
    out.texts.push_back(Views::text_of(choice.kind, at->second.text));
    out.names.push_back(at->first);
  }
  return out;
}

net::HttpResponse Api::list(const Choice& choice, const Page& page) const {
  if (choice.table) {
    Json metadata = {{"resourceVersion", std::to_string(page.version)}};
    if (!page.go_on.empty()) metadata["continue"] = page.go_on;
    return table_response(choice.kind, *choice.table, page.texts, std::move(metadata),
                          world_.loop.clock().wall().unix_ns);
  }
  std::size_t bytes = 0;
  for (const Text& text : page.texts) bytes += text->size() + 1;
  std::string body = list_head(info(choice.kind), page.version, page.go_on);
  body.reserve(body.size() + bytes + 3);
  for (std::size_t i = 0; i < page.texts.size(); ++i) {
    if (i > 0) body += ',';
    body += *page.texts[i];
  }
  body += "]}\n";
  return {.status = 200, .fields = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

net::BodyPlan Api::watch(const net::HttpRequest& head, Choice choice) {
  Watch::Options options{.choice = std::move(choice), .bookmarks = says(head, "allowWatchBookmarks")};
  const std::string_view version = head.parameter("resourceVersion").value_or("");
  if (!version.empty() && !read_number(version, options.after)) {
    return bad_query("cannot use the resourceVersion", "it must be one that an answer gave");
  }
  const bool from_now = options.after == 0;
  const auto initial = head.parameter("sendInitialEvents");
  options.initial = initial ? says(head, "sendInitialEvents") : from_now;
  if (!from_now && (options.after < views_.floor() || options.after > views_.version())) {
    return expired("too old resource version: " + std::string(version) + " (" + std::to_string(views_.floor()) + ")");
  }
  if (from_now || options.initial) options.after = views_.version();
  if (const auto seconds = head.parameter("timeoutSeconds"); seconds && !seconds->empty()) {
    std::int64_t most = 0;
    if (!read_number(*seconds, most)) return bad_query("timeoutSeconds must be a number", std::string(*seconds));
    if (most > 0)
      options.most =
          std::min<base::Duration>(std::chrono::seconds(std::min<std::int64_t>(most, 86'400)), kLongestWatch);
  }
  if (views_.listeners() >= kMostWatches) {
    return failure(429, {.code = base::ErrorCode::unavailable,
                         .what = "cannot watch",
                         .why = "there are " + std::to_string(kMostWatches) + " watches already",
                         .remedy = "End some of them"});
  }
  return net::StreamedBody{
      .most = 0, .begin = [this, options = std::move(options)](const net::HttpRequest&, net::Responder responder) {
        Watch::begin(world_.loop, views_, options, std::move(responder));
        return net::BodySink{};
      }};
}

}  // namespace marea::api
