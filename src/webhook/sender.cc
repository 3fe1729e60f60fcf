#include "webhook/sender.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <utility>

namespace marea::webhook {
namespace {

constexpr const char* kTooLarge = "its answer is larger than 64 KiB";
constexpr const char* kTooSlow = "it did not answer within 30 s";
constexpr const char* kRefusedAddress = "its address is none that webhooks are sent to";

long milliseconds(base::Duration time) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(time).count());
}

int poll_events(int what) {
  switch (what) {
    case CURL_POLL_IN: return EPOLLIN;
    case CURL_POLL_OUT: return EPOLLOUT;
    case CURL_POLL_INOUT: return EPOLLIN | EPOLLOUT;
    default: return 0;
  }
}

bool is_refused_v4(std::uint32_t address) {
  const bool unspecified = address >> 24U == 0;       // 0.0.0.0/8, RFC 1122 §3.2.1.3: reaches loopback
  const bool link_local = address >> 16U == 0xA9FEU;  // 169.254.0.0/16, RFC 3927
  const bool group = address >> 28U >= 0xEU;          // multicast, reserved, broadcast
  return unspecified || link_local || group;
}

}  // namespace

bool is_refused_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    return is_refused_v4(ntohl(four.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return true;
  sockaddr_in6 six{};
  std::memcpy(&six, &address, sizeof six);
  const in6_addr& bytes = six.sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&bytes)) {
    std::uint32_t four = 0;
    std::memcpy(&four, &bytes.s6_addr[12], sizeof four);
    return is_refused_v4(ntohl(four));
  }
  return IN6_IS_ADDR_UNSPECIFIED(&bytes) || IN6_IS_ADDR_LINKLOCAL(&bytes) || IN6_IS_ADDR_MULTICAST(&bytes);
}

// What libcurl's calls tell of one transfer.
struct Incoming {
  std::string body;
  bool too_large = false;
  bool refused_address = false;
};

extern "C" {
static std::size_t marea_webhook_on_body(char* bytes, std::size_t size, std::size_t count, void* user) {
  Incoming& incoming = *static_cast<Incoming*>(user);
  incoming.too_large = incoming.body.size() + size * count > kMostReplyBytes;
  if (incoming.too_large) return 0;
  try {
    incoming.body.append(bytes, size * count);
  } catch (const std::exception&) {
    return 0;
  }
  return size * count;
}

static curl_socket_t marea_webhook_on_open(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
  if (is_refused_address(address->addr)) {
    static_cast<Incoming*>(user)->refused_address = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
}
}

struct Sender::Curl {
  CURLM* multi = nullptr;
  Curl() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi = curl_multi_init();
  }
  ~Curl() { curl_multi_cleanup(multi); }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;
};

// One descriptor of libcurl's.
struct Sender::Watch final : net::Watcher {
  Watch(Sender& owner, int number) : sender(owner), fd(number) {}
  void on_ready(std::uint32_t events) override {
    int what = 0;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP)) != 0) what |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
    if ((events & EPOLLERR) != 0) what |= CURL_CSELECT_ERR;
    sender.act(fd, what);
  }
  Sender& sender;
  int fd;
};

