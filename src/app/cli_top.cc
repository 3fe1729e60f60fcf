// top: CPU, memory and requests of services and instances, now.
#include "app/cli_top.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <ranges>

#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "base/clock.h"

namespace marea::app {
namespace {

constexpr int kEveryMs = 2000;
constexpr int kFirstMs = 1000;  // from the first scrape to the second
constexpr std::size_t kFewestLines = 8;
constexpr std::size_t kShortestName = 12;
constexpr std::string_view kHome = "\033[H";
constexpr std::string_view kClearLine = "\033[K";
constexpr std::string_view kClearRest = "\033[J";
constexpr std::string_view kNoWrap = "\033[?7l";
constexpr std::string_view kWrap = "\033[?7h";
constexpr std::string_view kClear = "\033[2J";

std::atomic<bool> stopped = false;

// Takes one label ("name="value"") from the front; false at anything else.
bool take_label(std::string_view& rest, MetricSample& out) {
  const std::size_t equals = rest.find("=\"");
  if (equals == std::string_view::npos) return false;
  const std::string name(rest.substr(0, equals));
  rest.remove_prefix(equals + 2);
  std::string value;
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
    value += rest.front();
    rest.remove_prefix(1);
  }
  if (rest.empty()) return false;
  rest.remove_prefix(1);
  if (rest.starts_with(',')) rest.remove_prefix(1);
  out.labels[name] = value;
  return true;
}

bool parse_line(std::string_view line, MetricSample& out) {
  const std::size_t end = line.find_first_of("{ ");
  if (line.starts_with('#') || end == std::string_view::npos) return false;
  out.name = line.substr(0, end);
  line.remove_prefix(end);
  if (line.front() == '{') {
    line.remove_prefix(1);
    while (!line.starts_with('}')) {
      if (!take_label(line, out)) return false;
    }
    line.remove_prefix(1);
  }
  const std::string number(line);
  char* stop = nullptr;
  out.value = std::strtod(number.c_str(), &stop);
  return stop != number.c_str();
}

using Sums = std::map<std::string, double, std::less<>>;

// A metric's samples, added up by one of their labels.
Sums by_label(const std::vector<MetricSample>& samples, std::string_view name, std::string_view label) {
  Sums out;
  for (const MetricSample& sample : samples) {
    if (sample.name != name) continue;
    if (const auto found = sample.labels.find(label); found != sample.labels.end()) out[found->second] += sample.value;
  }
  return out;
}

double value_in(const Sums& sums, const std::string& key) {
  const auto found = sums.find(key);
  return found == sums.end() ? 0 : found->second;
}

// A counter that went back began anew.
double rate(const Sums& before, const Sums& after, const std::string& key, double seconds) {
  const double then = value_in(before, key);
  const double now = value_in(after, key);
  return seconds <= 0 ? 0 : (now < then ? now : now - then) / seconds;
}

// Whether `role` gave its own numbers to that scrape.
bool has_told(const std::vector<MetricSample>& samples, const std::string& role) {
  return value_in(by_label(samples, "marea_scrape_missing", "role"), role) <= 0;
}

// What two scrapes say. A role that was late for one of them leaves its figures unknown, since numbers without a
// beginning would make rates of a whole life's count.
class Figures {
 public:
  Figures(const std::vector<MetricSample>& before, const std::vector<MetricSample>& after, double seconds)
      : seconds_(seconds),
        engine_now_(has_told(after, "engine")),
        router_now_(has_told(after, "router")),
        engine_both_(engine_now_ && has_told(before, "engine")),
        router_both_(router_now_ && has_told(before, "router")),
        cpu_before_(by_label(before, "marea_instance_cpu_seconds_total", "instance")),
        cpu_(by_label(after, "marea_instance_cpu_seconds_total", "instance")),
        memory_(by_label(after, "marea_instance_memory_bytes", "instance")),
        in_flight_(by_label(after, "marea_instance_requests_in_flight", "instance")),
        requests_before_(by_label(before, "marea_requests_total", "service")),
        requests_(by_label(after, "marea_requests_total", "service")),
        waiting_(by_label(after, "marea_queue_length", "service")) {}

  bool lives(const std::string& instance) const { return memory_.contains(instance) || cpu_.contains(instance); }
  std::optional<double> cpu_percent(const std::string& instance) const {
    return known(engine_both_, 100 * rate(cpu_before_, cpu_, instance, seconds_));
  }
  std::optional<double> memory_bytes(const std::string& instance) const {
    return known(engine_now_, value_in(memory_, instance));
  }
  double in_flight(const std::string& instance) const { return value_in(in_flight_, instance); }
  std::optional<double> waiting(const std::string& service) const {
    return known(router_now_, value_in(waiting_, service));
  }
  std::optional<double> requests_per_second(const std::string& service) const {
    return known(router_both_, rate(requests_before_, requests_, service, seconds_));
  }
  // Those with requests, also where no instance is.
  std::vector<std::string> busy_services() const {
    std::vector<std::string> out;
    for (const Sums* sums : {&requests_, &waiting_}) {
      for (const auto& [name, ignored] : *sums) {
        if (requests_per_second(name).value_or(0) > 0 || value_in(waiting_, name) > 0) out.push_back(name);
      }
    }
    return out;
  }

