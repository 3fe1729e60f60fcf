#include "app/cli_output.h"

#include <algorithm>

namespace marea::app {
namespace {

// Names and texts come from the platform and from apps: no escape sequence of theirs may reach the terminal.
std::string shown(std::string_view cell) {
  std::string out(cell.empty() ? "-" : cell);
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return out;
}

}  // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::optional<Format> format_from(std::string_view text) {
  if (text == "table") return Format::table;
  if (text == "json") return Format::json;
  if (text == "yaml") return Format::yaml;
  if (text == "name") return Format::name;
  return std::nullopt;
}

std::string print_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  widths.reserve(header.size());
  for (const std::string& cell : header) widths.push_back(width_of(cell));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < widths.size() && i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(shown(row[i])));
    }
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < widths.size() && i < cells.size(); ++i) {
      const std::string cell = shown(cells[i]);
      out += cell;
      if (i + 1 < widths.size()) out.append(widths[i] - std::min(widths[i], width_of(cell)) + 2, ' ');
    }
    out += '\n';
  };
  line(header);
  for (const auto& row : rows) line(row);
  return out;
}

std::string print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::size_t widest = 0;
  for (const auto& [key, value] : pairs) {
    if (!value.empty()) widest = std::max(widest, width_of(key));
  }
  std::string out;
  for (const auto& [key, value] : pairs) {
    if (value.empty()) continue;
    out += key + ":";
    out.append(widest - width_of(key) + 2, ' ');
    for (std::size_t at = 0; at < value.size();) {  // a message of several lines keeps them, below each other
      const std::size_t end = std::min(value.find('\n', at), value.size());
      if (at > 0) out.append(widest + 3, ' ');
      out += shown(std::string_view(value).substr(at, end - at)) + '\n';
      at = end + 1;
    }
  }
  return out;
}

std::string print_value(const Json& value, Format format) {
  if (format == Format::yaml) return model::print_yaml(value);
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

const Json* find(const Json& value, std::initializer_list<std::string_view> path) {
  const Json* at = &value;
  for (const std::string_view key : path) {
    if (!at->is_object()) return nullptr;
    const auto next = at->find(std::string(key));
    if (next == at->end()) return nullptr;
    at = &*next;
  }
  return at;
}

std::string text_at(const Json& value, std::initializer_list<std::string_view> path) {
  const Json* found = find(value, path);
  if (found == nullptr) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->is_number() || found->is_boolean() ? found->dump() : std::string();
}

}  // namespace marea::app
