// The platform's API over libcurl (docs/api.md): one request at a time, on a Unix socket or TCP. Answers come whole, or
// line by line for what streams (builds, logs); bodies are text or a file read from disk, never held in memory.
// Anything but 2xx becomes a Failure with the platform's own words. Resource type.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli_endpoint.h"
#include "app/cli_failure.h"
#include "app/cli_output.h"
#include "app/cli_text.h"

namespace marea::app {

inline constexpr std::string_view kServices = "/apis/serving.knative.dev/v1/namespaces/default/services";
inline constexpr std::string_view kRevisions = "/apis/serving.knative.dev/v1/namespaces/default/revisions";
inline constexpr std::string_view kInstances = "/apis/marea.dev/v1/instances";
inline constexpr std::string_view kMarea = "/apis/marea.dev/v1";
inline constexpr std::string_view kReleases = "/apis/marea.dev/v1/releases";
inline constexpr std::string_view kReleasePolicies = "/apis/marea.dev/v1/releasepolicies";

// Whole answers beyond it are not from marea: a list of 10,000 services is about 40 MB.
inline constexpr std::size_t kMostAnswerBytes = 256U << 20;

struct Request {
  std::string method = "GET";
  std::string path;  // with its query, already escaped
  std::string content_type = "application/json";
  std::string body;
  int body_fd = -1;  // set: the body is these bytes, from the start of the file
  std::int64_t body_bytes = 0;
  // Set: 2xx answers come here line by line without newlines; false ends the request, which is no error.
  std::function<bool(std::string_view line)> on_line;
  // Or as they come, for what is no text; false is a failure to take them, and ends the request.
  std::function<bool(std::string_view bytes)> on_bytes;
  std::function<void(std::int64_t bytes)> on_sent;  // of a body from a file: how much is sent, as it goes
  int timeout_seconds = 0;                          // 0: as long as it takes
};

struct Answer {
  int status = 0;
  std::string body;
  std::vector<std::string> notices;  // texts of the Warning headers

  Json json() const;  // discarded when the body is no JSON
};

class ApiClient {
 public:
  ApiClient(Endpoint endpoint, Words words);
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }
  // Any answer, also 4xx and 5xx; a Failure is a platform that did not answer.
  Outcome<Answer> exchange(const Request& request);
  // The same, and anything but 2xx is a Failure.
  Outcome<Answer> send(const Request& request);
  // send() of a GET; the answer is JSON.
  Outcome<Json> get(const std::string& path);

 private:
  struct Handle;
  Failure connection_failure(int curl_code, long os_error) const;
  // Something else than marea's API answered.
  base::Error not_understood(std::string why = {}) const;

  Endpoint endpoint_;
  Words words_;
  std::unique_ptr<Handle> handle_;
};

// One word of a path or query.
std::string escape(std::string_view text);

// What an error answer says, in four parts; `status` stands in for what the body leaves out.
Failure failure_of(const Answer& answer);

}  // namespace marea::app
