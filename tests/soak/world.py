"""What a soak does to a platform: its services, its log of events, and what was acknowledged."""

import os
import select
import signal
import threading
import time

import ground
import apps
import oci
from running_platform import SERVICES, manifest
from verdict import Deletion, Kill
from waiting import GENEROUS, until

ROLES = ("engine", "router", "control", "logs", "builder")


class Events:
    """[(second of the monotonic clock, text)], shown as they come."""

    def __init__(self):
        self.start, self.all, self.lock = time.monotonic(), [], threading.Lock()

    def __call__(self, text):
        now = time.monotonic()
        with self.lock:
            self.all.append((now, text))
            print(f"{now - self.start:8.2f} {text}", flush=True)


class World:
    """The platform, and what it has acknowledged: {service: the words it was to answer with, in its newest manifest}."""

    def __init__(self, platform, folder, events, spared=()):
        """`spared` are roles that nothing kills."""
        self.platform, self.folder, self.events, self.spared = platform, folder, events, spared
        self.said, self.serving, self.options = {}, {}, {}
        self.kills, self.deletions = [], []
        self.faults = []  # what is wrong beside lost requests
        self.version = 0
        self.image = None
        self.make_image()

    def make_image(self):
        """What is deployed from now on: the app, and ballast that no image had before."""
        self.version += 1
        layout = self.folder / f"image-{self.version}"
        oci.make(layout, {"app/tide": (apps.tide_program().read_bytes(), 0o755), "ballast": os.urandom(10 << 20)},
                 {"Entrypoint": ["/app/tide"]})
        self.image = f"oci:{layout}"

    # ---- changes, each until it is acknowledged

    def change(self, service, *faulty, **options):
        """Applies the service with a new text; `faulty` are further words to the app, with which it cannot serve."""
        self.version += 1
        text = f"v{self.version}"
        settings = {**self.options.get(service, {}), **options}
        self.put(manifest(service, self.image, args=["--text", text, *faulty], memory="64Mi", **settings), text)
        self.said[service], self.options[service] = text, settings
        return text

    def put(self, wanted, what):
        name = wanted["metadata"]["name"]
        self.until_acknowledged(f"apply {name} {what}", lambda: self.platform.apply(wanted, False).rc == 0)

    def delete(self, service):
        self.deletions.append(Deletion(service, time.monotonic()))
        self.until_acknowledged(f"delete {service}", lambda: self.call(f"{SERVICES}/{service}", "DELETE") in (200, 404))
        self.said.pop(service, None)

    def until_acknowledged(self, what, attempt):
        """A role may be dead just then; whoever is told so tries again."""
        tries = 0

        def once():
            nonlocal tries
            tries += 1
            return attempt()

        until(once, f"{what} is acknowledged", pause=0.2)
        self.events(f"acknowledged: {what}" + (f", at try {tries}" if tries > 1 else ""))

    def call(self, path, method="GET"):
        """The status of the API's answer; 0 when none came."""
        try:
            return self.platform.call(path, method).status
        except (OSError, AssertionError):
            return 0

    # ---- what is there

    def get(self, service, path="/"):
        """The text that the service answers with, nothing when it does not."""
        try:
            answer = self.platform.get(service, path, timeout=30)
        except (OSError, AssertionError):
            return None
        return answer.text if answer.status == 200 else None

    def answers(self, service):
        return (self.get(service) or "nothing").split()[0]

    def wait_serves(self, service, text):
        until(lambda: self.answers(service) == text, f"{service} answers {text}")
        self.serving[service] = text
        self.events(f"{service} serves {text}")

    def wait_failed(self, service):
        def failed():
            try:
                return self.platform.condition(service)["status"] == "False"
            except (OSError, AssertionError, ValueError):
                return False
        until(failed, f"{service} has failed")
        self.events(f"{service} says that its newest revision failed")

    def instances(self, service):
        try:
            return self.platform.instances(service)
        except (OSError, AssertionError, ValueError, KeyError):
            return []

    def missing(self):
        """Acknowledged changes that are not there."""
        for service, text in self.said.items():
            spec = until(lambda name=service: self.spec(name), f"the API tells of {service}")
            words = spec["template"]["spec"]["containers"][0]["args"]
            if words[1] != text:
                yield f"{service} was to say {text}, its manifest says {words[1]}"
        for service, text in self.serving.items():
            if service in self.said and self.answers(service) != text:
                yield f"{service} serves {self.answers(service)}, not {text}"
        for gone in {each.kind for each in self.deletions} - set(self.said):
            if self.call(f"{SERVICES}/{gone}") != 404:
                yield f"{gone} was deleted and is there"

    def spec(self, service):
        try:
            return self.platform.service(service).get("spec")
        except (OSError, AssertionError, ValueError):
            return None

    # ---- deaths

    def kill(self, role):
        """SIGKILL; false when there is none now."""
        pids = ground.below(self.platform.process.pid, role)
        if not pids:
            return False
        pid, at = pids[0], time.monotonic()
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], GENEROUS)  # until its last thread has ended
        finally:
            os.close(handle)
        self.kills.append(Kill(role, at, time.monotonic()))
        self.events(f"killed {role} ({pid})")
        return True


class Memory(threading.Thread):
    """Looks at the memory of each role every two seconds: {(role, pid): [(second, bytes)]}."""

    def __init__(self, platform):
        super().__init__(daemon=True)
        self.platform, self.samples, self.over = platform, {}, threading.Event()

    def run(self):
        while not self.over.wait(2):
            for role in ("keeper", *ROLES):
                for pid in ground.below(self.platform.process.pid, role):
                    self.look(role, pid)
            self.look("keeper", self.platform.process.pid)

    def look(self, role, pid):
        try:
            with open(f"/proc/{pid}/statm") as file:
                pages = int(file.read().split()[1])
        except OSError:
            return
        self.samples.setdefault((role, pid), []).append((time.monotonic(), pages * os.sysconf("SC_PAGE_SIZE")))

    def stop(self):
        self.over.set()
        self.join()
