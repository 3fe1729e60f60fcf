"""`marea up` of directories without a Dockerfile: each kind is really built, and answers HTTP. The base images are made of
Debian packages that have what the kind needs, so nothing is fetched."""

import os
import subprocess
from pathlib import Path

import oci
import pytest

from waiting import until

BASES = {"static": "nginx", "node": "node", "python": "venv", "cmake": "cmake"}
NODE = """require("http").createServer((request, answer) => {
  answer.end(JSON.stringify({uid: process.getuid(), env: process.env.NODE_ENV, page: PAGE}));
}).listen(process.env.PORT);
"""
PYTHON = """import http.server, os, json
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"uid": os.getuid(), "venv": os.sys.prefix, "files": sorted(os.listdir("."))}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Page).serve_forever()
"""
CPP = r"""#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdlib>
#include <string>
int main(int count, char** words) {
  int on = 1, server = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(std::atoi(count > 1 ? words[1] : std::getenv("PORT")));
  if (bind(server, reinterpret_cast<sockaddr*>(&place), sizeof place) != 0 || listen(server, 50) != 0) return 1;
  while (true) {
    int client = accept(server, nullptr, nullptr);
    char block[4096];
    if (read(client, block, sizeof block) > 0) {
      std::string body = "uid " + std::to_string(getuid()) + (access("/src", F_OK) == 0 ? " with sources" : " alone");
      std::string answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                           "\r\n\r\n" + body;
      (void)!write(client, answer.data(), answer.size());
    }
    close(client);
  }
}
"""
CMAKE = """cmake_minimum_required(VERSION 3.20)
project(app CXX)
add_executable(server main.cc)
"""


