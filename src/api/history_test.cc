#include <gmock/gmock.h>

#include <fstream>

#include "api/api_world_test.h"
#include "base/log.h"
#include "telemetry/request_record.h"

namespace marea::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kPath = "/apis/marea.dev/v1/services/hola";

class HistoryTest : public ApiWorld {
 protected:
  HistoryTest() {
    world.connect();
    world.have_image("a", 'a');
    world.have_image("b", 'b');
    world.deploy("hola", "a", "i1");
    first = world.newest("hola");
    between = moment();
    world.advance(std::chrono::seconds(60));
    world.deploy("hola", "b", "i2");
    second = world.newest("hola");
    world.advance(std::chrono::seconds(60));
    connect();  // the connection of before was idle for too long
  }
  std::string moment(base::Duration ago = {}) {
    return base::rfc3339(world.loop().clock().wall().unix_ns - ago.count());
  }
  Json get(const std::string& path, int status = 200) {
    const Reply reply = call("GET", path);
    EXPECT_EQ(reply.status, status) << reply.body;
    return reply.json();
  }
  std::vector<std::string> causes(const Json& list, const char* name = "cause") {
    std::vector<std::string> out;
    for (const Json& each : list["items"]) out.push_back(each[name]);
    return out;
  }
  void record(const telemetry::RequestRecord& record, base::Duration ago) {
    std::filesystem::create_directories(world.folder() + "/requests");
    std::string line;
    telemetry::RecordTime time;
    telemetry::append_record(line, time.text(world.loop().clock().wall().unix_ns - ago.count()), record);
    std::ofstream(world.folder() + "/requests/00000001.log", std::ios::app) << line;
  }
  // The answer may take a few turns of the loop.
  Json what_ran(const std::string& query, int status = 200) {
    Reply reply = call("GET", "/apis/marea.dev/v1/whatran?" + query);
    for (int i = 0; i < 10 && reply.status == 0; ++i) reply = parse(receive());
    EXPECT_EQ(reply.status, status) << reply.body;
    return reply.json();
  }

  std::string first;
  std::string second;
  std::string between;
};

TEST_F(HistoryTest, an_instant_has_what_served_then_and_how_it_came_to) {
  const Json then = get(std::string(kPath) + "/history?at=" + between);
  EXPECT_EQ(then["kind"], "ServiceInstant");
  EXPECT_EQ(then["split"].at(0)["revision"], first);
  EXPECT_EQ(then["split"].at(0)["percent"], "100%");
  EXPECT_EQ(then["split"].at(0)["digest"], "sha256:" + std::string(64, 'a'));
  EXPECT_EQ(then["cause"], "deployed");
  EXPECT_EQ(then["certain"], true);
  EXPECT_EQ(get(std::string(kPath) + "/history?at=" + moment())["split"].at(0)["revision"], second);
}

TEST_F(HistoryTest, all_lines_and_those_of_a_time_come_oldest_first) {
  EXPECT_THAT(causes(get(std::string(kPath) + "/history")),
              ElementsAre("deploy asked", "deployed", "deploy asked", "deployed"));
  const Json some = get(std::string(kPath) + "/history?since=" + moment(std::chrono::seconds(90)));
  EXPECT_THAT(causes(some), ElementsAre("deploy asked", "deployed"));
  EXPECT_EQ(some["lost"], 0);
  EXPECT_TRUE(get(std::string(kPath) + "/history?until=1999-01-01T00:00:00Z")["items"].empty());
}

TEST_F(HistoryTest, what_is_asked_in_vain_is_answered_with_the_reason) {
  EXPECT_THAT(get(std::string(kPath) + "/history?at=2001-01-01T00:00:00Z", 404)["message"].get<std::string>(),
              HasSubstr("it was first deployed at"));
  EXPECT_THAT(get(std::string(kPath) + "/history?at=noon", 400)["message"].get<std::string>(), HasSubstr("RFC 3339"));
  get("/apis/marea.dev/v1/services/nobody/history", 404);
  get("/apis/marea.dev/v1/services/nobody/changes", 404);
  get(std::string(kPath) + "/changes?since=noon", 400);
  get(std::string(kPath) + "/moon", 404);
  EXPECT_EQ(call("DELETE", std::string(kPath) + "/history").status, 405);
  EXPECT_EQ(call("POST", std::string(kPath) + "/changes").status, 405);
  EXPECT_EQ(call("POST", "/apis/marea.dev/v1/whatran?request=1").status, 405);
  what_ran("", 400);
  what_ran("request=" + std::string(300, 'x'), 400);
  what_ran("request=1&around=noon", 400);
}

