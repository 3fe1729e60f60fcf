// Every form of the store that was ever released, as a file of that time held it: each must open for ever and lose
// nothing. A new step in schema.cc does not compile here before its form has a file, too.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>

#include "store/image_form.h"
#include "store/schema.h"
#include "store/store.h"

namespace marea::store {
namespace {

constexpr const char* kForm1 = R"sql(
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  INSERT INTO counters VALUES ('resource_version', 41), ('epoch', 6);
  CREATE TABLE services (
    name TEXT PRIMARY KEY, uid TEXT NOT NULL, generation INTEGER NOT NULL, resource_version INTEGER NOT NULL,
    created_unix_ns INTEGER NOT NULL, deleting INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
  INSERT INTO services VALUES ('hola', 'u1', 3, 40, 1700000000000000001, 1,
    '{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"hola"},
      "spec":{"template":{"spec":{"containers":[{"image":"oci:/x","ports":[{"containerPort":3000}]}]}}}}');
  CREATE TABLE revisions (
    name TEXT PRIMARY KEY, service TEXT NOT NULL REFERENCES services (name), uid TEXT NOT NULL,
    generation INTEGER NOT NULL, resource_version INTEGER NOT NULL, created_unix_ns INTEGER NOT NULL,
    document TEXT NOT NULL, image TEXT NOT NULL, result TEXT NOT NULL, reason TEXT NOT NULL, code TEXT NOT NULL,
    message TEXT NOT NULL, decided_unix_ns INTEGER NOT NULL) STRICT;
  INSERT INTO revisions VALUES ('hola-00002-abc', 'hola', 'u2', 2, 38, 1700000000000000002,
    '{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"hola"},
      "spec":{"template":{"spec":{"containers":[{"image":"oci:/x","ports":[{"containerPort":3000}]}]}}}}',
    '{"bytes":42,"cmd":["a"],"digest":"sha256:aa","entrypoint":["/app/tide"],"env":["A=1"],"exposed_ports":[3000],
      "gid":34,"groups":[5],"home":"/h","rootfs":"/run/marea/images/aa/rootfs","stop_signal":"SIGINT","uid":33,
      "user":"www","working_dir":"/w"}',
    'ready', '', 'E_INTERNAL', '', 1700000000000000003),
   ('hola-00003-xyz', 'hola', 'u3', 3, 41, 1700000000000000004,
    '{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"hola"},
      "spec":{"template":{"spec":{"containers":[{"image":"oci:/x"}]}}}}',
    '', 'failed', 'PortMismatch', 'E_PORT_MISMATCH', 'it listens on 127.0.0.1:3000', 1700000000000000005);
  CREATE INDEX revisions_by_service ON revisions (service);
  CREATE TABLE images (digest TEXT PRIMARY KEY, image TEXT NOT NULL) STRICT;
  INSERT INTO images VALUES ('sha256:aa', '{"bytes":42,"digest":"sha256:aa","rootfs":"/run/marea/images/aa/rootfs"}');
  CREATE TABLE image_names (name TEXT PRIMARY KEY, digest TEXT NOT NULL, named_unix_ns INTEGER NOT NULL) STRICT;
  INSERT INTO image_names VALUES ('oci:/x', 'sha256:aa', 1700000000000000000);
)sql";

// What came to form 1 with form 2.
constexpr const char* kAddedInForm2 = R"sql(
  CREATE TABLE usage (
    instance TEXT PRIMARY KEY, revision TEXT NOT NULL, service TEXT NOT NULL, since_unix_ns INTEGER NOT NULL,
    until_unix_ns INTEGER NOT NULL, ended INTEGER NOT NULL, requests INTEGER NOT NULL, alive INTEGER NOT NULL,
    busy INTEGER NOT NULL, billed INTEGER NOT NULL, unready INTEGER NOT NULL, stopping INTEGER NOT NULL,
    cpu INTEGER NOT NULL, peak_memory_bytes INTEGER NOT NULL, memory_limit_bytes INTEGER NOT NULL,
    milli_cpu INTEGER NOT NULL, whole_life INTEGER NOT NULL, kept_idle INTEGER NOT NULL) STRICT;
  INSERT INTO usage VALUES ('i1', 'hola-00002-abc', 'hola', 1, 2, 1, 12, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1, 10);
  CREATE TABLE usage_totals (
    service TEXT NOT NULL, revision TEXT NOT NULL, since_unix_ns INTEGER NOT NULL, until_unix_ns INTEGER NOT NULL,
    instances INTEGER NOT NULL, requests INTEGER NOT NULL, billable INTEGER NOT NULL, kept_idle INTEGER NOT NULL,
    busy INTEGER NOT NULL, alive INTEGER NOT NULL, cpu INTEGER NOT NULL, milli_cpu_ms INTEGER NOT NULL,
    mebibyte_ms INTEGER NOT NULL, peak_memory_bytes INTEGER NOT NULL, PRIMARY KEY (service, revision)) STRICT;
  INSERT INTO usage_totals VALUES ('hola', 'hola-00001-xyz', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
)sql";

