#include "webhook/courier.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

#include "webhook/receiver_test.h"

namespace marea::webhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

const net::HttpResponse kYes = {.status = 200, .fields = {}, .body = R"({"passed": true, "detail": "all green"})"};
const net::HttpResponse kBusy = {.status = 503, .fields = {}, .body = {}};
const net::HttpResponse kLater = {.status = 202, .fields = {}, .body = {}};
const net::HttpResponse kTaken = {.status = 204, .fields = {}, .body = {}};

// Time stands still until a test moves it; bytes move over real sockets of this machine.
class CourierTest : public testing::Test {
 protected:
  CourierTest() { start(); }

  void start() {
    courier_ = std::make_unique<Courier>(
        Courier::World{.loop = loop_, .random = random_, .key = key_},
        Courier::Events{.on_answer =
                            [this](const std::string& id, const Verdict& verdict) {
                              told_.push_back(id + (verdict.passed ? " passed " : " refused ") + verdict.detail);
                            },
                        .on_trouble = [this](const std::string& id,
                                             const std::string& why) { told_.push_back(id + " trouble: " + why); },
                        .on_notice_done =
                            [this](const std::string& id, const std::optional<std::string>& given_up) {
                              told_.push_back(id + (given_up ? " given up: " + *given_up : " delivered"));
                            }});
  }
  // Until it holds; the socket's other end may need a moment of the kernel's.
  template <class Condition>
  bool until(Condition holds) {
    for (int i = 0; i < 5000 && !holds(); ++i) loop_.turn(std::chrono::milliseconds(1));
    return holds();
  }
  bool requests(std::size_t count) {
    return until([&] { return receiver_.requests.size() >= count; });
  }
  bool told(std::size_t count) {
    return until([&] { return told_.size() >= count; });
  }
  // What might still come, comes.
  void settle() {
    for (int i = 0; i < 50; ++i) loop_.turn(std::chrono::milliseconds(1));
  }
  void pass(base::Duration time) {
    clock_.advance(time);
    settle();
  }
  Letter letter(const std::string& id, const std::string& owner = "r1", const std::string& path = "/hook") const {
    return {.id = id, .owner = owner, .url = receiver_.url(path), .body = {{"id", id}, {"kind", "gate"}}};
  }

  base::ManualClock clock_;
  net::Loop loop_{clock_};
  base::SeededRandom random_{1};
  SigningKey key_ = *SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  Receiver receiver_{loop_};
  std::vector<std::string> told_;
  std::unique_ptr<Courier> courier_;
};