 private:
  static std::optional<double> known(bool told, double value) { return told ? std::optional(value) : std::nullopt; }

  double seconds_;
  bool engine_now_;
  bool router_now_;
  bool engine_both_;
  bool router_both_;
  Sums cpu_before_;
  Sums cpu_;
  Sums memory_;
  Sums in_flight_;
  Sums requests_before_;
  Sums requests_;
  Sums waiting_;
};

void add(std::optional<double>& sum, std::optional<double> value) {
  if (value) sum = sum.value_or(0) + *value;
}

// An empty cell stands for what is not known.
std::string whole(std::optional<double> value) {
  return value ? fmt::format("{:.0f}", *value) : "";
}

std::string one_digit(std::optional<double> value) {
  return value ? fmt::format("{:.1f}", *value) : "";
}

std::string mebibytes(std::optional<double> bytes) {
  return bytes ? one_digit(*bytes / (1 << 20)) : "";
}

Json number(std::optional<double> value) {
  return value ? Json(*value) : Json();
}

Json whole_number(std::optional<double> value) {
  return value ? Json(std::llround(*value)) : Json();
}

// Its beginning and its end tell names apart.
std::string with_short_middle(const std::string& name, std::size_t columns) {
  if (name.size() <= columns) return name;
  const std::size_t tail = columns / 2;
  return name.substr(0, columns - tail - 1) + "…" + name.substr(name.size() - tail);
}

using Rows = std::vector<std::vector<std::string>>;

// The first cells are names; they give way where the lines are too long.
std::string fitted_table(const std::vector<std::string>& header, Rows rows, std::size_t columns) {
  std::string out = print_table(header, rows);
  std::size_t widest = 0;
  for (const auto line : out | std::views::split('\n')) {
    widest = std::max(widest, width_of(std::string_view(line.begin(), line.end())));
  }
  if (columns == 0 || widest <= columns) return out;
  std::size_t name = width_of(header.front());
  for (const auto& row : rows) name = std::max(name, row.front().size());
  const std::size_t room = std::max(kShortestName, name - std::min(name, widest - columns));
  for (auto& row : rows) row.front() = with_short_middle(row.front(), room);
  return print_table(header, rows);
}

struct Scraped {
  std::vector<MetricSample> samples;
  base::Instant at;
};

Outcome<Scraped> scrape(Verb& verb, const base::Clock& clock) {
  const Outcome<Answer> answer = verb.api.send({.path = "/metrics"});
  if (!answer) return std::unexpected(answer.error());
  return Scraped{.samples = parse_samples(answer->body), .at = clock.now()};
}

Outcome<Top> look(Verb& verb, Scraped& before, const base::Clock& clock) {
  Outcome<Scraped> after = scrape(verb, clock);
  if (!after) return std::unexpected(after.error());
  const Outcome<Json> instances = verb.api.get(std::string(kInstances));
  if (!instances) return std::unexpected(instances.error());
  const double seconds = std::chrono::duration_cast<std::chrono::duration<double>>(after->at - before.at).count();
  Top out = top_of(before.samples, after->samples, seconds, *instances);
  before = *std::move(after);
  return out;
}

Page terminal_page() {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
  return {.lines = std::max<std::size_t>(known ? size.ws_row : 24, kFewestLines) - 1,
          .columns = known ? size.ws_col : 80U};
}

// Over what is there, without a moment in which the terminal is empty.
std::string draw(const std::string& page) {
  std::string out = fmt::format("{}{}", kNoWrap, kHome);
  for (const char c : page) {
    if (c == '\n') out += kClearLine;
    out += c;
  }
  return fmt::format("{}{}{}", out, kClearRest, kWrap);
}

// Until Ctrl-C, which is no failure here.
Outcome<Exit> redraw(Verb& verb, Scraped before, const base::Clock& clock) {
  struct sigaction action{};
  action.sa_handler = [](int) { stopped = true; };
  ::sigaction(SIGINT, &action, nullptr);
  verb.console.data(kClear);
  ::poll(nullptr, 0, kFirstMs);
  while (!stopped) {
    const Outcome<Top> top = look(verb, before, clock);
    if (stopped) break;
    if (!top) return std::unexpected(top.error());
    verb.console.data(draw(print_top(*top, verb.words(), terminal_page())));
    if (!stopped) ::poll(nullptr, 0, kEveryMs);
  }
  return Exit::ok;
}

}  // namespace

