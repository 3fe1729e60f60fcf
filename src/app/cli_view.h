// How services, revisions, instances, releases and their policies look to people: a row of a list and the pairs of a
// description. Missing parts of an object are empty cells; programs read the objects themselves (-o json). Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/cli_output.h"
#include "app/cli_text.h"

namespace marea::app {

struct View {
  std::string_view noun;  // "services"
  std::string_view path;  // of the list in the API
  std::vector<Text> header;
  std::vector<std::string> (*row)(const Json& object);
  // nullptr: a verb of its own describes it.
  std::vector<std::pair<std::string, std::string>> (*pairs)(const Json& object, const Words& words);
};

// nullptr: no such noun.
const View* view_of(std::string_view noun);

// The name of any object of the API; "" when it has none.
std::string name_of(const Json& object);

// "web-00002 99%, web-00001 1%": who gets the requests of a service, as the router has it.
std::string traffic_of(const Json& service);

// IMAGE@sha256:HEX of the container that gets the requests, which the API names first; "" before it is known.
std::string digest_of(const Json& revision);
// Of IMAGE@sha256:HEX the digest, as much of it as people compare.
std::string in_short(const std::string& digest);

// The condition of that type; an empty object when it is not there.
Json condition_of(const Json& object, std::string_view type);

// "items" of a list, or nothing.
const std::vector<Json>& items_of(const Json& list);

// Every format: a list as the API gave it, a table with headers, or names.
std::string print_list(const View& view, const Json& list, Format format, const Words& words);

}  // namespace marea::app