TEST_F(CourierTest, a_gate_is_asked_with_a_signature_over_what_it_gets) {
  receiver_.answers["/hook"] = {kYes};
  courier_->ask(letter("g1"));
  ASSERT_TRUE(told(1));
  EXPECT_THAT(told_, ElementsAre("g1 passed all green"));
  ASSERT_EQ(receiver_.requests.size(), 1U);
  const net::HttpRequest& request = receiver_.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(receiver_.field(0, "content-type"), "application/json");
  EXPECT_EQ(receiver_.field(0, "webhook-id"), "g1");
  EXPECT_EQ(receiver_.field(0, "webhook-timestamp"), "1700000000");
  EXPECT_EQ(receiver_.field(0, "webhook-signature"), key_.sign("g1", 1'700'000'000, request.body));
  const auto body = model::Json::parse(request.body);
  EXPECT_EQ(body.at("id"), "g1");
  EXPECT_EQ(body.at("sentAt"), "2023-11-14T22:13:20.000Z");
  EXPECT_FALSE(courier_->asks("g1"));
}

TEST_F(CourierTest, a_gate_that_answers_later_is_asked_again_with_the_same_id) {
  receiver_.answers["/hook"] = {kLater, kYes};
  courier_->ask(letter("g1"));
  ASSERT_TRUE(requests(1));
  ASSERT_TRUE(until([&] { return receiver_.connections() == 0; })) << "courier hangs up when it has heard";
  pass(kAskAgain - std::chrono::milliseconds(1));
  EXPECT_EQ(receiver_.requests.size(), 1U);
  pass(std::chrono::milliseconds(1));
  ASSERT_TRUE(told(1));
  EXPECT_EQ(receiver_.field(1, "webhook-id"), "g1");
  EXPECT_EQ(receiver_.field(1, "webhook-timestamp"), "1700000030") << "it is no replay";
  EXPECT_NE(receiver_.field(1, "webhook-signature"), receiver_.field(0, "webhook-signature"));
}

TEST_F(CourierTest, trouble_is_told_once_a_kind_and_met_by_asking_later_each_time) {
  receiver_.answers["/hook"] = {kBusy, kBusy, {.status = 302, .fields = {{"Location", receiver_.url("/other")}}}, kYes};
  courier_->ask(letter("g1"));
  ASSERT_TRUE(told(1));
  pass(kFirstRetry / 2);
  EXPECT_EQ(receiver_.requests.size(), 1U);
  pass(kFirstRetry);
  EXPECT_EQ(receiver_.requests.size(), 2U);
  ASSERT_TRUE(until([&] { return courier_->counts().failed == 2; }));
  pass(kFirstRetry);
  EXPECT_EQ(receiver_.requests.size(), 2U) << "twice as long now";
  pass(kFirstRetry * 2);
  ASSERT_TRUE(told(2));
  pass(kFirstRetry * 8);
  ASSERT_TRUE(told(3));
  EXPECT_THAT(told_, ElementsAre("g1 trouble: it answered 503",
                                 "g1 trouble: it answered 302, and redirects are not followed", "g1 passed all green"));
  EXPECT_EQ(receiver_.requests.size(), 4U);
  EXPECT_EQ(courier_->counts().failed, 3U);
}

TEST_F(CourierTest, who_does_not_answer_is_left_after_its_time) {
  courier_->ask(letter("g1"));
  ASSERT_TRUE(requests(1));
  pass(kSendTime - std::chrono::milliseconds(1));
  EXPECT_THAT(told_, IsEmpty());
  pass(std::chrono::milliseconds(1));
  EXPECT_THAT(told_, ElementsAre("g1 trouble: it did not answer within 30 s"));
}

TEST_F(CourierTest, who_is_not_there_and_who_says_too_much_are_told) {
  receiver_.answers["/long"] = {{.status = 200, .fields = {}, .body = std::string(kMostReplyBytes + 1, 'x')}};
  receiver_.answers["/most"] = {
      {.status = 200, .fields = {}, .body = R"({"passed": true})" + std::string(kMostReplyBytes - 16, ' ')}};
  courier_->ask(letter("long", "r1", "/long"));
  courier_->ask(letter("most", "r2", "/most"));
  Letter nobody = letter("nobody", "r3");
  nobody.url = "http://127.0.0.1:1/";
  courier_->ask(nobody);
  Letter forbidden = letter("forbidden", "r4");
  forbidden.url = "http://169.254.169.254/latest/meta-data";
  courier_->ask(forbidden);
  ASSERT_TRUE(told(4));
  std::ranges::sort(told_);
  EXPECT_THAT(told_, ElementsAre("forbidden trouble: its address is none that webhooks are sent to",
                                 "long trouble: its answer is larger than 64 KiB", "most passed ",
                                 StartsWith("nobody trouble: Couldn't connect")));
}

TEST_F(CourierTest, a_gate_that_is_withdrawn_is_heard_no_more) {
  courier_->ask(letter("g1"));
  ASSERT_TRUE(requests(1));
  courier_->withdraw("g1");
  receiver_.unanswered[0].send(kYes);
  settle();
  pass(std::chrono::minutes(5));
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_EQ(receiver_.requests.size(), 1U);
}

TEST_F(CourierTest, only_so_many_gates_are_asked_at_once_and_notifications_go_beside_them) {
  for (std::size_t i = 0; i < kMostGatesAtOnce + 2; ++i) {
    courier_->ask(letter("g" + std::to_string(i), "r" + std::to_string(i)));
  }
  receiver_.answers["/chat"] = {kTaken};
  courier_->notify(letter("n1", "r1", "/chat"), base::Duration{0});
  ASSERT_TRUE(told(1));
  ASSERT_TRUE(requests(kMostGatesAtOnce + 1));
  settle();
  EXPECT_THAT(told_, ElementsAre("n1 delivered"));
  EXPECT_EQ(receiver_.requests.size(), kMostGatesAtOnce + 1);
  receiver_.unanswered[0].send(kYes);
  EXPECT_TRUE(requests(kMostGatesAtOnce + 2)) << "a place was free";
}

TEST_F(CourierTest, a_notification_is_sent_until_it_is_taken) {
  receiver_.answers["/hook"] = {kBusy, kTaken};
  courier_->notify(letter("n1"), base::Duration{0});
  ASSERT_TRUE(until([&] { return courier_->counts().failed == 1; }));
  EXPECT_EQ(courier_->waiting(), 1U);
  pass(kFirstRetry * 2);
  ASSERT_TRUE(told(1));
  EXPECT_THAT(told_, ElementsAre("n1 delivered"));
  EXPECT_EQ(receiver_.field(1, "webhook-id"), "n1");
  EXPECT_EQ(courier_->waiting(), 0U);
  EXPECT_EQ(courier_->counts().delivered, 1U);
}

TEST_F(CourierTest, a_notification_is_given_up_when_it_is_old_or_unwanted_but_never_untried) {
  receiver_.answers["/hook"] = {kBusy};
  courier_->notify(letter("n1"), base::Duration{0});
  ASSERT_TRUE(requests(1));
  settle();
  for (base::Duration passed{0}; passed < kNoticeLife + kMostRetry * 2; passed += kMostRetry) pass(kMostRetry);
  EXPECT_THAT(told_, ElementsAre("n1 given up: it answered 503"));
  const std::size_t before = receiver_.requests.size();
  EXPECT_GT(before, 10U);
  courier_->notify(letter("n2"), kNoticeLife * 10);
  ASSERT_TRUE(told(2));
  EXPECT_EQ(receiver_.requests.size(), before + 1) << "it was tried once";
  receiver_.answers["/gone"] = {{.status = 410, .fields = {}, .body = {}}};
  courier_->notify(letter("n3", "r1", "/gone"), base::Duration{0});
  ASSERT_TRUE(told(3));
  EXPECT_EQ(told_.back(), "n3 given up: it answered 410");
  EXPECT_EQ(courier_->counts().given_up, 3U);
}

TEST_F(CourierTest, notifications_of_one_release_leave_room_for_those_of_others) {
  EXPECT_EQ(courier_->room_for("r1"), kMostNoticesOfOwner);
  for (std::size_t i = 0; i < kMostNoticesOfOwner; ++i) {
    courier_->notify(letter("n" + std::to_string(i), "r1"), base::Duration{0});
  }
  EXPECT_EQ(courier_->room_for("r1"), 0U);
  EXPECT_EQ(courier_->room_for("r2"), kMostNoticesOfOwner);
  ASSERT_TRUE(requests(kMostNoticesAtOnceOfOwner));
  settle();
  EXPECT_EQ(receiver_.requests.size(), kMostNoticesAtOnceOfOwner);
  courier_->notify(letter("other", "r2", "/hook"), base::Duration{0});
  EXPECT_TRUE(requests(kMostNoticesAtOnceOfOwner + 1));
  for (std::size_t owner = 3; courier_->waiting() < kMostNotices; ++owner) {
    const std::string name = "r" + std::to_string(owner);
    for (std::size_t i = courier_->room_for(name); i > 0; --i) {
      courier_->notify(letter(name + "-" + std::to_string(i), name), base::Duration{0});
    }
  }
  EXPECT_EQ(courier_->room_for("fresh"), 0U);
  EXPECT_EQ(courier_->waiting(), kMostNotices);
}

TEST_F(CourierTest, one_that_ends_with_requests_under_way_leaves_nothing_behind) {
  courier_->ask(letter("g1"));
  courier_->notify(letter("n1"), base::Duration{0});
  ASSERT_TRUE(requests(2));
  courier_.reset();
  settle();
  EXPECT_THAT(told_, IsEmpty());
  start();
  receiver_.answers["/hook"] = {kYes};
  courier_->ask(letter("g1"));
  ASSERT_TRUE(told(1));
  EXPECT_EQ(receiver_.field(2, "webhook-id"), "g1") << "the next one asks with the same id";
}

sockaddr_storage address_of(const std::string& text) {
  sockaddr_storage out{};
  sockaddr_in four{.sin_family = AF_INET};
  sockaddr_in6 six{.sin6_family = AF_INET6};
  if (::inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) std::memcpy(&out, &four, sizeof four);
  if (::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) std::memcpy(&out, &six, sizeof six);
  return out;
}

TEST(RefusedAddress, are_those_that_no_receiver_has) {
  for (const char* text : {"169.254.169.254", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "fe80::1",
                           "::", "ff02::1", "::ffff:169.254.169.254", "::ffff:0.0.0.0"}) {
    const sockaddr_storage address = address_of(text);
    EXPECT_TRUE(is_refused_address(reinterpret_cast<const sockaddr&>(address))) << text;
  }
  for (const char* text : {"127.0.0.1", "10.0.0.1", "192.0.2.1", "169.253.0.1", "223.255.255.255", "::1", "2001:db8::1",
                           "fd00::1", "::ffff:127.0.0.1"}) {
    const sockaddr_storage address = address_of(text);
    EXPECT_FALSE(is_refused_address(reinterpret_cast<const sockaddr&>(address))) << text;
  }
  const sockaddr_storage nothing{};
  EXPECT_TRUE(is_refused_address(reinterpret_cast<const sockaddr&>(nothing)));
}

}  // namespace
}  // namespace marea::webhook
