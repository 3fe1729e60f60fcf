#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <cassert>
#include <exception>
#include <sstream>

#include "model/tree.h"
#include "model/yaml_scalar.h"

namespace marea::model {
namespace {

// Longer ones are not kept as they were written: aliases could multiply them, and nobody charges for a number.
constexpr std::size_t kMostNumberBytes = 64;

struct Stopped {};  // leaves yaml-cpp's parser once the builder has refused something

Mark to_mark(const YAML::Mark& mark) {
  return mark.is_null() ? Mark{} : Mark{mark.line + 1, mark.column + 1};
}

// yaml-cpp's events into the builder. Events instead of YAML::Node: no second tree, and aliases cost what they expand
// to.
class YamlEvents final : public YAML::EventHandler {
 public:
  explicit YamlEvents(TreeBuilder& builder) : builder_(builder) {}

  // The parser offers a character that begins nothing ("," for one) as an empty document, again and again.
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos == last_start_) throw YAML::ParserException(mark, "a document cannot begin with this character");
    last_start_ = mark.pos;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_.wants_key()) builder_.fail(to_mark(mark), "a key must not be empty or null");
    go(builder_.scalar(nullptr, to_mark(mark), anchor));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { go(builder_.alias(anchor, to_mark(mark))); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Mark at = to_mark(mark);
    const bool plain = tag == "?" || tag.empty();
    if (builder_.wants_key()) {
      const auto name = plain ? resolve_key(value) : std::optional(value);
      if (anchor != 0) builder_.fail(at, "a key must not have an anchor");
      if (!name) builder_.fail(at, "a key must not be empty or null");
      go(name && builder_.key(*name, at, plain && value == "<<"));
      return;
    }
    if (plain) {
      Json resolved = resolve_plain(value);
      const bool other_form = resolved.is_number() && value.size() <= kMostNumberBytes && resolved.dump() != value;
      go(builder_.scalar(std::move(resolved), at, anchor, other_form ? value : std::string()));
    } else if (tag == "!") {
      go(builder_.scalar(value, at, anchor));
    } else {
      auto resolved = resolve_tagged(tag, value);
      if (!resolved)
        builder_.fail(at, "has the tag " + in_quotes(tag) + ", which is unknown or does not fit the value");
      go(resolved && builder_.scalar(*std::move(resolved), at, anchor));
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    go(builder_.open(false, to_mark(mark), anchor));
  }
  void OnSequenceEnd() override { go(builder_.close()); }

  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    go(builder_.open(true, to_mark(mark), anchor));
  }
  void OnMapEnd() override { go(builder_.close()); }

 private:
  static void go(bool on) {
    if (!on) throw Stopped{};
  }

  TreeBuilder& builder_;
  int last_start_ = -1;
};

std::string_view line_of(std::string_view text, int line) {
  for (; line > 1; --line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

Fault syntax_fault(std::string_view text, Mark mark, const std::string& message) {
  Fault fault{mark.line, mark.column, {}, "is no YAML: " + message};
  const std::string_view line = line_of(text, mark.line);
  const std::size_t start = line.find_first_not_of(' ');
  if (start != std::string_view::npos && line[start] == '\t') {
    fault.message += "; indent with spaces, YAML allows no tabs there";
  }
  return fault;
}

}  // namespace

void read_yaml(std::string_view text, Documents& documents) {
  TreeBuilder builder;
  std::optional<Fault> syntax;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    YamlEvents events(builder);
    while (parser.HandleNextDocument(events)) {
      if (!builder.done()) continue;
      if (documents.trees.size() >= kMostDocuments) {
        syntax = Fault{0, 0, {}, "has more than " + std::to_string(kMostDocuments) + " documents; apply them in parts"};
        break;
      }
      Tree tree = builder.take();
      if (!tree.value.is_null()) documents.trees.push_back(std::move(tree));
    }
  } catch (const Stopped&) {
    assert(builder.failed());  // its last fault says why
  } catch (const YAML::Exception& error) {
    syntax = syntax_fault(text, to_mark(error.mark), error.msg);
  } catch (const std::exception& error) {
    syntax = Fault{0, 0, {}, std::string("cannot be read: ") + error.what()};
  }
  documents.faults.insert(documents.faults.end(), builder.faults().begin(), builder.faults().end());
  if (syntax) documents.faults.push_back(*std::move(syntax));
}

}  // namespace marea::model
