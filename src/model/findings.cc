#include "model/findings.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "model/names.h"

namespace marea::model {
namespace {

constexpr std::size_t kMostWordBytes = 64;  // longer words are no slips of a finger

// Edits (insert, delete, replace, swap of neighbours) between two words: "optimal string alignment".
std::size_t distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kMostWordBytes + 1>;
  Row before{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last.at(j) = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row.at(0) = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last.at(j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      row.at(j) = std::min({last.at(j) + 1, row.at(j - 1) + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row.at(j) = std::min(row.at(j), before.at(j - 2) + 1);
      }
    }
    before = last;
    last = row;
  }
  return last.at(b.size());
}

// Spellings that differ in case, hyphens or underscores only are the same word.
std::string folded(std::string_view word) {
  std::string out = lower_case(word);
  std::erase_if(out, [](char c) { return c == '-' || c == '_'; });
  return out;
}

Fault at(const Mark& mark, const Node& node, std::string message) {
  return Fault{mark.line, mark.column, node.path, std::move(message)};
}

Mark mark_of(const Node& node) {
  if (node.place == nullptr) return {};
  return node.value->is_structured() ? node.place->key : node.place->value;
}

void sort_and_cut(std::vector<Fault>& findings, std::size_t dropped, std::string_view what) {
  // Without text there are no places, and the order of reading is that of the object.
  if (std::ranges::any_of(findings, [](const Fault& fault) { return fault.line > 0; })) {
    std::ranges::sort(findings, {},
                      [](const Fault& fault) { return std::tie(fault.line, fault.column, fault.path, fault.message); });
  }
  if (findings.size() <= kMostFindings) return;
  const std::size_t more = findings.size() - kMostFindings + dropped;
  findings.resize(kMostFindings);
  findings.push_back({0, 0, {}, "and " + std::to_string(more) + " more " + std::string(what)});
}

}  // namespace

std::optional<Node> Node::member(std::string_view key) const {
  if (value == nullptr || !value->is_object()) return std::nullopt;
  std::size_t i = 0;
  for (const auto& [name, member] : *value->get_ptr<const Json::object_t*>()) {
    if (name == key) {
      if (member.is_null()) return std::nullopt;
      return Node{&member, place == nullptr ? nullptr : &place->children.at(i), member_path(path, key)};
    }
    ++i;
  }
  return std::nullopt;
}

std::vector<Node> Node::elements() const {
  std::vector<Node> out;
  if (!value->is_array()) return out;
  for (std::size_t i = 0; i < value->size(); ++i) {
    out.push_back({&value->at(i), place == nullptr ? nullptr : &place->children.at(i), element_path(path, i)});
  }
  return out;
}

std::vector<std::pair<std::string, Node>> Node::members() const {
  std::vector<std::pair<std::string, Node>> out;
  if (!value->is_object()) return out;
  std::size_t i = 0;
  for (const auto& [name, member] : *value->get_ptr<const Json::object_t*>()) {
    out.emplace_back(name, Node{&member, place == nullptr ? nullptr : &place->children.at(i), member_path(path, name)});
    ++i;
  }
  return out;
}

void Findings::keep(std::vector<Fault>& findings, std::size_t& dropped, Fault finding) {
  if (findings.size() < kMostKeptFindings) {
    findings.push_back(std::move(finding));
  } else {
    ++dropped;
  }
}

void Findings::fault(const Node& node, std::string message) {
  keep(faults_, dropped_faults_, at(mark_of(node), node, std::move(message)));
}

void Findings::fault_at_key(const Node& node, std::string message) {
  keep(faults_, dropped_faults_, at(node.place == nullptr ? Mark{} : node.place->key, node, std::move(message)));
}

void Findings::unknown(const Node& node, std::string message) {
  Fault fault = at(node.place == nullptr ? Mark{} : node.place->key, node, std::move(message));
  fault.surplus = true;
  keep(faults_, dropped_faults_, std::move(fault));
}

void Findings::missing(const Node& owner, std::string_view name, std::string_view what) {
  const Mark mark = mark_of(owner);
  keep(faults_, dropped_faults_,
       {mark.line, mark.column, member_path(owner.path, name), "is missing: " + std::string(what)});
}

void Findings::notice(const Node& node, std::string message) {
  keep(notices_, dropped_notices_, at(node.place == nullptr ? Mark{} : node.place->key, node, std::move(message)));
}

void Findings::add(Faults faults) {
  for (Fault& fault : faults) keep(faults_, dropped_faults_, std::move(fault));
}

bool Findings::is_object(const Node& node) {
  if (node.value->is_object()) return true;
  fault(node, "must be a map of names and values, " + std::string(kind_of(*node.value)));
  return false;
}

bool Findings::is_list(const Node& node) {
  if (node.value->is_array()) return true;
  fault(node, "must be a list, " + std::string(kind_of(*node.value)));
  return false;
}

std::optional<std::string> Findings::text(const Node& node) {
  if (const auto* text = node.value->get_ptr<const std::string*>()) {
    if (text->find('\0') == std::string::npos) return *text;
    fault(node, "must not contain a NUL character");
    return std::nullopt;
  }
  std::string message = "must be text, " + std::string(kind_of(*node.value));
  if (node.value->is_number()) message += "; write it in quotes: \"" + node.value->dump() + '"';
  if (node.value->is_boolean()) {
    message += "; YAML reads yes, no, on, off, y and n as that: write the word in quotes";
  }
  fault(node, std::move(message));
  return std::nullopt;
}

std::optional<std::int64_t> Findings::integer(const Node& node, std::int64_t least, std::int64_t most) {
  const std::string bounds = "must be between " + std::to_string(least) + " and " + std::to_string(most);
  const Json& value = *node.value;
  if (!value.is_number()) {
    std::string message = "must be a whole number, " + std::string(kind_of(value));
    const auto* text = value.get_ptr<const std::string*>();
    const bool digits = text != nullptr && !text->empty() && text->size() < 19 &&
                        std::ranges::all_of(*text, [](char c) { return c >= '0' && c <= '9'; });
    if (digits) message += "; write it without quotes: " + *text;
    fault(node, std::move(message));
    return std::nullopt;
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number != std::floor(number)) {
      fault(node, "must be a whole number, is " + value.dump());
      return std::nullopt;
    }
    if (number >= static_cast<double>(least) && number <= static_cast<double>(most)) {
      return static_cast<std::int64_t>(number);
    }
  } else if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
    // beyond every bound
  } else if (const auto number = value.get<std::int64_t>(); number >= least && number <= most) {
    return number;
  }
  fault(node, bounds + ", is " + value.dump());
  return std::nullopt;
}

