#include "app/logs_role.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <variant>
#include <vector>

#include "base/crash_point.h"
#include "model/platform_limits.h"
#include "model/quantity.h"

namespace marea::app {
namespace {

constexpr std::size_t kReadBytes = 64U << 10;  // a default pipe, whole
constexpr int kReadsPerTurn = 4;               // then the others have their turn: one flood starves nobody
constexpr std::size_t kMostSources = 16'384;   // above net::kMostInstanceSlots, with sidecars

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t at = text.find(separator);
    out.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

// Keys come from engine, which is root but may be wrong: a name must not leave the folder.
bool plain_name(std::string_view name) {
  return !name.empty() && name.size() < 200 && name.front() != '.' && name.find('/') == std::string_view::npos;
}

}  // namespace

// One descriptor of one instance, and the beginning of its line that has no end yet.
class OutputPipe final : public net::Watcher {
 public:
  OutputPipe(LogsRole& role, LogsRole::Source& source, telemetry::LogStream stream, base::Fd fd)
      : role_(role), source_(source), stream_(stream), fd_(std::move(fd)) {
    ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
    if (!role_.world_.loop.add(fd_.get(), EPOLLIN, *this)) fd_.reset();
  }
  ~OutputPipe() override {
    if (fd_) role_.world_.loop.remove(fd_.get(), *this);
  }
  OutputPipe(const OutputPipe&) = delete;
  OutputPipe& operator=(const OutputPipe&) = delete;

  bool watching() const { return static_cast<bool>(fd_); }

  void on_ready(std::uint32_t /*events*/) override {
    for (int i = 0; i < kReadsPerTurn; ++i) {
      if (!source_.budget.open(role_.world_.loop.now())) {
        if (!discard()) return;
        continue;
      }
      std::array<char, kReadBytes> buffer;
      const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
      if (got < 0) return;
      if (got == 0) {
        finish();
        return;
      }
      source_.budget.spend(got);
      take({buffer.data(), static_cast<std::size_t>(got)});
    }
  }

  // What a dying role still holds of an unfinished line.
  void flush_partial() {
    std::string out;
    tell_dropped(out);
    if (!partial_.empty()) append(out, partial_);
    partial_.clear();
    if (!out.empty()) role_.write(source_, out);
  }

 private:
  void append(std::string& out, std::string_view text) const {
    telemetry::append_line(out, {.unix_ns = role_.world_.loop.clock().wall().unix_ns,
                                 .revision = source_.revision,
                                 .instance = source_.instance,
                                 .stream = stream_,
                                 .text = std::string(text),
                                 .container = source_.container});
  }
  // A flood goes on at the app's own pace, without a copy; the app never waits for its lines to be of interest. False:
  // there is nothing left to read now.
  bool discard() {
    const ssize_t gone = ::splice(fd_.get(), nullptr, role_.nowhere_.get(), nullptr, kReadBytes, SPLICE_F_NONBLOCK);
    if (gone > 0) {
      lose(static_cast<std::uint64_t>(gone));
      mid_line_ = true;
      return true;
    }
    if (gone == 0) finish();
    return false;
  }
  void lose(std::uint64_t bytes) {
    if (dropped_ == 0) ++role_.floods_;
    dropped_ += bytes;
    role_.dropped_bytes_ += bytes;
  }
  void tell_dropped(std::string& out) {
    if (dropped_ == 0) return;
    append(out, "marea: " + std::to_string(dropped_) +
                    " bytes of output were dropped here: this instance writes more than " +
                    model::print_bytes(role_.world_.bytes_per_second) + " a second");
    dropped_ = 0;
  }
  void take(std::string_view bytes) {
    std::string out;
    if (mid_line_) {  // what is left of a line whose beginning was dropped
      const std::size_t newline = bytes.find('\n');
      const std::size_t rest = newline == std::string_view::npos ? bytes.size() : newline + 1;
      mid_line_ = newline == std::string_view::npos;
      lose(rest);
      bytes.remove_prefix(rest);
      if (mid_line_) return;
    }
    if (dropped_ > 0 && !partial_.empty()) {
      append(out, partial_);
      partial_.clear();
    }
    tell_dropped(out);
    while (!bytes.empty()) {
      const std::size_t newline = bytes.find('\n');
      const std::size_t room = telemetry::kMostLogLineBytes - partial_.size();
      if (newline != std::string_view::npos && newline <= room) {
        partial_.append(bytes.substr(0, newline));
        append(out, partial_);
        partial_.clear();
        bytes.remove_prefix(newline + 1);
      } else if (bytes.size() >= room) {
        partial_.append(bytes.substr(0, room));
        append(out, partial_);
        partial_.clear();
        bytes.remove_prefix(room);
      } else {
        partial_.append(bytes);
        bytes = {};
      }
    }
    base::crash_point("logs.lines.read");
    if (!out.empty()) role_.write(source_, out);
  }
  void finish() {
    flush_partial();
    role_.world_.loop.remove(fd_.get(), *this);
    fd_.reset();
    if (--source_.open == 0) role_.ended(source_.key);
  }

