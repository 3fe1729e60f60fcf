#include "app/cli_client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "model/names.h"

namespace marea::app {
namespace {

constexpr long kConnectTimeoutMs = 5000;   // the platform is on this machine or near it
constexpr int kMostSecondsOfReading = 30;  // while control starts again nobody answers; for ever is no answer either
constexpr std::size_t kMostLineBytes = 4U << 20;

struct CurlList {
  curl_slist* head = nullptr;
  ~CurlList() { curl_slist_free_all(head); }
  void add(const std::string& line) { head = curl_slist_append(head, line.c_str()); }
};

// What one exchange collects; callbacks of C code, so nothing may be thrown out of them.
struct Transfer {
  CURL* curl = nullptr;
  const Request* request = nullptr;
  Answer answer;
  std::string line;  // of a stream, not yet ended
  std::int64_t sent = 0;
  bool enough = false;  // on_line said so
  bool too_large = false;

  bool streams() {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return (request->on_line || request->on_bytes) && status >= 200 && status < 300;
  }
  bool take(std::string_view bytes) {
    if (!streams()) {
      too_large = answer.body.size() + bytes.size() > kMostAnswerBytes;
      if (!too_large) answer.body += bytes;
      return !too_large;
    }
    if (request->on_bytes) return request->on_bytes(bytes);
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      line += bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      enough = !request->on_line(std::exchange(line, {}));
      if (enough) return false;
    }
    too_large = line.size() + bytes.size() > kMostLineBytes;
    if (!too_large) line += bytes;
    return !too_large;
  }
};

extern "C" {
std::size_t marea_cli_on_body(char* bytes, std::size_t size, std::size_t count, void* user) {
  try {
    return static_cast<Transfer*>(user)->take({bytes, size * count}) ? size * count : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

// Warning: 299 marea "TEXT" (RFC 7234 §5.5); `\` escapes inside the text.
std::size_t marea_cli_on_header(char* bytes, std::size_t size, std::size_t count, void* user) {
  try {
    const std::string_view field(bytes, size * count);
    const std::size_t begin = field.find('"');
    const std::size_t end = field.rfind('"');
    if (model::lower_case(field.substr(0, 8)) == "warning:" && begin != std::string_view::npos && end > begin) {
      std::string text;
      for (std::size_t at = begin + 1; at < end; ++at) {
        if (field[at] == '\\' && at + 1 < end) ++at;
        text += field[at];
      }
      static_cast<Transfer*>(user)->answer.notices.push_back(std::move(text));
    }
    return size * count;
  } catch (const std::exception&) {
    return 0;
  }
}

std::size_t marea_cli_on_read(char* bytes, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::int64_t left = transfer.request->body_bytes - transfer.sent;
  const std::size_t wanted = std::min(size * count, static_cast<std::size_t>(std::max<std::int64_t>(left, 0)));
  if (wanted == 0) return 0;
  const ssize_t got = ::pread(transfer.request->body_fd, bytes, wanted, transfer.sent);
  if (got <= 0) return CURL_READFUNC_ABORT;  // the file became shorter
  transfer.sent += got;
  if (transfer.request->on_sent) {
    try {
      transfer.request->on_sent(transfer.sent);
    } catch (const std::exception&) {
      return CURL_READFUNC_ABORT;
    }
  }
  return static_cast<std::size_t>(got);
}
}

void set_method(CURL* curl, const Request& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  if (request.body_fd >= 0) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body_bytes));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, marea_cli_on_read);
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

}  // namespace

struct ApiClient::Handle {
  CURL* curl = curl_easy_init();
  Handle() = default;
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
};

Json Answer::json() const {
  return Json::parse(body, nullptr, false);
}

ApiClient::ApiClient(Endpoint endpoint, Words words)
    : endpoint_(std::move(endpoint)), words_(words), handle_(std::make_unique<Handle>()) {}

ApiClient::~ApiClient() = default;

