#include <algorithm>
#include <string>

#include "model/manifest.h"
#include "model/yaml_scalar.h"

// Block style, two spaces, lists not indented below their name: as gcloud and kubectl print. Whatever could be read as
// something else than the text it is stands in quotes.

namespace marea::model {
namespace {

// YAML allows a key on its line only up to 1024 characters; longer ones need the "? " form.
constexpr std::size_t kMostKeyBytes = 512;

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
         c == '.' || c == '-' || c == '@' || c == '+' || c == '=';
}

bool is_plain(std::string_view text) {
  if (text.empty() || !is_word_character(text.front()) || !is_word_character(text.back())) return false;
  if (!(text.front() == '_' || text.front() == '/' || (text.front() >= 'A' && text.front() <= 'z'))) return false;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (is_word_character(text[i])) continue;
    if ((text[i] != ' ' && text[i] != ':') || !is_word_character(text[i - 1]) || !is_word_character(text[i + 1]))
      return false;
  }
  return resolve_plain(text).is_string();
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// "| " keeps lines as they are: readable for scripts in args. Only for text where no rule of its own bites.
bool fits_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n') return false;
  if (text.find(" \n") != std::string_view::npos || text.ends_with(' ') || text.ends_with("\n\n")) return false;
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

void escape(std::string& out, unsigned code) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[(code >> shift) & 0xFU];
}

// The code point of a two- or three-byte sequence; 0 where there is none.
unsigned code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[at + i])); };
  if (byte(0) >= 0xC2 && byte(0) <= 0xDF && at + 1 < text.size()) return (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU);
  if (byte(0) >= 0xE0 && byte(0) <= 0xEF && at + 2 < text.size()) {
    return (byte(0) & 0xFU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
  }
  return 0;
}

// Characters that YAML readers refuse, fold or drop when they stand there themselves.
bool needs_escape(unsigned code) {
  return (code >= 0x80 && code <= 0xA0) || code == 0x2028 || code == 0x2029 || code == 0xFEFF || code >= 0xFFFE;
}

std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    const unsigned code = code_point(text, at);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      escape(out, byte);
    } else if (needs_escape(code)) {
      escape(out, code);
      at += code < 0x800 ? 1 : 2;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string one_line(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  if (!is_printable(text)) return double_quoted(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + '\'';
}

class Printer {
 public:
  std::string out;

  // A value after "key:" or "-". `indent` is that of what contains it.
  void value(const Json& json, std::size_t indent, bool after_key) {
    if (json.is_object() && !json.empty()) {
      if (after_key) {
        out += '\n';
        members(json, indent + 2, true);
      } else {
        out += ' ';
        members(json, indent + 2, false);
      }
    } else if (json.is_array() && !json.empty()) {
      if (after_key) {
        out += '\n';
        elements(json, indent, true);
      } else {
        out += ' ';
        elements(json, indent + 2, false);
      }
    } else {
      out += ' ';
      leaf(json, indent + 2);
    }
  }

  void leaf(const Json& json, std::size_t indent) {
    const auto* text = json.get_ptr<const std::string*>();
    if (text == nullptr) {
      out += json.dump() + '\n';
    } else if (fits_block(*text)) {
      block(*text, indent);
    } else {
      out += one_line(*text) + '\n';
    }
  }

  void members(const Json& object, std::size_t indent, bool indent_first) {
    bool padded = indent_first;
    for (const auto& [key, member] : *object.get_ptr<const Json::object_t*>()) {
      if (padded) out.append(indent, ' ');
      padded = true;
      const std::string name = one_line(key);
      if (name.size() > kMostKeyBytes) {
        out += "? " + name + '\n';
        out.append(indent, ' ');
        out += ':';
        value(member, indent, false);
      } else {
        out += name + ':';
        value(member, indent, true);
      }
    }
  }

  void elements(const Json& list, std::size_t indent, bool indent_first) {
    bool padded = indent_first;
    for (const Json& element : list) {
      if (padded) out.append(indent, ' ');
      padded = true;
      out += '-';
      value(element, indent, false);
    }
  }

 private:
  void block(std::string_view text, std::size_t indent) {
    out += text.ends_with('\n') ? "|\n" : "|-\n";
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      if (!line.empty()) out.append(indent, ' ');
      out += line;
      out += '\n';
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
  }
};

}  // namespace

std::string print_yaml(const Json& document) {
  Printer printer;
  if (document.is_object() && !document.empty()) {
    printer.members(document, 0, true);
  } else if (document.is_array() && !document.empty()) {
    printer.elements(document, 0, true);
  } else {
    printer.leaf(document, 0);
  }
  return std::move(printer.out);
}

}  // namespace marea::model
