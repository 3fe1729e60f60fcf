#include "desk.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "endpoints.h"
#include "output.h"
#include "page.h"

namespace prestamos {

// `#` in a path stands for a number.
struct Route {
  std::string_view method;
  std::string_view path;
  Made (*run)(const Call&);
  int since = 1;  // the version that has it
  bool asks_bureau = false;
};

namespace {

constexpr std::size_t kMostKeySigns = 200;
constexpr std::chrono::milliseconds kSlow{1500};

constexpr std::array kRoutes{
    Route{"GET", "/api/customers", list_customers},
    Route{"POST", "/api/customers", add_customer},
    Route{"GET", "/api/customers/#", show_customer},
    Route{"GET", "/api/customers/#/rating", rate_customer, 1, true},
    Route{"GET", "/api/applications", list_applications},
    Route{"POST", "/api/applications", add_application},
    Route{"GET", "/api/applications/#", show_application},
    Route{"POST", "/api/applications/#/moves", move_application},
    Route{"GET", "/api/applications/#/schedule", show_schedule},
    Route{"GET", "/api/applications/#/payments", list_payments},
    Route{"POST", "/api/applications/#/payments", add_payment},
    Route{"GET", "/api/applications/#/documents", list_documents},
    Route{"POST", "/api/applications/#/documents", add_document},
    Route{"GET", "/api/quote", quote},
    Route{"GET", "/api/simulation", simulate, 2},
};

// The number at `#`, 0 when there is none in the pattern; nothing when the path is another one.
std::optional<Id> match(std::string_view pattern, std::string_view path) {
  const std::size_t mark = pattern.find('#');
  if (mark == std::string_view::npos) return pattern == path ? std::optional<Id>(0) : std::nullopt;
  if (!path.starts_with(pattern.substr(0, mark)) || !path.ends_with(pattern.substr(mark + 1))) return std::nullopt;
  if (path.size() < pattern.size()) return std::nullopt;
  const std::string_view number = path.substr(mark, path.size() - (pattern.size() - 1));
  Id id = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (problem != std::errc() || end != number.data() + number.size() || id < 1) return std::nullopt;
  return id;
}

Refusal no_such_address() {
  return {404, Fault{.field = "path",
                     .code = "not_found",
                     .cause = both("there is nothing at this address", "no hay nada en esta dirección"),
                     .remedy = both("see the addresses in README.md", "vea las direcciones en README.es.md")}};
}

Refusal wrong_method(const std::string& allowed) {
  return {405, Fault{.field = "method",
                     .code = "wrong_method",
                     .cause = both("this address does not take that method", "esta dirección no admite ese método"),
                     .remedy = both("use {}", "use {}", {allowed})}};
}

void check_key(const std::string& key) {
  const bool printable = std::ranges::all_of(key, [](char sign) { return sign > 0x20 && sign < 0x7f; });
  if (printable && key.size() <= kMostKeySigns) return;
  throw Refusal(400, Fault{.field = "Idempotency-Key",
                           .code = "bad_key",
                           .cause = both("it is too long or has blanks", "es demasiado larga o tiene espacios"),
                           .remedy = both("send up to {} printable signs, a UUID for instance",
                                          "envíe hasta {} signos imprimibles, por ejemplo un UUID",
                                          {std::to_string(kMostKeySigns)})});
}

std::string told(const Request& request) {
  return request.method + " " + request.path + "\n" + request.body;
}

Reply internal_error(const char* problem, Language language) {
  Reply reply =
      reply_to(Refusal(500, Fault{.field = "",
                                  .code = "internal",
                                  .cause = both("the desk itself failed", "falló la propia mesa"),
                                  .remedy = both("try again; tell the operator when it stays",
                                                 "vuelva a intentarlo; si persiste, avise a quien lo opera")}),
               language);
  reply.problem = problem;
  return reply;
}

Reply store_error(const SqliteError& error, Language language) {
  if (!error.full()) return internal_error(error.what(), language);
  Reply reply = reply_to(Refusal(507, Fault{.field = "",
                                            .code = "store_full",
                                            .cause = both("the desk's store is full; nothing was kept",
                                                          "el almacén de la mesa está lleno; no se guardó nada"),
                                            .remedy = both("tell the operator; queries still work",
                                                           "avise a quien lo opera; las consultas funcionan")}),
                         language);
  reply.problem = error.what();
  return reply;
}

}  // namespace

Desk::Desk(Settings settings, Store& store, World world)
    : settings_(std::move(settings)), store_(store), world_(std::move(world)) {}

Reply reply_to(const Refusal& refusal, Language language) {
  Reply reply;
  reply.status = refusal.status();
  reply.body = text_of(to_json(refusal, language));
  return reply;
}

Reply Desk::answer(const Request& request) {
  const Language language = language_of(request.accept_language);
  try {
    return answer_or_throw(request);
  } catch (const Refusal& refusal) {
    Reply reply = reply_to(refusal, language);
    if (refusal.status() == 405) reply.headers.emplace_back("Allow", refusal.faults().front().remedy.english.substr(4));
    return reply;
  } catch (const SqliteError& error) {
    return store_error(error, language);
  } catch (const std::exception& error) {
    return internal_error(error.what(), language);
  }
}

Reply Desk::answer_or_throw(const Request& request) {
  if (request.method == "GET") {
    if (const PageFile* file = find_page(request.path)) return {.type = file->type, .body = std::string(file->body)};
    if (request.path == "/api/about") return about();
    if (request.path == "/healthz") return healthy();
  }
  std::string allowed;
  for (const Route& route : kRoutes) {
    const std::optional<Id> id = match(route.path, request.path);
    if (!id || route.since > settings_.version) continue;
    if (route.method == request.method) {
      if (is_slow(request)) world_.wait(kSlow);
      if (route.asks_bureau) world_.wait(std::chrono::milliseconds(settings_.bureau_ms));
      return use_store(request, route, *id);
    }
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  if (!allowed.empty()) throw wrong_method(allowed);
  throw no_such_address();
}

Reply Desk::about() const {
  Json features = Json::array();
  if (settings_.version >= 2) features.push_back("simulation");
  return {.body = text_of({{"version", settings_.version},
                           {"service", settings_.service},
                           {"revision", settings_.revision},
                           {"features", std::move(features)}})};
}

Reply Desk::healthy() {
  const std::lock_guard lock(one_at_a_time_);
  store_.check();
  return {.body = R"({"status":"ok"})"};
}

// Exactly so many of a hundred, evenly spread: two runs can be compared.
bool Desk::is_slow(const Request& request) {
  if (settings_.fault != FaultKind::slow_tail || request.method != "GET") return false;
  return queries_.fetch_add(1) * settings_.fault_number % 100 >= 100 - settings_.fault_number;
}

std::optional<Reply> Desk::replay_of(const Request& request, Instant now) {
  const std::optional<Replay> before = store_.replay(request.idempotency_key);
  if (!before || before->at < now - kReplaySeconds) return std::nullopt;
  if (before->request != told(request)) {
    throw Refusal(422, Fault{.field = "Idempotency-Key",
                             .code = "key_used",
                             .cause = both("it came with another request before", "ya vino con otra petición"),
                             .remedy = both("use a new key for each new request",
                                            "use una clave nueva para cada petición nueva")});
  }
  Reply reply{.status = before->status, .body = before->reply};
  reply.headers.emplace_back("Idempotency-Replayed", "true");
  return reply;
}

Reply Desk::use_store(const Request& request, const Route& route, Id id) {
  const Instant now = world_.now();
  const bool keyed = request.method == "POST" && !request.idempotency_key.empty();
  const std::lock_guard lock(one_at_a_time_);
  const Call call{.request = request, .settings = settings_, .store = store_, .now = now, .id = id};
  if (request.method == "GET") return {.body = text_of(route.run(call).body)};

  if (keyed) check_key(request.idempotency_key);
  Transaction transaction(store_.database());
  if (keyed) {
    if (std::optional<Reply> same = replay_of(request, now)) return *std::move(same);
  }
  Made made = route.run(call);
  Reply reply{.status = made.status, .body = text_of(made.body), .event = made.event};
  if (!made.location.empty()) reply.headers.emplace_back("Location", made.location);
  if (keyed) {
    store_.add(Replay{.key = request.idempotency_key,
                      .request = told(request),
                      .status = reply.status,
                      .reply = reply.body,
                      .at = now});
  }
  transaction.commit();
  return reply;
}

}  // namespace prestamos
