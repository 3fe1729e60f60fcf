#include "api/watch.h"

#include <gmock/gmock.h>

#include <sstream>

#include "api/api_world_test.h"

namespace marea::api {
namespace {

using model::InstanceState;
using testing::ElementsAre;
using testing::HasSubstr;

class WatchTest : public ApiWorld {
 protected:
  WatchTest() {
    world.connect();
    world.have_image("a", 'a');
  }
  std::string list_version() {
    return call("GET", kServicesPath).json()["metadata"]["resourceVersion"].get<std::string>();
  }
  void create(const std::string& name = "hola") {
    std::string text = hola_yaml("a");
    text.replace(text.find("hola"), 4, name);
    const Reply made = call("POST", kServicesPath, text, kYaml);
    ASSERT_EQ(made.status, 201) << made.body;
  }
  // Begins a watch on a connection of its own.
  void watch(const std::string& query, const std::string& fields = "", const std::string& path = kServicesPath) {
    auto pair = *net::make_socket_pair();
    server->serve(std::move(pair.first));
    std::swap(client, pair.second);
    send("GET " + path + "?watch=true" + query + " HTTP/1.1\r\nHost: api\r\n" + fields + "\r\n");
    world.run();
    std::swap(client, pair.second);
    watcher_ = std::move(pair.second);
  }
  // What came since, as values; the heads of the answer and of the chunks are no JSON.
  std::vector<Json> events() {
    world.advance(kSettleAfter);
    std::swap(client, watcher_);
    std::istringstream text(receive());
    std::swap(client, watcher_);
    std::vector<Json> out;
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with('{')) out.push_back(Json::parse(line));
    }
    return out;
  }
  std::vector<std::string> told() {
    std::vector<std::string> out;
    for (const Json& one : events()) {
      std::string text = one["type"].get<std::string>();
      if (one["object"]["metadata"].contains("name"))
        text += " " + one["object"]["metadata"]["name"].get<std::string>();
      for (const Json& condition : one["object"].value("status", Json::object()).value("conditions", Json::array())) {
        if (condition["type"] == "Ready") text += " " + condition["status"].get<std::string>();
      }
      out.push_back(text);
    }
    return out;
  }

  base::Fd watcher_;
};

TEST_F(WatchTest, a_service_is_added_becomes_ready_later_and_is_deleted) {
  watch("&resourceVersion=" + list_version());
  EXPECT_THAT(events(), ElementsAre());
  create();
  EXPECT_THAT(told().front(), "ADDED hola Unknown");
  world.report("i1", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  EXPECT_THAT(told().back(), "MODIFIED hola True");
  EXPECT_THAT(events(), ElementsAre()) << "nothing happened";
  send("DELETE " + std::string(kServicesPath) + "/hola HTTP/1.1\r\nHost: api\r\n\r\n");
  world.run();
  world.apply_routes();
  EXPECT_THAT(told().back(), HasSubstr("DELETED hola"));
}

TEST_F(WatchTest, versions_grow_with_every_change_and_a_watch_goes_on_from_any_of_them) {
  const std::string before = list_version();
  create();
  world.report("i1", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  watch("&resourceVersion=" + before);
  std::vector<std::uint64_t> versions;
  for (const Json& one : events()) {
    versions.push_back(std::stoull(one["object"]["metadata"]["resourceVersion"].get<std::string>()));
  }
  ASSERT_GE(versions.size(), 1U);
  EXPECT_TRUE(std::ranges::is_sorted(versions));
  watch("&resourceVersion=" + std::to_string(versions.front()));
  EXPECT_EQ(events().size(), versions.size() - 1);
}

TEST_F(WatchTest, a_version_of_another_life_is_gone) {
  create();
  EXPECT_EQ(call("GET", std::string(kServicesPath) + "?watch=1&resourceVersion=1").status, 410);
  const std::string old = list_version();
  close();
  world.kill();
  world.start();
  open();
  const Reply gone = call("GET", std::string(kServicesPath) + "?watch=1&resourceVersion=" + old);
  EXPECT_EQ(gone.status, 410);
  EXPECT_EQ(gone.json()["reason"], "Expired");
  EXPECT_EQ(call("GET", std::string(kServicesPath) + "?watch=1&resourceVersion=x").status, 400);
}

TEST_F(WatchTest, without_a_version_what_there_is_comes_first_and_a_bookmark_ends_it) {
  create();
  watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
  const std::vector<Json> first = events();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0]["type"], "ADDED");
  EXPECT_EQ(first[1]["type"], "BOOKMARK");
  EXPECT_EQ(first[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
  world.advance(kBookmarkEvery);
  const std::vector<Json> later = events();
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0]["object"]["kind"], "Service");
}

