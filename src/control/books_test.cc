// What goes out over a link: the routes as differences or whole, the plan always whole.
#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "control/plan_book.h"
#include "control/route_book.h"

namespace marea::control {
namespace {

namespace msg = net::msg;

const base::ServiceName kService("s");

model::ServiceRoute route(const std::string& revision) {
  return {.name = kService, .hosts = {"s"}, .shares = {{base::RevisionName(revision), 10'000}}, .unready = {}};
}

model::RevisionRoute revision_route(const std::string& name) {
  return {.name = base::RevisionName(name), .service = kService};
}

std::string published(RouteBook& book, bool whole = false) {
  std::string out;
  const auto word = [](const auto& message) -> std::string {
    using Message = std::decay_t<decltype(message)>;
    if constexpr (std::is_same_v<Message, msg::RoutesBegin>) return message.full ? "all" : "begin";
    if constexpr (std::is_same_v<Message, model::ServiceRoute>) return "service " + message.name.str();
    if constexpr (std::is_same_v<Message, model::RevisionRoute>) return "revision " + message.name.str();
    if constexpr (std::is_same_v<Message, msg::DropService>) return "drop service " + message.name.str();
    if constexpr (std::is_same_v<Message, msg::DropRevision>) return "drop revision " + message.name.str();
    if constexpr (std::is_same_v<Message, msg::RoutesCommit>) return "commit " + std::to_string(message.version);
    return "?";
  };
  book.publish(whole, [&](const net::ControlToRouter& message) {
    out += (out.empty() ? "" : ", ") + std::visit(word, message);
    return true;
  });
  return out;
}

TEST(RouteBook, sends_what_changed) {
  RouteBook book(10);
  EXPECT_TRUE(book.set(kService, route("a"), {revision_route("a")}));
  EXPECT_EQ(book.pending_version(), 11U);
  EXPECT_EQ(published(book), "begin, revision a, service s, commit 11");
  EXPECT_FALSE(book.changed());
  EXPECT_FALSE(book.set(kService, route("a"), {revision_route("a"), revision_route("b")}));
  EXPECT_EQ(published(book), "begin, revision b, commit 12");
  EXPECT_TRUE(book.set(kService, std::nullopt, {}));
  EXPECT_EQ(published(book), "begin, drop service s, drop revision a, drop revision b, commit 13");
}

TEST(RouteBook, sends_everything_to_a_router_that_is_new) {
  RouteBook book(10);
  book.set(kService, route("a"), {revision_route("a")});
  book.publish(false, nullptr);  // nobody is there
  EXPECT_EQ(book.pending_version(), 11U);
  EXPECT_EQ(published(book, true), "all, revision a, service s, commit 12");
}

TEST(RouteBook, a_version_of_which_a_message_did_not_go_out_is_not_committed) {
  for (const bool whole : {false, true}) {
    RouteBook book(10);
    book.set(kService, route("a"), {revision_route("a")});
    bool committed = false;
    const auto send = [&](const net::ControlToRouter& message) {
      committed = committed || std::holds_alternative<msg::RoutesCommit>(message);
      return !std::holds_alternative<model::ServiceRoute>(message);
    };
    EXPECT_FALSE(book.publish(whole, send));
    EXPECT_FALSE(committed);
    EXPECT_EQ(published(book, true), "all, revision a, service s, commit 12") << "whoever has the link says all again";
  }
}

TEST(RouteBook, believes_no_version_that_it_has_not_published) {
  RouteBook book(10);
  book.set(kService, route("a"), {});
  book.publish(false, nullptr);
  book.confirm(99);
  EXPECT_EQ(book.applied(), 11U);
  book.confirm(3);
  EXPECT_EQ(book.applied(), 11U);
}

TEST(PlanBook, sends_the_whole_plan_whenever_it_changed) {
  PlanBook book(5);
  EXPECT_TRUE(book.changed()) << "a new engine must hear that nothing is wanted, too";
  model::RevisionPlan plan;
  plan.revision.name = base::RevisionName("a");
  book.set(kService, {plan});
  std::string out;
  const PlanBook::Send send = [&](const net::ControlToEngine& message) {
    if (const auto* each = std::get_if<msg::PlanRevision>(&message)) out += each->plan.revision.name.str() + " ";
    if (const auto* commit = std::get_if<msg::PlanCommit>(&message)) out += "commit " + std::to_string(commit->number);
  };
  book.publish(send);
  EXPECT_EQ(out, "a commit 6");
  EXPECT_FALSE(book.changed());
  book.set(kService, {plan});
  EXPECT_FALSE(book.changed()) << "the same again is no change";
  EXPECT_NE(book.plan_of(kService, base::RevisionName("a")), nullptr);
  book.set(kService, {});
  EXPECT_TRUE(book.changed());
  EXPECT_EQ(book.plan_of(kService, base::RevisionName("a")), nullptr);
}

}  // namespace
}  // namespace marea::control