// What came with form 3. A canary in its second step, with an opinion and one line of history.
constexpr const char* kAddedInForm3 = R"sql(
  CREATE TABLE release_policies (
    name TEXT PRIMARY KEY, created_unix_ns INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
  INSERT INTO release_policies VALUES ('careful', 5,
    '{"apiVersion":"marea.dev/v1","kind":"ReleasePolicy","metadata":{"name":"careful"},
      "spec":{"ladder":["5%",{"weight":"50%","maximum":"10m"}],"sticky":"header X-Customer"}}');
  CREATE TABLE releases (
    id TEXT PRIMARY KEY, service TEXT NOT NULL, created_unix_ns INTEGER NOT NULL, began_unix_ns INTEGER NOT NULL,
    rollbacks_before INTEGER NOT NULL, document TEXT NOT NULL, salt TEXT NOT NULL, objective INTEGER NOT NULL,
    age INTEGER NOT NULL, state TEXT NOT NULL, judge TEXT NOT NULL) STRICT;
  INSERT INTO releases VALUES ('hola-00003-xyz', 'hola', 7, 8, 1,
    '{"apiVersion":"marea.dev/v1","kind":"Release","metadata":{"name":"hola-00003-xyz"},
      "spec":{"service":"hola","stable":"hola-00002-abc","canary":"hola-00003-xyz",
              "policy":{"strategy":"canary","ladder":[{"weight":"5%","warmUp":"15s","minimum":"30s","maximum":"2m"},
                        {"weight":"50%","warmUp":"15s","minimum":"30s","maximum":"2m"}],"holdback":"1%"}}}',
    's4lt', 250000000, 95000000000,
    '{"attempt":1,"bad":false,"cause":"unproven","deadline":3695000000000,"detail":"few keys","failures":[{"arm":
      "canary","at":3,"kind":"out of memory"}],"gate_passed":false,"next_gate":0,"opinion":{"evidence":"few keys",
      "risk_bound":7.5,"unknown":"too little","verdict":"not yet"},"paused_cause":"","paused_left":0,"paused_phase":
      "preparing","phase":"holding","ready":true,"rollbacks":1,"since":95000000000,"step":1,"step_since":35000000000,
      "steps":[{"began":5,"ended":9,"evidence":"e","proof":"proven good","weight":500},{"began":9,"evidence":"",
      "proof":"","weight":5000}],"told":0,"watch_until":0,"weight":5000}',
    'j1');
  CREATE TABLE release_audit (
    release TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, unix_ns INTEGER NOT NULL,
    actor TEXT NOT NULL, who TEXT NOT NULL, event TEXT NOT NULL, weight INTEGER NOT NULL, why TEXT NOT NULL,
    PRIMARY KEY (release, number)) STRICT;
  INSERT INTO release_audit VALUES ('hola-00003-xyz', 1, 95000000000, 1700000000000000006, 'judge', '', 'holding', 5000,
    'unproven: few keys');
)sql";

// What came with form 4.
constexpr const char* kAddedInForm4 = R"sql(
  CREATE TABLE notices (
    id TEXT PRIMARY KEY, release TEXT NOT NULL, url TEXT NOT NULL, created_unix_ns INTEGER NOT NULL,
    body TEXT NOT NULL) STRICT;
  INSERT INTO notices VALUES ('note_x', 'hola-00003-xyz', 'https://chat.example.com/hook', 1700000000000000007,
    '{"kind":"notification"}');
)sql";

