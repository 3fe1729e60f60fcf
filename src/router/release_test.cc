// A running release as callers, control and the counts see it: real worker threads, real callers, two apps that say
// which they are.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <mutex>
#include <set>

#include "decide/split.h"
#include "router/release_world_test.h"

namespace marea::router {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(Releasing, clients_that_keep_the_cookie_stay_with_their_arm_and_the_app_never_sees_it) {
  publish_release(release(1000));
  run_both();
  constexpr int kClients = 400;
  struct Seen {
    int in_canary = 0;
    int moved = 0;
    int without_cookie = 0;
    int set_again = 0;
    int changed = 0;
  };
  const Seen seen = while_turning([&] {
    Seen out;
    Wire wire = Wire::to(port);
    for (int client = 0; client < kClients; ++client) {
      wire.send(get());
      const std::string first = wire.response();
      const std::string cookie = cookie_of(first);
      out.without_cookie += cookie.size() == 32 ? 0 : 1;
      for (int again = 0; again < 3; ++again) {
        wire.send(get("/", "Cookie: theme=dark; marea_key=" + cookie + "\r\n"));
        const std::string answer = wire.response();
        out.moved += body_of(answer) == body_of(first) ? 0 : 1;
        out.set_again += cookie_of(answer).empty() ? 0 : 1;
        out.changed += cookie_of(answer).empty() || cookie_of(answer) == cookie ? 0 : 1;
      }
      out.in_canary += body_of(first) == "canary" ? 1 : 0;
    }
    return out;
  });
  EXPECT_EQ(seen.without_cookie, 0) << "both arms set it";
  EXPECT_EQ(seen.moved, 0);
  EXPECT_EQ(seen.changed, 0);
  EXPECT_GT(seen.set_again, 0) << "a key is renewed now and then, or it would end after 30 days";
  EXPECT_LT(seen.set_again, kClients * 3 / 4) << "and else not said again";
  EXPECT_GT(seen.in_canary, kClients / 40);
  EXPECT_LT(seen.in_canary, kClients / 5);
  settle();
  EXPECT_EQ(sum(ticks, true, true).entered, static_cast<unsigned>(seen.in_canary));
  EXPECT_EQ(sum(ticks, true, false).entered, static_cast<unsigned>(kClients - seen.in_canary));
  EXPECT_EQ(sum(ticks, false, true).entered + sum(ticks, false, false).entered, 0U) << "each draw counts once";
  EXPECT_EQ(last.stable.untracked + last.canary.untracked, 0U);
  EXPECT_EQ(last.canary.requests, static_cast<unsigned>(4 * seen.in_canary));
  EXPECT_EQ(last.stable.requests + last.canary.requests, 4U * kClients);
  const std::scoped_lock lock(mutex);
  for (const std::string& head : heads) EXPECT_THAT(head, Not(HasSubstr("marea_key")));
  EXPECT_THAT(heads.back(), HasSubstr("Cookie: theme=dark\r\n"));
}

TEST_F(Releasing, counts_are_what_the_callers_saw) {
  publish_release(release(2500));
  run_both();
  constexpr int kClients = 300;
  constexpr int kCallers = 6;
  std::map<std::string, std::set<int>> entered;
  std::map<std::string, std::set<int>> failed;
  std::map<std::string, std::uint64_t> requests;
  std::map<std::string, std::uint64_t> failures;
  std::mutex seen;
  while_turning([&] {
    std::vector<std::future<void>> callers;
    callers.reserve(kCallers);
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.push_back(std::async(std::launch::async, [&, caller] {
        base::SeededRandom dice(static_cast<std::uint64_t>(caller) + 1);
        Wire wire = Wire::to(port);
        for (int n = 0; n < 200; ++n) {
          const int client = static_cast<int>(dice.next() % kClients);
          const bool fails = dice.next() % 10 == 0;
          wire.send(get(fails ? "/fail" : "/", with_key(client)));
          const std::string arm = body_of(wire.response());
          const std::scoped_lock lock(seen);
          entered[arm].insert(client);
          ++requests[arm];
          if (fails) failed[arm].insert(client);
          if (fails) ++failures[arm];
        }
      }));
    }
    for (auto& caller : callers) caller.get();
    return true;
  });
  settle();
  for (const bool arm : {false, true}) {
    const std::string name = arm ? "canary" : "stable";
    const model::ArmTotals& totals = arm ? last.canary : last.stable;
    EXPECT_EQ(sum(ticks, true, arm).entered, entered[name].size()) << name;
    EXPECT_EQ(sum(ticks, true, arm).failed, failed[name].size()) << name;
    EXPECT_EQ(totals.requests, requests[name]) << name;
    EXPECT_EQ(totals.failures[static_cast<std::size_t>(model::FailureCause::app)], failures[name]) << name;
    EXPECT_EQ(totals.untracked, 0U);
    const std::vector<std::uint32_t>& shape = (arm ? last.canary_shape : last.stable_shape).buckets;
    std::uint32_t observed = 0;
    for (const std::uint32_t bucket : shape) observed += bucket;
    EXPECT_LE(observed, entered[name].size()) << "one a key at most";
    EXPECT_GT(observed, 0U);
  }
  for (const int client : entered["canary"]) EXPECT_TRUE(in_canary(client, 2500)) << client;
}

