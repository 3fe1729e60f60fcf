#include "router/routes_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace marea::router {
namespace {

using std::chrono::seconds;

// What the fixtures below say.
model::Routes sample() {
  model::RevisionRoute old{.name = base::RevisionName("hola-00001-abc"), .service = base::ServiceName("hola")};
  old.startup = model::default_startup_probe();
  old.idle_timeout = seconds(60);
  model::RevisionRoute fresh{.name = base::RevisionName("hola-00002-xyz"),
                             .service = base::ServiceName("hola"),
                             .port = 3000,
                             .concurrency = 1,
                             .target = 1,
                             .min_scale = 2,
                             .max_scale = 20,
                             .timeout = seconds(5),
                             .idle_timeout = seconds(7),
                             .startup = {.kind = model::ProbeKind::http,
                                         .port = 3001,
                                         .path = "/ready",
                                         .headers = {{"A", "b"}},
                                         .initial_delay = seconds(1),
                                         .timeout = seconds(2),
                                         .period = seconds(3),
                                         .failure_threshold = 4,
                                         .declared = true},
                             .has_liveness = true,
                             .liveness = {.kind = model::ProbeKind::http, .path = "/alive", .declared = true}};
  return {.version = (7ULL << 32U) + 3,
          .services = {{.name = base::ServiceName("hola"),
                        .hosts = {"hola.localhost", "hola.example"},
                        .shares = {{base::RevisionName("hola-00001-abc"), 9000},
                                   {base::RevisionName("hola-00002-xyz"), 1000}},
                        .unready = {}},
                       {.name = base::ServiceName("adios"),
                        .hosts = {"adios.localhost"},
                        .shares = {},
                        .unready = "adios-00001-qqq: the app ended with exit code 3"}},
          .revisions = {old, fresh}};
}

// Files as marea wrote them: these bytes must be read for ever. A field that is newer than the form has its default.
constexpr std::string_view kFileOfForm1 =
    "86808080e0010204686f6c61020e686f6c612e6c6f63616c686f73740c686f6c612e6578616d706c65020e686f6c612d3030"
    "3030312d616263d08c010e686f6c612d30303030322d78797ad00f00056164696f73010f6164696f732e6c6f63616c686f73"
    "74002f6164696f732d30303030312d7171713a207468652061707020656e6465642077697468206578697420636f64652033"
    "020e686f6c612d30303030312d61626304686f6c61a07ea00100c80180e0a596bb1180e0ba84bf030000012f00008080eb91"
    "fc0d8080eb91fc0d0200000000012f000080a8d6b9078090dfc04a06000e686f6c612d30303030322d78797a04686f6c61f0"
    "2e02042880c8afa0258098dc933402f22e062f7265616479010141016280a8d6b90780d0acf30e80f882ad16080202020006"
    "2f616c697665000080a8d6b9078090dfc04a0602";

// What has come since form 1.
model::Routes sample_of_form_3() {
  model::Routes out = sample();
  out.services[0].rate_limit = {.interval = std::chrono::milliseconds(20), .burst = 75};
  out.revisions[0].target = 56;
  out.revisions[0].scale_down_delay = seconds(90);
  out.revisions[0].idle_timeout.reset();
  return out;
}

constexpr std::string_view kFileOfForm3 =
    "d90286808080e001025004686f6c61020e686f6c612e6c6f63616c686f73740c686f6c612e6578616d706c6502120e686f6c"
    "612d30303030312d616263d08c01110e686f6c612d30303030322d78797ad00f000680b4891396014b056164696f73010f61"
    "64696f732e6c6f63616c686f7374002f6164696f732d30303030312d7171713a207468652061707020656e64656420776974"
    "68206578697420636f6465203302000002520e686f6c612d30303030312d61626304686f6c61a07ea0017000c8018090d8c6"
    "9e0580e0a596bb1100140000012f00008080eb91fc0d8080eb91fc0d020000120000012f000080a8d6b9078090dfc04a0600"
    "600e686f6c612d30303030322d78797a04686f6c61f02e020204280080c8afa025028098dc93342002f22e062f7265616479"
    "010141016280a8d6b90780d0acf30e80f882ad16080202170200062f616c697665000080a8d6b9078090dfc04a0602";

// …and since then.
model::Routes sample_with_a_release() {
  model::Routes out = sample_of_form_3();
  out.services[0].rules = {{.name = "staff",
                            .conditions = {{.subject = model::MatchSubject::header,
                                            .name = "X-Team",
                                            .kind = model::MatchKind::regex,
                                            .values = {"credit|risk"}},
                                           {.subject = model::MatchSubject::client,
                                            .name = {},
                                            .kind = model::MatchKind::network,
                                            .values = {"10.0.0.0/8"}}},
                            .target = model::MatchTarget::canary,
                            .revision = {}},
                           {.name = {},
                            .conditions = {{.values = {"/a", "/b"}}},
                            .target = model::MatchTarget::revision,
                            .revision = base::RevisionName("hola-00001-abc")}};
  out.services[0].release = {.id = "hola-00002-xyz.3",
                             .salt = "s4lt",
                             .step = 2,
                             .stable = base::RevisionName("hola-00001-abc"),
                             .canary = base::RevisionName("hola-00002-xyz"),
                             .weight = 2500,
                             .objective = std::chrono::milliseconds(180),
                             .sticky = model::StickyKey::header,
                             .header = "X-Customer",
                             .began_unix_ns = 1'790'000'000'123'456'789};
  return out;
}

model::Routes sample_with_an_experiment() {
  model::Routes out = sample_with_a_release();
  out.services[0].release.reset();
  out.services[0].rules[1].arm = 1;
  out.services[0].experiment = {
      .id = "form.17",
      .name = "form",
      .salt = "s4lt",
      .arms = {{.name = "long", .revision = base::RevisionName("hola-00001-abc"), .weight = 6000},
               {.name = "short", .revision = base::RevisionName("hola-00002-xyz"), .weight = 4000}},
      .conversions = {{.route = {.method = "POST", .path = "/loans", .least_status = 201, .most_status = 201},
                       .event = {}},
                      {.route = {}, .event = "payment"}},
      .measures = {"lcp"},
      .objective = std::chrono::milliseconds(300),
      .window = std::chrono::minutes(30),
      .sticky = model::StickyKey::header,
      .header = "X-Customer",
      .began_unix_ns = 1'764'000'000'123'456'789};
  return out;
}

constexpr std::string_view kFileWithARelease =
    "8f0486808080e00102f40104686f6c61020e686f6c612e6c6f63616c686f73740c686f6c612e6578616d706c6502120e686f"
    "6c612d30303030312d616263d08c01110e686f6c612d30303030322d78797ad00f000680b489139601000230057374616666"
    "02160006582d5465616d04010b6372656469747c7269736b0f0a0006010a31302e302e302e302f3806001d00010a06000002"
    "022f61022f62000e686f6c612d30303030312d616263025110686f6c612d30303030322d78797a2e330473346c74040e686f"
    "6c612d30303030312d6162630e686f6c612d30303030322d78797a882780d4d4ab01020a582d437573746f6d6572aab4f6b4"
    "85e1add7314e056164696f73010f6164696f732e6c6f63616c686f7374002f6164696f732d30303030312d7171713a207468"
    "652061707020656e6465642077697468206578697420636f6465203302000000000002590e686f6c612d30303030312d6162"
    "6304686f6c61a07ea0017000c8018090d8c69e0580e0a596bb1100160000012f00008080eb91fc0d8080eb91fc0d02000002"
    "00140000012f000080a8d6b9078090dfc04a06000002000000670e686f6c612d30303030322d78797a04686f6c61f02e0202"
    "04280080c8afa025028098dc93342202f22e062f7265616479010141016280a8d6b90780d0acf30e80f882ad160802000202"
    "190200062f616c697665000080a8d6b9078090dfc04a06020002000000";
constexpr std::string_view kFileWithAnExperiment =
    "d50486808080e00102b80204686f6c61020e686f6c612e6c6f63616c686f73740c686f6c612e6578616d706c6502120e686f"
    "6c612d30303030312d616263d08c01110e686f6c612d30303030322d78797ad00f000680b489139601000232057374616666"
    "02160006582d5465616d04010b6372656469747c7269736b0f0a0006010a31302e302e302e302f38060001011f00010a0600"
    "0002022f61022f62000e686f6c612d30303030312d616263020100028e0107666f726d2e31370473346c7402170e686f6c61"
    "2d30303030312d616263e05d00046c6f6e67180e686f6c612d30303030322d78797ac03e000573686f727402121004504f53"
    "54062f6c6f616e7392039203000f0600009003d604077061796d656e7401036c6370808c8d9e0280c0e285e368020a582d43"
    "7573746f6d6572aab4aef2eda9fefa300004666f726d0050056164696f73010f6164696f732e6c6f63616c686f7374002f61"
    "64696f732d30303030312d7171713a207468652061707020656e6465642077697468206578697420636f6465203302000000"
    "0000000002590e686f6c612d30303030312d61626304686f6c61a07ea0017000c8018090d8c69e0580e0a596bb1100160000"
    "012f00008080eb91fc0d8080eb91fc0d0200000200140000012f000080a8d6b9078090dfc04a06000002000000670e686f6c"
    "612d30303030322d78797a04686f6c61f02e020204280080c8afa025028098dc93342202f22e062f72656164790101410162"
    "80a8d6b90780d0acf30e80f882ad160802000202190200062f616c697665000080a8d6b9078090dfc04a06020002000000";

std::string bytes_of(std::string_view form, std::string_view hex) {
  std::string out(form);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

TEST(RoutesFile, a_file_of_form_1_is_read) {
  const auto routes = parse_routes(bytes_of("marea routes 1\n", kFileOfForm1), "routes");
  ASSERT_TRUE(routes) << routes.error().line();
  EXPECT_EQ(*routes, sample());
}

TEST(RoutesFile, a_file_of_form_3_is_read) {
  const auto routes = parse_routes(bytes_of("marea routes 3\n", kFileOfForm3), "routes");
  ASSERT_TRUE(routes) << routes.error().line();
  EXPECT_EQ(*routes, sample_of_form_3());
}

TEST(RoutesFile, a_file_with_a_release_is_read) {
  const auto routes = parse_routes(bytes_of("marea routes 3\n", kFileWithARelease), "routes");
  ASSERT_TRUE(routes) << routes.error().line();
  EXPECT_EQ(*routes, sample_with_a_release());
}

TEST(RoutesFile, a_file_with_an_experiment_is_read) {
  const auto routes = parse_routes(bytes_of("marea routes 3\n", kFileWithAnExperiment), "routes");
  ASSERT_TRUE(routes) << routes.error().line();
  EXPECT_EQ(*routes, sample_with_an_experiment());
  EXPECT_EQ(print_routes(*routes), bytes_of("marea routes 3\n", kFileWithAnExperiment));
}

TEST(RoutesFile, an_unknown_form_and_a_damaged_file_are_refused_with_their_place) {
  const auto newer = parse_routes("marea routes 9\nx", "/d/routes");
  ASSERT_FALSE(newer);
  EXPECT_NE(newer.error().line().find("/d/routes"), std::string::npos);
  const std::string whole = print_routes(sample());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_routes(std::string_view(whole).substr(0, size), "routes")) << size;
  }
  EXPECT_FALSE(parse_routes(whole + "x", "routes"));
}

TEST(RoutesFile, a_save_without_room_leaves_the_file_as_it_was) {
  std::string folder = testing::TempDir() + "routes-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/routes";
  ASSERT_TRUE(save_routes(path, sample()));
  // A file size limit is refused like a full disk, and needs no disk of its own.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const auto refused = save_routes(path, {.version = 9, .services = sample().services, .revisions = {}});
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(refused);
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  const auto routes = load_routes(path);
  ASSERT_TRUE(routes);
  EXPECT_EQ(*routes, sample());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace marea::router
