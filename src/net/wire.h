// How values travel between marea's own processes on one machine: a compact byte form for aggregates. Each type lists
// its fields once in a visit() overload (net/wire_model.h, net/messages.h); Writer and Reader walk the same list, so
// the two directions cannot drift apart. Both ends are always the same binary, so there are no versions.
//
// What is kept in a file and read by a later or earlier marea has the stored form: the same, with each aggregate's
// length in front of it. Fields that the file does not have keep their defaults, and those that the reader does not
// know are passed over, as long as new fields are only added at the end of a visit() list.
//
// Form: integers, enums and bools as zigzag LEB128 varints; text as length and bytes; lists as length and items, arrays
// as items; optionals as 0/1 and the value; variants as index and the alternative.
//
// Reader treats its input as hostile (a compromised role must not gain by it): it never reads outside the input, never
// allocates more than the input could hold, and reports failure instead of half a value.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/strong_id.h"

namespace marea::net {

// `Is<model::Limits> T` in a visit() overload accepts both const (Writer) and mutable (Reader) values.
template <class T, class U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

enum class Form { wire, stored };

template <Form form>
class BasicWriter {
 public:
  template <class... Ts>
  void operator()(const Ts&... values) {
    (put(values), ...);
  }
  const std::string& bytes() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_ += static_cast<char>((value & 0x7FU) | 0x80U);
      value >>= 7U;
    }
    out_ += static_cast<char>(value);
  }
  template <class T>
    requires std::integral<T> || std::is_enum_v<T>
  void put(T value) {
    const auto wide = static_cast<std::int64_t>(value);
    varint((static_cast<std::uint64_t>(wide) << 1U) ^ static_cast<std::uint64_t>(wide >> 63));
  }
  void put(const std::string& text) {
    varint(text.size());
    out_ += text;
  }
  void put(std::chrono::nanoseconds value) { put(value.count()); }
  template <class Tag>
  void put(const base::StrongId<Tag>& id) {
    put(id.str());
  }
  template <class T>
  void put(const std::vector<T>& list) {
    varint(list.size());
    for (const T& item : list) put(item);
  }
  template <class T, std::size_t n>
  void put(const std::array<T, n>& all) {
    for (const T& item : all) put(item);
  }
  template <class K, class V>
  void put(const std::map<K, V>& map) {
    varint(map.size());
    for (const auto& item : map) put(item);
  }
  template <class A, class B>
  void put(const std::pair<A, B>& both) {
    put(both.first);
    put(both.second);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class... Ts>
  void put(const std::variant<Ts...>& value) {
    varint(value.index());
    std::visit([this](const auto& held) { this->put(held); }, value);
  }
  template <class T>
    requires std::is_aggregate_v<T>
  void put(const T& value) {
    if constexpr (form == Form::stored) {
      BasicWriter inner;
      visit(inner, value);
      put(inner.bytes());
    } else {
      visit(*this, value);
    }
  }

  std::string out_;
};
using Writer = BasicWriter<Form::wire>;

template <Form form>
class BasicReader {
 public:
  explicit BasicReader(std::string_view input) : in_(input) {}

  template <class... Ts>
  void operator()(Ts&... values) {
    ((form == Form::stored && in_.empty() ? void() : get(values)), ...);
  }
  // True when every read so far succeeded.
  bool ok() const { return ok_; }
  // True when, besides, nothing is left over.
  bool complete() const { return ok_ && in_.empty(); }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) break;
      const auto byte = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    ok_ = false;
    in_ = {};
    return 0;
  }
  // A count of items of which each takes at least one byte.
  std::size_t count() {
    const std::uint64_t n = varint();
    if (n > in_.size()) {
      ok_ = false;
      in_ = {};
      return 0;
    }
    return static_cast<std::size_t>(n);
  }
  template <class T>
    requires std::integral<T> || std::is_enum_v<T>
  void get(T& value) {
    const std::uint64_t raw = varint();
    const auto wide = static_cast<std::int64_t>((raw >> 1U) ^ (~(raw & 1U) + 1U));
    value = static_cast<T>(wide);
    if (static_cast<std::int64_t>(value) != wide) ok_ = false;
  }
  void get(std::string& text) {
    const std::size_t n = count();
    text.assign(in_.substr(0, n));
    in_.remove_prefix(n);
  }
  void get(std::chrono::nanoseconds& value) {
    std::int64_t raw = 0;
    get(raw);
    value = std::chrono::nanoseconds(raw);
  }
  template <class Tag>
  void get(base::StrongId<Tag>& id) {
    std::string text;
    get(text);
    id = base::StrongId<Tag>(std::move(text));
  }
  template <class T>
  void get(std::vector<T>& list) {
    const std::size_t n = count();
    list.clear();
    for (std::size_t i = 0; i < n && ok_; ++i) get(list.emplace_back());
  }
  template <class T, std::size_t n>
  void get(std::array<T, n>& all) {
    for (T& item : all) get(item);
  }
  template <class K, class V>
  void get(std::map<K, V>& map) {
    const std::size_t n = count();
    map.clear();
    for (std::size_t i = 0; i < n && ok_; ++i) {
      std::pair<K, V> item;
      get(item);
      map.insert(std::move(item));
    }
  }
  template <class A, class B>
  void get(std::pair<A, B>& both) {
    get(both.first);
    get(both.second);
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool has = false;
    get(has);
    value.reset();
    if (has && ok_) get(value.emplace());
  }
  template <class... Ts>
  void get(std::variant<Ts...>& value) {
    const std::uint64_t index = varint();
    if (index >= sizeof...(Ts)) {
      ok_ = false;
      return;
    }
    pick(value, static_cast<std::size_t>(index), std::index_sequence_for<Ts...>{});
  }
  template <class V, std::size_t... I>
  void pick(V& value, std::size_t index, std::index_sequence<I...> /*all*/) {
    ((index == I ? (get(value.template emplace<I>()), 0) : 0), ...);
  }
  template <class T>
    requires std::is_aggregate_v<T>
  void get(T& value) {
    if constexpr (form == Form::stored) {
      const std::size_t n = count();
      BasicReader inner(in_.substr(0, n));
      in_.remove_prefix(n);
      visit(inner, value);
      ok_ = ok_ && inner.ok();
    } else {
      visit(*this, value);
    }
  }

  std::string_view in_;
  bool ok_ = true;
};
using Reader = BasicReader<Form::wire>;

template <Form form = Form::wire, class T>
std::string encode(const T& value) {
  BasicWriter<form> writer;
  writer(value);
  return writer.take();
}

// Nothing when the bytes are not exactly one T.
template <class T, Form form = Form::wire>
std::optional<T> decode(std::string_view bytes) {
  BasicReader<form> reader(bytes);
  if (bytes.empty() && form == Form::stored) return std::nullopt;
  T value{};
  reader(value);
  if (!reader.complete()) return std::nullopt;
  return value;
}

}  // namespace marea::net
