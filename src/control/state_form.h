// How states are stored as JSON: each type lists its members once, in a template walk(form, value) of this namespace,
// and writing and reading walk the same lists.
#pragma once

#include <array>
#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "decide/relative_risk.h"

namespace marea::control {

template <class T, class U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

inline constexpr int kMostWords = 32;  // of an enumeration

template <class Form, Is<decide::HarmState> T>
void walk(Form& form, T& state) {
  form("waiting", state.waiting);
  form("staked", state.staked);
  form("seen", state.seen);
  form("first", state.first);
  form("tick", state.tick);
  form("weight", state.weight);
  form("steps", state.steps);
}

template <class T>
inline constexpr bool kIsArray = false;
template <class T, std::size_t n>
inline constexpr bool kIsArray<std::array<T, n>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

class FormWriter {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    json_[name] = made(value);
  }
  template <class T>
  static nlohmann::json made(const T& value) {
    if constexpr (kIsArray<T> || kIsVector<T>) {
      nlohmann::json out = nlohmann::json::array();
      for (const auto& each : value) out.push_back(made(each));
      return out;
    } else if constexpr (kIsOptional<T>) {
      return value ? made(*value) : nlohmann::json();
    } else if constexpr (std::is_enum_v<T>) {
      return std::string(to_string(value));
    } else if constexpr (std::is_same_v<T, base::Duration>) {
      return value.count();
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return value;
    } else {
      FormWriter inner;
      walk(inner, value);
      return std::move(inner.json_);
    }
  }

 private:
  nlohmann::json json_ = nlohmann::json::object();
};

// Throws where a value has another type.
class FormReader {
 public:
  explicit FormReader(const nlohmann::json& json) : json_(json) {}
  template <class T>
  void operator()(const char* name, T& value) {
    if (json_.contains(name)) take(json_.at(name), value);
  }
  template <class T>
  static void take(const nlohmann::json& json, T& value) {
    if constexpr (kIsArray<T>) {
      for (std::size_t i = 0; i < value.size(); ++i) take(json.at(i), value.at(i));
    } else if constexpr (kIsVector<T>) {
      value.clear();
      for (const nlohmann::json& each : json) take(each, value.emplace_back());
    } else if constexpr (std::is_same_v<T, base::Duration>) {
      value = base::Duration(json.get<base::Duration::rep>());
    } else if constexpr (kIsOptional<T>) {
      if (json.is_null()) return;
      take(json, value.emplace());
    } else if constexpr (std::is_enum_v<T>) {
      for (int i = 0; i < kMostWords; ++i) {
        if (json == to_string(static_cast<T>(i))) value = static_cast<T>(i);
      }
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      json.get_to(value);
    } else {
      FormReader inner(json);
      walk(inner, value);
    }
  }

 private:
  const nlohmann::json& json_;
};

}  // namespace marea::control
