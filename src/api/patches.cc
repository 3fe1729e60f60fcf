#include "api/patches.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace marea::api {
namespace {

using Path = std::vector<std::string>;
using Result = std::expected<void, std::string>;

constexpr auto kMostDepth = static_cast<std::size_t>(model::kMostManifestDepth);

// RFC 6901: "/a~1b/0" is {"a/b", "0"}.
std::optional<Path> read_pointer(std::string_view text) {
  Path out;
  if (text.empty()) return out;
  if (!text.starts_with('/')) return std::nullopt;
  while (!text.empty()) {
    text.remove_prefix(1);
    std::string word;
    const std::string_view raw = text.substr(0, text.find('/'));
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '~') {
        word += raw[i];
        continue;
      }
      const char next = i + 1 < raw.size() ? raw[i + 1] : '\0';
      if (next != '0' && next != '1') return std::nullopt;
      word += next == '0' ? '~' : '/';
      ++i;
    }
    out.push_back(std::move(word));
    text.remove_prefix(raw.size());
  }
  return out;
}

// No leading zeros, no sign (RFC 6901 §4).
std::optional<std::size_t> read_index(const std::string& word) {
  std::size_t out = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (error != std::errc{} || end != word.data() + word.size() || (word.size() > 1 && word[0] == '0'))
    return std::nullopt;
  return out;
}

Json* child_of(Json& parent, const std::string& word) {
  if (parent.is_object()) {
    const auto found = parent.find(word);
    return found == parent.end() ? nullptr : &*found;
  }
  if (!parent.is_array()) return nullptr;
  const std::optional<std::size_t> index = read_index(word);
  return index && *index < parent.size() ? &parent[*index] : nullptr;
}

Json* find(Json& document, const Path& path, std::size_t words) {
  Json* at = &document;
  for (std::size_t i = 0; i < words && at != nullptr; ++i) at = child_of(*at, path[i]);
  return at;
}

struct Size {
  std::size_t values = 0;
  std::size_t bytes = 0;
  std::size_t depth = 0;  // of the maps and lists
};

void measure(const Json& value, Size& size, std::size_t depth = 0) {
  ++size.values;
  if (const auto* text = value.get_ptr<const std::string*>()) size.bytes += text->size();
  if (!value.is_structured()) return;
  size.depth = std::max(size.depth, depth + 1);
  for (const auto& [name, child] : value.items()) {
    if (value.is_object()) size.bytes += name.size();
    measure(child, size, depth + 1);
  }
}

class Patching {
 public:
  explicit Patching(Json& document) : document_(document) {}

  Result apply(const Json& operation) {
    if (!operation.is_object() || !operation.contains("op") || !operation["op"].is_string())
      return bad("it has no \"op\"");
    const auto op = operation["op"].get<std::string>();
    const auto path = pointer(operation, "path");
    if (!path) return bad("it has no \"path\" that is a JSON pointer");
    if (path->size() > kMostDepth) return too_deep();
    if (op == "remove") return remove(*path);
    if (op == "move" || op == "copy") {
      const auto from = pointer(operation, "from");
      if (!from) return bad("it has no \"from\" that is a JSON pointer");
      return op == "move" ? move(*from, *path) : copy(*from, *path);
    }
    if (op != "add" && op != "replace" && op != "test") return bad("there is no operation \"" + op + "\"");
    if (!operation.contains("value")) return bad("it has no \"value\"");
    const Json& value = operation["value"];
    if (op == "add") return add(*path, value);
    Json* at = find(document_, *path, path->size());
    if (at == nullptr) return bad("there is nothing at its path");
    if (op == "test")
      return nlohmann::json(*at) == nlohmann::json(value) ? Result() : bad("the value at its path is another");
    if (auto charged = charge(*path, value); !charged) return charged;
    *at = value;
    return {};
  }

 private:
  static std::unexpected<std::string> bad(std::string why) { return std::unexpected(std::move(why)); }
  static std::unexpected<std::string> too_deep() {
    return bad("the patch nests the document deeper than " + std::to_string(kMostDepth) + " levels");
  }

  static std::optional<Path> pointer(const Json& operation, const char* name) {
    if (!operation.contains(name) || !operation[name].is_string()) return std::nullopt;
    return read_pointer(operation[name].get<std::string>());
  }

  // Depth too: a document that is deeper with each copy would end the stack of whoever walks it.
  Result charge(const Path& path, const Json& value) {
    Size size;
    measure(value, size);
    if (path.size() + size.depth > kMostDepth) return too_deep();
    values_ += size.values;
    bytes_ += size.bytes;
    if (!path.empty()) bytes_ += path.back().size();
    if (values_ > kMostPatchedValues || bytes_ > kMostPatchedBytes)
      return bad("the patch makes the document too large");
    return {};
  }

  Result add(const Path& path, const Json& value) {
    if (auto charged = charge(path, value); !charged) return charged;
    if (path.empty()) {
      document_ = value;
      return {};
    }
    Json* parent = find(document_, path, path.size() - 1);
    if (parent == nullptr || !parent->is_structured()) return bad("there is no map or list for its path");
    if (parent->is_object()) {
      (*parent)[path.back()] = value;
      return {};
    }
    const std::optional<std::size_t> index = path.back() == "-" ? parent->size() : read_index(path.back());
    if (!index || *index > parent->size()) return bad("its path is beyond the end of the list");
    parent->insert(parent->begin() + static_cast<std::ptrdiff_t>(*index), value);
    return {};
  }

  Result remove(const Path& path) {
    if (path.empty() || find(document_, path, path.size()) == nullptr) return bad("there is nothing at its path");
    Json& parent = *find(document_, path, path.size() - 1);
    if (parent.is_object()) {
      parent.erase(path.back());
    } else {
      parent.erase(*read_index(path.back()));
    }
    return {};
  }

  Result copy(const Path& from, const Path& path) {
    const Json* at = find(document_, from, from.size());
    if (at == nullptr) return bad("there is nothing at its \"from\"");
    const Json value = *at;
    return add(path, value);
  }

  Result move(const Path& from, const Path& path) {
    if (path.size() > from.size() && std::equal(from.begin(), from.end(), path.begin())) {
      return bad("a value cannot be moved into itself");
    }
    Json* at = find(document_, from, from.size());
    if (at == nullptr) return bad("there is nothing at its \"from\"");
    const Json value = *at;
    if (auto removed = remove(from); !removed) return removed;
    return add(path, value);
  }

  Json& document_;
  std::size_t values_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::expected<void, std::string> apply_json_patch(Json& document, const Json& patch) {
  if (!patch.is_array()) return std::unexpected("a JSON patch is a list of operations");
  if (patch.size() > kMostPatchOperations) {
    return std::unexpected("a JSON patch has at most " + std::to_string(kMostPatchOperations) + " operations");
  }
  Patching patching(document);
  std::size_t number = 0;
  for (const Json& operation : patch) {
    if (auto done = patching.apply(operation); !done) {
      return std::unexpected("operation " + std::to_string(number) + ": " + done.error());
    }
    ++number;
  }
  return {};
}

void apply_merge_patch(Json& document, const Json& patch) {
  if (!patch.is_object()) {
    document = patch;
    return;
  }
  if (!document.is_object()) document = Json::object();
  for (const auto& [name, value] : patch.items()) {
    if (value.is_null()) {
      document.erase(name);
    } else {
      apply_merge_patch(document[name], value);
    }
  }
}

}  // namespace marea::api