  LogsRole& role_;
  LogsRole::Source& source_;
  telemetry::LogStream stream_;
  base::Fd fd_;
  std::string partial_;
  std::uint64_t dropped_ = 0;  // bytes beyond the instance's budget that nobody was told of yet
  bool mid_line_ = false;
};

LogsRole::LogsRole(World world)
    : world_(std::move(world)), nowhere_(::open("/dev/null", O_WRONLY | O_CLOEXEC)), sweep_(world_.loop, [this] {
        for (const std::string& key : finished_) sources_.erase(key);
        finished_.clear();
      }) {}

LogsRole::~LogsRole() = default;

void LogsRole::on_peer(net::Role /*peer*/, base::Fd link) {
  control_ = std::make_unique<Link>(
      world_.loop, std::move(link),
      Link::Events{.on_message = [this](const net::ControlToLogs& message,
                                        auto) { std::visit([this](const auto& each) { (*this)(each); }, message); },
                   .on_closed = [](const std::string&) {}});
}

// Whoever writes on begins a new segment.
void LogsRole::operator()(const net::msg::DropLogs& message) {
  const std::string& service = message.service.str();
  if (!plain_name(service)) return;
  writers_.erase(service);
  std::error_code problem;
  std::filesystem::remove_all(world_.folder + "/" + service, problem);
  if (problem) world_.log(base::Severity::warning, "logs stay", {{"service", service}, {"why", problem.message()}});
}

void LogsRole::operator()(const net::msg::MetricsWanted& message) {
  using model::Metric;
  const std::string limit(row_of(model::Limit::log_bytes).name);
  control_->send(net::msg::Metrics{
      .number = message.number,
      .values = {{Metric::limit_hits, {limit}, {floods_}}, {Metric::log_bytes_dropped, {}, {dropped_bytes_}}},
      .last = true});
}

void LogsRole::on_listener(net::ListenerKind /*kind*/, std::string /*address*/, base::Fd /*listener*/) {}
void LogsRole::on_held_done() {}
void LogsRole::on_builder_ended(std::uint64_t /*job*/, int /*wait_status*/) {}

void LogsRole::on_held(std::string key, std::vector<base::Fd> fds) {
  const std::vector<std::string> parts = split(key, '/');
  const bool valid = (parts.size() == 4 || parts.size() == 5) && parts[0] == "out" &&
                     std::ranges::all_of(parts.begin() + 1, parts.end(), plain_name) && fds.size() == 2;
  if (!valid || sources_.size() >= kMostSources) {
    world_.log(base::Severity::error, "output pipes refused", {{"key", key}});
    return;
  }
  if (sources_.contains(key)) return;
  Source& source = sources_[key];
  source = {.key = key,
            .service = parts[1],
            .revision = base::RevisionName(parts[2]),
            .instance = base::InstanceId(parts[3]),
            .container = parts.size() == 5 ? parts[4] : std::string(),
            .pipes = {},
            .open = 0,
            .budget = decide::ByteBudget(world_.bytes_per_second)};
  for (std::size_t i = 0; i < fds.size(); ++i) {
    const auto stream = i == 0 ? telemetry::LogStream::out : telemetry::LogStream::err;
    source.pipes.push_back(std::make_unique<OutputPipe>(*this, source, stream, std::move(fds[i])));
    if (source.pipes.back()->watching()) ++source.open;
  }
}

void LogsRole::write(const Source& source, std::string_view lines) {
  auto writer = writers_.find(source.service);
  if (writer == writers_.end()) {
    writer = writers_.try_emplace(source.service, world_.folder + "/" + source.service).first;
  }
  writer->second.write(lines);
}

void LogsRole::ended(const std::string& key) {
  world_.to_keeper(net::msg::Release{.owner = net::Role::logs, .key = key}, {});
  const auto source = sources_.find(key);
  const std::string service = source->second.service;
  finished_.push_back(key);  // we are inside one of its pipes: erase in the next turn
  sweep_.arm_in(base::Duration{0});
  const bool last = std::ranges::none_of(
      sources_, [&](const auto& entry) { return entry.second.service == service && entry.second.open > 0; });
  if (last) writers_.erase(service);  // an idle service holds no descriptor
}

void LogsRole::on_stop(base::Duration /*grace*/, std::function<void()> done) {
  // keeper stops us last, when every writer is gone: drain what is left in the pipes, then end.
  for (auto& [key, source] : sources_) {
    for (const auto& pipe : source.pipes) {
      if (pipe->watching()) pipe->on_ready(EPOLLIN);
      pipe->flush_partial();
    }
  }
  done();
}

}  // namespace marea::app