struct Sender::Transfer {
  Transfer(Sender& owner, Ticket number, Message what, std::function<void(const Reply&)> then)
      : sender(owner),
        message(std::move(what)),
        done(std::move(then)),
        deadline(owner.loop_, [this, number] { sender.finish(number, {.failure = kTooSlow}); }) {}
  ~Transfer() {
    curl_multi_remove_handle(sender.curl_->multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(fields);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void prepare() {
    for (const std::string& field : message.fields) fields = curl_slist_append(fields, field.c_str());
    for (const char* field : {"Content-Type: application/json", "Accept: application/json", "Expect:"}) {
      fields = curl_slist_append(fields, field);
    }
    curl_easy_setopt(easy, CURLOPT_URL, message.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // A name server that is silent must not hold up the end of a transfer: its thread ends by itself.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);  // of connections: each is looked at anew
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "marea");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(kConnectTime));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(message.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, message.body.c_str());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, marea_webhook_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &incoming);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, marea_webhook_on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &incoming);
  }
  Reply reply(int code) {
    if (incoming.too_large) return {.failure = kTooLarge};
    if (code != CURLE_OK && incoming.refused_address) return {.failure = kRefusedAddress};
    if (code != CURLE_OK) return {.failure = curl_easy_strerror(static_cast<CURLcode>(code))};
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return {.status = static_cast<int>(status), .body = std::move(incoming.body)};
  }

  Sender& sender;
  CURL* easy = curl_easy_init();
  curl_slist* fields = nullptr;
  Message message;
  std::function<void(const Reply&)> done;
  Incoming incoming;
  net::Timer deadline;
};

Sender::Sender(net::Loop& loop)
    : loop_(loop), curl_(std::make_unique<Curl>()), timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }) {
  CURLM* multi = curl_->multi;
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Sender::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Sender::on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
}

Sender::~Sender() {
  transfers_.clear();
  curl_.reset();
  for (const auto& [fd, watch] : watches_) loop_.remove(fd, *watch);
}

Sender::Ticket Sender::send(Message message, std::function<void(const Reply& reply)> done) {
  const Ticket ticket = ++last_;
  auto& transfer = transfers_[ticket];
  transfer = std::make_unique<Transfer>(*this, ticket, std::move(message), std::move(done));
  transfer->prepare();
  transfer->deadline.arm_in(kSendTime);
  curl_multi_add_handle(curl_->multi, transfer->easy);
  return ticket;
}

void Sender::cancel(Ticket ticket) {
  transfers_.erase(ticket);
}

int Sender::on_socket(void* /*easy*/, int fd, int what, void* sender, void* /*watch*/) {
  try {
    static_cast<Sender*>(sender)->watch(fd, what);
    return 0;
  } catch (const std::exception&) {
    return -1;
  }
}

int Sender::on_timer(void* /*multi*/, long wait_ms, void* sender) {
  net::Timer& timer = static_cast<Sender*>(sender)->timer_;
  if (wait_ms < 0) {
    timer.cancel();
  } else {
    timer.arm_in(std::chrono::milliseconds(wait_ms));
  }
  return 0;
}

void Sender::watch(int fd, int what) {
  const auto found = watches_.find(fd);
  if (what == CURL_POLL_REMOVE) {
    if (found == watches_.end()) return;
    loop_.remove(fd, *found->second);
    buried_.push_back(std::move(found->second));
    watches_.erase(found);
  } else if (found != watches_.end()) {
    loop_.modify(fd, poll_events(what), *found->second);
  } else {
    auto fresh = std::make_unique<Watch>(*this, fd);
    // One that cannot be watched ends at its deadline.
    if (loop_.add(fd, poll_events(what), *fresh)) watches_.emplace(fd, std::move(fresh));
  }
}

void Sender::act(int fd, int what) {
  buried_.clear();
  int running = 0;
  curl_multi_socket_action(curl_->multi, fd, what, &running);
  collect();
}

void Sender::collect() {
  std::vector<std::pair<Ticket, int>> ended;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(curl_->multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const auto of =
        std::ranges::find_if(transfers_, [&](const auto& each) { return each.second->easy == message->easy_handle; });
    if (of != transfers_.end()) ended.emplace_back(of->first, message->data.result);
  }
  for (const auto& [ticket, code] : ended) {
    const auto found = transfers_.find(ticket);
    if (found != transfers_.end()) finish(ticket, found->second->reply(code));
  }
}

void Sender::finish(Ticket ticket, Reply reply) {
  const auto found = transfers_.find(ticket);
  const std::unique_ptr<Transfer> ended = std::move(found->second);
  transfers_.erase(found);
  ended->done(reply);
}

}  // namespace marea::webhook
