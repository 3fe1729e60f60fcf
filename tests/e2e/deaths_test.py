"""Whoever dies, at whatever moment: no acknowledged change is lost, nobody is cut off, nothing is left behind (F16).

The places are those of src/base/crash_point.h: a file of a label's name in the folder $MAREA_CRASH kills the role that
gets there, once.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import oci
import traces
from roles_test import roles
from running_platform import BIN, ROOT, SERVICES, Platform, manifest
from waiting import until

LABELS = re.findall(r'string_view\("([a-z.]+)"\)', (ROOT / "src" / "base" / "crash_point.h").read_text())
needs_crash_points = pytest.mark.skipif("release" in str(BIN), reason="NOT TESTED: release builds have no crash points")


def quietly(call):
    try:
        return call()
    except (OSError, AssertionError):
        return None


class Load:
    """A few clients that ask one service all the time and never ask twice: what each of them got."""

    def __init__(self, platform, service):
        self.platform, self.service = platform, service
        self.bad, self.count, self._over = [], 0, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]

    def _ask(self):
        while not self._over.wait(0.02):
            try:
                answer = self.platform.get(self.service, "/?ms=5")
                if answer.status != 200:
                    self.bad.append(f"{answer.status} {answer.text.strip()}")
            except (OSError, AssertionError) as problem:
                self.bad.append(repr(problem))
            self.count += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()


class Tough(Platform):
    """A platform whose roles can be made to die at a label."""

    def __init__(self):
        super().__init__()
        self.crash = Path(tempfile.mkdtemp(prefix="marea-crash-"))
        self.crash.chmod(0o777)

    def start(self):
        os.environ["MAREA_CRASH"] = str(self.crash)
        try:
            return super().start()
        finally:
            del os.environ["MAREA_CRASH"]

    def arm(self, label):
        (self.crash / label).touch()

    def armed(self):
        return os.listdir(self.crash)

    def apply_surely(self, wanted):
        """Until it is acknowledged: what was asked in the moment of a death may fail, but not for another reason."""
        def acknowledged():
            done = self.apply(wanted, False)
            assert done.rc != 6, f"a deploy failed: {done.err}"
            return done.rc == 0
        until(acknowledged, f"{wanted['metadata']['name']} is applied")

    def delete_surely(self, name):
        def gone():
            try:
                return self.call(f"{SERVICES}/{name}", "DELETE").status in (200, 404)
            except (OSError, AssertionError):
                return False
        until(gone, f"{name} is deleted")

    quietly = staticmethod(quietly)

    def written_down(self, name):
        """What engine has on disk of a service's instances."""
        return [str(path) for path in (self.data / "run").rglob(f"{name}-*")]

    def clean(self):
        super().clean()
        for left in self.crash.iterdir():
            left.unlink()
        self.crash.rmdir()


@pytest.fixture(scope="module")
def tough(tide):
    platform = Tough()
    try:
        platform.start()
        platform.apply(manifest("steady", tide, min_scale=1))
        platform.wait_ready("steady")
        yield platform
        platform.stop()
    finally:
        platform.clean()


@pytest.fixture
def fresh_image(tide_program, tmp_path):
    """An image that nobody has unpacked yet."""
    oci.make(tmp_path, {"app/tide": (tide_program.read_bytes(), 0o755), "stamp": os.urandom(8)},
             {"Entrypoint": ["/app/tide"], "Env": ["PATH=/usr/bin:/bin"]})
    return f"oci:{tmp_path}"


def live(platform, name, image, lossless=True):
    """A service's whole life: deploy, scale-out, another deploy, scale-in, from zero, delete. Everything asked of it is
    answered, unless `lossless` is False."""
    def served(count, path):
        with ThreadPoolExecutor(count) as pool:
            answers = [platform.quietly(call.result) for call in
                       [pool.submit(platform.get, name, path) for _ in range(count)]]
        if lossless:
            assert [answer and answer.status for answer in answers] == [200] * count, answers

    plain = {"concurrency": 1, "max_scale": 3, "idle": "1s"}
    platform.apply_surely(manifest(name, image, args=["--text", "first"], **plain))
    until(lambda: platform.quietly(lambda: platform.condition(name)["status"]) == "True", f"{name} is ready")
    served(6, "/?ms=150")
    platform.apply_surely(manifest(name, image, args=["--text", "second"], **plain))
    until(lambda: platform.quietly(lambda: platform.get(name).text.split()[0]) == "second", "the second revision serves")
    until(lambda: platform.quietly(lambda: not platform.instances(name)), "scale-in to zero")
    served(1, "/")
    platform.delete_surely(name)


