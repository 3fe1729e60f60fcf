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
from desk_users import CONSTANT, DeskUsers  # noqa: E402

RELEASES = "/apis/marea.dev/v1/namespaces/default/releases"
# Steps so short that a test can wait for them; else the defaults. Who proves nothing goes no further and has failed.
POLICY = {"apiVersion": "marea.dev/v1", "kind": "ReleasePolicy", "metadata": {"name": "quick"},
          "spec": {"ladder": ["20%", "50%", "99%"], "step": {"warmUp": "1s", "minimum": "3s", "maximum": "30s"},
                   "objectives": {"latency": "800ms"}, "cannotKnow": "hold", "hold": {"maximum": "60s", "then": "fail"},
                   "watch": "10m"}}
USERS = 2000  # an arm is judged by the users that it had, a hundred at least
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
    until(lambda: newest(platform, name)["status"]["phase"] in ("watching", *ENDS), f"{one} is promoted or over", seconds=300)
    return newest(platform, name)


def records(platform, name):
    """What router wrote of the desk's requests, all of them."""
    most = 100_000
    told = platform.cli("logs", name, "--requests", "--tail", most, "-o", "json").out.splitlines()
    lines = [json.loads(line) for line in told]
    assert len(lines) < most and not any("dropped" in line for line in lines)
    return lines


def is_bad(record):
    """The caller got no answer, half of one, or a 5xx."""
    return record["status"] == 0 or record["status"] >= 500 or record.get("complete") is False


def rolled_back_at(platform, name):
    """From when on every worker of router was known to serve what stands after the rollback."""
    def confirmed():
        lines = platform.call(f"/apis/marea.dev/v1/services/{name}/history").json()["items"]
        line = max(lines, key=lambda one: one["number"])
        assert line["cause"] == "rolled back", line
        return line.get("confirmed")
    return until(confirmed, "router confirms the rollback")


def test_the_second_version_is_promoted_and_nobody_notices(platform, desk):
    with DeskUsers(platform.http_port, f"{desk}.localhost", users=USERS) as users:
        done = release(platform, desk, PRESTAMOS_VERSION="2")
    assert done["status"]["phase"] == "watching", json.dumps(done["status"], indent=1)
    proofs = [step["proof"] for step in done["status"]["proofs"]]
    assert len(proofs) == 3 and set(proofs) <= {"proven good", "unproven"}, proofs
    assert users.count("lost") == 0 and users.count("app") == 0, users.details
    assert users.count("ok") > 100
    assert not [one for one in records(platform, desk) if is_bad(one)]


@pytest.mark.parametrize("fault", ["constant-principal", "slow-tail:25", "crash:6"])
def test_a_bad_version_is_rolled_back_with_its_evidence(platform, desk, fault):
    earlier = {one["id"] for one in records(platform, desk)}
    with DeskUsers(platform.http_port, f"{desk}.localhost", users=USERS) as users:
        done = release(platform, desk, PRESTAMOS_VERSION="2", PRESTAMOS_FAULT=fault)
        status, canary = done["status"], done["spec"]["canary"]
        assert status["phase"] == "rolled back", json.dumps(status, indent=1)
        over = rolled_back_at(platform, desk)
        answered = users.count("ok")
        until(lambda: users.count("ok") > answered + 200, "the desk goes on")
    print(status["detail"])
    failed = users.count("lost") + users.count("app")

    def all_written():
        mine = [one for one in records(platform, desk) if one["id"] not in earlier]
        return len([one for one in mine if is_bad(one)]) >= failed and mine

    mine = until(all_written, "what failed is in the records")
    bad = [one for one in mine if is_bad(one)]
    assert len(bad) == failed, (users.details, bad)
    assert all(one["revision"] == canary for one in bad), "only the canary's own requests failed"
    assert not [one for one in mine if one["time"] > over and one["revision"] == canary], "nobody is led to it any more"
    assert len([one for one in mine if one["time"] > over]) > 150, "and the others were seen"
    if fault == "constant-principal":
        assert users.count("lost") == 0 and failed > 0, users.details
        assert users.paths("app") == {CONSTANT}
        assert status["detail"].startswith("failures: "), status["detail"]
    elif fault.startswith("slow"):
        assert failed == 0, users.details
        assert status["cause"] == "judged bad", status
    else:
        # Who was with an instance when it died is failed, and that may be nobody.
        assert status["cause"] == "crashing", status
