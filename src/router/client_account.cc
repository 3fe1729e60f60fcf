// What a request has been through, told when it ends: to the counts and, as a line, to the record of requests.
#include <algorithm>

#include "router/client.h"
#include "router/worker.h"

namespace marea::router {
namespace {

constexpr std::size_t kMostMethodBytes = 16;
}  // namespace

void Client::open_account(const net::http::RequestHead* head) {
  account_.open = true;
  account_.has_head = false;
  account_.waited = account_.cold = false;
  account_.status = 0;
  account_.reason = model::Reason::none;
  account_.begun = worker_.now();
  account_.first_byte = {};
  account_.queue = {};
  account_.in_before = stream_.received() - stream_.in().size();
  account_.out_before = stream_.sent();
  account_.counts = nullptr;
  if (!worker_.request_log().on()) return;
  for (std::string* text : {&account_.service, &account_.method, &account_.target, &account_.instance, &account_.why,
                            &account_.experiment, &account_.arm, &account_.rule}) {
    text->clear();
  }
  if (head == nullptr) return;
  account_.method = head->method.substr(0, kMostMethodBytes);
  account_.target = head->target.substr(0, telemetry::kMostRecordedTarget);
  account_.has_head = true;
}

void Client::note_wait_over() {
  const base::Duration waited = worker_.now() - account_.waits_since;
  account_.waited = true;
  account_.queue += waited;
  if (account_.counts != nullptr) account_.counts->queue_time.add(waited);
}

void Client::close_account(bool complete) {
  if (!account_.open) return;
  account_.open = false;
  if (assigned_) settle();
  const base::Duration total = worker_.now() - account_.begun;
  const std::uint64_t in = stream_.received() - stream_.in().size() - account_.in_before;
  const std::uint64_t out = stream_.sent() - account_.out_before;
  if (RevisionCounts* counts = account_.counts) {
    const auto code = static_cast<std::size_t>(std::clamp(account_.status / 100, 0, 5));
    counts->codes.at(code).add();
    // How long a tunnel is used says nothing of the app's speed; when it opened does.
    counts->time.add(account_.status == 101 ? account_.first_byte - account_.begun : total);
    counts->request_bytes.add(in);
    counts->response_bytes.add(out);
  }
  if (worker_.request_log().on()) {
    const bool answered = account_.first_byte != base::Instant{};
    worker_.request_log().add(account_.begun,
                              {.queue = account_.queue,
                               .first_byte = answered ? account_.first_byte - account_.begun : base::Duration{0},
                               .total = total,
                               .bytes_in = in,
                               .bytes_out = out,
                               .status = account_.status,
                               .complete = complete,
                               .cold = account_.cold,
                               .http10 = http10_,
                               .reason = account_.reason,
                               .why = account_.why,
                               .id = request_id_,
                               .service = revision_ ? revision_->service().str() : account_.service,
                               .revision = revision_ ? std::string_view(revision_->name().str()) : std::string_view(),
                               .experiment = account_.experiment,
                               .arm = account_.arm,
                               .rule = account_.rule,
                               .instance = account_.instance,
                               .method = account_.method,
                               .target = account_.target,
                               .client = peer_.address,
                               .trace = account_.has_head ? trace_.parent() : "",
                               .caller_span = account_.has_head ? trace_.caller_span() : ""});
  }
  revision_.reset();
}

}  // namespace marea::router
