// A running experiment as callers, control and the counts see it: real worker threads, real callers, two apps that say
// which they are.
#include <gmock/gmock.h>

#include <map>
#include <mutex>
#include <string>

#include "decide/split.h"
#include "router/experiment_watch.h"
#include "router/router_world_test.h"

namespace marea::router {
namespace {

using testing::HasSubstr;
using testing::Not;

class Experimenting : public RouterWorld {
 protected:
  // Answers with its name; a POST with 201, `/fail` with 500, `/hang` never. `/pay` says events of the user, `/later?T`
  // one of the user with the token T.
  static std::function<void(Wire&)> named(const std::string& name, std::vector<std::string>* heads, std::mutex* mutex) {
    return [name, heads, mutex](Wire& wire) {
      for (;;) {
        const std::string head = wire.until("\r\n\r\n");
        if (!head.ends_with("\r\n\r\n")) return;
        {
          const std::scoped_lock lock(*mutex);
          heads->push_back(head);
        }
        if (head.contains(" /hang ")) continue;
        std::string events = head.contains(" /pay ") ? "marea-event: paid, lcp;value=700\r\n" : "";
        if (const std::size_t at = head.find(" /later?"); at != std::string::npos) {
          events = "Marea-Event: paid;user=" + head.substr(at + 8, head.find(' ', at + 8) - at - 8) + "\r\n";
        }
        const std::string status = head.contains(" /fail ")   ? "500 Oops"
                                   : head.starts_with("POST") ? "201 Made"
                                                              : "200 OK";
        const std::string length = std::to_string(name.size());
        if (!wire.send("HTTP/1.1 " + status + "\r\n" + events + "Content-Length: " + length + "\r\n\r\n" + name))
          return;
      }
    };
  }

