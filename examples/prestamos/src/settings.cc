#include "settings.h"

#include <charconv>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace prestamos {
namespace {

using Get = std::function<std::string(const char*)>;

[[noreturn]] void refuse(const std::string& name, const std::string& text, const std::string& right) {
  throw std::invalid_argument(name + " is \"" + text + "\"; give " + right);
}

int number_of(const std::string& name, const std::string& text, int otherwise, int least, int most) {
  if (text.empty()) return otherwise;
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    refuse(name, text, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

int number(const Get& get, const char* name, int otherwise, int least, int most) {
  return number_of(name, get(name), otherwise, least, most);
}

std::pair<FaultKind, int> read_fault(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string number = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (kind.empty() || kind == "none") return {FaultKind::none, 0};
  if (kind == "constant-principal") return {FaultKind::constant_principal, 0};
  if (kind == "slow-tail") return {FaultKind::slow_tail, number_of("PRESTAMOS_FAULT=slow-tail", number, 3, 1, 100)};
  if (kind == "crash") return {FaultKind::crash, number_of("PRESTAMOS_FAULT=crash", number, 60, 1, 86'400)};
  refuse("PRESTAMOS_FAULT", text, "none, constant-principal, slow-tail[:PERCENT] or crash[:SECONDS]");
}

}  // namespace

Settings read_settings(const Get& get) {
  Settings out;
  out.port = number(get, "PORT", out.port, 1, 65'535);
  out.port = number(get, "PRESTAMOS_PORT", out.port, 1, 65'535);
  if (const std::string store = get("PRESTAMOS_STORE"); !store.empty()) out.store = store;
  out.version = number(get, "PRESTAMOS_VERSION", out.version, 1, 2);
  std::tie(out.fault, out.fault_number) = read_fault(get("PRESTAMOS_FAULT"));
  out.sample = number(get, "PRESTAMOS_SAMPLE", 1, 0, 1) == 1;
  out.bureau_ms = number(get, "PRESTAMOS_BUREAU_MS", out.bureau_ms, 0, 10'000);
  out.service = get("K_SERVICE");
  out.revision = get("K_REVISION");
  out.project = get("GOOGLE_CLOUD_PROJECT");
  return out;
}

}  // namespace prestamos
