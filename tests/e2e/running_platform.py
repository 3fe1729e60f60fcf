"""A real `marea serve` in a data directory of its own on free ports, its CLI, its API and its front door."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import http_client
from traces import Traces
from waiting import until

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(os.environ.get("MAREA_BIN", ROOT / "build" / "debug" / "bin" / "marea"))
SANITIZER = re.compile(r"ERROR: (?:Address|Leak|Thread)Sanitizer|runtime error:|AddressSanitizer:DEADLYSIGNAL")
SERVICES = "/apis/serving.knative.dev/v1/namespaces/default/services"


@dataclass
class Done:
    rc: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_cli(*arguments, environment=None, timeout=300, binary=BIN):
    done = subprocess.run([str(binary), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, env={**os.environ, "LANG": "C", "LC_ALL": "C", **(environment or {})})
    return Done(done.returncode, done.stdout, done.stderr)


class Platform:
    def __init__(self, binary=BIN, environment=None, data=None, options=()):
        """`options` are further ones of `marea serve`."""
        self.binary = binary
        self.environment = environment or {}
        self.data = Path(data or tempfile.mkdtemp(prefix="marea-test-"))
        self.options = options
        self.http_port, self.api_port = free_port(), free_port()
        self.api = self.data / "api.sock"
        self.log_path = self.data.with_suffix(".log")
        self.process = None
        self.traces = None

    @classmethod
    @contextlib.contextmanager
    def running_on(cls, disk, log_path):
        """A running one whose data directory is on this disk; its log is elsewhere. It must leave nothing behind."""
        platform = cls(data=disk / "data")
        platform.data.mkdir()
        platform.log_path = log_path
        try:
            yield platform.start()
            platform.stop()
        finally:
            platform.clean()

    def start(self, until_it_answers=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.binary), "serve", "--data", str(self.data), "--http", f"127.0.0.1:{self.http_port}", "--api",
                 f"127.0.0.1:{self.api_port}", *self.options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env={**os.environ, **self.environment})
        self.traces = Traces(self.process.pid, self.data)
        if until_it_answers:
            until(self._answers, "the API answers", pause=0.02)
        return self

    def _answers(self):
        assert self.process.poll() is None, f"marea serve ended with {self.process.returncode}:\n{self.log()}"
        try:
            return http_client.request(self.api, "api", "/apis/marea.dev/v1/healthz", timeout=5).status == 200
        except (OSError, AssertionError):
            return False

    def log(self):
        return self.log_path.read_text(errors="replace")[-6000:]

    def stop(self):
        """SIGTERM, the end, and nothing left behind."""
        self.traces.note()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"marea serve did not end in 60 s after SIGTERM:\n{self.log()}") from None
        try:
            until(lambda: not self.traces.left(), "nothing of the platform is left")
        except AssertionError:
            raise AssertionError("left behind: " + "; ".join(self.traces.left())) from None
        found = SANITIZER.search(self.log_path.read_text(errors="replace"))
        assert not found, f"a sanitizer spoke:\n{self.log()}"
        assert code == 0, f"marea serve ended with {code}:\n{self.log()}"

    def clean(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.data, ignore_errors=True)
        self.log_path.unlink(missing_ok=True)

    def cli(self, *arguments, check=True, timeout=300):
        done = run_cli(*arguments, environment={"MAREA_SERVER": f"unix:{self.api}"}, timeout=timeout, binary=self.binary)
        if check:
            assert done.rc == 0, f"marea {' '.join(map(str, arguments))}: exit {done.rc}\n{done.out}\n{done.err}"
        self.traces.note()
        return done

    def traces_now(self):
        """The cgroups of the platform's processes, instances included."""
        self.traces.note()
        return sorted(self.traces.groups)

    def get(self, service, path="/", **options):
        return http_client.request(self.http_port, f"{service}.localhost", path, **options)

    def call(self, path, method="GET", body=b"", headers=None):
        return http_client.request(self.api, "api", path, method, body, headers)

    def service(self, name):
        return self.call(f"{SERVICES}/{name}").json()

    def apply(self, manifest, check=True, *options):
        """`marea apply -f` of a manifest given as a value."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(manifest, file)
            file.flush()
            return self.cli("apply", "-f", file.name, *options, check=check)

    def condition(self, name, kind="Ready"):
        conditions = self.service(name).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == kind), {"status": "Unknown"})

    def wait_ready(self, name):
        return until(lambda: self.condition(name)["status"] == "True", f"{name} is ready: {self.condition(name)}")

    def wait_failed(self, name):
        return until(lambda: self.condition(name) if self.condition(name)["status"] == "False" else None,
                     f"{name} has failed")

    def instances(self, service):
        """Those that live. A test that looks all the time meets the API's own rate, and looks again then."""
        answer = until(lambda: (one := self.call(f"/apis/marea.dev/v1/instances?service={service}")).status != 429 and one,
                       "the API takes the question", pause=0.01)
        return [item for item in answer.json()["items"] if item["state"] not in ("stopped", "failed", "prepared")]

    def wait_for_zero(self, service):
        until(lambda: not self.instances(service), f"{service} is at zero")


class Inside:
    """Runs Python in an instance of the probe (app/probe.py); gives what it assigned to `result`."""

    def __init__(self, platform, name):
        self.platform, self.name = platform, name

    def __call__(self, code):
        said = self.platform.get(self.name, "/", method="POST", body=code.encode()).json()
        assert "raised" not in said, said["raised"]
        return said["result"]


def manifest(name, image, command=None, args=None, env=None, port=None, memory=None, concurrency=None, max_scale=None,
             min_scale=None, idle=None, timeout=None, probe=None, annotations=None, template_annotations=None):
    """A Service as a value; only what is given is in it."""
    container = {"image": image}
    if command is not None:
        container["command"] = command
    if args is not None:
        container["args"] = args
    if env:
        container["env"] = [{"name": key, "value": value} for key, value in env.items()]
    if port:
        container["ports"] = [{"containerPort": port}]
    if memory:
        container["resources"] = {"limits": {"memory": memory}}
    if probe:
        container["startupProbe"] = probe
    template_notes = {f"autoscaling.knative.dev/{key}": str(value)
                      for key, value in (("maxScale", max_scale), ("minScale", min_scale)) if value is not None}
    template_notes.update(template_annotations or {})
    if idle:
        template_notes["marea.dev/idle-timeout"] = idle
    spec = {"containers": [container]}
    if concurrency:
        spec["containerConcurrency"] = concurrency
    if timeout:
        spec["timeoutSeconds"] = timeout
    return {"apiVersion": "serving.knative.dev/v1", "kind": "Service",
            "metadata": {"name": name, "annotations": annotations or {}},
            "spec": {"template": {"metadata": {"annotations": template_notes}, "spec": spec}}}
