#include "control/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/manifest.h"

namespace marea::control {
namespace {

using store::RevisionResult;
using testing::HasSubstr;

model::Json manifest(const std::string& image = "hola", const std::string& revision = "") {
  model::Json document = model::Json::parse(R"({"apiVersion": "serving.knative.dev/v1", "kind": "Service",
      "metadata": {"name": "hola"}, "spec": {"template": {"spec": {"containers": [{"image": "hola"}]}}}})");
  document["spec"]["template"]["spec"]["containers"][0]["image"] = image;
  if (!revision.empty()) document["spec"]["template"]["metadata"]["name"] = revision;
  return document;
}

// Applies documents one after the other, as control does, and keeps the rows.
class ApplyTest : public testing::Test {
 protected:
  std::expected<ApplyDecision, Refusal> apply(const model::Json& document, ApplyService command = {}) {
    auto parsed = model::parse_service(document);
    if (!parsed) ADD_FAILURE() << to_string(parsed.error().front());
    command.document = *parsed;
    std::vector<const store::RevisionRecord*> revisions;
    for (const auto& one : revisions_) revisions.push_back(&one);
    ApplyInput input{.service = service_ ? &*service_ : nullptr,
                     .revisions = revisions,
                     .image_digest = digest_,
                     .uid = "uid",
                     .revision_uid = "revision-uid",
                     .suffix = "abc",
                     .now_unix_ns = 7};
    auto decision = decide_apply(command, input);
    if (decision) {
      service_ = decision->service;
      for (const auto& one : decision->revisions) {
        const auto have =
            std::ranges::find_if(revisions_, [&](const auto& old) { return old.revision.name == one.revision.name; });
        if (have != revisions_.end()) {
          *have = one;
        } else {
          revisions_.push_back(one);
        }
      }
    }
    return decision;
  }
  void settle(RevisionResult result, const std::string& digest) {
    revisions_.back().result = result;
    revisions_.back().revision.image.digest = digest;
  }
  std::string newest() const { return revisions_.back().revision.name.str(); }

