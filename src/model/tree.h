// A document with the place of each of its parts: the JSON value as the user wrote it, and beside it a tree of lines
// and columns of the same shape (child i of a place belongs to element or member i of the value). TreeBuilder makes it
// from the events of a parser and refuses what would make it large, deep or ambiguous; it is shared by the YAML and the
// JSON reader, so that both have the same bounds. Values only.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/manifest.h"

namespace marea::model {

struct Mark {
  int line = 0;  // 1-based, 0: unknown
  int column = 0;
};

struct Place {
  Mark key;    // of the member's name; for elements and the root the same as value
  Mark value;  // of the value's first character
  std::vector<Place> children;
  std::string written;  // of a number whose text has another form than its value: 007, 1_000; else empty
};

struct Tree {
  Json value;
  Place place;
};

// Names in a path: spec.template, containers[0], annotations["run.googleapis.com/ingress"].
std::string member_path(const std::string& parent, std::string_view key);
std::string element_path(const std::string& parent, std::size_t index);

// Text from a manifest inside a message: in quotes, control characters escaped, shortened when long.
std::string in_quotes(std::string_view text);

// Appends without the search for duplicates that ordered_json does; the caller knows that the key is new.
void append_member(Json& object, std::string key, Json value);

// Receives the events of one document. Each call answers whether to go on. A member that is
// there twice is a fault but no end.
class TreeBuilder {
 public:
  bool scalar(Json value, Mark mark, std::size_t anchor = 0, std::string written = {});
  // A scalar where a key is expected. A key that merges ("<<") is announced with merge.
  bool key(std::string text, Mark mark, bool merge = false);
  bool open(bool object, Mark mark, std::size_t anchor = 0);
  bool close();
  bool alias(std::size_t anchor, Mark mark);
  bool fail(Mark mark, std::string message);

  // Whether the next scalar is a key: inside an object whose last key has its value.
  bool wants_key() const;
  bool done() const { return done_; }
  bool failed() const { return failed_; }
  // The finished document; the next one may follow, under the same bounds.
  Tree take();
  // In order of the text; when failed(), the last one is why.
  const Faults& faults() const { return faults_; }

 private:
  struct Frame {
    Tree tree;
    std::size_t anchor = 0;
    std::unordered_set<std::string> keys;  // of an object
    std::string key;                       // the member whose value comes next
    Mark key_mark;
    bool has_key = false;
    bool merge = false;
    bool twice = false;        // the key is there already: its value is dropped
    std::vector<Tree> merges;  // values of "<<", applied at the end: explicit members win
  };
  struct Anchored {
    Tree tree;
    std::size_t nodes = 0;
    std::size_t bytes = 0;
    std::size_t depth = 0;
  };

  bool place_value(Tree tree, std::size_t anchor);
  bool merge_into(Frame& frame);
  static void merge_members(Frame& frame, Tree& source);
  bool charge(std::size_t nodes, std::size_t bytes, Mark mark);
  bool too_deep(Mark mark);
  bool too_wide(Mark mark);
  std::string path() const;

  std::vector<Frame> frames_;
  std::unordered_map<std::size_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  Tree root_;
  Faults faults_;
  bool failed_ = false;
  bool done_ = false;
};

inline constexpr std::size_t kMostDocuments = 1000;  // of one text

// What a text holds: every document that could be read, and what is wrong with the text itself (no YAML, a member
// twice). A fault that ends the reading is the last one. Empty documents are left out.
struct Documents {
  std::vector<Tree> trees;
  Faults faults;
};

Documents read_documents(std::string_view text);

// The same bounds for a value that did not come through read_documents().
std::optional<Fault> size_fault(const Json& value);

// Its halves; read_documents() has checked size and encoding.
void read_yaml(std::string_view text, Documents& documents);
// Answers false, with nothing added, when the text is no JSON at all; then it may be YAML.
bool read_json(std::string_view text, Documents& documents);

}  // namespace marea::model