// What came with form 5: a canary's second step, not confirmed yet, of a service that is there, and what a service left
// that is gone.
constexpr const char* kAddedInForm5 = R"sql(
  CREATE TABLE timeline (
    service TEXT NOT NULL, number INTEGER NOT NULL, unix_ns INTEGER NOT NULL, confirmed_unix_ns INTEGER NOT NULL,
    cause TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (service, number)) STRICT;
  INSERT INTO timeline VALUES ('hola', 7, 1700000000000000007, 0, 'release step',
    '{"actor":"judge","why":"few failures","revision":"hola-00003-xyz","release":"hola-00003-xyz","proof":"unproven",
      "changed":["image name: a → b"],"split":[
        {"revision":"hola-00002-abc","weight":9500,"percent":"95%","digest":"sha256:aa","commit":"c0ffee"},
        {"revision":"hola-00003-xyz","weight":500,"percent":"5%"}],
      "tags":[{"name":"next","to":"hola-00003-xyz"}],"dividing":{"release":"hola-00003-xyz","step":1}}'),
   ('adios', 3, 1700000000000000001, 1700000000000000002, 'deleted', '{"actor":"person","who":"ana","split":[]}');
  CREATE TABLE timeline_gone (service TEXT PRIMARY KEY, unix_ns INTEGER NOT NULL) STRICT;
  INSERT INTO timeline_gone VALUES ('adios', 1700000000000000001);
  CREATE TABLE platform_events (
    number INTEGER PRIMARY KEY, unix_ns INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
  INSERT INTO platform_events VALUES (4, 1700000000000000009, 'disk full', '91 %');
)sql";

// What came with form 6. One that a guardrail ended.
constexpr const char* kAddedInForm6 = R"sql(
  CREATE TABLE experiments (
    name TEXT PRIMARY KEY, service TEXT NOT NULL, created_unix_ns INTEGER NOT NULL, document TEXT NOT NULL,
    salt TEXT NOT NULL, state TEXT NOT NULL, data TEXT NOT NULL) STRICT;
  INSERT INTO experiments VALUES ('form', 'hola', 9,
    '{"apiVersion":"marea.dev/v1","kind":"Experiment","metadata":{"name":"form"},
      "spec":{"service":"hola","arms":[{"name":"old","revision":"hola-00002-abc","weight":"60%"},
              {"name":"new","revision":"hola-00003-xyz","weight":"40%","segments":[{"language":"es"}]}],
              "conversions":[{"name":"loan","route":"POST /loans","status":201}],"ends":"2026-12-24T18:00:00Z"}}',
    's4lt', '{"phase":"ended","cause":"guardrail","detail":"new fails","who":"","began":9,"ended":1700000000000000007}',
    'd1');
)sql";

// A file of form n is made by the first n of these.
constexpr std::array kForms = {kForm1, kAddedInForm2, kAddedInForm3, kAddedInForm4, kAddedInForm5, kAddedInForm6};
static_assert(kForms.size() == kSchemaVersion, "a new form of the store has a file of its own in this test");

// The images of a revision with sidecars are one text, which a marea without sidecars reads as the app's image.
TEST(ImagesOfARevision, are_read_by_those_who_know_sidecars_and_by_those_who_do_not) {
  model::Revision revision;
  EXPECT_EQ(images_to_text(revision), "");
  revision.image.digest = "sha256:aa";
  EXPECT_EQ(images_to_text(revision), image_to_text(revision.image)) << "nothing changes where there are none";
  revision.sidecar_images = {{.digest = "sha256:bb", .rootfs = "/b"}, {.digest = "sha256:cc", .bytes = 7}};
  const std::string text = images_to_text(revision);
  EXPECT_EQ(image_from_text(text)->digest, "sha256:aa");
  model::Revision back;
  ASSERT_TRUE(images_from_text(text, back));
  EXPECT_EQ(back, revision);
  model::Revision old;
  ASSERT_TRUE(images_from_text(R"({"digest":"sha256:aa"})", old));
  EXPECT_EQ(old.image.digest, "sha256:aa");
  EXPECT_TRUE(old.sidecar_images.empty());
  EXPECT_FALSE(images_from_text(R"({"digest":"sha256:aa","sidecars":[7]})", old));
  EXPECT_FALSE(images_from_text("{", old));
}