def settled(platform, name):
    until(lambda: platform.quietly(lambda: platform.call(f"{SERVICES}/{name}").status) == 404, f"{name} is gone")
    until(lambda: platform.quietly(lambda: not platform.instances(name)), f"no instance of {name} is left")
    until(lambda: not platform.written_down(name), f"nothing of it is on disk: {platform.written_down(name)}")
    until(lambda: {"engine", "router", "control", "logs"} <= set(roles(platform)), "all roles are up")


@needs_crash_points
@pytest.mark.parametrize("label", LABELS)
def test_a_death_at_a_labelled_place_loses_nothing(tough, tide, fresh_image, label):
    name = "d" + str(LABELS.index(label))
    image = fresh_image if label.startswith("builder") else tide
    router = label.startswith("router")
    with Load(tough, "steady") as load:
        tough.arm(label)
        live(tough, name, image, lossless=not router)
        settled(tough, name)
        seen = load.count
        until(lambda: load.count > seen + 5, "the steady service goes on")
    assert not tough.armed(), f"nobody came to {label}"
    # Two clients: each may have had one request in a router that died.
    assert len(load.bad) <= (2 if router else 0), load.bad


def test_roles_that_die_at_random_moments_lose_nothing(tough, tide):
    chance = random.Random(7)
    over = threading.Event()

    def kill():
        for _ in range(30):  # roles that never live long are begun anew later each time: however slow it is, it ends
            if over.wait(chance.uniform(0.3, 0.9)):
                return
            role = chance.choice(["engine", "control", "logs"])
            if role in (seen := roles(tough)):
                os.kill(seen[role][0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with Load(tough, "steady") as load:
        killer.start()
        try:
            for turn in range(2):
                live(tough, f"random{turn}", tide)
        finally:
            over.set()
            killer.join()
        for turn in range(2):
            settled(tough, f"random{turn}")
    assert not load.bad, load.bad


def test_an_instance_is_the_same_after_engines_death_and_its_exit_status_is_known(tough, tide):
    tough.apply(manifest("same", tide, min_scale=1))
    tough.wait_ready("same")
    before = [i["metadata"]["name"] for i in tough.instances("same")]
    os.kill(roles(tough)["engine"][0], signal.SIGKILL)
    until(lambda: "engine" in roles(tough), "engine is back")
    assert tough.get("same").status == 200
    until(lambda: [i["metadata"]["name"] for i in tough.instances("same")] == before, "the same instance")
    tough.delete_surely("same")
    settled(tough, "same")


def test_an_app_that_exits_while_engine_is_away_is_reported_with_its_code(tough, tide):
    tough.apply(manifest("leaves", tide, min_scale=1))
    tough.wait_ready("leaves")
    engine = roles(tough)["engine"][0]
    os.kill(engine, signal.SIGSTOP)  # it sees nothing more
    tough.quietly(lambda: tough.get("leaves", "/exit?code=3", timeout=5))
    os.kill(engine, signal.SIGKILL)
    def told():
        rows = tough.call("/apis/marea.dev/v1/instances?service=leaves").json()["items"]
        return any(row["state"] == "failed" and "3" in str(row.get("exit", "")) for row in rows)
    until(told, "its exit code is told")
    tough.delete_surely("leaves")
    settled(tough, "leaves")


def apps_of(service):
    """The processes of a service's app, by what marea put into their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"K_SERVICE={service}".encode() in (folder / "environ").read_bytes().split(b"\0")
            if ours and b"/app/tide" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("role", ["router", "control"])
def test_who_is_not_ready_gets_nothing_though_a_role_dies_and_is_found_again(tough, tide, role):
    name = "unready-" + role
    service = manifest(name, tide, min_scale=2, max_scale=2)
    service["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = {
        "httpGet": {"path": "/ready"}, "periodSeconds": 1, "failureThreshold": 1}
    tough.apply(service)
    tough.wait_ready(name)

    def states():
        return sorted(one["state"] for one in tough.quietly(lambda: tough.instances(name)) or [])

    def seen():
        """By the app that serves."""
        return int(tough.get(name, "/seen").text)

    until(lambda: len(states()) == 2 and set(states()) <= {"running", "idle"}, "two are up")
    tough.get(name, "/unready")
    until(lambda: "unready" in states(), "one is not ready")
    first = seen()
    with Load(tough, name) as load:
        old = roles(tough)[role][0]
        os.kill(old, signal.SIGKILL)
        until(lambda: roles(tough).get(role, (old,))[0] != old, f"another {role}")
        since = load.count
        until(lambda: load.count > since + 50, "requests go on")
        until(lambda: states().count("unready") == 1, "it is known as not ready again")
    # Two clients: each may have had one request in a router that died.
    assert len(load.bad) <= (2 if role == "router" else 0), load.bad
    assert seen() >= first + load.count - len(load.bad), "the other one got none of them"
    assert len(apps_of(name)) == 2, "nobody was ended for it"
    for app in apps_of(name):
        subprocess.run(["nsenter", "-t", str(app), "-n", sys.executable, "-c",
                        "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/ready-again')"], check=True)
    until(lambda: len(states()) == 2 and "unready" not in states(), "both are ready")
    tough.delete_surely(name)
    settled(tough, name)


def test_a_minimum_is_kept_while_router_is_away(tough, tide):
    """F2: router is stopped (SIGSTOP), so that keeper does not start another and nobody tells engine what is wanted."""
    def names():
        return {instance["metadata"]["name"] for instance in tough.instances("least")}

    def both_serve():
        up = [i for i in tough.instances("least") if i["state"] in ("running", "idle")]
        return len(up) == 2

    tough.apply(manifest("least", tide, min_scale=2))
    tough.wait_ready("least")
    until(both_serve, "two instances are up")
    router = roles(tough)["router"][0]
    os.kill(router, signal.SIGSTOP)
    try:
        for turn in range(2):
            before, apps = names(), apps_of("least")
            assert len(apps) == 2, apps
            os.kill(apps[turn], signal.SIGKILL)
            until(lambda: len(names()) == 2 and names() != before, "another one is started in its place")
            until(lambda: len(apps_of("least")) == 2, "and its app runs")
        os.kill(router, signal.SIGKILL)
        until(lambda: roles(tough).get("router", (router,))[0] != router, "a new router")
    finally:
        tough.quietly(lambda: os.kill(router, signal.SIGCONT))
    assert tough.get("least").status == 200
    until(both_serve, "both serve")
    tough.delete_surely("least")
    settled(tough, "least")


def test_services_wake_from_zero_after_engine_died_while_control_is_down(tough, tide):
    """The control process is stopped (SIGSTOP), so that keeper does not start another."""
    tough.apply(manifest("kept", tide, idle="1s"))
    tough.wait_ready("kept")
    tough.wait_for_zero("kept")
    control = roles(tough)["control"][0]
    os.kill(control, signal.SIGSTOP)
    try:
        old = roles(tough)["engine"][0]
        os.kill(old, signal.SIGKILL)
        until(lambda: roles(tough).get("engine", (old,))[0] != old, "a new engine")
        assert tough.get("kept").status == 200
    finally:
        os.kill(control, signal.SIGCONT)
    tough.delete_surely("kept")
    settled(tough, "kept")


def test_a_superseded_deploy_is_cancelled_though_control_dies(tough, tide):
    tough.apply(manifest("hurry", tide, args=["--text", "first"]))
    tough.wait_ready("hurry")
    tough.apply(manifest("hurry", tide, args=["--delay", "600000"]), True, "--no-wait")
    until(lambda: len(tough.instances("hurry")) >= 1, "its check has begun")
    tough.apply(manifest("hurry", tide, args=["--text", "third"]), True, "--no-wait")
    os.kill(roles(tough)["control"][0], signal.SIGKILL)
    until(lambda: tough.quietly(lambda: tough.get("hurry").text.split()[0]) == "third", "the newest serves")
    slow = until(lambda: tough.quietly(lambda: sorted(
        (r for r in tough.cli("revisions", "list", "-o", "json").json()["items"]
         if r["metadata"]["labels"]["serving.knative.dev/service"] == "hurry"),
        key=lambda r: r["metadata"]["name"])), "revisions")[1]["metadata"]["name"]
    until(lambda: not [i for i in tough.instances("hurry") if i["metadata"]["name"].startswith(slow)],
          "the superseded one has no instance")
    tough.delete_surely("hurry")
    settled(tough, "hurry")


def end_abruptly(platform):
    """kill -9 of everything, keeper and apps included."""
    platform.traces.note()
    for pid in sorted(platform.traces.pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    platform.process.wait()


def test_after_a_reboot_everything_wanted_is_back(own_platform, tide):
    """No process is left, and the kernel has forgotten cgroups, devices and rules."""
    own_platform.apply(manifest("back", tide, min_scale=1))
    own_platform.apply(manifest("sleepy", tide, idle="1s"))
    for one in ("back", "sleepy"):
        own_platform.wait_ready(one)
    own_platform.wait_for_zero("sleepy")
    end_abruptly(own_platform)
    tag = traces.tag_of(own_platform.data)
    for link in traces.links(tag):
        subprocess.run(["ip", "link", "del", link], check=False)
    subprocess.run(["nft", "delete", "table", "inet", "marea_" + tag], check=False)
    until(lambda: not any(os.path.isdir(g) and not remove_group(g) for g in own_platform.traces.groups), "no cgroup is left")
    own_platform.start()
    until(lambda: own_platform.get("back").status == 200, "the service with a minimum is back")
    assert own_platform.get("sleepy").status == 200
    until(lambda: len(own_platform.instances("back")) == 1, "and has one instance")


def remove_group(group):
    try:
        os.rmdir(group)
    except OSError:
        return not os.path.isdir(group)
    return True


def test_a_killed_platform_leaves_nothing_that_the_next_one_does_not_remove(own_platform, tide):
    """keeper included, while the apps live on: nobody holds their descriptors any more."""
    own_platform.apply(manifest("orphan", tide, min_scale=1))
    own_platform.wait_ready("orphan")
    own_platform.traces.note()
    old, groups = dict(own_platform.traces.pids), set(own_platform.traces.groups)
    for _, (pid, _) in sorted(roles(own_platform).items(), key=lambda item: item[0] != "keeper"):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    own_platform.process.wait()
    own_platform.start()
    until(lambda: quietly(lambda: own_platform.get("orphan").status == 200), "the service is back")
    left = traces.Traces(own_platform.process.pid, own_platform.data)
    left.pids = old
    until(lambda: not any(line.startswith("process") for line in left.left()), "no process of the old platform is left")
    until(lambda: len(own_platform.instances("orphan")) == 1, "one instance")
    shared = {group for group in groups if group.endswith(traces.tag_of(own_platform.data))}
    until(lambda: not [group for group in groups - shared if os.path.isdir(group)], "no cgroup of the old instance is left")


def test_an_app_that_writes_much_while_logs_is_away_waits_and_goes_on(tough, tide):
    """Its pipe holds 64 KiB: it waits in write until logs is back, and sees no broken pipe. Its other threads serve."""
    tough.apply(manifest("chatty", tide, min_scale=1))
    tough.wait_ready("chatty")
    before = [i["metadata"]["name"] for i in tough.instances("chatty")]
    os.kill(roles(tough)["logs"][0], signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        shout = pool.submit(tough.get, "chatty", "/shout?kb=256")
        assert tough.get("chatty").status == 200
        os.kill(roles(tough)["logs"][0], signal.SIGKILL)
        assert shout.result().status == 200
    assert [i["metadata"]["name"] for i in tough.instances("chatty")] == before
    until(lambda: len(tough.cli("logs", "chatty", "--tail", "1000").out) > 200 << 10, "all of it is in the logs")
    tough.delete_surely("chatty")
    settled(tough, "chatty")
