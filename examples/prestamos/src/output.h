// The desk's values as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "records.h"
#include "refusal.h"

namespace prestamos {

using Json = nlohmann::json;

Json to_json(const Customer& customer);
Json to_json(const Application& application);
Json to_json(const Move& move);
Json to_json(const Payment& payment);
Json to_json(const Document& document);
Json to_json(const Terms& terms);
Json to_json(const Split& split);
// With the days on which they are due, when the loan was paid out on `from`; without them when that is empty.
Json to_json(const std::vector<Instalment>& instalments, const std::string& from);
Json to_json(const Refusal& refusal, Language language);

// UTF-8 that is none (a path, a header) is replaced, never thrown over.
std::string text_of(const Json& json);

template <typename Value>
Json array_of(const std::vector<Value>& values) {
  Json out = Json::array();
  for (const Value& value : values) out.push_back(to_json(value));
  return out;
}

}  // namespace prestamos