TEST_F(Releasing, a_new_weight_loses_no_request_and_moves_new_buckets_only) {
  publish_release(release(500));
  run_both();
  std::atomic<bool> changed{false};
  std::atomic<int> rounds_after{0};
  constexpr int kClients = 200;
  const base::Instant deadline = clock_.now() + kPatience;
  auto callers = std::async(std::launch::async, [&] {
    std::vector<std::future<int>> all;
    all.reserve(4);
    for (int caller = 0; caller < 4; ++caller) {
      all.push_back(std::async(std::launch::async, [&, caller] {
        Wire wire = Wire::to(port);
        int wrong = 0;
        bool after = false;
        while (!(after && rounds_after > 12) && clock_.now() < deadline) {
          after = changed;
          for (int client = caller; client < kClients; client += 4) {
            wire.send(get(client % 10 == 0 ? "/fail" : "/", with_key(client)));
            const std::string arm = body_of(wire.response());
            const bool was = in_canary(client, 500);
            const bool is = in_canary(client, 2500);
            const bool fine = arm == "canary" ? (after ? is : was || is) : arm == "stable" && (after ? !is : !was);
            wrong += fine ? 0 : 1;
          }
          if (after) ++rounds_after;
        }
        return wrong;
      }));
    }
    int wrong = 0;
    for (auto& each : all) wrong += each.get();
    return wrong;
  });
  const std::uint64_t before = last.stable.requests;
  ASSERT_TRUE(until([&] { return last.stable.requests > before + 200; }));
  model::ReleaseRoute next = release(2500);
  next.began_unix_ns = began;
  next.step = 2;
  publish_release(next);
  changed = true;
  ASSERT_TRUE(until([&] { return callers.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  EXPECT_EQ(callers.get(), 0);
  EXPECT_GT(rounds_after, 0);
  settle();
  ASSERT_FALSE(ticks.empty());
  const model::StratumCounts& end = ticks.back().keyed;
  EXPECT_EQ(end.stable.at_risk + end.canary.at_risk - end.stable.failed - end.canary.failed, kClients - kClients / 10U)
      << "who has not failed";
  EXPECT_EQ(last.step, 2U);
  EXPECT_EQ(sum(ticks, true, true).failed + sum(ticks, true, false).failed, kClients / 10U) << "each key once";
}

TEST_F(Releasing, another_router_gives_everyone_the_same_arm_and_says_that_it_forgot_the_keys) {
  publish_release(release(3000));
  run_both();
  const auto arms = [&] {
    return while_turning([&] {
      std::vector<std::string> out;
      Wire wire = Wire::to(port);
      for (int client = 0; client < 100; ++client) {
        wire.send(get("/", with_key(client)));
        out.push_back(body_of(wire.response()));
      }
      return out;
    });
  };
  const std::vector<std::string> before = arms();
  settle();
  const std::uint64_t memory = last.memory;
  router_.reset();
  start();  // it knows its routes from the file alone
  run_both(true);
  EXPECT_EQ(arms(), before);
  settle();
  EXPECT_NE(last.memory, memory);
  EXPECT_EQ(last.stable.requests + last.canary.requests, 100U);
}

TEST_F(Releasing, rules_come_first_and_do_not_count_and_neither_do_tags) {
  rules = {
      {.name = "staff",
       .conditions = {{.subject = model::MatchSubject::header, .name = "X-Team", .values = {"credit"}}},
       .target = model::MatchTarget::canary,
       .revision = {}},
      {.name = "old",
       .conditions = {{.subject = model::MatchSubject::path, .kind = model::MatchKind::prefix, .values = {"/old"}}},
       .target = model::MatchTarget::revision,
       .revision = base::RevisionName("hola-1")}};
  publish_release(release(5000));
  run_both();
  for (int client = 0; client < 20; ++client) {
    EXPECT_EQ(body_of(call(get("/old", "X-Team: credit\r\n" + with_key(client)))), "canary")
        << "the first rule decides";
    EXPECT_EQ(body_of(call(get("/old", with_key(client)))), "stable");
  }
  EXPECT_EQ(body_of(call("GET / HTTP/1.1\r\nHost: next---hola.localhost\r\n\r\n")), "canary");
  EXPECT_EQ(cookie_of(call(get("/old"))), "") << "it is in no arm";
  EXPECT_EQ(body_of(call(get("/", with_key(1)))), in_canary(1, 5000) ? "canary" : "stable");
  settle();
  EXPECT_EQ(last.stable.requests + last.canary.requests, 1U);
  const auto recorded = [&](const std::string& part) {
    int lines = 0;
    std::ifstream file(folder_ + "/requests/00000001.log");
    for (std::string line; std::getline(file, line);) lines += line.find(part) == std::string::npos ? 0 : 1;
    return lines;
  };
  const std::string arm = in_canary(1, 5000) ? "canary" : "stable";
  EXPECT_TRUE(until([&] { return recorded("}") == 43; })) << "each worker writes its own";
  EXPECT_EQ(recorded("\"arm\":\"" + arm + "\""), 1);
  EXPECT_EQ(recorded("\"rule\":\"staff\""), 20);
  EXPECT_EQ(recorded("\"rule\":\"old\""), 21);
  EXPECT_EQ(recorded("\"arm\""), 1) << "what a rule or a tag led is in none";
  const std::scoped_lock lock(mutex);
  for (const std::string& head : heads) EXPECT_THAT(head, Not(HasSubstr("marea_key")));
}

TEST_F(Releasing, without_stickiness_every_request_goes_by_chance_and_nobody_gets_a_cookie) {
  model::ReleaseRoute route = release(5000);
  route.sticky = model::StickyKey::off;
  publish_release(route);
  run_both();
  std::map<std::string, unsigned> seen;
  for (int n = 0; n < 60; ++n) {
    const std::string answer = call(get("/", with_key(1)));
    ++seen[body_of(answer)];
    EXPECT_EQ(cookie_of(answer), "");
  }
  EXPECT_GT(seen["canary"], 5U);
  EXPECT_GT(seen["stable"], 5U);
  settle();
  EXPECT_EQ(sum(ticks, false, true).entered, seen["canary"]);
  EXPECT_EQ(sum(ticks, false, false).entered, seen["stable"]);
  EXPECT_EQ(sum(ticks, true, true).entered + sum(ticks, true, false).entered, 0U);
  const std::scoped_lock lock(mutex);
  EXPECT_THAT(heads.back(), HasSubstr("marea_key")) << "it is not ours here";
}

TEST_F(Releasing, a_header_is_the_key_where_the_release_says_so_and_the_cookie_where_it_lacks) {
  model::ReleaseRoute route = release(5000);
  route.sticky = model::StickyKey::header;
  route.header = "x-customer";
  publish_release(route);
  run_both();
  const decide::Split split("salt");
  for (int client = 0; client < 20; ++client) {
    const std::string key = "customer-" + std::to_string(client);
    const std::string answer = call(get("/", "X-Customer: " + key + "\r\n" + with_key(client)));
    EXPECT_EQ(body_of(answer), split.bucket(key) < 5000 ? "canary" : "stable");
    EXPECT_EQ(cookie_of(answer), "");
    EXPECT_EQ(body_of(call(get("/", with_key(client)))), in_canary(client, 5000) ? "canary" : "stable");
  }
  EXPECT_EQ(cookie_of(call(get("/", "X-Customer:\r\n"))).size(), 32U) << "an empty one is none";
}

TEST_F(Releasing, the_arm_wins_over_the_affinity_cookie_of_the_other_one) {
  affine = true;
  publish_release(release(5000));
  run_both();
  int other = 0;
  while (in_canary(other, 5000)) ++other;
  const std::string first = call(get("/", with_key(other)));
  EXPECT_EQ(body_of(first), "stable");
  const std::size_t at = first.find("marea_affinity=");
  ASSERT_NE(at, std::string::npos);
  const std::string affinity = first.substr(at, 15 + 32);
  int client = 0;
  while (!in_canary(client, 5000)) ++client;
  const std::string answer = call(get("/", "Cookie: " + affinity + "; marea_key=" + key_text(client) + "\r\n"));
  EXPECT_EQ(body_of(answer), "canary");
  EXPECT_THAT(answer, HasSubstr("marea_affinity=")) << "it leads to an instance of this arm from now on";
  EXPECT_THAT(call(get("/", "Cookie: " + affinity + "; marea_key=" + key_text(other) + "\r\n")),
              Not(HasSubstr("Set-Cookie: marea_affinity")));
}

TEST_F(Releasing, who_never_comes_back_entered_with_his_first_request) {
  publish_release(release(10'000));
  run_both();
  const std::string cookie = cookie_of(call(get("/fail")));
  call(get("/"));
  settle();
  EXPECT_EQ(sum(ticks, true, true).entered, 2U);
  EXPECT_EQ(sum(ticks, true, true).failed, 1U);
  call(get("/fail", "Cookie: marea_key=" + cookie + "\r\n"));
  settle();
  EXPECT_EQ(sum(ticks, true, true).entered, 2U) << "who comes back is known";
  EXPECT_EQ(sum(ticks, true, true).failed, 1U) << "and so is his failure";
}

TEST_F(Releasing, a_key_that_says_it_was_minted_here_and_was_not_is_untracked_and_one_from_before_enters) {
  publish_release(release(10'000));
  run_both();
  const auto ago = [&](std::chrono::minutes time) {
    const std::chrono::nanoseconds then = std::chrono::nanoseconds(clock_.wall().unix_ns) - time;
    const auto tick = static_cast<std::uint64_t>(then / model::kReleaseTick);
    return "Cookie: marea_key=" + std::string(key_text_of(tick, 1, 2).view()) + "\r\n";
  };
  call(get("/", ago(-std::chrono::minutes(24 * 60))));
  settle();
  EXPECT_EQ(last.canary.untracked, 1U);
  EXPECT_EQ(sum(ticks, true, true).entered, 0U);
  call(get("/", ago(std::chrono::minutes(30))));
  settle();
  EXPECT_EQ(last.canary.untracked, 1U);
  EXPECT_EQ(sum(ticks, true, true).entered, 1U);
}

TEST_F(Releasing, an_answer_for_shared_caches_sets_no_cookie_of_ours) {
  affine = true;
  publish_release(release(10'000));
  run_both();
  EXPECT_THAT(call(get("/shared")), testing::AllOf(HasSubstr(" 200 "), Not(HasSubstr("Set-Cookie"))));
  EXPECT_THAT(call(get("/")), testing::AllOf(HasSubstr("marea_key="), HasSubstr("marea_affinity=")));
}

TEST_F(Releasing, where_a_rule_led_does_not_take_the_affinity_of_other_requests) {
  affine = true;
  rules = {
      {.name = "new",
       .conditions = {{.subject = model::MatchSubject::path, .kind = model::MatchKind::prefix, .values = {"/new"}}},
       .target = model::MatchTarget::revision,
       .revision = base::RevisionName("hola-2")}};
  publish_release(std::nullopt);
  run_both();
  const auto with = [](const std::string& cookie) { return "Cookie: " + cookie + "\r\n"; };
  const std::string led = affinity_of(call(get("/new")));
  ASSERT_NE(led, "");
  EXPECT_EQ(affinity_of(call(get("/new", with(led)))), "") << "it is known";
  const std::string own = affinity_of(call(get("/", with(led))));
  ASSERT_NE(own, "") << "the split's requests have an instance of their own";
  const std::string answer = call(get("/new", with(own)));
  EXPECT_EQ(body_of(answer), "canary");
  EXPECT_EQ(affinity_of(answer), "");
  const std::scoped_lock lock(mutex);
  for (const std::string& head : heads) EXPECT_THAT(head, Not(HasSubstr("marea_affinity")));
}

TEST_F(Releasing, who_waits_for_a_start_is_cold) {
  publish_release(release(10'000));
  on_demand = [&](const net::msg::Demand& demand) { open("hola-2-a", demand.revision.str()); };
  EXPECT_EQ(body_of(call(get("/", with_key(1)))), "canary");
  EXPECT_EQ(body_of(call(get("/", with_key(2)))), "canary");
  settle();
  EXPECT_EQ(last.canary.requests, 2U);
  EXPECT_EQ(last.canary.cold, 1U);
  std::uint32_t timed = 0;
  for (const model::ReleaseTick& tick : ticks) timed += tick.keyed.canary.timed;
  EXPECT_EQ(timed, 1U) << "the cold one's latency says nothing";
}

TEST_F(Releasing, what_control_did_not_acknowledge_is_told_again_over_the_next_link_and_no_more_before) {
  acknowledges = false;
  publish_release(release(10'000));
  run_both();
  EXPECT_EQ(body_of(call(get("/", with_key(1)))), "canary");
  pause();
  EXPECT_EQ(messages, 1);
  EXPECT_EQ(body_of(call(get("/", with_key(2)))), "canary");
  pause();
  EXPECT_EQ(messages, 1);
  closed = 0;
  ticks.clear();
  acknowledges = true;
  link_control();
  settle();
  EXPECT_EQ(sum(ticks, true, true).entered, 2U);
  EXPECT_EQ(last.canary.requests, 2U);
}

TEST_F(Releasing, when_it_is_over_the_shares_decide_and_nothing_is_told) {
  publish_release(release(10'000));
  run_both();
  EXPECT_EQ(body_of(call(get("/", with_key(1)))), "canary");
  settle();
  publish_release(std::nullopt);
  const model::ReleaseCounts before = last;
  const std::string answer = call(get("/", with_key(1)));
  EXPECT_EQ(body_of(answer), "stable");
  EXPECT_EQ(cookie_of(answer), "");
  pause();
  pause();
  EXPECT_EQ(last, before);
}

}  // namespace
}  // namespace marea::router