std::optional<bool> Findings::boolean(const Node& node) {
  if (node.value->is_boolean()) return node.value->get<bool>();
  fault(node, "must be true or false, " + std::string(kind_of(*node.value)));
  return std::nullopt;
}

std::vector<std::string> Findings::texts(const Node& node) {
  std::vector<std::string> out;
  if (!is_list(node)) return out;
  for (const Node& element : node.elements()) {
    if (auto one = text(element)) out.push_back(*std::move(one));
  }
  return out;
}

Faults Findings::take_faults() {
  sort_and_cut(faults_, std::exchange(dropped_faults_, 0), "faults");
  return std::exchange(faults_, {});
}

std::vector<Fault> Findings::take_notices() {
  sort_and_cut(notices_, std::exchange(dropped_notices_, 0), "notices");
  return std::exchange(notices_, {});
}

std::string written_of(const Node& number) {
  return number.place != nullptr && !number.place->written.empty() ? number.place->written : number.value->dump();
}

std::string_view kind_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "is empty";
    case Json::value_t::boolean: return "is a boolean";
    case Json::value_t::string: return "is text";
    case Json::value_t::array: return "is a list";
    case Json::value_t::object: return "is a map";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float: return "is a number";
    case Json::value_t::binary:
    case Json::value_t::discarded: return "is something else";
  }
  return "is something else";
}

std::vector<std::string_view> nearest_ones(std::string_view word, const std::vector<std::string_view>& candidates,
                                           std::size_t most) {
  if (word.empty() || word.size() > kMostWordBytes) return {};
  const std::string meant = folded(word);
  const std::size_t bound = std::max<std::size_t>(1, std::min<std::size_t>(3, meant.size() / 3));
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kMostWordBytes) continue;
    const std::size_t edits = distance(meant, folded(candidate));
    if (edits <= bound) near.emplace_back(edits, candidate);
  }
  std::ranges::stable_sort(near, {}, &std::pair<std::size_t, std::string_view>::first);
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < std::min(most, near.size()); ++i) out.push_back(near[i].second);
  return out;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::vector<std::string_view> near = nearest_ones(word, candidates, 1);
  return near.empty() ? std::string_view() : near.front();
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string_view near = nearest(word, candidates);
  return near.empty() ? std::string() : "; did you mean " + std::string(near) + "?";
}

}  // namespace marea::model
