// What `marea top` shows, from two scrapes of /metrics and the list of instances. Pure but for the verb itself.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli_output.h"
#include "app/cli_text.h"

namespace marea::app {

struct MetricSample {
  std::string name;
  std::map<std::string, std::string, std::less<>> labels;
  double value = 0;
};

// Prometheus' text format 0.0.4, as far as marea writes it; lines that are not of it are passed over.
std::vector<MetricSample> parse_samples(std::string_view text);

// What nobody told in time is absent.
struct TopInstance {
  std::string name;
  std::string service;
  std::string revision;
  std::string state;
  std::optional<double> cpu_percent;  // of one CPU; since the first scrape
  std::optional<double> memory_bytes;
  double in_flight = 0;
};

struct TopService {
  std::string name;
  int instances = 0;
  std::optional<double> cpu_percent;
  std::optional<double> memory_bytes;
  double in_flight = 0;
  std::optional<double> waiting;
  std::optional<double> requests_per_second;
};

struct Top {
  std::vector<TopService> services;    // those that have instances or requests; the busiest first
  std::vector<TopInstance> instances;  // the busiest first
};

// `seconds` lie between the scrapes; what only the second one has counts as new. `instances` is the API's list.
Top top_of(const std::vector<MetricSample>& before, const std::vector<MetricSample>& after, double seconds,
           const Json& instances);

struct Page {  // 0: without bound
  std::size_t lines = 0;
  std::size_t columns = 0;  // long names are shortened in their middle; figures are not
};
std::string print_top(const Top& top, const Words& words, Page page = {});
Json to_json(const Top& top);

}  // namespace marea::app