// Parts which an earlier marea kept without reading them, and which are acted on now.
TEST(DocumentsOfEarlierMareas, open_though_what_was_kept_unread_cannot_be_right) {
  std::string folder = testing::TempDir() + "kept-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/marea.db";
  {
    auto db = Database::open(path);
    ASSERT_TRUE(db->run(kForm1));
    ASSERT_TRUE(db->run(R"sql(UPDATE revisions SET document =
      '{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"hola"},"spec":{"template":{
        "metadata":{"annotations":{"run.googleapis.com/cpu-throttling":"1","run.googleapis.com/secrets":"=",
          "run.googleapis.com/sessionAffinity":"true","run.googleapis.com/container-dependencies":"{"}},
        "spec":{"containers":[{"image":"oci:/x","ports":[{"containerPort":3000}],
          "startupProbe":{"tcpSocket":{},"successThreshold":3},"livenessProbe":{"tcpSocket":{},"successThreshold":"a"},
          "readinessProbe":{"exec":{"command":["a"]},"httpGet":{"scheme":"HTTPS"},"x":1}}]}}}}')sql"));
    ASSERT_TRUE(db->run("PRAGMA user_version=1"));
  }
  {
    auto store = Store::open(path);
    ASSERT_TRUE(store) << store.error().line();
    const auto contents = store->load();
    ASSERT_TRUE(contents) << contents.error().line();
    const RevisionRecord& record = contents->revisions.at(0);
    EXPECT_FALSE(record.revision.spec.cpu_throttling);
    EXPECT_TRUE(record.revision.spec.session_affinity) << "what is right is acted on";
    EXPECT_FALSE(record.revision.spec.container.readiness);
    EXPECT_TRUE(record.revision.spec.container.startup.declared);
    EXPECT_EQ(record.revision.spec.container.startup.success_threshold, 1);
    EXPECT_EQ(record.revision.spec.container.port, 3000);
    EXPECT_NE(record.document.find("readinessProbe"), std::string::npos) << "it is printed as it was written";
  }
  {
    auto db = Database::open(path);
    ASSERT_TRUE(db->run("UPDATE revisions SET document = replace(document, '\"image\":\"oci:/x\",', '')"));
  }
  auto store = Store::open(path);
  ASSERT_TRUE(store) << store.error().line();
  const auto contents = store->load();
  ASSERT_FALSE(contents);
  EXPECT_EQ(contents.error().code, base::ErrorCode::store_damaged);
  std::filesystem::remove_all(folder);
}

void check_release(const Contents& contents) {
  const ReleaseRecord& release = contents.releases.at(0);
  EXPECT_EQ(release.spec.stable.str(), "hola-00002-abc");
  EXPECT_EQ(release.spec.rollbacks_before, 1);
  EXPECT_EQ(release.spec.policy.ladder.at(1).weight, 5000U);
  EXPECT_EQ(release.began_unix_ns, 8);
  EXPECT_EQ(release.objective, std::chrono::milliseconds(250));
  EXPECT_EQ(release.age, std::chrono::seconds(95));
  EXPECT_EQ(release.salt + release.judge, "s4ltj1");
  const model::ReleaseState& state = release.state;
  EXPECT_EQ(state.phase, model::ReleasePhase::holding);
  EXPECT_EQ(state.cause, model::ReleaseCause::unproven);
  EXPECT_EQ(state.deadline, std::chrono::seconds(3695));
  EXPECT_EQ(state.opinion->risk_bound, 7.5);
  EXPECT_EQ(state.steps.at(0).proof, model::ReleaseProof::proven_good);
  EXPECT_EQ(state.steps.at(0).ended, base::Duration(9));
  EXPECT_EQ(state.failures.at(0).kind, model::InstanceFailureKind::out_of_memory);
  ASSERT_EQ(contents.release_audits.size(), 1U);
  EXPECT_EQ(contents.release_audits[0].audit.event, model::ReleaseEvent::holding);
  EXPECT_EQ(contents.release_audits[0].audit.weight, 5000U);
  ASSERT_EQ(contents.release_policies.size(), 1U);
  EXPECT_EQ(contents.release_policies[0].policy.sticky.header, "x-customer");
}

void check_timeline(Store& store) {
  const auto timeline = store.timeline({.service = base::ServiceName("hola")});
  ASSERT_TRUE(timeline) << timeline.error().line();
  EXPECT_EQ(timeline->first, 7);
  const model::TimelineLine& line = timeline->lines.at(0);
  EXPECT_EQ(line.cause, model::TimelineCause::release_step);
  EXPECT_EQ(line.actor, model::ReleaseActor::judge);
  EXPECT_EQ(line.proof, "unproven");
  EXPECT_EQ(line.serving.shares.at(0).commit, "c0ffee");
  EXPECT_EQ(line.serving.shares.at(1).weight, 500U);
  EXPECT_EQ(line.serving.tags.at(0).to, "hola-00003-xyz");
  EXPECT_EQ(line.serving.step, 1);
  const auto gone = store.timeline({.service = base::ServiceName("adios")});
  EXPECT_EQ(gone->lines.at(0).who, "ana");
  const auto events = store.platform_events(0, 1700000000000000009);
  ASSERT_TRUE(events);
  EXPECT_EQ(events->at(0).kind, model::PlatformEventKind::disk_full);
}