std::vector<MetricSample> parse_samples(std::string_view text) {
  std::vector<MetricSample> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    MetricSample sample;
    if (parse_line(text.substr(0, end), sample)) out.push_back(std::move(sample));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Top top_of(const std::vector<MetricSample>& before, const std::vector<MetricSample>& after, double seconds,
           const Json& instances) {
  const Figures figures(before, after, seconds);
  Top out;
  std::map<std::string, TopService> services;
  for (const Json& item : items_of(instances)) {
    const std::string name = name_of(item);
    if (!figures.lives(name)) continue;
    TopInstance one{.name = name,
                    .service = text_at(item, {"service"}),
                    .revision = text_at(item, {"revision"}),
                    .state = text_at(item, {"state"}),
                    .cpu_percent = figures.cpu_percent(name),
                    .memory_bytes = figures.memory_bytes(name),
                    .in_flight = figures.in_flight(name)};
    TopService& service = services[one.service];
    ++service.instances;
    add(service.cpu_percent, one.cpu_percent);
    add(service.memory_bytes, one.memory_bytes);
    service.in_flight += one.in_flight;
    out.instances.push_back(std::move(one));
  }
  for (const std::string& name : figures.busy_services()) services.try_emplace(name);
  for (auto& [name, service] : services) {
    service.name = name;
    service.waiting = figures.waiting(name);
    service.requests_per_second = figures.requests_per_second(name);
    out.services.push_back(service);
  }
  const auto busier = [](const auto& a, const auto& b) { return a.cpu_percent > b.cpu_percent; };
  std::ranges::stable_sort(out.services, busier);
  std::ranges::stable_sort(out.instances, busier);
  return out;
}

std::string print_top(const Top& top, const Words& words, Page page) {
  // Two headers and the line between; half of the room at most is for services.
  const bool all = page.lines == 0;
  const std::size_t room = page.lines - std::min<std::size_t>(page.lines, 3);
  const std::size_t left = room - std::min(room, top.instances.size());
  const std::size_t of_services = std::min(top.services.size(), all ? std::string::npos : std::max(room / 2, left));
  const std::size_t of_instances = std::min(top.instances.size(), all ? std::string::npos : room - of_services);
  Rows rows;
  for (const TopService& one : top.services | std::views::take(of_services)) {
    rows.push_back({one.name, std::to_string(one.instances), one_digit(one.cpu_percent), mebibytes(one.memory_bytes),
                    whole(one.in_flight), whole(one.waiting), one_digit(one.requests_per_second)});
  }
  std::string out = fitted_table(
      {words(Text::head_service), words(Text::head_replicas), words(Text::head_cpu), words(Text::head_memory),
       words(Text::head_in_flight), words(Text::head_waiting), words(Text::head_request_rate)},
      std::move(rows), page.columns);
  rows = {};
  for (const TopInstance& one : top.instances | std::views::take(of_instances)) {
    rows.push_back(
        {one.name, one.state, one_digit(one.cpu_percent), mebibytes(one.memory_bytes), whole(one.in_flight)});
  }
  out += "\n";
  out += fitted_table({words(Text::head_instance), words(Text::head_state), words(Text::head_cpu),
                       words(Text::head_memory), words(Text::head_in_flight)},
                      std::move(rows), page.columns);
  return out;
}

Json to_json(const Top& top) {
  Json services = Json::array();
  for (const TopService& one : top.services) {
    services.push_back({{"name", one.name},
                        {"instances", one.instances},
                        {"cpu_percent", number(one.cpu_percent)},
                        {"memory_bytes", whole_number(one.memory_bytes)},
                        {"in_flight", whole_number(one.in_flight)},
                        {"waiting", whole_number(one.waiting)},
                        {"requests_per_second", number(one.requests_per_second)}});
  }
  Json instances = Json::array();
  for (const TopInstance& one : top.instances) {
    instances.push_back({{"name", one.name},
                         {"service", one.service},
                         {"revision", one.revision},
                         {"state", one.state},
                         {"cpu_percent", number(one.cpu_percent)},
                         {"memory_bytes", whole_number(one.memory_bytes)},
                         {"in_flight", whole_number(one.in_flight)}});
  }
  return {{"services", std::move(services)}, {"instances", std::move(instances)}};
}

Outcome<Exit> show_top(Verb& verb) {
  const base::SystemClock clock;
  Outcome<Scraped> before = scrape(verb, clock);
  if (!before) return std::unexpected(before.error());
  const Format format = verb.arguments.format();
  const bool live = format == Format::table && ::isatty(STDOUT_FILENO) == 1 && !is_dumb();
  if (live) return redraw(verb, *std::move(before), clock);
  ::poll(nullptr, 0, kFirstMs);
  const Outcome<Top> top = look(verb, *before, clock);
  if (!top) return std::unexpected(top.error());
  switch (format) {
    case Format::json:
    case Format::yaml: verb.console.data(print_value(to_json(*top), format)); break;
    case Format::name:
      for (const TopInstance& one : top->instances) verb.console.data(one.name + "\n");
      break;
    case Format::table: verb.console.data(print_top(*top, verb.words())); break;
  }
  return Exit::ok;
}

}  // namespace marea::app
