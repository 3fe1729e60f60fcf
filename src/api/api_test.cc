#include "api/api.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "api/api_world_test.h"
#include "telemetry/log_spool.h"

namespace marea::api {
namespace {

using model::InstanceState;
using testing::HasSubstr;
using testing::Not;

class ApiTest : public ApiWorld {
 protected:
  std::string blobs() const { return world.folder() + "/blobs/sha256"; }
  static std::string blob(std::string_view content) {
    return kOwn + ("blobs/" + control::ControlWorld::digest_of(content));
  }
  std::size_t files(const std::string& folder) const {
    const std::filesystem::directory_iterator entries(folder);
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }
  void write_log(const std::string& text) {
    telemetry::LogSpoolWriter writer(world.folder() + "/logs/hola");
    std::string line;
    telemetry::append_line(line, {.unix_ns = 1'700'000'000'000'000'000,
                                  .revision = base::RevisionName("hola-1"),
                                  .instance = base::InstanceId("i1"),
                                  .stream = telemetry::LogStream::err,
                                  .text = text});
    writer.write(line);
  }
};

TEST_F(ApiTest, a_blob_is_stored_under_its_digest_only) {
  EXPECT_EQ(call("HEAD", blob("hello")).status, 404);
  connect();
  EXPECT_EQ(call("PUT", blob("hello"), "hello").status, 201);
  EXPECT_EQ(call("HEAD", blob("hello")).status, 200);
  const Reply wrong = call("PUT", blob("promised"), "delivered");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.json()["details"]["code"], "E_DIGEST_MISMATCH");
  EXPECT_EQ(call("HEAD", blob("promised")).status, 404);
  EXPECT_EQ(call("PUT", kOwn + std::string("blobs/sha256:zz"), "x").status, 400);
  EXPECT_EQ(files(blobs()), 1U) << "nothing else is left";
}

TEST_F(ApiTest, an_upload_that_breaks_off_leaves_nothing) {
  send("PUT " + blob("hello") + " HTTP/1.1\r\nHost: api\r\nContent-Length: 5\r\n\r\nhel");
  EXPECT_EQ(files(blobs()), 1U) << "the unfinished file";
  client.reset();
  world.run();
  EXPECT_EQ(files(blobs()), 0U);
}

TEST_F(ApiTest, what_a_killed_upload_left_is_removed_at_the_next_start) {
  std::ofstream(blobs() + "/.upload-abc") << "half";
  std::filesystem::create_directories(world.folder() + "/incoming/old");
  close();
  open();
  EXPECT_EQ(files(blobs()), 0U);
  EXPECT_EQ(files(world.folder() + "/incoming"), 0U);
}

TEST_F(ApiTest, a_disk_without_room_is_told_apart) {
  // A file size limit is refused like a full disk, and needs no disk of its own.
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{.rlim_cur = 4, .rlim_max = before.rlim_max};
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Reply reply = call("PUT", blob("hello"), "hello");
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(reply.status, 507) << reply.body;
  EXPECT_EQ(files(blobs()), 0U);
}

TEST_F(ApiTest, a_blob_that_announces_too_much_is_refused_before_it_comes) {
  send("PUT " + blob("x") + " HTTP/1.1\r\nHost: api\r\nContent-Length: 99999999999999\r\n\r\n");
  EXPECT_EQ(parse(receive()).status, 413);
}

TEST_F(ApiTest, bodies_without_a_length_are_promised_room_as_they_come) {
  world.disk = {.bytes = 50'000'000, .used = 0};  // less than the first piece is promised
  send("PUT " + blob("hello") + " HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  const Reply reply = parse(receive());
  EXPECT_EQ(reply.status, 507) << reply.body;
  EXPECT_EQ(files(blobs()), 0U);
  world.disk.bytes = 1'000'000'000;
  connect();
  EXPECT_EQ(call("PUT", blob("hello"), "hello").status, 201) << "and nothing of the promise is left";
}

TEST_F(ApiTest, an_image_is_named_when_it_is_unpacked) {
  const std::string digest = world.make_image('c');
  const std::string body = R"({"name": "oci:/x", "digest": ")" + digest + "\"}";
  send("PUT " + std::string(kOwn) + "images HTTP/1.1\r\nHost: api\r\nContent-Length: " + std::to_string(body.size()) +
       "\r\n\r\n" + body);
  EXPECT_EQ(receive(), "") << "it is being unpacked";
  world.finish_job();
  const Reply named = parse(receive());
  EXPECT_EQ(named.status, 200);
  EXPECT_EQ(named.json()["digest"], digest);
  EXPECT_EQ(named.json()["bytes"], 42);
  const Json list = call("GET", kOwn + std::string("images")).json();
  EXPECT_EQ(list["items"][0]["name"], "oci:/x");
  EXPECT_EQ(list["items"][0]["disk_bytes"], 42 + 8) << "unpacked, and the blob of its manifest";
  EXPECT_EQ(list["used_bytes"], 50);
  EXPECT_EQ(list["unnamed"], Json::array());
  const std::string missing = R"({"name": "y", "digest": "sha256:)" + std::string(64, 'd') + "\"}";
  EXPECT_EQ(call("PUT", kOwn + std::string("images"), missing).status, 404);
  EXPECT_EQ(call("PUT", kOwn + std::string("images"), R"({"name": 1})").status, 400);
}

