"""The wall clock jumps by hours, forward and back: requests, scaling and deploys go on as if nothing had happened."""

import datetime
import shutil
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from running_platform import ROOT, Platform, manifest
from waiting import until

HOUR = 3600


class Clock:
    """The wall clock that the platform sees."""

    def __init__(self, folder):
        self.file = folder / "clock"
        self.library = folder / "clock_jump.so"
        subprocess.run(["g++", "-std=c++20", "-O2", "-shared", "-fPIC", str(ROOT / "tests/e2e/app/clock_jump.cc"), "-o",
                        str(self.library)], check=True)
        self.off_by(0)

    def off_by(self, seconds):
        with open(self.file, "r+b" if self.file.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))

    def environment(self):
        return {"LD_PRELOAD": str(self.library), "MAREA_TEST_CLOCK": str(self.file),
                "ASAN_OPTIONS": "verify_asan_link_order=0"}


@pytest.fixture
def jumping():
    """A platform and its clock. Its roles have other users, who may read the clock."""
    folder = Path(tempfile.mkdtemp(prefix="marea-test-clock-"))
    folder.chmod(0o755)
    clock = Clock(folder)
    platform = Platform(environment=clock.environment())
    try:
        yield platform.start(), clock
        platform.stop()
    finally:
        platform.clean()
        shutil.rmtree(folder)


class Asking:
    """Callers who ask without pause."""

    def __init__(self, platform, service):
        self.platform, self.service, self.statuses, self.over = platform, service, [], threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def _ask(self):
        while not self.over.is_set():
            self.statuses.append(self.platform.get(self.service, "/?ms=5").status)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def goes_on(self):
        seen = len(self.statuses)
        until(lambda: len(self.statuses) > seen + 20, "requests are answered")


def hours_ahead(platform, name):
    """The platform's clock against ours, by what it writes on a new revision."""
    newest = platform.service(name)["status"]["latestCreatedRevisionName"]
    made = platform.call(f"/apis/serving.knative.dev/v1/namespaces/default/revisions/{newest}").json()
    stamp = datetime.datetime.fromisoformat(made["metadata"]["creationTimestamp"])
    return round((stamp - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / HOUR)


def test_hours_forward_and_back_change_nothing(jumping, tide):
    platform, clock = jumping
    platform.apply(manifest("always", tide, min_scale=1))
    at_once = {"marea.dev/release-policy": "none"}  # however often a slow machine lets this test ask
    platform.apply(manifest("tidal", tide, args=["--text", "v0"], idle="1s", annotations=at_once))
    platform.wait_ready("always")
    platform.wait_ready("tidal")
    kept = until(lambda: platform.instances("always"), "it is up")[0]["metadata"]["name"]
    with Asking(platform, "always") as asking:
        for turn, hours in enumerate((6, -6, 30, 0)):
            clock.off_by(hours * HOUR)
            asking.goes_on()
            assert platform.get("tidal").status == 200
            platform.wait_for_zero("tidal")
            assert platform.get("tidal").status == 200, "it wakes"
            platform.apply(manifest("tidal", tide, args=["--text", f"v{turn + 1}"], idle="1s", annotations=at_once))
            until(lambda text=f"v{turn + 1}": platform.get("tidal").text.startswith(text), "the new revision serves")
            assert hours_ahead(platform, "tidal") == hours, "the platform has seen the jump"
            asking.goes_on()
    assert set(asking.statuses) == {200}
    assert [one["metadata"]["name"] for one in platform.instances("always")] == [kept]


def test_a_role_that_starts_after_a_jump_back_goes_on(jumping, tide):
    """What was stored has times that are yet to come."""
    platform, clock = jumping
    clock.off_by(12 * HOUR)
    platform.apply(manifest("later", tide, idle="1s", annotations={"marea.dev/release-policy": "none"}))
    platform.wait_ready("later")
    platform.stop()
    clock.off_by(-12 * HOUR)
    platform.start()
    until(lambda: platform.get("later").status == 200, "it answers")
    platform.apply(manifest("later", tide, args=["--text", "newer"], idle="1s",
                            annotations={"marea.dev/release-policy": "none"}))
    until(lambda: platform.get("later").text.startswith("newer"), "a deploy goes through")
    assert hours_ahead(platform, "later") == -12
