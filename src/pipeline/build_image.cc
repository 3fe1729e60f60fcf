#include "pipeline/build_image.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/fd.h"
#include "base/replace_file.h"
#include "net/process.h"
#include "pipeline/build_pack_directory.h"
#include "pipeline/buildah.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/image_names.h"
#include "pipeline/json_fields.h"
#include "pipeline/layer.h"
#include "pipeline/oci_image.h"
#include "pipeline/room_watch.h"
#include "pipeline/scratch_dir.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr std::string_view kUsualDockerfile = "Dockerfile";
constexpr const char* kOtherDockerfile = "Containerfile";
constexpr std::size_t kMostIgnoreBytes = 1U << 20;
constexpr std::size_t kShownLines = 12;  // of a failed step
constexpr std::size_t kShownNames = 20;  // of known images
constexpr const char* kPackedContext = "/context.tar";
constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view kErrorLine = "Error: ";

class Build {
 public:
  Build(net::Loop& loop, const net::msg::BuildImage& job, const JobEvents& events, std::string scratch,
        const BuildBases& bases)
      : loop_(loop),
        job_(job),
        events_(events),
        scratch_(std::move(scratch)),
        needed_(bases.needed),
        on_used_(bases.on_used) {}

  // `lock` is held exclusively when killed builds left something to clean up.
  base::Result<model::Image> run(bool clean_up, const base::Fd& lock) {
    base::Result<std::string> context = prepare_context();
    if (!context) return std::unexpected(context.error());
    base::Result<std::string> dockerfile = read_dockerfile(*context);
    if (!dockerfile) return std::unexpected(dockerfile.error());
    if (needed_ != nullptr) {
      *needed_ = images_missing(*dockerfile, known_here(*dockerfile));
      if (needed_->size() > kMostWantedImages) {
        return cannot(ErrorCode::too_large, "it names more than " + std::to_string(kMostWantedImages) + " images", {});
      }
      if (!needed_->empty()) return unknown_image(needed_->front());
    }
    base::Result<Buildah> buildah = Buildah::open(loop_, events_, job_.storage, scratch_);
    if (!buildah) return std::unexpected(buildah.error());
    if (clean_up) {
      // Working containers of killed builds; nobody else builds now.
      if (auto done = buildah->run({"rm", "--all"}, Buildah::Show::nothing); !done) return lost(done.error());
      ::flock(lock.get(), LOCK_SH);
    }
    if (base::Result<void> done = import_known(*buildah, *dockerfile); !done) return lost(done.error());
    const base::Result<std::string> built = build(*buildah, *context);
    if (!built) return lost(built.error());
    const base::Result<std::string> digest = store(*buildah, *built);
    if (!digest) return lost(digest.error());
    return unpack_image(job_.blobs, *digest, job_.images, events_, job_.room == 0 ? INT64_MAX : job_.room);
  }

 private:
  static std::unexpected<base::Error> lost(const base::Error& error) { return std::unexpected(error); }

  std::unexpected<base::Error> cannot(ErrorCode code, std::string why, std::string remedy) const {
    return base::fail(code, "cannot build " + printable(job_.tag), std::move(why), std::move(remedy));
  }

  // What is known without those images that the Dockerfile may mean and that have lost a blob.
  KnownImages known_here(const std::string& dockerfile) const {
    std::vector<std::string> lost;
    for (const auto& [name, digest] : images_for(dockerfile, job_.known)) {
      const base::Result<std::vector<std::string>> blobs = blobs_of(job_.blobs, digest);
      const bool gone = blobs ? std::ranges::any_of(*blobs,
                                                    [this](const std::string& blob) {
                                                      return ::access(blob_path(job_.blobs, blob).c_str(), F_OK) != 0;
                                                    })
                              : blobs.error().code == ErrorCode::image_not_found;
      if (gone) lost.push_back(digest);
    }
    KnownImages out = job_.known;
    std::erase_if(out, [&](const auto& one) { return std::ranges::find(lost, one.second) != lost.end(); });
    return out;
  }

  // A folder with the context's files: the one that was named, or one made from the archive in it.
  base::Result<std::string> prepare_context() {
    const std::string packed = job_.context + kPackedContext;
    if (::access(job_.context.c_str(), X_OK) != 0) {
      return base::fail(base::os_error("cannot read the build context " + job_.context));
    }
    if (::access(packed.c_str(), F_OK) != 0) return job_.context;
    std::string folder = scratch_ + "/context";
    if (::mkdir(folder.c_str(), 0755) != 0) return base::fail(base::os_error("cannot make " + folder));
    Budget budget;
    const base::Result<void> done = unpack_tar_file(
        packed, folder,
        {.budget = budget, .notice = events_.line, .go_on = events_.go_on, .keep_owners = false, .whiteouts = false});
    if (!done) return std::unexpected(done.error());
    return folder;
  }

