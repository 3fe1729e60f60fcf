#include "router/affinity.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "router/router_world_test.h"

namespace marea::router {
namespace {

using testing::HasSubstr;
using testing::Not;

AffinityMarks marks_of(const std::string& fields) {
  static net::http::RequestHead head;
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  EXPECT_TRUE(net::http::parse_request(text, head).value_or(false));
  return affinity_in(head);
}

std::string forwarded(const std::string& value) {
  static net::http::RequestHead head;
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\ncookie: " + value + "\r\n\r\n";
  EXPECT_TRUE(net::http::parse_request(text, head).value_or(false));
  std::array<char, 4096> room;
  net::http::HeadWriter out(room);
  std::string scratch;
  for (const net::http::Field& field : head.fields()) {
    if (field.name == "cookie") forward_cookies(out, field, {.affinity = true}, scratch);
  }
  return std::string(out.view());
}

// By Python: struct.unpack("<Q", hmac.digest(struct.pack("<QQ", 1, 2), b"loans-1", "sha256")[:8])
TEST(Affinity, a_mark_is_an_authentication_code_of_the_name) {
  EXPECT_EQ(AffinityKey(1, 2).mark("loans-1"), 0x35a5634b0387854aULL);
}

TEST(Affinity, where_a_rule_leads_a_revision_has_another_mark_than_in_the_split) {
  const std::uint64_t own = AffinityKey(1, 2).mark("hola-1");
  EXPECT_EQ(mark_for(own, LedBy::split), own);
  EXPECT_NE(mark_for(own, LedBy::rule), own);
  EXPECT_NE(mark_for(own, LedBy::rule), mark_for(AffinityKey(1, 2).mark("hola-2"), LedBy::rule));
}

TEST(Affinity, a_cookie_is_found_among_others_and_what_we_did_not_make_is_none) {
  const std::string value = "00000000000000010000000000000002";
  EXPECT_EQ(marks_of("Cookie: a=b; marea_affinity=" + value + "; c=d\r\n"), (AffinityMarks{1, 2}));
  EXPECT_EQ(marks_of("Cookie: a=b\r\nCOOKIE:marea_affinity=" + value + "\r\n"), (AffinityMarks{1, 2}));
  const std::vector<std::string> foreign = {"marea_affinity",
                                            "marea_affinity=",
                                            "marea_affinity=" + value + "0",
                                            "marea_affinity=-000000000000001000000000000000002",
                                            "marea_affinity=\"" + value + "\"",
                                            "x_marea_affinity=" + value,
                                            "marea_affinity=0000000000000001000000000000000G"};
  for (const std::string& bad : foreign) {
    EXPECT_EQ(marks_of("Cookie: " + bad + "\r\n"), AffinityMarks{}) << bad;
  }
}

TEST(Affinity, the_app_gets_all_cookies_but_ours) {
  EXPECT_EQ(forwarded("a=b; marea_affinity=1; c=d"), "cookie: a=b; c=d\r\n");
  EXPECT_EQ(forwarded("a=b;c=d;marea_affinity=1;e;f=g"), "cookie: a=b;c=d;e;f=g\r\n") << "it does not grow";
  EXPECT_EQ(forwarded("a=b;  marea_affinity=1"), "cookie: a=b\r\n");
  EXPECT_EQ(forwarded("marea_affinity=1"), "");
  EXPECT_EQ(forwarded("marea_affinity=1; marea_affinity=2;"), "");
  EXPECT_EQ(forwarded("a=\"x y\";  b"), "cookie: a=\"x y\";  b\r\n") << "without ours it is as it came";
}

TEST(Affinity, the_key_is_kept_and_a_damaged_one_is_made_anew) {
  std::string folder = testing::TempDir() + "affinity-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/key";
  const auto first = AffinityKey::load_or_make(path, AffinityKey(1, 2));
  ASSERT_TRUE(first);
  EXPECT_EQ(*AffinityKey::load_or_make(path, AffinityKey(3, 4)), *first);
  std::ofstream(path) << "nothing";
  EXPECT_EQ(*AffinityKey::load_or_make(path, AffinityKey(3, 4)), AffinityKey(3, 4));
  EXPECT_FALSE(AffinityKey::load_or_make(folder + "/no/key", AffinityKey(3, 4)));
  EXPECT_NE(AffinityKey(1, 2).mark("a"), AffinityKey(1, 3).mark("a"));
  std::filesystem::remove_all(folder);
}

// Two instances of one app: which one answered shows in the cookie alone, so each has an app of its own port in turn.
class Affine : public RouterWorld {
 protected:
  std::mutex mutex;
  std::vector<std::string> heads;
  std::atomic<bool> hold{false};
  App app{App::answering([this](const std::string& head) {
    while (head.starts_with("GET /hold") && hold) std::this_thread::yield();
    const std::scoped_lock lock(mutex);
    heads.push_back(head);
    return std::string("hi");
  })};