TEST_F(HistoryTest, changes_are_those_of_the_service_and_of_the_platform) {
  world.connect_router();
  world.run();
  const Json all = get(std::string(kPath) + "/changes?since=" + moment(std::chrono::seconds(90)));
  EXPECT_THAT(causes(all, "kind"), ElementsAre("deploy", "deploy", "platform"));
  EXPECT_EQ(all["items"].at(0)["changed"], Json::array({"image name: a → b"}));
  EXPECT_EQ(all["items"].at(1)["split"], second + " 100%");
  EXPECT_EQ(all["items"].at(2)["what"], "router restarted");
}

TEST_F(HistoryTest, a_request_leads_to_its_revision_its_split_and_its_deploy) {
  record({.status = 200, .id = "r1", .service = "hola", .revision = first, .arm = "canary", .method = "GET"},
         std::chrono::seconds(70));
  record({.status = 500, .id = "r2", .service = "hola", .revision = second, .rule = "vip"}, std::chrono::seconds(10));
  const Json old = what_ran("request=r1");
  EXPECT_EQ(old["revision"], first);
  EXPECT_EQ(old["image"], "sha256:" + std::string(64, 'a'));
  EXPECT_EQ(old["split"], first + " 100%");
  EXPECT_EQ(old["arm"], "canary");
  EXPECT_EQ(old["deploy"]["revision"], first);
  EXPECT_EQ(old["record"]["method"], "GET");
  const Json fresh = what_ran("request=r2&around=" + moment());
  EXPECT_EQ(fresh["revision"], second);
  EXPECT_EQ(fresh["rule"], "vip");
  EXPECT_EQ(fresh["deploy"]["revision"], second);
}

TEST_F(HistoryTest, a_request_that_came_to_no_revision_says_why) {
  record({.status = 429, .reason = model::Reason::max_scale, .why = "busy", .id = "r3", .service = "hola"},
         std::chrono::seconds(1));
  record({.status = 404, .id = "r4"}, std::chrono::seconds(1));
  const Json refused = what_ran("request=r3");
  EXPECT_EQ(refused["revision"], "");
  EXPECT_EQ(refused["reason"], "MaxScale");
  EXPECT_EQ(refused["split"], second + " 100%");
  EXPECT_FALSE(what_ran("request=r4").contains("line"));
}

TEST_F(HistoryTest, a_request_that_is_not_found_comes_with_how_far_the_records_reach) {
  EXPECT_THAT(what_ran("request=r9", 404)["message"].get<std::string>(), HasSubstr("no records are kept"));
  record({.status = 200, .id = "r1"}, std::chrono::seconds(70));
  EXPECT_THAT(what_ran("request=r9", 404)["message"].get<std::string>(),
              HasSubstr("begin at " + moment(std::chrono::seconds(70)).substr(0, 19)));
}

TEST_F(HistoryTest, a_service_that_is_gone_can_still_be_asked) {
  call("DELETE", std::string(kServicesPath) + "/hola");
  world.apply_routes();
  EXPECT_EQ(parse(receive()).status, 200);
  EXPECT_FALSE(world.control().services().contains(base::ServiceName("hola")));
  EXPECT_EQ(get(std::string(kPath) + "/history?at=" + between)["split"].at(0)["revision"], first);
  const Json all = get(std::string(kPath) + "/history");
  EXPECT_EQ(all["items"].back()["cause"], "deleted");
  EXPECT_EQ(all["items"].at(4)["cause"], "deleting");
  EXPECT_FALSE(all["items"].at(4)["who"].get<std::string>().empty()) << "who came over the socket";
}

}  // namespace
}  // namespace marea::api
