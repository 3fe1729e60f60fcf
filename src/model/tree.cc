#include "model/tree.h"

#include <algorithm>
#include <utility>

namespace marea::model {
namespace {

constexpr std::size_t kMostTwice = 1000;      // nobody mends more by hand
constexpr std::size_t kMostQuotedBytes = 80;  // in one message

struct Size {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  std::size_t depth = 0;  // of the collections
};

void measure(const Json& value, Size& size, std::size_t depth = 0) {
  ++size.nodes;
  if (const auto* text = value.get_ptr<const std::string*>()) size.bytes += text->size();
  if (!value.is_structured()) return;
  size.depth = std::max(size.depth, depth + 1);
  if (value.is_array()) {
    for (const Json& element : value) measure(element, size, depth + 1);
    return;
  }
  for (const auto& [key, member] : *value.get_ptr<const Json::object_t*>()) {
    size.bytes += key.size();
    measure(member, size, depth + 1);
  }
}

bool is_plain_key(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (out.size() > kMostQuotedBytes) {
      // A cut inside a UTF-8 sequence would make the message invalid.
      while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80U) out.pop_back();
      if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0U) out.pop_back();
      return out + "…\"";
    }
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string member_path(const std::string& parent, std::string_view key) {
  if (!is_plain_key(key)) return parent + '[' + in_quotes(key) + ']';
  return parent.empty() ? std::string(key) : parent + '.' + std::string(key);
}

std::string element_path(const std::string& parent, std::size_t index) {
  return parent + '[' + std::to_string(index) + ']';
}

void append_member(Json& object, std::string key, Json value) {
  object.get_ptr<Json::object_t*>()->emplace_back(std::move(key), std::move(value));
}

bool TreeBuilder::fail(Mark mark, std::string message) {
  if (!failed_) faults_.push_back(Fault{mark.line, mark.column, path(), std::move(message)});
  failed_ = true;
  return false;
}

std::string TreeBuilder::path() const {
  std::string out;
  for (const Frame& frame : frames_) {
    if (frame.tree.value.is_array()) {
      out = element_path(out, frame.tree.value.size());
    } else if (frame.has_key) {
      out = member_path(out, frame.key);
    }
  }
  return out;
}

bool TreeBuilder::charge(std::size_t nodes, std::size_t bytes, Mark mark) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > static_cast<std::size_t>(kMostManifestNodes)) {
    return fail(mark, "has more than " + std::to_string(kMostManifestNodes) + " values, aliases expanded");
  }
  if (bytes_ > kMostExpandedBytes) return fail(mark, "has more than 4 MiB of text, aliases expanded");
  return true;
}

bool TreeBuilder::too_deep(Mark mark) {
  return fail(mark, "is nested deeper than " + std::to_string(kMostManifestDepth) + " levels");
}

bool TreeBuilder::too_wide(Mark mark) {
  return fail(mark, "has more than " + std::to_string(kMostManifestMembers) + " members in one map");
}

Tree TreeBuilder::take() {
  anchors_.clear();
  done_ = false;
  return std::exchange(root_, Tree{});
}

bool TreeBuilder::wants_key() const {
  return !frames_.empty() && frames_.back().tree.value.is_object() && !frames_.back().has_key;
}

bool TreeBuilder::scalar(Json value, Mark mark, std::size_t anchor, std::string written) {
  if (failed_) return false;
  const auto* text = value.get_ptr<const std::string*>();
  if (text != nullptr && text->find('\0') != std::string::npos) return fail(mark, "must not contain a NUL character");
  if (!charge(1, text != nullptr ? text->size() : 0, mark)) return false;
  return place_value(Tree{std::move(value), Place{mark, mark, {}, std::move(written)}}, anchor);
}

bool TreeBuilder::key(std::string text, Mark mark, bool merge) {
  if (failed_) return false;
  Frame& frame = frames_.back();
  if (!charge(0, text.size(), mark)) return false;
  if (text.find('\0') != std::string::npos) return fail(mark, "must not contain a NUL character");
  frame.twice = !merge && !frame.keys.insert(text).second;
  if (frame.twice && faults_.size() >= kMostTwice) return fail(mark, "too many members are there twice");
  if (frame.twice) {
    faults_.push_back({mark.line, mark.column, member_path(path(), text), "is there twice; remove one of them", true});
  }
  if (frame.keys.size() > kMostManifestMembers) return too_wide(mark);
  frame.key = std::move(text);
  frame.key_mark = mark;
  frame.has_key = true;
  frame.merge = merge;
  return true;
}