  // A copy of the Dockerfile becomes scratch/Dockerfile, so that no link of the context decides what is read.
  base::Result<std::string> read_dockerfile(const std::string& context) {
    const base::Result<std::vector<std::string_view>> path = split_path(job_.dockerfile);
    if (!path || path->empty()) {
      return cannot(ErrorCode::invalid_argument,
                    "'" + printable(job_.dockerfile) + "' is no path inside the build context",
                    "Name the Dockerfile relative to the directory.");
    }
    const base::Fd root(::open(context.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    base::Fd fd(open_inside(root.get(), job_.dockerfile.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat info{};
    if (!fd && errno == ENOENT && job_.dockerfile == kUsualDockerfile &&
        ::fstatat(root.get(), kUsualDockerfile.data(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      fd = base::Fd(open_inside(root.get(), kOtherDockerfile, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    }
    if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
      const bool absent = ::fstatat(root.get(), job_.dockerfile.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0;
      if (absent && job_.dockerfile == kUsualDockerfile) return make_dockerfile(context, root.get());
      return cannot(ErrorCode::not_found, "the directory has no file '" + printable(job_.dockerfile) + "'",
                    "Write a Dockerfile there, or name another one with --dockerfile.");
    }
    base::Result<std::string> text = read_to_end(fd.get(), job_.dockerfile, kMostDockerfileBytes);
    if (!text) return text;
    // One that the command line made is none of the app's files.
    if (job_.dockerfile == kPackDockerfile && context != job_.context)
      ::unlinkat(root.get(), kPackDockerfile.data(), 0);
    return keep_dockerfile(*std::move(text));
  }

  base::Result<std::string> keep_dockerfile(std::string text) const {
    if (base::Result<void> put = write_file_atomically(scratch_ + "/Dockerfile", without_digests(text), 0644); !put) {
      return std::unexpected(put.error());
    }
    return text;
  }

  static base::Result<std::string> own_ignore_file(int root) {
    for (const char* name : {".containerignore", ".dockerignore"}) {
      const base::Fd file(open_inside(root, name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
      struct stat info{};
      if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      return read_to_end(file.get(), name, kMostIgnoreBytes);
    }
    return std::string();
  }

  // An upload without a Dockerfile gets the one that belongs to its kind of app.
  base::Result<std::string> make_dockerfile(const std::string& context, int root) {
    const base::Result<AppDirectory> files = read_app_directory(context, [](const std::string&) { return false; });
    if (!files) return std::unexpected(files.error());
    const base::Result<BuildPack> pack = detect_pack(*files, {});
    if (!pack) return cannot(pack.error().code, pack.error().what + ": " + pack.error().why, pack.error().remedy);
    const base::Result<std::string> ignored = own_ignore_file(root);
    if (!ignored) return ignored;
    ignore_file_ = scratch_ + "/ignore";
    if (base::Result<void> put = write_file_atomically(ignore_file_, ignore_file_of(*ignored, *pack), 0644); !put) {
      return std::unexpected(put.error());
    }
    events_.say("no Dockerfile; " + pack->marker + " is there: building it as " + std::string(to_string(pack->kind)));
    return keep_dockerfile(dockerfile_of(*pack));
  }

  base::Result<void> import_known(Buildah& buildah, const std::string& dockerfile) {
    const KnownImages needed = images_for(dockerfile, job_.known);
    if (on_used_) {
      std::vector<std::string> digests;
      for (const auto& [name, digest] : needed) {
        if (std::ranges::find(digests, digest) == digests.end()) digests.push_back(digest);
      }
      on_used_(std::move(digests));
    }
    if (needed.empty()) return {};
    const base::Result<Buildah::Output> listed = buildah.run({"images", "--json"}, Buildah::Show::nothing);
    if (!listed) return std::unexpected(listed.error());
    std::string text;
    for (const std::string& line : listed->lines) {
      if (!text.empty() || line.starts_with('[')) text += line;  // warnings come before it
    }
    const Json present = Json::parse(text, nullptr, false);
    for (const auto& [name, digest] : needed) {
      if (base::Result<void> done = import(buildah, name, digest, present); !done) return done;
    }
    return {};
  }

  static bool has(const Json& present, const std::string& name, const std::string& digest) {
    if (!present.is_array()) return false;
    return std::ranges::any_of(present, [&](const Json& item) {
      const std::optional<std::vector<std::string>> names = texts_member(item, "names", 1000);
      return text_member(item, "digest") == digest && names && std::ranges::find(*names, name) != names->end();
    });
  }

  // Gives buildah the image under its name: a layout of one index file whose blobs are marea's.
  base::Result<void> import(Buildah& buildah, const std::string& name, const std::string& digest, const Json& present) {
    const base::Result<OciImage> image = read_image(job_.blobs, {.media_type = {}, .digest = digest, .bytes = -1});
    if (!image) return std::unexpected(image.error());
    const Descriptor& manifest = image->manifest;
    if (has(present, name, manifest.digest)) return {};
    events_.say("importing " + name);
    // The folder's path becomes a name in buildah's storage too: the same for the same image.
    const std::string folder = job_.storage + "/import-" + std::string(hex_of(manifest.digest)).substr(0, 32);
    const Json index = {{"schemaVersion", 2},
                        {"manifests",
                         {{{"mediaType", manifest.media_type.empty() ? kManifestType : manifest.media_type},
                           {"digest", manifest.digest},
                           {"size", manifest.bytes}}}}};
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return base::fail(base::os_error("mkdir " + folder));
    for (const auto& [file, content] :
         {std::pair{"/index.json", index.dump()}, {"/oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}}) {
      if (base::Result<void> put = write_file_atomically(folder + file, content, 0600); !put) return put;
    }
    if (::symlink(job_.blobs.c_str(), (folder + "/blobs").c_str()) != 0 && errno != EEXIST) {
      return base::fail(base::os_error("cannot link " + folder + "/blobs"));
    }
    const base::Result<Buildah::Output> pulled = buildah.run(
        {"pull", "--quiet", "--signature-policy", buildah.policy(), "oci:" + folder}, Buildah::Show::nothing);
    if (!pulled) return std::unexpected(pulled.error());
    if (pulled->status != 0 || pulled->lines.empty()) return step_failed("importing " + name, *pulled);
    std::string id = pulled->lines.back();
    if (is_digest(id)) id = hex_of(id);
    const base::Result<Buildah::Output> tagged = buildah.run({"tag", id, name}, Buildah::Show::nothing);
    if (!tagged) return std::unexpected(tagged.error());
    if (tagged->status != 0) return step_failed("naming " + name, *tagged);
    return {};
  }

  // The id of the image that was built.
  base::Result<std::string> build(Buildah& buildah, const std::string& context) {
    const std::string id_file = scratch_ + "/image-id";
    std::vector<std::string> words = {"build",
                                      "--isolation",
                                      "chroot",
                                      "--layers",
                                      "--pull-never",
                                      "--format",
                                      "oci",
                                      "--iidfile",
                                      id_file,
                                      "--signature-policy",
                                      buildah.policy(),
                                      "--file",
                                      scratch_ + "/Dockerfile"};
    if (!ignore_file_.empty()) words.insert(words.end(), {"--ignorefile", ignore_file_});
    words.push_back(context);
    const base::Result<Buildah::Output> done = buildah.run(std::move(words), Buildah::Show::every_line);
    if (!done) return std::unexpected(done.error());
    if (done->status != 0) return step_failed("building", *done);
    base::Result<std::string> id = read_small_file(id_file, 4096);
    if (!id) return id;
    while (id->ends_with('\n')) id->pop_back();
    return is_digest(*id) ? std::string(hex_of(*id)) : *id;
  }

  std::unexpected<base::Error> step_failed(const std::string& doing, const Buildah::Output& output) const {
    std::string cause;
    for (const std::string& line : output.lines) {
      const std::size_t at = line.find(kErrorLine);  // behind a step's line, sometimes on the same one
      if (at != std::string::npos) cause = line.substr(at + kErrorLine.size());
    }
    if (cause.find("image not known") != std::string::npos || cause.find("short-name") != std::string::npos) {
      return unknown_image(cause);
    }
    std::string why = doing + " failed: " + (cause.empty() ? net::describe_wait_status(output.status) : cause);
    const std::size_t from = output.lines.size() - std::min(output.lines.size(), kShownLines);
    if (from < output.lines.size()) why += "\nlast lines:";
    bool full = tells_of_full_disk(cause);
    for (std::size_t i = from; i < output.lines.size(); ++i) {
      why += "\n  " + output.lines[i];
      full = full || tells_of_full_disk(output.lines[i]);
    }
    if (full) return cannot(ErrorCode::disk_full, std::move(why), {});
    return cannot(ErrorCode::build_failed, std::move(why), "Mend the step that failed and run the same command again.");
  }

  std::unexpected<base::Error> unknown_image(const std::string& cause) const {
    std::string names;
    std::size_t count = 0;
    for (const auto& [name, digest] : job_.known) {
      if (full_image_name(name).empty() || ++count > kShownNames) continue;
      names += (names.empty() ? "" : ", ") + name;
    }
    if (count > kShownNames) names += ", …";
    return cannot(
        ErrorCode::image_not_found,
        "a FROM names an image that marea does not have (" + cause + "); it has " + (names.empty() ? "none" : names),
        "Give it the image: marea images import NAME oci:DIR");
  }

  // Moves what was built into the blob store; returns the manifest's digest.
  base::Result<std::string> store(Buildah& buildah, const std::string& id) {
    const std::string folder = scratch_ + "/image";
    // Uncompressed: the same layer keeps its digest from build to build, and no time goes into gzip. Only `dir:` does
    // that; its blobs are files named by their digests.
    const base::Result<Buildah::Output> pushed =
        buildah.run({"push", "--quiet", "--disable-compression", "--format", "oci", "--signature-policy",
                     buildah.policy(), id, "dir:" + folder},
                    Buildah::Show::nothing);
    if (!pushed) return std::unexpected(pushed.error());
    if (pushed->status != 0) return step_failed("storing the image", *pushed);
    std::error_code problem;
    for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
      const std::string name = entry.path().filename().string();
      const std::string digest = "sha256:" + name;
      if (!is_digest(digest)) continue;
      if (base::Result<void> moved = move_blob(entry.path().string(), digest); !moved) {
        return std::unexpected(moved.error());
      }
    }
    const std::string manifest = folder + "/manifest.json";
    const base::Result<FileDigest> found = hash_file(manifest);
    if (!found) return std::unexpected(found.error());
    if (base::Result<void> moved = move_blob(manifest, found->digest); !moved) return std::unexpected(moved.error());
    const std::string blobs = blob_path(job_.blobs, found->digest);
    if (base::Result<void> synced = base::sync_folder(blobs.substr(0, blobs.rfind('/'))); !synced) {
      return std::unexpected(synced.error());
    }
    return found->digest;
  }

  base::Result<void> move_blob(const std::string& file, const std::string& digest) const {
    const base::Result<FileDigest> found = hash_file(file);
    if (!found) return std::unexpected(found.error());
    if (found->digest != digest) {
      return cannot(ErrorCode::digest_mismatch, "buildah wrote " + found->digest + " as " + digest, "Build it again.");
    }
    const std::string target = blob_path(job_.blobs, digest);
    // control reads it too; it never changes again. Synced first: it may take the place of a blob that other images
    // have, which a power cut must not turn into an empty one.
    const base::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || ::fchmod(fd.get(), 0444) != 0 || ::fsync(fd.get()) != 0 || ::rename(file.c_str(), target.c_str()) != 0) {
      return base::fail(base::os_error("cannot store the blob " + target));
    }
    return {};
  }

  net::Loop& loop_;
  const net::msg::BuildImage& job_;
  const JobEvents& events_;
  std::string scratch_;
  std::string ignore_file_;  // of a Dockerfile that was made here; else buildah looks for the context's own
  std::vector<std::string>* needed_;
  const std::function<void(std::vector<std::string>)>& on_used_;
};

}  // namespace

base::Result<model::Image> build_image(net::Loop& loop, const net::msg::BuildImage& job, const JobEvents& events,
                                       const BuildBases& bases) {
  int lines = 0;
  JobEvents bounded = events;
  bounded.line = [&](const std::string& line) {
    if (++lines < kMostProgressLines) events.say(line);
    if (lines == kMostProgressLines) events.say("(further output is not shown)");
  };
  const base::Fd lock(::open((job.storage + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return base::fail(base::os_error("cannot use the build storage " + job.storage));
  const bool alone = ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
  if (!alone) ::flock(lock.get(), LOCK_SH);  // behind who empties the storage
  const bool abandoned = ScratchDir::remove_abandoned(job.storage) > 0;
  base::Result<ScratchDir> scratch = ScratchDir::make(job.storage, 0700);
  if (!scratch) return std::unexpected(scratch.error());
  if (alone && !abandoned) ::flock(lock.get(), LOCK_SH);
  if (auto told = tell_room(scratch->path(), job.room); !told) return std::unexpected(told.error());
  RoomWatch watch(loop.clock(), {.room = job.room,
                                 .before = job.storage_bytes,
                                 .disk = [&] { return disk_used(job.storage); },
                                 .storage = [&] { return bytes_below(job.storage); },
                                 .others = [&] { return rooms_of_others(job.storage, scratch->path()); }});
  bounded.go_on = [&] { return watch.has_room() && (!events.go_on || events.go_on()); };
  Build build(loop, job, bounded, scratch->path(), bases);
  base::Result<model::Image> image = build.run(alone && abandoned, lock);
  if (image || !watch.exceeded()) return image;
  return base::fail(ErrorCode::disk_budget, "cannot build " + printable(job.tag),
                    "it took more of the disk than what was left for it");
}

}  // namespace marea::pipeline
