#include "pipeline/skopeo.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "pipeline/buildah.h"
#include "pipeline/digest.h"
#include "pipeline/files.h"
#include "pipeline/json_fields.h"
#include "pipeline/registry_error.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr int kAuthNumber = 10;  // descriptors of skopeo
constexpr int kRegistriesNumber = 11;
constexpr int kSocketNumber = 12;
constexpr int kLookMs = 200;
constexpr std::size_t kMostReplyBytes = 32U << 10;  // as skopeo bounds its own messages
constexpr std::size_t kPieceBytes = 256U << 10;
// The operator's, for the way to registries (Go's net/http); nothing else of the environment is handed on.
constexpr std::array kInherited = {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",      "https_proxy",
                                   "http_proxy",  "no_proxy",   "SSL_CERT_FILE", "SSL_CERT_DIR"};

base::Result<base::Fd> memory_file(std::string_view text, const char* name) {
  base::Fd out(::memfd_create(name, MFD_CLOEXEC));
  if (!out) return base::fail(base::os_error("cannot make a file in memory"));
  if (auto put = write_all(out.get(), text, name); !put) return base::fail(std::move(put.error()));
  return out;
}

base::Result<std::string> operators_text(const base::Fd& file, const char* what) {
  if (!file) return std::string();
  base::Result<std::string> text = read_to_end(file.get(), what, kMostRegistryFileBytes);
  if (!text) {
    return base::fail(ErrorCode::invalid_argument, std::string("cannot use the file of ") + what, text.error().why,
                      "See docs/images.md for its form");
  }
  return text;
}

std::string in_path(int number) {
  return "/proc/self/fd/" + std::to_string(number);
}

}  // namespace

base::Result<std::unique_ptr<Skopeo>> Skopeo::open(net::Loop& loop, const JobEvents& events, const RegistryFiles& files,
                                                   Setup setup) {
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): make_unique cannot reach the constructor
  std::unique_ptr<Skopeo> out(new Skopeo(loop, events, std::move(setup)));
  const std::string& scratch = out->setup_.scratch;
  base::Result<std::string> auth = operators_text(files.auth, "credentials (--registry-auth)");
  if (!auth) return base::fail(std::move(auth.error()));
  const Json parsed = Json::parse(*auth, nullptr, false);
  if (!auth->empty() && !parsed.is_object()) {
    return base::fail(ErrorCode::invalid_argument, "cannot use the file of credentials (--registry-auth)",
                      "it is no JSON object", "Write it with: skopeo login --authfile FILE HOST");
  }
  base::Result<std::string> registries = operators_text(files.registries, "registries (--registries)");
  if (!registries) return base::fail(std::move(registries.error()));
  base::Result<base::Fd> held = memory_file(auth->empty() ? "{}" : *auth, "auth.json");
  if (!held) return base::fail(std::move(held.error()));
  out->auth_ = std::move(*held);
  held = memory_file(*registries, "registries.conf");
  if (!held) return base::fail(std::move(held.error()));
  out->registries_ = std::move(*held);
  const std::string home = scratch + "/home";
  const std::string config = home + "/.config";
  for (const std::string& folder : {home, config, config + "/containers", scratch + "/tmp"}) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return base::fail(base::os_error("mkdir " + folder));
  }
  if (::symlink(out->setup_.certificates.c_str(), (config + "/containers/certs.d").c_str()) != 0 && errno != EEXIST) {
    return base::fail(base::os_error("cannot link certs.d"));
  }
  // At the place of a user's file, since --registries-conf leaves /etc/containers/registries.conf.d in effect.
  if (::symlink(in_path(kRegistriesNumber).c_str(), (config + "/containers/registries.conf").c_str()) != 0 &&
      errno != EEXIST) {
    return base::fail(base::os_error("cannot link registries.conf"));
  }
  out->environment_ = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                       "HOME=" + home,
                       "TMPDIR=" + scratch + "/tmp",
                       "XDG_RUNTIME_DIR=" + scratch + "/tmp",
                       "_CONTAINERS_USERNS_CONFIGURED=1",
                       "LC_ALL=C.UTF-8"};
  for (const char* name : kInherited) {
    if (const char* value = std::getenv(name)) out->environment_.push_back(std::string(name) + "=" + value);
  }
  return out;
}

Skopeo::~Skopeo() = default;

std::unexpected<base::Error> Skopeo::too_slow(std::string why) const {
  base::Error error = registry_error(asked_, "");
  error.code = ErrorCode::registry_slow;
  error.why = std::move(why);
  error.remedy =
      "Deploy again later: some registries let those wait who ask often, less so with credentials; or use a mirror "
      "(docs/images.md), or raise --limit pull-silence and pull-time";
  return base::fail(std::move(error));
}