  model::RevisionRoute route(int concurrency = 80) {
    model::RevisionRoute out = route_to(app.port());
    out.session_affinity = true;
    out.concurrency = out.target = concurrency;
    return out;
  }
  static std::string cookie_in(const std::string& answer) {
    constexpr std::string_view kStart = "Set-Cookie: marea_affinity=";
    const std::size_t at = answer.find(kStart);
    return at == std::string::npos ? "" : answer.substr(at + kStart.size(), 32);
  }
  static std::string with(const std::string& cookie) { return "Cookie: marea_affinity=" + cookie + "\r\n"; }
  void run(const std::string& id) {
    const std::size_t before = ready.size();
    open(id);
    ASSERT_TRUE(until([&] { return ready.size() > before; }));
  }
};

TEST_F(Affine, a_client_gets_a_cookie_once_and_comes_back_to_its_instance) {
  publish(route());
  run("a");
  const std::string first = call(get());
  const std::string cookie = cookie_in(first);
  ASSERT_EQ(cookie.size(), 32U) << first;
  EXPECT_THAT(first, HasSubstr("; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax\r\n"));
  run("b");
  for (int i = 0; i < 20; ++i) {
    const std::string again = call(get("/", "Cookie: x=1; marea_affinity=" + cookie + "\r\n"));
    EXPECT_THAT(again, HasSubstr("200 OK"));
    EXPECT_THAT(again, Not(HasSubstr("Set-Cookie"))) << "the same instance";
  }
  const std::scoped_lock lock(mutex);
  EXPECT_THAT(heads.back(), HasSubstr("Cookie: x=1\r\n"));
  for (const std::string& head : heads) EXPECT_THAT(head, Not(HasSubstr("marea_affinity")));
}

TEST_F(Affine, where_the_instance_is_gone_another_answers_with_a_new_cookie) {
  publish(route());
  run("a");
  const std::string cookie = cookie_in(call(get()));
  engine_->send(net::msg::InstanceClosed{base::InstanceId("a")});
  run("b");
  const std::string moved = cookie_in(call(get("/", with(cookie))));
  ASSERT_EQ(moved.size(), 32U);
  EXPECT_NE(moved, cookie);
  EXPECT_EQ(moved.substr(0, 16), cookie.substr(0, 16)) << "the revision is the same";
}

TEST_F(Affine, where_the_instance_is_full_another_answers_and_the_client_stays_with_that) {
  publish(route(1));
  run("a");
  const std::string cookie = cookie_in(call(get()));
  run("b");
  ASSERT_TRUE(until([&] { return loads["a"] == 0; })) << "the first request's slot is free again";
  hold = true;
  auto first = std::async(std::launch::async, [&] {
    Wire wire = Wire::to(port);
    wire.send(get("/hold", with(cookie)));
    return wire.response();
  });
  ASSERT_TRUE(until([&] { return loads["a"] == 1; })) << "its instance";
  const std::string other = call(get("/", with(cookie)));
  EXPECT_THAT(other, HasSubstr("200 OK")) << "it does not wait for the one that is full";
  const std::string moved = cookie_in(other);
  ASSERT_EQ(moved.size(), 32U);
  EXPECT_NE(moved, cookie);
  EXPECT_EQ(moved.substr(0, 16), cookie.substr(0, 16)) << "the revision is the same";
  EXPECT_THAT(call(get("/", with(moved))), Not(HasSubstr("Set-Cookie")));
  hold = false;
  ASSERT_TRUE(until([&] { return first.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  EXPECT_THAT(first.get(), Not(HasSubstr("Set-Cookie")));
}

TEST_F(Affine, foreign_cookies_are_ignored) {
  publish(route());
  run("a");
  for (const char* value : {"x", "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff"}) {
    const std::string answer = call(get("/", with(value)));
    EXPECT_THAT(answer, HasSubstr("200 OK"));
    EXPECT_EQ(cookie_in(answer).size(), 32U);
  }
}

TEST_F(Affine, a_cookie_outlives_the_router) {
  publish(route());
  run("a");
  const std::string cookie = cookie_in(call(get()));
  router_.reset();
  start();
  publish(route());
  ready.clear();
  open("a", "hola-1", true);
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  EXPECT_THAT(call(get("/", with(cookie))), Not(HasSubstr("Set-Cookie")));
}

TEST_F(Affine, without_it_nothing_is_set_and_nothing_is_taken_away) {
  publish(route_to(app.port()));
  run("a");
  EXPECT_THAT(call(get("/", "Cookie: marea_affinity=1; b=2\r\n")), Not(HasSubstr("Set-Cookie")));
  const std::scoped_lock lock(mutex);
  EXPECT_THAT(heads.back(), HasSubstr("Cookie: marea_affinity=1; b=2\r\n"));
}

TEST(AffineRoutes, a_known_client_stays_with_its_revision_while_that_has_a_share) {
  const AffinityKey key(5, 6);
  model::Routes routes;
  for (const char* name : {"r-1", "r-2"}) {
    routes.revisions.push_back({.name = base::RevisionName(name), .session_affinity = true});
  }
  routes.services.push_back({.name = base::ServiceName("r"),
                             .hosts = {"r.localhost"},
                             .shares = {{base::RevisionName("r-1"), 10}, {base::RevisionName("r-2"), 9990}}});
  const auto live = [&](const model::RevisionRoute& route) {
    auto out = std::make_shared<Revision>(route.name, route.service);
    out->set_affinity(key.mark(route.name.str()));
    return out;
  };
  const RouteTable table(routes, live);
  const RouteTable::ServiceEntry& service = *table.find("r.localhost");
  EXPECT_TRUE(service.affine);
  for (std::uint64_t random = 0; random < 16; ++random) {
    const auto* chosen = RouteTable::pick(service, key.mark("r-1"), random << 60U);
    EXPECT_EQ(chosen->live->name().str(), "r-1");
  }
  EXPECT_EQ(RouteTable::pick(service, key.mark("r-0"), ~0ULL)->live->name().str(), "r-2");
  routes.services[0].shares[0].weight = 0;
  const RouteTable moved(routes, live);
  EXPECT_EQ(RouteTable::pick(*moved.find("r.localhost"), key.mark("r-1"), 0)->live->name().str(), "r-2")
      << "it has no traffic any more";
}

}  // namespace
}  // namespace marea::router
