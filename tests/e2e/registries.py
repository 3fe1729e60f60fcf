"""Registries for the tests: Debian's docker-registry, and one that does whatever a test wants."""

import contextlib
import gzip
import hashlib
import http.server
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import oci
from running_platform import free_port
from waiting import until

INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class WildRegistry:
    """Serves images from memory over plain HTTP. `doings` take the place of an answer: {(method, path part): function of
    the request handler}; `asked` has every path. Its name is 127.0.0.1:PORT."""

    def __init__(self):
        self.manifests, self.blobs, self.doings, self.asked = {}, {}, {}, []
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                registry.answer(self)

            do_HEAD = do_GET

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # who was cut off

        self.server = Server(("127.0.0.1", 0), Handler)
        self.name = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def send(self, request, body, media_type="application/octet-stream", status=200, fields=()):
        request.send_response(status)
        request.send_header("Content-Type", media_type)
        request.send_header("Content-Length", str(len(body)))
        for name, value in fields:
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)

    def answer(self, request):
        self.asked.append(request.path)
        for part, doing in self.doings.items():
            if part in request.path:
                return doing(request)
        if request.path.rstrip("/") == "/v2":
            return self.send(request, b"{}", "application/json")
        what, _, name = request.path.rpartition("/")
        if what.endswith("/manifests") and (what, name) in self.manifests:
            data, media_type = self.manifests[what, name]
            return self.send(request, data, media_type, fields=[("Docker-Content-Digest", digest_of(data))])
        if what.endswith("/blobs") and name in self.blobs:
            return self.send(request, self.blobs[name])
        code = "MANIFEST_UNKNOWN" if what.endswith("/manifests") else "BLOB_UNKNOWN"
        return self.send(request, json.dumps({"errors": [{"code": code, "message": "unknown"}]}).encode(),
                         "application/json", 404)

    def put(self, repository, tag, data, media_type):
        """A manifest or an index under its tag and its digest."""
        for name in (tag, digest_of(data)):
            self.manifests[f"/v2/{repository}/manifests", name] = (data, media_type)
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    def put_blob(self, data):
        self.blobs[digest_of(data)] = data
        return digest_of(data)

    def image(self, repository, files, config=None, tag="latest", architecture="amd64", compress=gzip.compress,
              layer_type=oci.LAYER, media_type=oci.MANIFEST, change=None):
        """An image of one layer; gives its descriptor. `change` gets the manifest before it is stored."""
        tar = oci.tar_of(files)
        layer = compress(tar)
        image = json.dumps({"architecture": architecture, "os": "linux", "config": config or {},
                            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]}}).encode()
        manifest = {"schemaVersion": 2, "mediaType": media_type,
                    "config": {"mediaType": oci.CONFIG, "digest": self.put_blob(image), "size": len(image)},
                    "layers": [{"mediaType": layer_type, "digest": self.put_blob(layer), "size": len(layer)}]}
        if change:
            change(manifest)
        return self.put(repository, tag, json.dumps(manifest).encode(), media_type)

    def index(self, repository, entries, tag="latest"):
        """entries: [(descriptor, architecture)]."""
        listed = [{**entry, "platform": {"os": "linux", "architecture": architecture}} for entry, architecture in entries]
        return self.put(repository, tag, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode(),
                        INDEX)


def redirect(registry, place):
    return lambda request: registry.send(request, b"", status=307, fields=[("Location", place)])


def endless(request):
    request.send_response(200)
    request.send_header("Content-Type", "application/octet-stream")
    request.end_headers()
    request.close_connection = True
    with contextlib.suppress(OSError):
        while True:
            request.wfile.write(b" " * 65536)


def silent(request):
    """Nothing comes, until the other side goes."""
    request.close_connection = True
    with contextlib.suppress(OSError):
        request.connection.recv(1)


def dripping(size, pause=0.2, piece=b"."):
    """`piece` again and again, until it is that many bytes."""
    def doing(request):
        request.send_response(200)
        request.send_header("Content-Length", str(size))
        request.end_headers()
        request.close_connection = True
        with contextlib.suppress(OSError):
            for _ in range(size // len(piece)):
                request.wfile.write(piece)
                time.sleep(pause)
    return doing


class DebianRegistry:
    """docker-registry in a folder of its own; with a password or a certificate if asked."""

    def __init__(self, folder, users=None, tls=False):
        self.folder, self.port = Path(folder), free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.process = f"127.0.0.1:{self.port}", None
        config = {"version": 0.1, "log": {"level": "error"},
                  "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
                  "http": {"addr": self.name}}
        if users:
            lines = [subprocess.run(["htpasswd", "-nbB", user, word], capture_output=True, text=True, check=True).stdout.strip()
                     for user, word in users.items()]
            (self.folder / "htpasswd").write_text("\n".join(lines) + "\n")
            config["auth"] = {"htpasswd": {"realm": "here", "path": str(self.folder / "htpasswd")}}
        self.authority = None
        if tls:
            self.authority = self.folder / "ca.crt"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(self.folder / "key.pem"), "-out",
                            str(self.authority)], capture_output=True, check=True)
            config["http"]["tls"] = {"certificate": str(self.authority), "key": str(self.folder / "key.pem")}
        (self.folder / "config.yml").write_text(json.dumps(config))

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", str(self.folder / "config.yml")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        until(self._listens, "docker-registry listens")
        return self

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def push(self, layout, name, credentials=None):
        """The image of an oci: reference; gives its digest there."""
        digest_file = self.folder / "digest"
        subprocess.run(["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "--digestfile", str(digest_file),
                        *(["--dest-creds", credentials] if credentials else []), layout, f"docker://{self.name}/{name}"],
                       capture_output=True, check=True)
        return digest_file.read_text().strip()
