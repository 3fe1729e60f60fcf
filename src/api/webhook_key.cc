// The key by which receivers of webhooks know that a request is marea's. Given only over the Unix socket, as the token
// is: who has it can speak for marea.
#include "api/api.h"
#include "api/methods.h"

namespace marea::api {

net::BodyPlan Api::webhook_key(const net::HttpRequest& head) {
  if (head.method != "GET") return wrong_method(head, "GET");
  if (!head.peer.uid) {
    return failure({.code = base::ErrorCode::not_allowed,
                    .what = "the key of webhooks is not given over the network",
                    .why = "it is for those who may open the platform's socket",
                    .remedy = "Ask over the socket on the platform's machine, as docs/releases.md shows",
                    .more = "docs/releases.md"});
  }
  const webhook::Courier::Counts& counts = world_.control.webhook_counts();
  return json_response(200, {{"apiVersion", "marea.dev/v1"},
                             {"kind", "WebhookKey"},
                             {"key", world_.control.webhook_key().text()},
                             {"status",
                              {{"sent", counts.sent},
                               {"failed", counts.failed},
                               {"delivered", counts.delivered},
                               {"givenUp", counts.given_up}}}});
}

}  // namespace marea::api