  // Users are known by X-User, or by the cookie.
  model::ExperimentRoute experiment(model::StickyKey sticky = model::StickyKey::header) const {
    model::ExperimentRoute out{
        .id = "form.1",
        .salt = "salt",
        .arms = {{.revision = base::RevisionName("hola-1"), .weight = 6000},
                 {.revision = base::RevisionName("hola-2"), .weight = 4000}},
        .conversions = {{.route = {.method = "POST", .path = "/loans", .least_status = 201, .most_status = 201},
                         .event = {}},
                        {.route = {}, .event = "paid"}},
        .measures = {"lcp"},
        .objective = {},
        .window = std::chrono::milliseconds(1),
        .sticky = sticky,
        .header = sticky == model::StickyKey::header ? "x-user" : ""};
    out.began_unix_ns = clock_.wall().unix_ns;
    return out;
  }
  void publish(const std::optional<model::ExperimentRoute>& route) {
    const std::uint64_t version = ++version_;
    control_->send(net::msg::RoutesBegin{.version = version, .full = true});
    control_->send(model::ServiceRoute{.name = base::ServiceName("hola"),
                                       .hosts = {"hola.localhost"},
                                       .shares = {{base::RevisionName("hola-1"), 10'000}},
                                       .rules = rules,
                                       .experiment = route,
                                       .own_paths = own_paths});
    for (const App* app : {&old_app, &new_app}) {
      model::RevisionRoute revision = route_to(app->port());
      revision.name = base::RevisionName(app == &old_app ? "hola-1" : "hola-2");
      control_->send(revision);
    }
    control_->send(net::msg::RoutesCommit{version});
    ASSERT_TRUE(until([&] { return applied == version; }));
  }
  void run_both() {
    open("hola-1-a", "hola-1", false);
    open("hola-2-a", "hola-2", false);
    ASSERT_TRUE(until([&] { return ready.size() == 2; }));
  }
  static std::string key_text(int client) { return "user-" + std::to_string(client); }
  static std::string with_key(int client) { return "X-User: " + key_text(client) + "\r\n"; }
  static std::string with_cookie(std::string_view key) { return "Cookie: marea_key=" + std::string(key) + "\r\n"; }
  static bool in_new(int client) { return decide::Split("salt").bucket(key_text(client)) >= 6000; }
  static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  static std::string cookie_of(const std::string& answer) {
    constexpr std::string_view kStart = "Set-Cookie: marea_key=";
    const std::size_t at = answer.find(kStart);
    return at == std::string::npos ? "" : answer.substr(at + kStart.size(), 32);
  }
  static std::string post(const std::string& path, const std::string& fields = "") {
    return "POST " + path + " HTTP/1.1\r\nHost: hola.localhost\r\n" + fields + "Content-Length: 0\r\n\r\n";
  }
  const model::ArmOutcomes& arm(bool is_new) const { return outcomes_.split.at(is_new ? 1 : 0); }
  bool told(std::uint64_t keys) {
    return until([&] { return outcomes_.split.size() == 2 && arm(false).keys + arm(true).keys == keys; });
  }

  std::mutex mutex;
  std::vector<std::string> heads;
  App old_app{named("old", &heads, &mutex)};
  App new_app{named("new", &heads, &mutex)};
  std::vector<model::RouteRule> rules;
  bool own_paths = false;
};

TEST_F(Experimenting, users_are_divided_by_key_and_counted_as_they_convert) {
  publish(experiment());
  run_both();
  constexpr int kClients = 60;
  int moved = 0;
  std::array<std::uint64_t, 2> keys{};
  std::array<std::uint64_t, 2> loans{};
  while_turning([&] {
    Wire wire = Wire::to(port);
    for (int client = 0; client < kClients; ++client) {
      const bool is_new = in_new(client);
      for (int i = 0; i < 2; ++i) {
        wire.send(get("/", with_key(client)));
        moved += body_of(wire.response()) == (is_new ? "new" : "old") ? 0 : 1;
      }
      ++keys.at(is_new ? 1 : 0);
      if (client % 3 != 0) continue;
      for (int i = 0; i < 2; ++i) {  // twice: it counts once
        wire.send(post("/loans", with_key(client)));
        wire.response();
      }
      wire.send(get("/loans", with_key(client)));  // not what is asked for
      wire.response();
      ++loans.at(is_new ? 1 : 0);
    }
    return 0;
  });
  EXPECT_EQ(moved, 0);
  ASSERT_TRUE(told(kClients));
  ASSERT_TRUE(until([&] { return arm(false).converted[0] + arm(true).converted[0] == kClients / 3; }));
  for (const bool is_new : {false, true}) {
    EXPECT_EQ(arm(is_new).keys, keys.at(is_new ? 1 : 0));
    EXPECT_EQ(arm(is_new).converted[0], loans.at(is_new ? 1 : 0));
    EXPECT_EQ(arm(is_new).converted[1], 0U);
    EXPECT_GT(arm(is_new).latency.n, 0U);
  }
  ASSERT_TRUE(until([&] { return arm(false).due + arm(true).due == kClients; })) << "their windows end";
  EXPECT_EQ(outcomes_.untracked + outcomes_.crossed, 0U);
}

TEST_F(Experimenting, a_user_without_a_key_gets_one_and_stays_where_it_leads) {
  publish(experiment(model::StickyKey::cookie));
  run_both();
  int moved = 0;
  int kept = 0;
  while_turning([&] {
    Wire wire = Wire::to(port);
    for (int client = 0; client < 30; ++client) {
      wire.send(get());
      const std::string first = wire.response();
      const std::string cookie = cookie_of(first);
      kept += cookie.size() == 32 ? 1 : 0;
      wire.send(get("/", "Cookie: theme=dark; marea_key=" + cookie + "\r\n"));
      moved += body_of(wire.response()) == body_of(first) ? 0 : 1;
    }
    return 0;
  });
  EXPECT_EQ(kept, 30);
  EXPECT_EQ(moved, 0);
  ASSERT_TRUE(told(30)) << "each enters once";
  const std::scoped_lock lock(mutex);
  for (const std::string& head : heads) EXPECT_THAT(head, Not(HasSubstr("marea_key")));
}

TEST_F(Experimenting, who_a_rule_leads_is_counted_apart) {
  rules = {{.name = "form/new",
            .conditions = {{.subject = model::MatchSubject::header, .name = "x-team", .values = {"credit"}}},
            .target = model::MatchTarget::revision,
            .revision = base::RevisionName("hola-2"),
            .arm = 1,
            .segment = 0},
           {.name = "own",
            .conditions = {{.subject = model::MatchSubject::header, .name = "x-own", .values = {"1"}}},
            .target = model::MatchTarget::revision,
            .revision = base::RevisionName("hola-2")}};
  model::ExperimentRoute route = experiment();
  route.arms[1].segments = 1;
  publish(route);
  run_both();
  std::vector<std::string> bodies;
  while_turning([&] {
    Wire wire = Wire::to(port);
    for (int client = 0; client < 5; ++client) {
      wire.send(get("/", "X-Team: credit\r\n" + with_key(client)));
      bodies.push_back(body_of(wire.response()));
      wire.send(get("/", "X-Own: 1\r\n" + with_key(100 + client)));
      bodies.push_back(body_of(wire.response()));
    }
    return 0;
  });
  EXPECT_THAT(bodies, testing::Each("new"));
  ASSERT_TRUE(until([&] { return outcomes_.led.size() == 2 && outcomes_.led[1].keys == 5; }));
  EXPECT_EQ(outcomes_.segments.at(1).at(0).keys, 5U);
  EXPECT_EQ(arm(true).keys, 0U) << "nobody drew lots for them, and a service's own rules count nowhere";
}

TEST_F(Experimenting, pages_post_events_and_values_of_their_key) {
  publish(experiment());
  run_both();
  std::map<std::string, std::string> answers;
  while_turning([&] {
    Wire wire = Wire::to(port);
    const auto ask = [&](const std::string& name, const std::string& request) {
      wire.send(request);
      answers[name] = wire.response();
    };
    ask("first", get("/", with_key(1)));
    ask("paid", post("/.marea/events?event=paid", with_key(1)));
    ask("lcp", post("/.marea/events?event=lcp&value=1800", with_key(1)));
    ask("again", post("/.marea/events?event=lcp&value=9", with_key(1)));
    ask("nobody", post("/.marea/events?event=paid"));
    ask("unknown", post("/.marea/events?event=other", with_key(1)));
    ask("elsewhere", post("/.marea/events?event=paid", "Sec-Fetch-Site: cross-site\r\n" + with_key(1)));
    ask("beacon", get("/.marea/beacon.js"));
    ask("other", get("/.marea/other"));
    return 0;
  });
  EXPECT_THAT(answers["paid"], HasSubstr("HTTP/1.1 204"));
  EXPECT_THAT(answers["nobody"], HasSubstr("HTTP/1.1 204"));
  EXPECT_THAT(answers["unknown"], HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(answers["unknown"], HasSubstr("has no such event"));
  EXPECT_THAT(answers["elsewhere"], HasSubstr("HTTP/1.1 403"));
  EXPECT_THAT(answers["beacon"], HasSubstr("text/javascript"));
  EXPECT_THAT(answers["beacon"], HasSubstr("PerformanceObserver"));
  EXPECT_THAT(answers["other"], HasSubstr("HTTP/1.1 404"));
  ASSERT_TRUE(told(1));
  ASSERT_TRUE(until([&] { return arm(in_new(1)).measures[0].n == 1; }));
  EXPECT_EQ(arm(in_new(1)).measures[0].sum, 1800U) << "the first of a key counts";
  EXPECT_EQ(arm(in_new(1)).converted[1], 1U);
  EXPECT_EQ(arm(in_new(1)).requests, 1U) << "a post is no request of the arm";
  const std::scoped_lock lock(mutex);
  for (const std::string& head : heads) EXPECT_THAT(head, Not(HasSubstr(".marea")));
}

TEST_F(Experimenting, a_user_counts_when_he_is_given_his_arm_though_that_never_answers) {
  publish(experiment());
  run_both();
  Wire wire = Wire::to(port);
  ASSERT_TRUE(wire.send(get("/hang", with_key(1))));
  ASSERT_TRUE(told(1));
  ASSERT_TRUE(until([&] { return arm(in_new(1)).due == 1; })) << "and so does his window";
  EXPECT_EQ(arm(in_new(1)).requests, 0U);
}

// A router that is new cannot tell whether it counted him, so what is older than the experiment is replaced.
TEST_F(Experimenting, a_cookie_that_is_older_than_the_experiment_is_replaced_and_a_strange_one_counts_for_nobody) {
  publish(experiment(model::StickyKey::cookie));
  run_both();
  constexpr std::uint64_t kTicksADay = std::chrono::days(1) / model::kReleaseTick;
  std::string replaced;
  std::string kept;
  std::string last;
  while_turning([&] {
    Wire wire = Wire::to(port);
    wire.send(get("/", with_cookie(key_text_of(1, 2, 3).view())));
    replaced = cookie_of(wire.response());
    wire.send(get("/", with_cookie(replaced)));
    kept = cookie_of(wire.response());
    const auto now = static_cast<std::uint64_t>(clock_.wall().unix_ns / model::kReleaseTick.count());
    wire.send(get("/", with_cookie(key_text_of(now + kTicksADay, 2, 3).view())));
    last = wire.response();
    return 0;
  });
  EXPECT_EQ(replaced.size(), 32U);
  EXPECT_TRUE(kept.empty() || kept == replaced) << kept;
  EXPECT_THAT(last, HasSubstr(" 200 OK"));
  ASSERT_TRUE(until([&] { return outcomes_.untracked == 1; }))
      << "it was made for an experiment of another router; untracked: " << outcomes_.untracked
      << ", users: " << (outcomes_.split.empty() ? 0 : arm(false).keys + arm(true).keys) << "; its answer: " << last;
  EXPECT_EQ(arm(false).keys + arm(true).keys, 1U);
}

TEST_F(Experimenting, who_has_not_the_header_or_did_not_consent_takes_no_part) {
  model::ExperimentRoute route = experiment();
  route.arms[0].weight = 1;  // so that hardly any user is drawn for the control
  route.arms[1].weight = 9999;
  route.consent = model::MatchCondition{.subject = model::MatchSubject::cookie, .name = "agreed", .values = {"yes"}};
  publish(route);
  run_both();
  std::map<std::string, std::string> answers;
  while_turning([&] {
    Wire wire = Wire::to(port);
    const auto ask = [&](const std::string& name, const std::string& request) {
      wire.send(request);
      answers[name] = wire.response();
    };
    const std::string agreed = "Cookie: agreed=yes\r\n";
    ask("nobody", get("/", agreed));
    ask("refused", get("/", with_key(1)));
    ask("refused event", post("/.marea/events?event=paid", with_key(2)));
    ask("both", get("/", agreed + with_key(2)));
    ask("event", post("/.marea/events?event=paid", agreed));
    return 0;
  });
  EXPECT_EQ(body_of(answers["nobody"]), "old");
  EXPECT_EQ(body_of(answers["refused"]), "old");
  EXPECT_EQ(body_of(answers["both"]), "new");
  for (const auto& [name, answer] : answers) EXPECT_THAT(answer, Not(HasSubstr("Set-Cookie"))) << name;
  ASSERT_TRUE(told(1));
  EXPECT_EQ(arm(true).converted[1] + outcomes_.untracked, 0U);
}

TEST_F(Experimenting, the_app_says_events_in_its_answers_and_callers_do_not_see_that) {
  publish(experiment());
  run_both();
  std::map<std::string, std::string> answers;
  while_turning([&] {
    Wire wire = Wire::to(port);
    const auto ask = [&](const std::string& name, const std::string& request) {
      wire.send(request);
      answers[name] = wire.response();
    };
    ask("pay", get("/pay", with_key(1)));
    ask("first", get("/", with_key(2) + "Marea-User: forged\r\n"));
    std::string head;
    {
      const std::scoped_lock lock(mutex);
      head = heads.back();
    }
    const std::size_t at = head.find("Marea-User: ");
    answers["head"] = head;
    const std::string token = at == std::string::npos ? "" : head.substr(at + 12, 32);
    ask("later", get("/later?" + token));  // of somebody else: a hook, perhaps
    ask("unknown", get("/later?" + std::string(32, 'a')));
    return 0;
  });
  for (const auto& [name, answer] : answers) EXPECT_THAT(answer, Not(HasSubstr("vent:"))) << name;
  EXPECT_THAT(answers["head"], Not(HasSubstr("forged")));
  ASSERT_TRUE(told(2));
  ASSERT_TRUE(until([&] { return arm(false).converted[1] + arm(true).converted[1] == 2; }));
  EXPECT_EQ(arm(in_new(1)).measures[0].sum, 700U);
  ASSERT_TRUE(until([&] { return outcomes_.untracked == 1; })) << "a token that is none";
}

TEST_F(Experimenting, when_it_is_over_pages_that_still_ask_are_answered) {
  own_paths = true;
  publish(std::nullopt);
  run_both();
  std::map<std::string, std::string> answers;
  while_turning([&] {
    Wire wire = Wire::to(port);
    const auto ask = [&](const std::string& name, const std::string& request) {
      wire.send(request);
      answers[name] = wire.response();
    };
    ask("event", post("/.marea/events?event=paid", with_key(1)));
    ask("beacon", get("/.marea/beacon.js"));
    ask("got event", get("/.marea/events?event=paid"));
    ask("posted beacon", post("/.marea/beacon.js"));
    return 0;
  });
  EXPECT_THAT(answers["event"], HasSubstr("HTTP/1.1 204"));
  EXPECT_THAT(answers["beacon"], HasSubstr("no experiment runs"));
  EXPECT_THAT(answers["beacon"], HasSubstr("Cache-Control: no-cache"));
  EXPECT_THAT(answers["got event"], HasSubstr("Allow: POST\r\n"));
  EXPECT_THAT(answers["posted beacon"], HasSubstr("Allow: GET, HEAD\r\n"));
  const std::scoped_lock lock(mutex);
  EXPECT_TRUE(heads.empty());
}

TEST_F(Experimenting, where_an_arm_is_absent_the_shares_decide) {
  model::ExperimentRoute broken = experiment();
  broken.arms[1].revision = base::RevisionName("hola-9");
  publish(broken);
  run_both();
  std::vector<std::string> bodies;
  std::string answer;
  while_turning([&] {
    Wire wire = Wire::to(port);
    for (int client = 0; client < 8; ++client) {
      wire.send(get("/", with_key(client)));
      bodies.push_back(body_of(wire.response()));
    }
    wire.send(post("/.marea/events?event=paid", with_key(1)));
    answer = wire.response();
    return 0;
  });
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 204"));
  EXPECT_THAT(bodies, testing::Each("old"));
}

}  // namespace
}  // namespace marea::router