TEST_F(ApiTest, a_build_streams_its_lines_and_ends_with_the_image) {
  send("POST " + std::string(kOwn) + "builds?name=hola:1 HTTP/1.1\r\nHost: api\r\nContent-Length: 3\r\n\r\ntar");
  world.run();
  ASSERT_EQ(world.builders(), 1U);
  const net::msg::BuildImage job = world.build_job();
  EXPECT_EQ(job.tag, "hola:1");
  EXPECT_EQ(job.dockerfile, "Dockerfile");
  std::string context;
  std::ifstream(job.context + "/context.tar") >> context;
  EXPECT_EQ(context, "tar");
  world.tell_progress("STEP 1");
  EXPECT_THAT(receive(), HasSubstr(R"({"line":"STEP 1"})"));
  world.finish_build('e');
  const std::string end = receive();
  EXPECT_THAT(end, HasSubstr(R"({"image":{"name":"hola:1","digest":"sha256:eeee)"));
  EXPECT_TRUE(end.ends_with("0\r\n\r\n"));
  EXPECT_EQ(files(world.folder() + "/incoming"), 0U) << "the context is not kept";
}

TEST_F(ApiTest, a_build_whose_client_left_is_ended) {
  send("POST " + std::string(kOwn) + "builds?name=hola:1 HTTP/1.1\r\nHost: api\r\nContent-Length: 3\r\n\r\ntar");
  world.run();
  client.reset();
  world.run();
  EXPECT_EQ(world.killed.size(), 1U);
  EXPECT_EQ(files(world.folder() + "/incoming"), 0U);
}

TEST_F(ApiTest, logs_are_told_and_followed_until_the_client_leaves) {
  EXPECT_EQ(call("GET", kOwn + std::string("logs?service=hola")).status, 404);
  EXPECT_EQ(call("GET", kOwn + std::string("logs?service=../logs")).status, 404);
  write_log("one");
  write_log("two");
  const Reply told = call("GET", kOwn + std::string("logs?service=hola&tail=1"));
  EXPECT_EQ(
      told.body,
      R"({"time":"2023-11-14T22:13:20.000Z","service":"hola","revision":"hola-1","instance":"i1","stream":"stderr",)"
      R"("text":"two"})"
      "\n");
  EXPECT_EQ(call("GET", kOwn + std::string("logs?service=hola&tail=x")).status, 400);
  const Reply followed = call("GET", kOwn + std::string("logs?service=hola&follow=1&tail=1"));
  EXPECT_THAT(followed.body, HasSubstr("two"));
  EXPECT_THAT(followed.body, Not(HasSubstr("one")));
  write_log("three");
  world.advance(std::chrono::seconds(1));
  EXPECT_THAT(receive(), HasSubstr(R"("text":"three")"));
  client.reset();
  world.run();
  world.run();
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ApiTest, half_a_record_of_a_request_is_not_told) {
  write_log("one");
  std::filesystem::create_directories(world.folder() + "/requests");
  const std::string record = R"({"id":"1","service":"hola","path":"/{}"})";
  std::ofstream(world.folder() + "/requests/00000001.log") << record.substr(0, record.size() - 2) << "\n"
                                                           << record << "\n";
  const std::string told = record + "\n";
  EXPECT_EQ(call("GET", kOwn + std::string("logs?service=hola&requests=1")).body, told);
  EXPECT_THAT(call("GET", kOwn + std::string("logs?service=hola&requests=1&follow=1")).body, HasSubstr(told));
  client.reset();
  world.run();
}

TEST_F(ApiTest, a_follower_ends_with_the_server) {
  write_log("one");
  EXPECT_EQ(call("GET", kOwn + std::string("logs?service=hola&follow=1")).status, 200);
  close();  // what it leaves behind, the sanitizer tells
}

TEST_F(ApiTest, instances_are_listed_by_service_and_deleted_by_name) {
  world.connect();
  world.have_image("a", 'a');
  world.deploy("hola", "a", "i1");
  const std::string revision = world.newest("hola");
  const Json list = call("GET", kOwn + std::string("instances?service=hola")).json();
  EXPECT_EQ(list["kind"], "InstanceList");
  ASSERT_EQ(list["items"].size(), 1U);
  EXPECT_EQ(list["items"][0]["name"], "i1");
  EXPECT_EQ(list["items"][0]["revision"], revision);
  EXPECT_EQ(list["items"][0]["state"], "idle") << "nothing is in flight on it";
  EXPECT_EQ(list["items"][0]["in_flight"], 0);
  EXPECT_TRUE(call("GET", kOwn + std::string("instances?revision=x")).json()["items"].empty());
  EXPECT_EQ(call("GET", kOwn + std::string("instances/i9")).status, 404);
  EXPECT_EQ(call("DELETE", kOwn + std::string("instances/i1")).status, 200);
  world.run();
  EXPECT_EQ(world.deleted, std::vector<std::string>{"i1"});
}

TEST_F(ApiTest, health_names_the_roles_and_the_runtime) {
  Json health = call("GET", kOwn + std::string("healthz")).json();
  EXPECT_EQ(health["roles"][1], Json({{"role", "engine"}, {"state", "unreachable"}}));
  world.connect();
  health = call("GET", kOwn + std::string("healthz")).json();
  EXPECT_EQ(health["roles"].size(), 4U);
  for (const Json& role : health["roles"]) EXPECT_EQ(role["state"], "running") << role.dump();
  EXPECT_EQ(health["runtime"], "crun 1.8.1");
}

}  // namespace
}  // namespace marea::api