TEST_F(WatchTest, an_object_that_leaves_the_selection_is_deleted_from_it) {
  watch("&labelSelector=tier%3Dweb&resourceVersion=" + list_version());
  create();
  EXPECT_THAT(told(), ElementsAre());
  const auto label = [&](const char* value) {
    const Reply done = call("PATCH", std::string(kServicesPath) + "/hola",
                            std::string(R"({"metadata":{"labels":{"tier":)") + value + "}}}",
                            "Content-Type: application/merge-patch+json\r\n");
    EXPECT_EQ(done.status, 200) << done.body;
  };
  label("\"web\"");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("ADDED hola")));
  label("null");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("DELETED hola")));
}

TEST_F(WatchTest, the_bookmark_after_what_there_was_comes_when_there_is_room_again) {
  const Json note = {{"metadata", {{"annotations", {{"note", std::string(200'000, 'x')}}}}}};
  for (const char* name : {"one", "two", "three"}) {
    create(name);
    const Reply done = call("PATCH", std::string(kServicesPath) + "/" + name, note.dump(),
                            "Content-Type: application/merge-patch+json\r\n");
    ASSERT_EQ(done.status, 200) << done.body;
  }
  watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
  const std::vector<Json> first = events();
  ASSERT_EQ(first.size(), 4U);
  EXPECT_EQ(first[3]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

TEST_F(WatchTest, an_object_that_leaves_a_selection_of_fields_is_deleted_from_it) {
  create();
  world.report("i1", world.newest("hola"), InstanceState::running);
  watch("&fieldSelector=status.phase%3DRunning", "", "/api/v1/namespaces/default/pods");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("ADDED i1")));
  world.report("i1", world.newest("hola"), InstanceState::failed, model::Reason::app_exited,
               model::ExitStatus{.code = 3});
  EXPECT_THAT(told(), ElementsAre(HasSubstr("DELETED i1")));
}

TEST_F(WatchTest, one_that_takes_nothing_is_told_that_it_is_behind_and_ends) {
  close();
  most_changes = 20;
  open();
  create();
  watch("&resourceVersion=" + list_version());
  for (int i = 0; i < 400; ++i) {  // more than the buffers of a socket hold
    const Json note = {{"metadata", {{"annotations", {{"note", std::string(3000, 'x') + std::to_string(i)}}}}}};
    const Reply done = call("PATCH", std::string(kServicesPath) + "/hola", note.dump(),
                            "Content-Type: application/merge-patch+json\r\n");
    ASSERT_EQ(done.status, 200) << done.body;
  }
  std::vector<Json> all;
  for (;;) {
    std::vector<Json> some = events();
    if (some.empty()) break;
    all.insert(all.end(), some.begin(), some.end());
  }
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back()["type"], "ERROR");
  EXPECT_EQ(all.back()["object"]["code"], 410);
}

TEST_F(WatchTest, a_watch_ends_after_its_time) {
  watch("&timeoutSeconds=5&resourceVersion=" + list_version());
  world.advance(std::chrono::seconds(5));
  std::swap(client, watcher_);
  EXPECT_TRUE(receive().ends_with("0\r\n\r\n"));
}

TEST_F(WatchTest, a_table_is_watched_row_by_row) {
  watch("&resourceVersion=" + list_version(),
        "Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json\r\n");
  create();
  const std::vector<Json> rows = events();
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows[0]["object"]["kind"], "Table");
  EXPECT_EQ(rows[0]["object"]["rows"][0]["cells"][0], "hola");
}

TEST_F(WatchTest, configurations_routes_revisions_pods_and_events_are_watched_too) {
  const std::string from = "&resourceVersion=" + list_version();
  create();
  world.report("i1", world.newest("hola"), InstanceState::running);
  world.apply_routes();
  const std::string serving = "/apis/serving.knative.dev/v1/namespaces/default/";
  watch(from, "", serving + "configurations");
  const std::vector<Json> configurations = events();
  ASSERT_FALSE(configurations.empty());
  EXPECT_EQ(configurations.back()["object"]["kind"], "Configuration");
  watch(from, "", serving + "routes");
  EXPECT_EQ(events().back()["object"]["kind"], "Route");
  watch(from, "", serving + "revisions");
  EXPECT_EQ(events().back()["object"]["kind"], "Revision");
  watch("", "", "/api/v1/namespaces/default/pods");
  EXPECT_EQ(events().back()["object"]["metadata"]["name"], "i1");
  watch("&fieldSelector=involvedObject.kind%3DRevision", "", "/api/v1/namespaces/default/events");
  const std::vector<Json> told = events();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["object"]["reason"], "Ready");
}

}  // namespace
}  // namespace marea::api