bool TreeBuilder::open(bool object, Mark mark, std::size_t anchor) {
  if (failed_) return false;
  if (wants_key()) return fail(mark, "a key must be plain text, not a list or a map");
  if (frames_.size() >= static_cast<std::size_t>(kMostManifestDepth)) return too_deep(mark);
  if (!charge(1, 0, mark)) return false;
  Frame frame;
  frame.tree.value = object ? Json::object() : Json::array();
  frame.tree.place = Place{mark, mark, {}, {}};
  frame.anchor = anchor;
  frames_.push_back(std::move(frame));
  return true;
}

bool TreeBuilder::close() {
  if (failed_) return false;
  Frame& frame = frames_.back();
  if (!frame.merges.empty() && !merge_into(frame)) return false;
  Tree tree = std::move(frame.tree);
  const std::size_t anchor = frame.anchor;
  frames_.pop_back();
  return place_value(std::move(tree), anchor);
}

bool TreeBuilder::alias(std::size_t anchor, Mark mark) {
  if (failed_) return false;
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) return fail(mark, "an alias must not stand inside the value that it names");
  if (!charge(found->second.nodes, found->second.bytes, mark)) return false;
  if (frames_.size() + found->second.depth > static_cast<std::size_t>(kMostManifestDepth)) return too_deep(mark);
  if (wants_key()) {
    const auto* text = found->second.tree.value.get_ptr<const std::string*>();
    return text != nullptr ? key(*text, mark) : fail(mark, "a key must be plain text");
  }
  Tree copy = found->second.tree;
  copy.place.value = mark;
  copy.place.key = mark;
  return place_value(std::move(copy), 0);
}

// The finished value goes into the collection that is open, and is remembered when it has an anchor.
bool TreeBuilder::place_value(Tree tree, std::size_t anchor) {
  if (anchor != 0) {
    Size size;
    measure(tree.value, size);
    Anchored anchored{tree, size.nodes, size.bytes, size.depth};
    // The remembered copy is memory too: without this, nested anchors cost their depth times their size.
    if (!charge(anchored.nodes, anchored.bytes, tree.place.value)) return false;
    anchors_.insert_or_assign(anchor, std::move(anchored));
  }
  if (frames_.empty()) {
    root_ = std::move(tree);
    done_ = true;
    return true;
  }
  Frame& frame = frames_.back();
  if (frame.tree.value.is_array()) {
    frame.tree.value.push_back(std::move(tree.value));
    frame.tree.place.children.push_back(std::move(tree.place));
    return true;
  }
  frame.has_key = false;
  if (frame.twice) return true;
  if (frame.merge) {
    frame.merges.push_back(std::move(tree));
    return true;
  }
  tree.place.key = frame.key_mark;
  append_member(frame.tree.value, std::move(frame.key), std::move(tree.value));
  frame.tree.place.children.push_back(std::move(tree.place));
  return true;
}

// "<<": the members of a map, or of each map in a list, that the object does not have itself.
bool TreeBuilder::merge_into(Frame& frame) {
  for (Tree& source : frame.merges) {
    if (source.value.is_object()) {
      merge_members(frame, source);
      continue;
    }
    if (!source.value.is_array()) return fail(source.place.value, "<< merges a map or a list of maps");
    for (std::size_t i = 0; i < source.value.size(); ++i) {
      Tree element{std::move(source.value[i]), std::move(source.place.children[i])};
      if (!element.value.is_object()) return fail(element.place.value, "<< merges a map or a list of maps");
      merge_members(frame, element);
    }
  }
  return frame.keys.size() <= kMostManifestMembers || too_wide(frame.tree.place.value);
}

void TreeBuilder::merge_members(Frame& frame, Tree& source) {
  std::size_t i = 0;
  for (auto& [key, value] : *source.value.get_ptr<Json::object_t*>()) {
    if (frame.keys.insert(key).second) {
      append_member(frame.tree.value, key, std::move(value));
      frame.tree.place.children.push_back(std::move(source.place.children[i]));
    }
    ++i;
  }
}

}  // namespace marea::model
