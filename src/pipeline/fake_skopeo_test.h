// A skopeo that is played by a script: it notes how it was called, and answers what the test has put beside it. It
// speaks what marea asks of the real one: `inspect --raw` and the proxy's protocol 0.2 over a SOCK_SEQPACKET socket.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"
#include "pipeline/digest.h"
#include "pipeline/test_images.h"

namespace marea::pipeline::testing {

constexpr const char* kFakeSkopeo = R"py(#!/usr/bin/python3
import json, os, signal, socket, sys, time
here = os.path.dirname(os.path.abspath(sys.argv[0]))
plan = json.load(open(here + "/plan.json"))
def fd(number):
    try:
        return open("/proc/self/fd/%d" % number, "rb").read().decode()
    except OSError:
        return None
def note(what):
    with open(here + "/calls", "a") as calls:
        calls.write(json.dumps(what) + "\n")
link = os.environ["HOME"] + "/.config/containers/registries.conf"
note({"words": sys.argv[1:], "auth": fd(10), "registries": fd(11), "environment": dict(os.environ),
      "linked": open(link).read()})
if plan.get("hang"):
    time.sleep(600)
if plan.get("dies"):
    os.kill(os.getpid(), signal.SIGKILL)
if "inspect" in sys.argv:
    if "error" in plan:
        sys.stderr.write(plan["error"] + "\n")
        sys.exit(1)
    sys.stdout.buffer.write(open(here + "/" + plan["manifests"][sys.argv[-1]], "rb").read())
    sys.exit(0)
link = socket.socket(fileno=12)
ends = {}
while True:
    text = link.recv(32768)
    if not text:
        break
    asked = json.loads(text)
    note({"method": asked["method"], "args": asked["args"]})
    failure = plan.get("failures", {}).get(asked["method"])
    if failure == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = {"success": not failure, "error": failure or "", "value": None, "pipeid": 0}
    files = []
    if asked["method"] == "Initialize":
        answer["value"] = "0.2.3"
    elif asked["method"] == "OpenImage":
        answer["value"] = 7
    elif asked["method"] == "GetBlob" and not failure:
        read, write = os.pipe()
        os.write(write, open(here + "/" + plan["blobs"][asked["args"][1]], "rb").read())
        os.close(write)
        files = [read]
        answer["pipeid"] = 100 + len(ends)
        ends[answer["pipeid"]] = True
    socket.send_fds(link, [json.dumps(answer).encode()], files)
    for file in files:
        os.close(file)
)py";

class FakeSkopeo {
 public:
  FakeSkopeo() : before_(std::getenv("PATH")) {
    write_file(dir_ / "skopeo", kFakeSkopeo);
    ::chmod((dir_ / "skopeo").c_str(), 0755);
    ::setenv("PATH", dir_.path().c_str(), 1);
    plan({});
  }
  ~FakeSkopeo() { ::setenv("PATH", before_.c_str(), 1); }
  FakeSkopeo(const FakeSkopeo&) = delete;
  FakeSkopeo& operator=(const FakeSkopeo&) = delete;

  // Beside what it has to give: "error", "hang", "dies", and "failures" of the proxy's methods ("die": it ends).
  void plan(nlohmann::json how) {
    how["manifests"] = manifests_;
    how["blobs"] = blobs_;
    write_file(dir_ / "plan.json", how.dump());
  }
  // `reference` as it stands in the command: docker://….
  void has_manifest(const std::string& reference, const std::string& text) {
    manifests_[reference] = keep(text);
    plan({});
  }
  void has_blob(const std::string& digest, const std::string& bytes) {
    blobs_[digest] = keep(bytes);
    plan({});
  }
  void uninstall() const { std::filesystem::remove(dir_ / "skopeo"); }
  // Each start, and each order of the proxy.
  std::vector<nlohmann::json> calls() const {
    std::vector<nlohmann::json> out;
    if (!std::filesystem::exists(dir_ / "calls")) return out;
    std::istringstream lines(read_file(dir_ / "calls"));
    for (std::string line; std::getline(lines, line);) out.push_back(nlohmann::json::parse(line));
    return out;
  }
  std::vector<std::string> methods() const {
    std::vector<std::string> out;
    for (const nlohmann::json& call : calls()) {
      if (call.contains("method")) out.push_back(call["method"]);
    }
    return out;
  }
  int starts() const { return static_cast<int>(calls().size() - methods().size()); }

 private:
  std::string keep(const std::string& bytes) {
    const std::string name = "content" + std::to_string(++kept_);
    write_file(dir_ / name, bytes);
    return name;
  }
  TempDir dir_;
  std::string before_;
  nlohmann::json manifests_ = nlohmann::json::object();
  nlohmann::json blobs_ = nlohmann::json::object();
  int kept_ = 0;
};

}  // namespace marea::pipeline::testing
