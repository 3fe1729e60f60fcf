#include "desk.h"

#include <gtest/gtest.h>

#include "input.h"
#include "sample.h"

namespace prestamos {
namespace {

// A desk over an empty store, with a clock and a patience of its own.
class DeskTest : public testing::Test {
 protected:
  explicit DeskTest(Settings settings = {}) : desk_(std::move(settings), store_, world()) {}

  World world() {
    return {.now = [this] { return now_; }, .wait = [this](std::chrono::milliseconds time) { waits_.push_back(time); }};
  }

  Reply get(const std::string& path, Parameters query = {}, const std::string& language = "en") {
    return desk_.answer({.method = "GET",
                         .path = path,
                         .query = std::move(query),
                         .body = "",
                         .content_type = "",
                         .accept_language = language,
                         .idempotency_key = ""});
  }

  Reply post(const std::string& path, const Json& body, const std::string& key = "",
             const std::string& language = "en") {
    return desk_.answer({.method = "POST",
                         .path = path,
                         .query = {},
                         .body = body.is_string() ? body.get<std::string>() : body.dump(),
                         .content_type = "application/json",
                         .accept_language = language,
                         .idempotency_key = key});
  }

  static Json customer(const std::string& tax_id = "A-0001") {
    return {{"name", "Ana"}, {"tax_id", tax_id}, {"monthly_income_cents", 200'000}};
  }

  static Json loan(const std::string& method = "french") {
    return {{"customer", 1}, {"amount_cents", 100'000}, {"annual_rate_bp", 1200}, {"months", 12}, {"method", method}};
  }

  void disburse(const std::string& method = "french") {
    ASSERT_EQ(post("/api/customers", customer()).status, 201);
    ASSERT_EQ(post("/api/applications", loan(method)).status, 201);
    for (const char* to : {"submitted", "in_review", "approved", "disbursed"}) {
      ASSERT_EQ(post("/api/applications/1/moves", {{"to", to}}).status, 200);
    }
  }

  static Json first_error(const Reply& reply) { return Json::parse(reply.body).at("errors").at(0); }

  Store store_{":memory:"};
  Instant now_ = 1'800'000'000;
  std::vector<std::chrono::milliseconds> waits_;
  Desk desk_;
};

struct BadDeskTest : DeskTest {
  BadDeskTest() : DeskTest(Settings{.fault = FaultKind::constant_principal}) {}
};

struct SlowDeskTest : DeskTest {
  SlowDeskTest() : DeskTest(Settings{.fault = FaultKind::slow_tail, .fault_number = 3}) {}
};

struct SecondDeskTest : DeskTest {
  SecondDeskTest() : DeskTest(Settings{.version = 2}) {}
};

const Parameters kQuote{{"amount_cents", "100000"}, {"annual_rate_bp", "1200"}, {"months", "12"}, {"method", "french"}};

TEST_F(DeskTest, leads_a_loan_from_draft_to_repaid) {
  disburse();
  Json shown = Json::parse(get("/api/applications/1").body);
  EXPECT_EQ(shown["state"], "disbursed");
  EXPECT_EQ(shown["disbursed"], "2027-01-15");
  EXPECT_EQ(shown["next"]["total_cents"], 8885);
  EXPECT_EQ(shown["next"]["day"], "2027-02-15");
  EXPECT_EQ(post("/api/applications/1/payments", {{"amount_cents", 8885}}).event, "payment_booked");
  shown = Json::parse(get("/api/applications/1").body);
  const Reply last = post("/api/applications/1/payments", {{"amount_cents", shown["payoff_cents"]}});
  EXPECT_EQ(last.event, "loan_repaid");
  shown = Json::parse(get("/api/applications/1").body);
  EXPECT_EQ(shown["state"], "repaid");
  EXPECT_EQ(shown["balance_cents"], 0);
  EXPECT_EQ(shown["history"].size(), 5U);
  EXPECT_EQ(shown["payments"].size(), 2U);
}

TEST_F(DeskTest, tells_every_fault_with_place_cause_and_remedy_in_both_languages) {
  const Json bad = {{"customer", 1}, {"amount_cents", 5}, {"months", "many"}, {"method", "german"}, {"colour", "red"}};
  for (const char* language : {"en", "es-PE,es;q=0.9"}) {
    const Reply reply = post("/api/applications", bad, "", language);
    EXPECT_EQ(reply.status, 422);
    std::map<std::string, Json> errors;
    const Json told = Json::parse(reply.body);
    for (const Json& error : told["errors"]) errors[error["field"]] = error;
    EXPECT_EQ(errors.size(), 5U) << reply.body;
    for (const char* field : {"amount_cents", "annual_rate_bp", "months", "method", "colour"}) {
      ASSERT_TRUE(errors.contains(field)) << field;
      EXPECT_FALSE(errors[field]["cause"].get<std::string>().empty());
      EXPECT_FALSE(errors[field]["remedy"].get<std::string>().empty());
    }
    EXPECT_EQ(errors["annual_rate_bp"]["cause"], language[1] == 'n' ? "it is missing" : "falta");
  }
}

TEST_F(DeskTest, refuses_an_illegal_move_with_what_is_legal) {
  post("/api/customers", customer());
  post("/api/applications", loan());
  const Reply reply = post("/api/applications/1/moves", {{"to", "disbursed"}});
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(first_error(reply)["code"], "illegal_move");
  EXPECT_EQ(first_error(reply)["remedy"], "from draft it can go to: submitted, cancelled");
  EXPECT_EQ(post("/api/applications/1/moves", {{"to", "repaid"}}).status, 409);
  EXPECT_EQ(post("/api/applications/1/payments", {{"amount_cents", 100}}).status, 409);
  EXPECT_EQ(Json::parse(get("/api/applications/1").body)["state"], "draft");
}

TEST_F(DeskTest, refuses_more_than_is_owed_and_says_how_much_that_is) {
  disburse();
  const Reply reply = post("/api/applications/1/payments", {{"amount_cents", 101'001}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(first_error(reply)["remedy"], "book at most 1010.00");
  EXPECT_EQ(post("/api/applications/1/payments", {{"amount_cents", 101'000}}).status, 201);
}

TEST_F(DeskTest, does_the_same_creation_once) {
  const Reply first = post("/api/customers", customer(), "key-1");
  now_ += 60;
  const Reply again = post("/api/customers", customer(), "key-1");
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers, (std::vector<std::pair<std::string, std::string>>{{"Idempotency-Replayed", "true"}}));
  EXPECT_EQ(again.event, "");
  const Reply other = post("/api/customers", customer("B-0001"), "key-1");
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(first_error(other)["code"], "key_used");
  EXPECT_EQ(post("/api/customers", customer(), "key-2").status, 409);  // the tax id is taken
  EXPECT_EQ(post("/api/customers", customer("C-0001"), "a b").status, 400);
  EXPECT_EQ(Json::parse(get("/api/customers").body)["items"].size(), 1U);
}

TEST_F(DeskTest, keeps_no_key_of_what_it_refused) {
  EXPECT_EQ(post("/api/customers", {{"name", "Ana"}}, "key-1").status, 422);
  EXPECT_EQ(post("/api/customers", customer(), "key-1").status, 201);
}

TEST_F(DeskTest, books_a_payment_sent_twice_with_one_key_once) {
  disburse();
  const Reply first = post("/api/applications/1/payments", {{"amount_cents", 8885}}, "pay-1");
  const Reply again = post("/api/applications/1/payments", {{"amount_cents", 8885}}, "pay-1");
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(Json::parse(get("/api/applications/1/payments").body)["items"].size(), 1U);
}

TEST_F(DeskTest, refuses_what_is_no_json_object) {
  for (const char* body : {"", "[]", "{", "null", "{\"name\": \"\xff\"}", "[[[[[[[[[[]]]]]]]]]]"}) {
    EXPECT_EQ(post("/api/customers",
                   Json(std::string_view(body).find('\xff') == std::string_view::npos ? std::string(body)
                                                                                      : std::string("\xff")))
                  .status,
              400)
        << body;
  }
  Reply reply = desk_.answer({.method = "POST",
                              .path = "/api/customers",
                              .query = {},
                              .body = "name=Ana",
                              .content_type = "application/x-www-form-urlencoded",
                              .accept_language = "",
                              .idempotency_key = ""});
  EXPECT_EQ(reply.status, 415);
}

TEST_F(DeskTest, knows_its_addresses_and_their_methods) {
  for (const char* path :
       {"/api", "/api/customers/", "/api/customers/x", "/api/customers/0", "/api/customers/1/x",
        "/api/customers/99999999999999999999", "/etc/passwd", "/../desk.js", "/api/applications//moves"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
  const Reply reply = get("/api/applications/1/moves");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.headers.at(0), (std::pair<std::string, std::string>("Allow", "POST")));
  EXPECT_EQ(get("/healthz").body, R"({"status":"ok"})");
  EXPECT_EQ(get("/").type, "text/html; charset=utf-8");
  EXPECT_EQ(get("/api/applications/7").status, 404);
}

TEST_F(DeskTest, pages_lists) {
  for (int turn = 0; turn < 5; ++turn) post("/api/customers", customer("T-000" + std::to_string(turn)));
  const Json first = Json::parse(get("/api/customers", {{"limit", "3"}}).body);
  EXPECT_EQ(first["items"].size(), 3U);
  const Json second =
      Json::parse(get("/api/customers", {{"limit", "3"}, {"before", std::to_string(first["next"].get<int>())}}).body);
  EXPECT_EQ(second["items"].size(), 2U);
  EXPECT_FALSE(second.contains("next"));
  EXPECT_EQ(get("/api/customers", {{"limit", "1000"}}).status, 422);
  EXPECT_EQ(get("/api/applications", {{"state", "lost"}}).status, 422);
}

TEST_F(DeskTest, notes_documents_and_refuses_a_bad_digest) {
  post("/api/customers", customer());
  post("/api/applications", loan());
  Json document = {{"kind", "payslip"}, {"name", "may.pdf"}, {"media_type", "application/pdf"}, {"bytes", 5}};
  document["sha256"] = std::string(64, 'g');
  EXPECT_EQ(first_error(post("/api/applications/1/documents", document))["field"], "sha256");
  document["sha256"] = std::string(64, 'a');
  EXPECT_EQ(post("/api/applications/1/documents", document).status, 201);
  EXPECT_EQ(Json::parse(get("/api/applications/1").body)["documents"].size(), 1U);
  for (int turn = 1; turn < kMostDocuments; ++turn) post("/api/applications/1/documents", document);
  EXPECT_EQ(post("/api/applications/1/documents", document).status, 409);
}

TEST_F(DeskTest, rates_a_customer_by_what_is_due_this_month) {
  disburse();
  EXPECT_EQ(Json::parse(get("/api/customers/1/rating").body)["rating"], "good");
  Json more = loan();
  more["amount_cents"] = 1'200'000;
  post("/api/applications", more);
  for (const char* to : {"submitted", "in_review", "approved", "disbursed"})
    post("/api/applications/2/moves", {{"to", to}});
  EXPECT_EQ(Json::parse(get("/api/customers/1/rating").body)["rating"], "poor");
  EXPECT_EQ(waits_, std::vector(2, std::chrono::milliseconds(50)));
}

TEST_F(DeskTest, has_no_simulation_in_its_first_version) {
  EXPECT_EQ(get("/api/simulation", kQuote).status, 404);
}

TEST_F(SecondDeskTest, simulates_an_early_repayment) {
  Parameters query = kQuote;
  query["early_month"] = "3";
  query["early_cents"] = "40000";
  const Json said = Json::parse(get("/api/simulation", query).body);
  EXPECT_EQ(said["agreed"]["count"], 12);
  EXPECT_LT(said["early"]["count"], 12);
  EXPECT_EQ(said["saved_months"], 12 - said["early"]["count"].get<int>());
  EXPECT_EQ(said["saved_interest_cents"].get<Cents>(),
            said["agreed"]["total_interest_cents"].get<Cents>() - said["early"]["total_interest_cents"].get<Cents>());
  EXPECT_EQ(said["early"]["instalments"][2]["early_cents"], 40'000);
  EXPECT_EQ(Json::parse(get("/api/about").body)["features"], Json::array({"simulation"}));
}

TEST_F(BadDeskTest, fails_for_one_kind_of_loan_alone) {
  post("/api/customers", customer());
  EXPECT_EQ(post("/api/applications", loan("french")).status, 201);
  const Reply reply = post("/api/applications", loan("constant_principal"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(first_error(reply)["code"], "internal");
  EXPECT_NE(reply.problem, "");
  EXPECT_EQ(reply.body.find(reply.problem), std::string::npos);
  EXPECT_EQ(Json::parse(get("/api/applications").body)["items"].size(), 1U);
}

TEST_F(SlowDeskTest, is_slow_for_three_queries_of_a_hundred) {
  for (int turn = 0; turn < 1000; ++turn) get("/api/quote", kQuote);
  EXPECT_EQ(waits_, std::vector(30, std::chrono::milliseconds(1500)));
}

}  // namespace
}  // namespace prestamos
