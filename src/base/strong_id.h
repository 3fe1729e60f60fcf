// Names that must not be confused: a ServiceName is no RevisionName although both are text. Value type; compares,
// hashes and prints like its text. Construction does not validate: whoever reads untrusted text validates first
// (model/names.h).
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace marea::base {

template <class Tag>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(std::string text) : text_(std::move(text)) {}
  explicit StrongId(std::string_view text) : text_(text) {}
  explicit StrongId(const char* text) : text_(text) {}

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend auto operator<=>(const StrongId&, const StrongId&) = default;
  friend bool operator==(const StrongId&, const StrongId&) = default;

 private:
  std::string text_;
};

struct ServiceTag;
struct RevisionTag;
struct InstanceTag;
using ServiceName = StrongId<ServiceTag>;
using RevisionName = StrongId<RevisionTag>;
using InstanceId = StrongId<InstanceTag>;

}  // namespace marea::base

template <class Tag>
struct std::hash<marea::base::StrongId<Tag>> {
  std::size_t operator()(const marea::base::StrongId<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