def put(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def node_with_npm(platform, debian_image, tmp_path_factory):
    """The name of an image with node and all of this machine's npm, which the package's own list may lack."""
    npm = Path("/usr/lib/node_modules/npm")
    if not npm.is_dir():  # Debian's own, of which the package's list tells all
        platform.cli("images", "import", "localhost/node-with-npm:here", f"oci:{debian_image('npm')}")
        return "localhost/node-with-npm:here"
    layout = tmp_path_factory.mktemp("npm")
    oci.make(layout, {str(path)[1:]: (path.read_bytes(), path.stat().st_mode & 0o777) for path in npm.rglob("*")
                      if path.is_file() and not path.is_symlink()}, {"Env": ["PATH=/usr/bin:/bin"]}, base=debian_image("node"))
    platform.cli("images", "import", "localhost/node-with-npm:here", f"oci:{layout}")
    return "localhost/node-with-npm:here"


@pytest.fixture
def up(platform, debian_image, tmp_path, name):
    """Builds the folder on the base image of its kind: options of `marea up` → what it said."""

    def run(kind, *options, check=True):
        base = f"localhost/pack-{kind}:here"
        platform.cli("images", "import", base, f"oci:{debian_image(BASES[kind])}")
        return platform.cli("up", tmp_path, "--name", name, "--base", base, *options, check=check)

    return run


def test_a_static_site(platform, up, name, tmp_path):
    put(tmp_path, {"public/index.html": "<p>home</p>", "public/a/index.html": "below", "public/style.css": "p {}",
                   "public/.secret": "mine", "public/my page.html": "spaces", "server-notes": "not served"})
    done = up("static")
    assert "no Dockerfile; public/index.html is there: building a static site, served by nginx from public" in done.err
    page = platform.get(name)
    assert page.text == "<p>home</p>" and page.headers["content-type"].startswith("text/html")
    assert platform.get(name, "/style.css").headers["content-type"].startswith("text/css")
    assert platform.get(name, "/a/").text == "below" and platform.get(name, "/my%20page.html").text == "spaces"
    assert platform.get(name, "/a").headers["location"] == "/a/"
    head = platform.get(name, method="HEAD")
    assert head.status == 200 and head.text == "" and head.headers["content-length"] == str(len("<p>home</p>"))
    part = platform.get(name, headers={"Range": "bytes=3-6"})
    assert part.status == 206 and part.text == "home"
    for path in ("/none", "/.secret", "/../server-notes", "/%2e%2e/server-notes", "/..%2fserver-notes",
                 "/%2e%2e/%2e%2e/etc/passwd", "/.marea.Dockerfile"):
        assert platform.get(name, path).status in (400, 404), path


def test_a_static_site_at_the_top_listens_where_it_is_told(platform, up, name, tmp_path):
    put(tmp_path, {"index.html": "top", "404.html": "nothing here", ".marea.Dockerfile": "FROM nowhere"})
    up("static", "--port", "9000")
    assert platform.get(name).text == "top"
    missing = platform.get(name, "/none")
    assert missing.status == 404 and missing.text == "nothing here"
    assert "GET /none" in platform.cli("logs", name).out


def test_a_node_app(platform, up, name, tmp_path):
    put(tmp_path, {"package.json": '{"scripts": {"start": "node \'my app.js\'"}}', "my app.js": NODE.replace("PAGE", "1"),
                   "node_modules/left/index.js": "here"})
    done = up("node")
    assert "building a Node app, started with `node 'my app.js'` (package.json: scripts.start)" in done.err
    assert platform.get(name).json() == {"uid": 10001, "env": "production", "page": 1}


def test_a_node_app_installs_what_its_lock_file_says_and_builds(platform, node_with_npm, name, tmp_path):
    put(tmp_path, {"package.json": '{"name": "a", "version": "1.0.0", "main": "app.js", "dependencies": {"own": "file:own"}, '
                   '"scripts": {"build": "node make.js"}}', "make.js": 'require("fs").writeFileSync("made.js", "exports.made = 7")',
                   ".npmrc": "//registry.example/:_authToken=mine\n",
                   "own/package.json": '{"name": "own", "version": "1.0.0", "main": "own.js"}',
                   "own/own.js": "module.exports = n => n * 6;", "node_modules/own/own.js": "module.exports = n => 0;",
                   "app.js": NODE.replace("PAGE", 'require("own")(require("./made.js").made) + require("fs").existsSync(".npmrc")')})
    subprocess.run(["npm", "install", "--package-lock-only", "--offline"], cwd=tmp_path, check=True, capture_output=True)
    done = platform.cli("up", tmp_path, "--name", name, "--base", node_with_npm)
    assert "npm ci" in done.err and platform.get(name).json()["page"] == 42


def test_a_python_app_is_started_by_its_procfile(platform, up, name, tmp_path):
    put(tmp_path, {"requirements.txt": "", "serve.py": PYTHON, "Procfile": "web: python serve.py\nworker: sleep 1\n",
                   ".env": "SECRET=1", ".gitignore": "private\n!kept.key\n*.key\n", "private": "mine", "kept.key": "k",
                   "sub/other.key": "k", ".venv/bin/python": "of this machine"})
    done = up("python")
    assert "started with `python serve.py` (Procfile: web)" in done.err and "not started: worker" in done.err
    told = platform.get(name).json()
    assert told["uid"] == 10001 and told["venv"] == "/venv"
    assert told["files"] == [".gitignore", "Procfile", "requirements.txt", "serve.py", "sub"]


def test_a_dockerignore_brings_back_what_git_leaves_out(platform, up, name, tmp_path):
    put(tmp_path, {"main.py": PYTHON, ".gitignore": "made\n", "made": "x", ".dockerignore": "!made\nnotes\n", "notes": "x"})
    assert "a guess by the file's name" in up("python").err
    assert platform.get(name).json()["files"] == [".dockerignore", ".gitignore", "made", "main.py"]


def test_a_second_time_nothing_is_installed_again(up, tmp_path):
    put(tmp_path, {"requirements.txt": "", "app.py": PYTHON})
    up("python")
    put(tmp_path, {"app.py": PYTHON + "# changed\n"})
    lines = up("python").err.splitlines()
    install = next(i for i, line in enumerate(lines) if "pip install" in line)
    assert "Using cache" in lines[install + 1], lines
    assert up("python").err.count("Using cache") > sum("Using cache" in line for line in lines)


def test_a_cpp_app_has_its_program_and_its_libraries_alone(platform, up, name, tmp_path):
    put(tmp_path, {"CMakeLists.txt": CMAKE, "main.cc": CPP, "build/CMakeCache.txt": "of this machine"})
    assert "a C++ app with CMake, started with the one program that it makes" in up("cmake").err
    assert platform.get(name).text == "uid 10001 alone"
    put(tmp_path, {"CMakeLists.txt": CMAKE + "add_executable(other main.cc)\n"})
    done = up("cmake", check=False)
    assert done.rc != 0 and "Procfile must name one" in done.err and "/build/other" in done.err
    put(tmp_path, {"Procfile": "web: build/server $PORT\n"})
    up("cmake")
    until(lambda: platform.get(name).text == "uid 10001 alone", "the new revision serves")


def test_an_upload_without_a_dockerfile_is_built_too(platform, name, tmp_path, debian_image):
    """Who sends an archive to the API has no command line that would make the Dockerfile."""
    platform.cli("images", "import", "docker.io/library/debian:12-slim", f"oci:{debian_image('nginx')}")
    put(tmp_path / "in", {"index.html": "sent", ".env": "SECRET=1", "sub/a.html": "too", "sub/node_modules/x": "not this",
                          ".containerignore": "*\n!index.html\n!sub"})
    subprocess.run(["tar", "-C", str(tmp_path / "in"), "-cf", str(tmp_path / "in.tar"), "."], check=True)
    answer = platform.call(f"/apis/marea.dev/v1/builds?name=localhost/{name}:latest&dockerfile=Dockerfile", "POST",
                           (tmp_path / "in.tar").read_bytes(), {"Content-Type": "application/x-tar"})
    assert "building it as static" in answer.text and '"error"' not in answer.text, answer.text
    platform.cli("deploy", name, "--image", f"localhost/{name}:latest")
    assert platform.get(name).text == "sent" and platform.get(name, "/.env").status == 404
    assert platform.get(name, "/sub/a.html").text == "too" and platform.get(name, "/sub/node_modules/x").status == 404


def test_the_dockerfile_can_be_printed_and_kept(platform, up, name, tmp_path):
    put(tmp_path, {"index.html": "kept"})
    (tmp_path / "Dockerfile").write_text("")  # as the shell does for > Dockerfile
    text = up("static", "--print-dockerfile").out
    assert "FROM localhost/pack-static:here\n" in text and platform.get(name).status == 404
    put(tmp_path, {"Dockerfile": text})
    platform.cli("up", tmp_path, "--name", name)
    assert platform.get(name).text == "kept"


@pytest.mark.parametrize("files,told", [
    ({"package.json": "{}", "requirements.txt": ""}, "several kinds"),
    ({"requirements.txt": "", "Procfile": "web: a\nweb: b\n"}, "Procfile:2"),
    ({"package.json": '{"a":\n]'}, "package.json:2"),
    ({"requirements.txt": "", "Procfile": "web: " + "x" * 2**20}, "Procfile"),
])
def test_wrong_files_are_named(platform, tmp_path, files, told):
    done = platform.cli("up", put(tmp_path, files), check=False)
    assert done.rc != 0 and told in done.err and "→" in done.err and done.out == ""


def test_a_link_is_no_way_to_the_rest_of_the_machine(platform, tmp_path):
    put(tmp_path, {"requirements.txt": ""})
    os.symlink("/etc/shadow", tmp_path / "Procfile")
    done = platform.cli("up", tmp_path, check=False)
    assert done.rc != 0 and "Procfile is a symbolic link" in done.err


def test_without_the_base_image_its_name_and_the_remedy_are_told(platform, up, tmp_path):
    put(tmp_path, {"index.html": "x"})
    done = platform.cli("up", tmp_path, "--base", "localhost/not-here:1", check=False)
    assert done.rc != 0 and "marea images import localhost/not-here:1 oci:DIR" in done.err
