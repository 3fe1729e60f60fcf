#include "engine/local/run_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "net/wire.h"
#include "net/wire_model.h"

namespace marea::engine::local {
namespace {

template <class T>
constexpr std::string_view kKind = "";
template <>
constexpr std::string_view kKind<InstanceRecord> = "marea instance ";
template <>
constexpr std::string_view kKind<model::InstanceReport> = "marea report ";
template <>
constexpr std::string_view kKind<model::Plan> = "marea plan ";

constexpr std::string_view kForm = "1\n";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Nothing when the text does not begin with a line of this kind.
std::optional<std::string_view> form_in(std::string_view text, std::string_view kind) {
  const std::size_t end = text.find('\n');
  if (!text.starts_with(kind) || end == std::string_view::npos) return std::nullopt;
  const std::string_view form = text.substr(kind.size(), end + 1 - kind.size());
  const bool number = form.size() > 1 && std::ranges::all_of(form.substr(0, form.size() - 1), is_digit);
  return number ? std::optional(form) : std::nullopt;
}

template <class T>
std::string print(const T& value) {
  return std::string(kKind<T>) + std::string(kForm) + net::encode<net::Form::stored>(value);
}

}  // namespace

std::string print_run_file(const InstanceRecord& record) {
  return print(record);
}
std::string print_run_file(const model::InstanceReport& report) {
  return print(report);
}
std::string print_run_file(const model::Plan& plan) {
  return print(plan);
}

template <class T>
base::Result<T> parse_run_file(std::string_view text, const std::string& place) {
  const std::optional<std::string_view> form = form_in(text, kKind<T>);
  if (form && *form != kForm) {
    return base::fail(base::ErrorCode::not_allowed, "cannot use " + place, "a newer marea wrote it",
                      "Start that marea again, or a newer one.");
  }
  std::optional<T> value;
  if (form) value = net::decode<T, net::Form::stored>(text.substr(kKind<T>.size() + kForm.size()));
  if (!value) return base::fail(base::ErrorCode::invalid_argument, "cannot use " + place, "it is damaged");
  return std::move(*value);
}

template base::Result<InstanceRecord> parse_run_file(std::string_view text, const std::string& place);
template base::Result<model::InstanceReport> parse_run_file(std::string_view text, const std::string& place);
template base::Result<model::Plan> parse_run_file(std::string_view text, const std::string& place);

}  // namespace marea::engine::local
