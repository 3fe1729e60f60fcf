#include "app/cli_upload.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "app/cli_progress.h"
#include "pipeline/archive_layout.h"
#include "pipeline/files.h"
#include "pipeline/oci_layout.h"
#include "pipeline/scratch_dir.h"

namespace marea::app {
namespace {

constexpr std::int64_t kWorthSaying = 1 << 20;  // smaller blobs are gone before the line is read

std::string blob_path(const std::string& digest) {
  return fmt::format("{}/blobs/{}", kMarea, digest);
}

}  // namespace

namespace {

Outcome<std::string> absolute_path(const std::string& path, const std::string& base) {
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(std::filesystem::path(base) / path, failed);
  if (failed) return give_up(base::os_error("cannot resolve " + path, failed.value()));
  std::string out = absolute.lexically_normal().string();
  if (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

// Where archives are unpacked: on disk, not in memory, and nobody else's.
base::Result<pipeline::ScratchDir> make_scratch() {
  const char* given = std::getenv("TMPDIR");
  const std::string folder =
      std::string(given == nullptr ? "/var/tmp" : given) + "/marea-" + std::to_string(::geteuid());
  struct stat info{};
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return base::fail(base::os_error("cannot make " + folder));
  if (::lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid()) {
    return base::fail(base::ErrorCode::io, "cannot unpack in " + folder, "it is another user's",
                      "Name another folder: TMPDIR=DIR");
  }
  pipeline::ScratchDir::remove_abandoned(folder);
  return pipeline::ScratchDir::make(folder, 0700);
}

}  // namespace

Outcome<std::string> absolute_reference(const std::string& reference, const std::string& base) {
  if (pipeline::is_archive_reference(reference)) {
    base::Result<pipeline::ArchiveReference> archive = pipeline::parse_archive_reference(reference);
    if (!archive) return give_up(archive.error());
    const Outcome<std::string> file = absolute_path(archive->file, base);
    if (!file) return std::unexpected(file.error());
    archive->file = *file;
    return pipeline::to_string(*archive);
  }
  base::Result<pipeline::OciReference> parsed = pipeline::parse_oci_reference(reference);
  if (!parsed) return give_up(parsed.error());
  const Outcome<std::string> dir = absolute_path(parsed->dir, base);
  if (!dir) return std::unexpected(dir.error());
  parsed->dir = *dir;
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

Outcome<void> check_reference(const std::string& reference) {
  if (pipeline::is_archive_reference(reference)) {
    const base::Result<pipeline::ArchiveReference> archive = pipeline::parse_archive_reference(reference);
    if (!archive) return give_up(archive.error());
    if (const auto file = pipeline::open_regular(archive->file); !file) return give_up(file.error());
    return {};
  }
  const base::Result<pipeline::OciReference> parsed = pipeline::parse_oci_reference(reference);
  if (!parsed) return give_up(parsed.error());
  if (const auto layout = pipeline::open_layout(*parsed); !layout) return give_up(layout.error());
  return {};
}

Outcome<UploadedImage> ImageUpload::upload(const std::string& reference, const std::string& name) {
  if (!pipeline::is_archive_reference(reference)) {
    const base::Result<pipeline::OciReference> layout = pipeline::parse_oci_reference(reference);
    if (!layout) return give_up(layout.error());
    return upload_layout(*layout, name);
  }
  const base::Result<pipeline::ArchiveReference> archive = pipeline::parse_archive_reference(reference);
  if (!archive) return give_up(archive.error());
  const base::Result<pipeline::ScratchDir> scratch = make_scratch();
  if (!scratch) return give_up(scratch.error());
  const base::Result<pipeline::OciReference> layout = pipeline::unpack_archive(*archive, scratch->path());
  if (!layout) return give_up(layout.error());
  Outcome<UploadedImage> uploaded = upload_layout(*layout, name);
  if (uploaded) return uploaded;
  // The folder goes away: it is the archive that a person knows.
  Failure failure = uploaded.error();
  for (std::string* text : {&failure.error.what, &failure.error.why, &failure.error.remedy}) {
    for (std::size_t at = 0; (at = text->find(layout->dir, at)) != std::string::npos; at += archive->file.size()) {
      text->replace(at, layout->dir.size(), archive->file);
    }
    if (const std::size_t at = text->find("oci:" + archive->file); at != std::string::npos) {
      text->replace(at, 4, "oci-archive:");
    }
  }
  return give_up(std::move(failure));
}

Outcome<UploadedImage> ImageUpload::upload_layout(const pipeline::OciReference& layout, const std::string& name) {
  const base::Result<pipeline::LayoutImage> image = pipeline::open_layout(layout);
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