base::Result<std::unique_ptr<net::Process>> Skopeo::start(std::vector<std::string> words, int number, int ours) {
  std::vector<std::string> all = {"skopeo", "--insecure-policy"};
  all.insert(all.end(), words.begin(), words.end());
  status_.reset();
  last_line_.clear();
  base::Result<std::unique_ptr<net::Process>> process = net::Process::start(
      loop_,
      {.argv = std::move(all),
       .env = environment_,
       .descriptors = {{kAuthNumber, auth_.get()}, {kRegistriesNumber, registries_.get()}, {number, ours}}},
      {.on_line = [this](std::string_view line) { last_line_ = plain_line(line); },
       .on_exit = [this](int status) { status_ = status; }});
  if (!process) {
    return base::fail(ErrorCode::dependency_missing, "cannot run skopeo", process.error().why,
                      "Install it: apt-get install skopeo");
  }
  return process;
}

// Until there is something to read (or the other end is closed); turns the loop meanwhile.
base::Result<void> Skopeo::wait(int fd, base::Instant until) {
  const base::Instant end = std::min(until, setup_.end);
  while (true) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&one, 1, kLookMs);
    loop_.turn(base::Duration{0});
    if (events_.go_on && !events_.go_on()) {
      return base::fail(ErrorCode::unavailable, "the pull was given up", "the job was cancelled");
    }
    const base::Instant now = loop_.clock().now();
    // Also while bytes come: many small ones may be slow, too.
    if (now >= setup_.end) return too_slow("it took longer than --limit pull-time allows");
    if (ready > 0) return {};
    if (now >= end) return too_slow("it was silent for as long as --limit pull-silence bears");
  }
}

base::Result<std::string> Skopeo::manifest(const RegistryReference& reference) {
  asked_ = reference;
  base::Result<base::Fd> text = memory_file("", "manifest");
  if (!text) return base::fail(std::move(text.error()));
  auto process = start(
      {"inspect", "--raw", "--authfile", in_path(kAuthNumber), std::string(kRegistryScheme) + to_string(reference)},
      STDOUT_FILENO, text->get());
  if (!process) return base::fail(std::move(process.error()));
  const rlimit most{.rlim_cur = 2 * kMostManifestBytes, .rlim_max = 2 * kMostManifestBytes};
  ::prlimit((*process)->pid(), RLIMIT_FSIZE, &most, nullptr);
  const base::Instant silent = loop_.clock().now() + setup_.silence;
  while (!status_) {
    loop_.turn(std::chrono::milliseconds(kLookMs));
    if (status_) break;
    const base::Instant now = loop_.clock().now();
    if (events_.go_on && !events_.go_on()) {
      return base::fail(ErrorCode::unavailable, "the pull was given up", "the job was cancelled");
    }
    if (now >= silent || now >= setup_.end) return too_slow("it did not send the manifest within --limit pull-silence");
  }
  const off_t bytes = ::lseek(text->get(), 0, SEEK_END);
  if (bytes < 0 || static_cast<std::size_t>(bytes) > kMostManifestBytes) {
    return base::fail(registry_error(
        reference, "the manifest exceeded maximum size of " + std::to_string(kMostManifestBytes) + " bytes"));
  }
  if (*status_ != 0) {
    return base::fail(registry_error(reference, last_line_.empty() ? net::describe_wait_status(*status_) : last_line_));
  }
  ::lseek(text->get(), 0, SEEK_SET);
  return read_to_end(text->get(), "the manifest of " + to_string(reference), kMostManifestBytes);
}

base::Result<void> Skopeo::open_proxy(const RegistryReference& image) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return base::fail(base::os_error("cannot make a socket pair"));
  }
  socket_ = base::Fd(ends[0]);
  base::Fd theirs(ends[1]);
  auto process =
      start({"experimental-image-proxy", "--authfile", in_path(kAuthNumber), "--sockfd", std::to_string(kSocketNumber)},
            kSocketNumber, theirs.get());
  theirs.reset();  // its death is the end of the socket, which nobody may hold open beside it
  if (!process) return base::fail(std::move(process.error()));
  proxy_ = std::move(*process);
  const auto hello = call("Initialize", "");
  if (!hello) return base::fail(hello.error());
  const auto opened = call("OpenImage", Json(std::string(kRegistryScheme) + to_string(image)).dump());
  if (!opened) return base::fail(opened.error());
  image_ = opened->value;
  return {};
}