Failure ApiClient::connection_failure(int curl_code, long os_error) const {
  const std::string place = endpoint_.name();
  Failure out{.error = {.code = base::ErrorCode::unavailable,
                        .what = words_(Text::no_platform, place),
                        .why = curl_easy_strerror(static_cast<CURLcode>(curl_code)),
                        .remedy = words_(Text::no_platform_remedy)}};
  if (curl_code == CURLE_OPERATION_TIMEDOUT) {
    out.error = {.code = base::ErrorCode::timeout,
                 .what = words_(Text::platform_timeout, place),
                 .remedy = words_(Text::platform_timeout_remedy)};
    out.exit = Exit::timeout;
  } else if (curl_code != CURLE_COULDNT_CONNECT && curl_code != CURLE_COULDNT_RESOLVE_HOST) {
    out.error.what = words_(Text::connection_lost, place);
    out.error.remedy = words_(Text::platform_timeout_remedy);
  } else if (!endpoint_.socket.empty() && ::access(endpoint_.socket.c_str(), F_OK) != 0 &&
             (errno == ENOENT || errno == ENOTDIR)) {
    out.error.why = words_(Text::no_platform_no_socket);
  } else if (!endpoint_.socket.empty() && ::access(endpoint_.socket.c_str(), W_OK) != 0) {
    out.error.code = base::ErrorCode::not_allowed;
    out.error.why = words_(Text::no_platform_not_allowed);
    out.error.remedy = words_(Text::no_platform_sudo);
    out.exit = Exit::not_allowed;
  } else if (curl_code == CURLE_COULDNT_CONNECT && (os_error == ECONNREFUSED || os_error == 0)) {
    out.error.why = words_(Text::no_platform_refused);
  }
  return out;
}

Outcome<Answer> ApiClient::exchange(const Request& request) {
  CURL* curl = handle_->curl;
  curl_easy_reset(curl);
  Transfer transfer{.curl = curl, .request = &request};
  CurlList fields;
  fields.add("Expect:");
  fields.add("Accept: application/json");
  if (request.body_fd >= 0 || !request.body.empty()) fields.add("Content-Type: " + request.content_type);
  const std::string url = endpoint_.base_url() + request.path;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // the platform is never behind http_proxy
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "marea");
  if (!endpoint_.socket.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, endpoint_.socket.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields.head);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(request.timeout_seconds));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, marea_cli_on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, marea_cli_on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_READDATA, &transfer);
  set_method(curl, request);

  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  long os_error = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
  transfer.answer.status = static_cast<int>(status);
  // A refusal that came whole while we were still sending is an answer; the broken pipe after it is not news.
  const bool early_answer = (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR) && status >= 400;
  if (code != CURLE_OK && !transfer.enough && !early_answer) {
    return give_up(connection_failure(code, os_error));
  }
  if (!transfer.line.empty() && !transfer.enough) request.on_line(transfer.line);
  return std::move(transfer.answer);
}

Outcome<Answer> ApiClient::send(const Request& request) {
  Outcome<Answer> answer = exchange(request);
  if (!answer || (answer->status >= 200 && answer->status <= 299)) return answer;
  // What marea refuses, it refuses as a Status (to HEAD without a body).
  if (request.method == "HEAD" || answer->json().is_object()) return give_up(failure_of(*answer));
  return give_up(not_understood(fmt::format("HTTP {}", answer->status)));
}

base::Error ApiClient::not_understood(std::string why) const {
  return {.code = base::ErrorCode::unavailable,
          .what = words_(Text::bad_answer, endpoint_.name()),
          .why = std::move(why),
          .remedy = words_(Text::bad_answer_remedy)};
}

Outcome<Json> ApiClient::get(const std::string& path) {
  const Outcome<Answer> answer = send({.path = path, .timeout_seconds = kMostSecondsOfReading});
  if (!answer) return std::unexpected(answer.error());
  Json value = answer->json();
  if (!value.is_object()) return give_up(not_understood());
  return value;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == ':';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return out;
}

}  // namespace marea::app