void check_experiment(const ExperimentRecord& record) {
  EXPECT_EQ(record.spec.name, "form");
  ASSERT_EQ(record.spec.arms.size(), 2U);
  EXPECT_EQ(record.spec.arms[1].weight, 4000U);
  EXPECT_EQ(record.spec.arms[1].segments.size(), 1U);
  EXPECT_EQ(record.spec.conversions.at(0).route.most_status, 201);
  EXPECT_EQ(record.salt, "s4lt");
  EXPECT_EQ(record.state.phase, model::ExperimentPhase::ended);
  EXPECT_EQ(record.state.cause, model::ExperimentEnd::guardrail);
  EXPECT_EQ(record.state.ended_unix_ns, 1700000000000000007);
  EXPECT_EQ(record.data, "d1");
}

class OldForms : public testing::TestWithParam<int> {};

TEST_P(OldForms, opens_and_holds_what_it_held) {
  std::string folder = testing::TempDir() + "form-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/marea.db";
  {
    auto db = Database::open(path);
    for (int form = 1; form <= GetParam(); ++form) {
      ASSERT_TRUE(db->run(kForms.at(static_cast<std::size_t>(form - 1))));
    }
    ASSERT_TRUE(db->run(("PRAGMA user_version=" + std::to_string(GetParam())).c_str()));
  }
  {
    auto store = Store::open(path);
    ASSERT_TRUE(store) << store.error().line();
    EXPECT_EQ(store->epoch(), 7U);
    EXPECT_EQ(store->resource_version(), 41U);
    const auto contents = store->load();
    ASSERT_TRUE(contents) << contents.error().line();
    ASSERT_EQ(contents->services.size(), 1U);
    EXPECT_EQ(contents->services[0].generation, 3);
    EXPECT_TRUE(contents->services[0].deleting);
    ASSERT_EQ(contents->revisions.size(), 2U);
    const RevisionRecord& ready = contents->revisions[0];
    EXPECT_EQ(ready.result, RevisionResult::ready);
    EXPECT_EQ(ready.revision.spec.container.port, 3000);
    EXPECT_EQ(ready.revision.image.config.env, std::vector<std::string>{"A=1"});
    EXPECT_EQ(ready.revision.image.config.uid, 33U);
    EXPECT_EQ(ready.decided_unix_ns, 1700000000000000003);
    EXPECT_EQ(contents->revisions[1].reason, model::Reason::port_mismatch);
    EXPECT_EQ(contents->revisions[1].code, base::ErrorCode::port_mismatch);
    EXPECT_EQ(contents->images.at(0).image.bytes, 42);
    EXPECT_EQ(contents->names.at(0).digest, "sha256:aa");
    ASSERT_EQ(contents->usage.size(), GetParam() < 2 ? 0U : 1U);
    ASSERT_EQ(contents->usage_totals.size(), contents->usage.size());
    if (GetParam() >= 2) {
      EXPECT_EQ(contents->usage[0].account.usage.requests, 12U);
      EXPECT_EQ(contents->usage_totals[0].bill.mebibyte_ms, 11);
    }
    ASSERT_EQ(contents->releases.size(), GetParam() < 3 ? 0U : 1U);
    if (GetParam() >= 3) check_release(*contents);
    const std::vector<NoticeRecord> notices = {{.id = "note_x",
                                                .release = "hola-00003-xyz",
                                                .url = "https://chat.example.com/hook",
                                                .created_unix_ns = 1700000000000000007,
                                                .body = R"({"kind":"notification"})"}};
    EXPECT_EQ(contents->notices, GetParam() < 4 ? std::vector<NoticeRecord>{} : notices);
    if (GetParam() >= 5) check_timeline(*store);
    ASSERT_EQ(contents->experiments.size(), GetParam() < 6 ? 0U : 1U);
    if (GetParam() >= 6) check_experiment(contents->experiments[0]);
  }
  std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Released, OldForms, testing::Range(1, kSchemaVersion + 1));

}  // namespace
}  // namespace marea::store
