#include "app/cli_upload.h"

#include <filesystem>

#include "app/cli_progress.h"
#include "pipeline/files.h"
#include "pipeline/oci_layout.h"

namespace marea::app {
namespace {

constexpr std::int64_t kWorthSaying = 1 << 20;  // smaller blobs are gone before the line is read

std::string blob_path(const std::string& digest) {
  return fmt::format("{}/blobs/{}", kMarea, digest);
}

}  // namespace

Outcome<std::string> absolute_reference(const std::string& reference, const std::string& base) {
  base::Result<pipeline::OciReference> parsed = pipeline::parse_oci_reference(reference);
  if (!parsed) return give_up(parsed.error());
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(std::filesystem::path(base) / parsed->dir, failed);
  if (failed) return give_up(base::os_error("cannot resolve " + parsed->dir, failed.value()));
  parsed->dir = absolute.lexically_normal().string();
  if (parsed->dir.size() > 1 && parsed->dir.ends_with('/')) parsed->dir.pop_back();
  return pipeline::to_string(*parsed);
}

Outcome<void> ImageUpload::send_blob(const std::string& digest, const std::string& path, std::int64_t bytes) {
  const Outcome<Answer> there = api_.exchange({.method = "HEAD", .path = blob_path(digest)});
  if (!there) return std::unexpected(there.error());
  if (there->status == 200) return {};
  const base::Result<pipeline::OpenFile> file = pipeline::open_regular(path);
  if (!file) return give_up(file.error());
  const base::SystemClock clock;
  Progress progress(console_, clock);
  const std::string uploading = console_.words()(Text::uploading, digest, bytes);
  if (bytes >= kWorthSaying && !console_.draws()) console_.say(uploading);
  std::function<void(std::int64_t)> on_sent;
  if (bytes >= kWorthSaying) on_sent = [&](std::int64_t sent) { progress.sent(uploading, sent, bytes); };
  const Outcome<Answer> answer = api_.send({.method = "PUT",
                                            .path = blob_path(digest),
                                            .content_type = "application/octet-stream",
                                            .body_fd = file->fd.get(),
                                            .body_bytes = file->bytes,
                                            .on_sent = std::move(on_sent)});
  if (answer) return {};
  Failure failure = answer.error();
  const base::Error& error = failure.error;
  if ((error.what + error.why).find(digest) == std::string::npos) failure.error.what += " (" + path + ")";
  return give_up(std::move(failure));
}

Outcome<UploadedImage> ImageUpload::upload(const std::string& reference, const std::string& name) {
  const base::Result<pipeline::OciReference> parsed = pipeline::parse_oci_reference(reference);
  if (!parsed) return give_up(parsed.error());
  const base::Result<pipeline::LayoutImage> image = pipeline::open_layout(*parsed);
  if (!image) return give_up(image.error());
  for (const pipeline::LayoutBlob& blob : image->blobs) {
    const Outcome<void> sent = send_blob(blob.digest, blob.path, blob.bytes);
    if (!sent) return std::unexpected(sent.error());
  }
  const Json order = {{"name", name}, {"digest", image->digest}};
  const Outcome<Answer> answer =
      api_.send({.method = "PUT", .path = fmt::format("{}/images", kMarea), .body = order.dump()});
  if (!answer) return std::unexpected(answer.error());
  return UploadedImage{.name = name, .digest = image->digest};
}

}  // namespace marea::app