  std::optional<store::ServiceRecord> service_;
  std::vector<store::RevisionRecord> revisions_;
  std::string digest_ = "sha256:1";
};

TEST_F(ApplyTest, a_new_service_gets_generation_1_and_a_revision_that_is_named_after_it) {
  const auto decision = apply(manifest());
  ASSERT_TRUE(decision);
  EXPECT_TRUE(decision->created);
  EXPECT_EQ(service_->generation, 1);
  EXPECT_EQ(service_->uid, "uid");
  EXPECT_EQ(newest(), "hola-00001-abc");
  EXPECT_EQ(revisions_.back().revision.created_unix_ns, 7);
}

TEST_F(ApplyTest, the_same_document_changes_nothing) {
  ASSERT_TRUE(apply(manifest()));
  settle(RevisionResult::ready, "sha256:1");
  model::Json again = manifest();
  again["status"]["url"] = "http://old";
  again["metadata"]["resourceVersion"] = "12";
  again["metadata"]["generation"] = 1;
  const auto decision = apply(again);
  ASSERT_TRUE(decision);
  EXPECT_FALSE(decision->changed);
  EXPECT_EQ(service_->generation, 1);
  EXPECT_EQ(revisions_.size(), 1U);
}

TEST_F(ApplyTest, neither_the_namespace_nor_the_order_of_members_is_a_change) {
  ASSERT_TRUE(apply(manifest()));
  settle(RevisionResult::ready, "sha256:1");
  model::Json again = {{"spec", manifest()["spec"]}, {"metadata", {{"namespace", "default"}, {"name", "hola"}}}};
  again["kind"] = "Service";
  again["apiVersion"] = "serving.knative.dev/v1";
  const auto decision = apply(again);
  ASSERT_TRUE(decision);
  EXPECT_FALSE(decision->changed);
}

TEST_F(ApplyTest, a_label_of_the_service_is_stored_and_makes_no_revision) {
  ASSERT_TRUE(apply(manifest()));
  settle(RevisionResult::ready, "sha256:1");
  model::Json labelled = manifest();
  labelled["metadata"]["labels"]["team"] = "a";
  const auto decision = apply(labelled);
  EXPECT_TRUE(decision->changed);
  EXPECT_TRUE(decision->revisions.empty());
  EXPECT_EQ(service_->generation, 1);
  EXPECT_THAT(service_->document, HasSubstr("team"));
}

TEST_F(ApplyTest, traffic_alone_is_a_new_generation_without_a_revision) {
  ASSERT_TRUE(apply(manifest()));
  settle(RevisionResult::ready, "sha256:1");
  model::Json moved = manifest();
  moved["spec"]["traffic"] = model::Json::parse(R"([{"revisionName": "hola-00001-abc", "percent": 100}])");
  ASSERT_TRUE(apply(moved));
  EXPECT_EQ(service_->generation, 2);
  EXPECT_EQ(revisions_.size(), 1U);
}

TEST_F(ApplyTest, a_changed_template_makes_a_revision_and_supersedes_one_that_is_undecided) {
  ASSERT_TRUE(apply(manifest("a")));
  ASSERT_TRUE(apply(manifest("b")));
  EXPECT_EQ(newest(), "hola-00002-abc");
  EXPECT_EQ(revisions_.front().result, RevisionResult::failed);
  EXPECT_EQ(revisions_.front().reason, model::Reason::superseded);
  EXPECT_THAT(revisions_.front().message, HasSubstr("hola-00002-abc took its place"));
  EXPECT_EQ(revisions_.back().result, RevisionResult::pending);
}

TEST_F(ApplyTest, a_rebuilt_image_under_the_same_name_is_deployed) {
  ASSERT_TRUE(apply(manifest()));
  settle(RevisionResult::ready, "sha256:1");
  digest_ = "sha256:2";
  ASSERT_TRUE(apply(manifest()));
  EXPECT_EQ(service_->generation, 2);
  EXPECT_EQ(revisions_.size(), 2U);
}

TEST_F(ApplyTest, a_rebuilt_image_cannot_change_a_revision_that_the_manifest_names) {
  ASSERT_TRUE(apply(manifest("hola", "hola-v1")));
  EXPECT_EQ(newest(), "hola-v1");
  settle(RevisionResult::ready, "sha256:1");
  digest_ = "sha256:2";
  const auto decision = apply(manifest("hola", "hola-v1"));
  ASSERT_TRUE(decision);
  EXPECT_EQ(revisions_.size(), 1U);
  EXPECT_THAT(decision->notices.back().message, HasSubstr("another digest"));
}

TEST_F(ApplyTest, the_name_of_a_revision_is_taken_for_ever) {
  ASSERT_TRUE(apply(manifest("a", "hola-v1")));
  const auto decision = apply(manifest("b", "hola-v1"));
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().faults.at(0).path, "spec.template.metadata.name");
  EXPECT_EQ(service_->generation, 1);
}

TEST_F(ApplyTest, applying_again_retries_a_failed_revision) {
  ASSERT_TRUE(apply(manifest()));
  settle(RevisionResult::failed, "");
  const auto decision = apply(manifest());
  EXPECT_TRUE(decision->changed);
  EXPECT_EQ(revisions_.size(), 1U);
  EXPECT_EQ(revisions_.back().result, RevisionResult::pending);
  EXPECT_EQ(service_->generation, 1);
}

TEST_F(ApplyTest, every_precondition_that_does_not_hold_is_refused) {
  EXPECT_EQ(apply(manifest(), {.expected_version = 1}).error().error.code, base::ErrorCode::conflict);
  ASSERT_TRUE(apply(manifest()));
  service_->resource_version = 5;
  EXPECT_EQ(apply(manifest("b"), {.must_be_new = true}).error().error.code, base::ErrorCode::already_exists);
  EXPECT_EQ(apply(manifest("b"), {.expected_version = 4}).error().error.code, base::ErrorCode::conflict);
  EXPECT_TRUE(apply(manifest("b"), {.expected_version = 5}));
  EXPECT_TRUE(apply(manifest("d"), {.expected_version = 7})) << "its status moved on meanwhile";
  service_->deleting = true;
  EXPECT_EQ(apply(manifest("c")).error().error.code, base::ErrorCode::conflict);
}

}  // namespace
}  // namespace marea::control
