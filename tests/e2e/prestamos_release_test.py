"""The loan desk's versions are released under load: the good one is promoted, each bad one is rolled back by itself, and
nobody loses a request but by the canary's own fault."""

import json
import subprocess
import sys

import pytest

from prestamos_test import BASE_PACKAGES
from running_platform import ROOT
from waiting import until

sys.path.insert(0, str(ROOT / "tools"))
from desk_users import CONSTANT, THREADS, DeskUsers  # noqa: E402

RELEASES = "/apis/marea.dev/v1/namespaces/default/releases"
# Steps so short that a test can wait for them; else the defaults.
POLICY = {"apiVersion": "marea.dev/v1", "kind": "ReleasePolicy", "metadata": {"name": "quick"},
          "spec": {"ladder": ["20%", "50%", "99%"], "step": {"warmUp": "1s", "minimum": "3s", "maximum": "15s"},
                   "objectives": {"latency": "800ms"}, "unprovenLimit": 50, "hold": {"maximum": "5s", "then": "advance"}, "watch": "10m"}}
ENDS = ("done", "rolled back", "aborted", "superseded", "failed")


@pytest.fixture(scope="module")
def desk(platform):
    """The desk's first version, deployed."""
    layout = ROOT / "build" / "images" / "debian-build"
    subprocess.run([ROOT / "tools" / "base-image", layout, *BASE_PACKAGES], check=True)
    platform.cli("images", "import", "localhost/debian-build:bookworm", f"oci:{layout}")
    platform.apply(POLICY)
    platform.cli("up", ROOT / "examples" / "prestamos", "--name", "released-desk")
    yield "released-desk"
    platform.cli("services", "delete", "released-desk")


def newest(platform, name):
    items = [one for one in platform.call(RELEASES).json()["items"] if one["spec"]["service"] == name]
    return max(items, key=lambda one: one["metadata"]["creationTimestamp"], default=None) if items else None


def release(platform, name, **settings):
    """Deploys the desk with these settings and waits until its release is promoted or over."""
    words = [word for key, value in settings.items() for word in ("--env", f"{key}={value}")]
    begun = len(platform.call(RELEASES).json()["items"])
    platform.cli("deploy", name, *words, "--release-policy", "quick", "--no-wait")
    until(lambda: len(platform.call(RELEASES).json()["items"]) > begun, "the deploy began a release")
    one = newest(platform, name)["metadata"]["name"]
    until(lambda: newest(platform, name)["status"]["phase"] in ("watching", *ENDS), f"{one} is promoted or over")
    return newest(platform, name)


def test_the_second_version_is_promoted_and_nobody_notices(platform, desk):
    with DeskUsers(platform.http_port, f"{desk}.localhost") as users:
        done = release(platform, desk, PRESTAMOS_VERSION="2")
    assert done["status"]["phase"] == "watching", json.dumps(done["status"], indent=1)
    assert users.count("lost") == 0 and users.count("app") == 0, users.details
    assert users.count("ok") > 100


@pytest.mark.parametrize("fault", ["constant-principal", "slow-tail:25", "crash:6"])
def test_a_bad_version_is_rolled_back_with_its_evidence(platform, desk, fault):
    with DeskUsers(platform.http_port, f"{desk}.localhost") as users:
        done = release(platform, desk, PRESTAMOS_VERSION="2", PRESTAMOS_FAULT=fault)
        status = done["status"]
        assert status["phase"] == "rolled back", json.dumps(status, indent=1)
        before = users.count("lost"), users.count("app")
        answered = users.count("ok")
        until(lambda: users.count("ok") > answered + 200, "the desk goes on")
        # What had begun before the rollback may still end badly, once per user that waited.
        assert users.count("lost") + users.count("app") - sum(before) <= THREADS, users.details
    print(status["detail"])
    if fault == "constant-principal":
        assert users.count("lost") == 0, users.details
        assert users.count("app") > 0 and users.paths("app") == {CONSTANT}
        assert status["detail"].startswith("failures: "), status["detail"]
    elif fault.startswith("slow"):
        assert users.count("lost") == 0 and users.count("app") == 0, users.details
        assert status["cause"] == "judged bad", status
    else:
        assert status["cause"] == "crashing", status
        # Who was with an instance when it died; each user has one request under way.
        assert users.count("lost") <= 3 * THREADS, users.details