base::Error Skopeo::gone() const {
  return registry_error(asked_, last_line_.empty() ? "skopeo ended without an answer" : last_line_);
}

base::Result<void> Skopeo::order(const std::string& method, const std::string& arguments) {
  const std::string text = R"({"method":")" + method + R"(","args":[)" + arguments + "]}";
  if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return base::fail(gone());
  return {};
}

base::Result<Skopeo::Reply> Skopeo::call(const std::string& method, const std::string& arguments) {
  if (auto sent = order(method, arguments); !sent) return base::fail(std::move(sent.error()));
  return reply();
}

base::Result<Skopeo::Reply> Skopeo::reply() {
  if (auto ready = wait(socket_.get(), loop_.clock().now() + setup_.silence); !ready) {
    return base::fail(std::move(ready.error()));
  }
  std::string text(kMostReplyBytes, '\0');
  iovec piece{.iov_base = text.data(), .iov_len = text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  if (got <= 0) return base::fail(gone());
  Reply out;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
    out.fd = base::Fd(fd);
  }
  text.resize(static_cast<std::size_t>(got));
  const Json reply = Json::parse(text, nullptr, false);
  const Json* success = member(reply, "success");
  out.success = success != nullptr && success->is_boolean() && success->get<bool>();
  out.error = text_member(reply, "error");
  out.value = integer_member(reply, "value").value_or(0);
  out.pipe = integer_member(reply, "pipeid").value_or(0);
  if (!out.success) return base::fail(registry_error(asked_, out.error));
  return out;
}

base::Result<void> Skopeo::blob(const RegistryReference& image, const Descriptor& blob, const std::string& path) {
  asked_ = image;
  if (!proxy_) {
    if (auto opened = open_proxy(image); !opened) return opened;
  }
  const auto reply =
      call("GetBlob", std::to_string(image_) + "," + Json(blob.digest).dump() + "," + std::to_string(blob.bytes));
  if (!reply) return base::fail(reply.error());
  if (!reply->fd) return base::fail(registry_error(asked_, "skopeo gave no pipe"));
  base::Result<void> copied = copy(*reply, blob, path);
  if (!copied) {
    proxy_.reset();  // what it still sends is nobody's
    return copied;
  }
  return {};
}

base::Result<void> Skopeo::copy(const Reply& pipe, const Descriptor& blob, const std::string& path) {
  const auto wrong = [&](std::string why) {
    base::Error error = registry_error(asked_, "");
    error.code = ErrorCode::digest_mismatch;
    error.why = "the blob " + blob.digest + " " + std::move(why);
    error.remedy = "Push the image again, or pull it from elsewhere; the registry or the way to it damages it";
    return base::fail(std::move(error));
  };
  // The pipe ends only when this is asked, and the answer comes when all is sent.
  if (auto sent = order("FinishPipe", std::to_string(pipe.pipe)); !sent) return sent;
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return base::fail(base::os_error("cannot make " + path));
  Sha256 hash;
  std::string piece(kPieceBytes, '\0');
  std::int64_t total = 0;
  std::int64_t in_window = 0;
  base::Instant window = loop_.clock().now() + setup_.silence;
  while (true) {
    if (auto ready = wait(pipe.fd.get(), loop_.clock().now() + setup_.silence); !ready) return ready;
    const ssize_t got = ::read(pipe.fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    total += got;
    in_window += got;
    if (total > blob.bytes) return wrong("has more bytes than the " + std::to_string(blob.bytes) + " of its manifest");
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(got));
    hash.update(bytes);
    if (auto put = write_all(file.get(), bytes, path); !put) return put;
    if (loop_.clock().now() < window) continue;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(setup_.silence).count();
    if (in_window < kLeastBytesPerSecond * seconds) {
      return too_slow("it sent " + std::to_string(in_window) + " bytes in " + std::to_string(seconds) + " s; below " +
                      std::to_string(kLeastBytesPerSecond) + " a second it is given up (--limit pull-silence)");
    }
    in_window = 0;
    window = loop_.clock().now() + setup_.silence;
  }
  if (total < blob.bytes) {
    const auto ended = reply();
    return wrong("ended after " + std::to_string(total) + " of " + std::to_string(blob.bytes) + " bytes" +
                 (ended ? std::string() : " (" + ended.error().why + ")"));
  }
  if (const std::string found = hash.finish(); found != blob.digest) return wrong("has the digest " + found);
  if (auto ended = reply(); !ended) return base::fail(std::move(ended.error()));
  return {};
}

}  // namespace marea::pipeline
