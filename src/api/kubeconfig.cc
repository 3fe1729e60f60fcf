// What kubectl and other programs need to come in over TLS. Given only over the Unix socket: whoever may open it may do
// everything anyway.
#include <utility>

#include "api/api.h"
#include "api/methods.h"

namespace marea::api {

net::BodyPlan Api::kubeconfig(const net::HttpRequest& head) {
  if (head.method != "GET") return wrong_method(head, "GET");
  if (!head.peer.uid) {
    return failure({.code = base::ErrorCode::not_allowed,
                    .what = "the token is not given over the network",
                    .why = "it is for those who may open the platform's socket",
                    .remedy = "Run on the platform's machine: sudo marea kubeconfig"});
  }
  if (!entrance_) {
    return failure({.code = base::ErrorCode::unavailable,
                    .what = "the API cannot be reached over TLS",
                    .why = "its certificate could not be made; the log of marea serve says why"});
  }
  const Json context = {{"cluster", "marea"}, {"user", "marea"}, {"namespace", "default"}};
  return json_response(
      200,
      {{"apiVersion", "v1"},
       {"kind", "Config"},
       {"clusters",
        Json::array({{{"name", "marea"},
                      {"cluster",
                       {{"server", entrance_->url}, {"certificate-authority-data", entrance_->authority_base64}}}}})},
       {"users", Json::array({{{"name", "marea"}, {"user", {{"token", entrance_->token}}}}})},
       {"contexts", Json::array({{{"name", "marea"}, {"context", context}}})},
       {"current-context", "marea"}});
}

}  // namespace marea::api
