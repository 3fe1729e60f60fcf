// What each address of the API does. They run one at a time, a creation within a transaction.
#pragma once

#include "desk.h"
#include "input.h"

namespace prestamos {

struct Call {
  const Request& request;
  const Settings& settings;
  Store& store;
  Instant now = 0;
  Id id = 0;  // the number in the path

  // Each endpoint that speaks of one loan passes here: the fault that a bad version has for one kind of them.
  void about(const Terms& terms) const;
};

struct Made {
  int status = 200;
  Json body;
  std::string location;
  std::string event;
};

Made list_customers(const Call& call);
Made add_customer(const Call& call);
Made show_customer(const Call& call);
Made rate_customer(const Call& call);

Made list_applications(const Call& call);
Made add_application(const Call& call);
Made show_application(const Call& call);
Made move_application(const Call& call);
Made show_schedule(const Call& call);
Made list_payments(const Call& call);
Made add_payment(const Call& call);
Made list_documents(const Call& call);
Made add_document(const Call& call);

Made quote(const Call& call);
Made simulate(const Call& call);  // version 2

// {"items": […], "next": the `before` of the next page}, the latter only when there may be one.
template <typename Value>
Json page_of(const std::vector<Value>& values, int limit, Json items) {
  Json out = {{"items", std::move(items)}};
  if (values.size() == static_cast<std::size_t>(limit)) out["next"] = values.back().id;
  return out;
}

Refusal not_found(const char* what_english, const char* what_spanish, Id id);

}  // namespace prestamos
