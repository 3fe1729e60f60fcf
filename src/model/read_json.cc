#include <exception>

#include "model/tree.h"

namespace marea::model {
namespace {

// Hands out the text and counts, so that each event knows where the lexer stands.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    if (furthest_ != nullptr) *furthest_ = at_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

bool is_number_part(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// nlohmann's events into the builder. A token's start is found by walking back from where the lexer stands.
class JsonEvents final : public nlohmann::json_sax<Json> {
 public:
  JsonEvents(TreeBuilder& builder, std::string_view text) : builder_(builder), text_(text), seen_(text.data()) {}

  const char** furthest() { return &seen_; }
  Mark here() { return mark_at(offset()); }
  const std::string& syntax() const { return syntax_; }

  bool null() override { return builder_.scalar(nullptr, mark_at(offset() - 4)); }
  bool boolean(bool value) override { return builder_.scalar(value, mark_at(offset() - (value ? 4 : 5))); }
  bool number_integer(std::int64_t value) override { return builder_.scalar(value, number_mark()); }
  bool number_unsigned(std::uint64_t value) override { return builder_.scalar(value, number_mark()); }
  bool number_float(double value, const std::string& /*text*/) override {
    return builder_.scalar(value, number_mark());
  }
  bool string(std::string& value) override { return builder_.scalar(std::move(value), string_mark()); }
  bool binary(Json::binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return builder_.open(true, mark_at(offset() - 1)); }
  bool key(std::string& value) override { return builder_.key(std::move(value), string_mark()); }
  bool end_object() override { return builder_.close(); }
  bool start_array(std::size_t /*size*/) override { return builder_.open(false, mark_at(offset() - 1)); }
  bool end_array() override { return builder_.close(); }
  bool parse_error(std::size_t /*position*/, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    const bool ended = std::string_view(error.what()).find("unexpected end of input") != std::string_view::npos;
    syntax_ = ended ? "ends too early" : "this is not expected here: " + in_quotes(token);
    return false;
  }

 private:
  std::size_t offset() const { return static_cast<std::size_t>(seen_ - text_.data()); }

  Mark number_mark() {
    std::size_t at = offset();
    if (at > 0 && !is_number_part(text_[at - 1])) --at;  // the lexer reads one character beyond a number
    while (at > 0 && is_number_part(text_[at - 1])) --at;
    return mark_at(at);
  }

  Mark string_mark() {
    std::size_t at = offset() - 1;  // on the closing quote
    while (at > 0) {
      --at;
      if (text_[at] != '"') continue;
      std::size_t slashes = 0;
      while (slashes < at && text_[at - 1 - slashes] == '\\') ++slashes;
      if (slashes % 2 == 0) break;
    }
    return mark_at(at);
  }

  // Offsets never fall, so each newline is passed once.
  Mark mark_at(std::size_t offset) {
    while (passed_ < offset) {
      if (text_[passed_] == '\n') {
        ++line_;
        line_start_ = passed_ + 1;
      }
      ++passed_;
    }
    return Mark{line_, static_cast<int>(offset - std::min(line_start_, offset)) + 1};
  }

  TreeBuilder& builder_;
  std::string_view text_;
  const char* seen_;
  std::string syntax_;
  std::size_t passed_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
};

// {"…" and {} begin JSON; {name: and anything in [ may be YAML in flow style, as are several documents with ---
// between.
bool is_surely_json(std::string_view text) {
  if (text.find("\n---") != std::string_view::npos) return false;
  const std::size_t brace = text.find_first_of("{[");
  const std::size_t next = text.find_first_not_of(" \t\r\n", brace + 1);
  return text[brace] == '{' && next != std::string_view::npos && (text[next] == '"' || text[next] == '}');
}

}  // namespace

bool read_json(std::string_view text, Documents& documents) {
  TreeBuilder builder;
  JsonEvents events(builder, text);
  std::string failure;
  bool good = false;
  try {
    good = Json::sax_parse(CountingIterator(text.data(), events.furthest()),
                           CountingIterator(text.data() + text.size(), nullptr), &events);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  const bool syntax = !good && !builder.failed();
  if (syntax && !is_surely_json(text)) return false;
  documents.faults.insert(documents.faults.end(), builder.faults().begin(), builder.faults().end());
  if (good) documents.trees.push_back(builder.take());
  if (syntax) {
    const Mark mark = events.here();
    documents.faults.push_back(
        {mark.line, mark.column, {}, "is no JSON: " + (failure.empty() ? events.syntax() : failure)});
  }
  return true;
}

}  // namespace marea::model
