"""What people see of a release and do to it: a deploy that follows it, the watch on a terminal and in a pipe, rollbacks,
policies applied beside services; with the real platform."""

import contextlib
import json
import os
import signal
import subprocess
import threading

import pytest

from running_platform import BIN, manifest
from terminal import Terminal
from waiting import until

# Goes on by time, since nobody here asks often enough to prove anything.
QUICK = {"apiVersion": "marea.dev/v1", "kind": "ReleasePolicy",
         "spec": {"ladder": ["10%", "50%"], "step": {"warmUp": "0s", "minimum": "1s", "maximum": "2s"}, "holdback": "1%",
                  "cannotKnow": "advance", "unprovenLimit": 50}}
# Stays at its first step for as long as a test may take.
SLOW = {**QUICK, "spec": {"ladder": ["10%"], "step": {"minimum": "1h", "maximum": "2h"}}}


@pytest.fixture
def policy(platform, name):
    """Applies a policy, named after the service."""
    def put(document):
        platform.apply({**document, "metadata": {"name": name}})
        return name
    return put


def deploy(platform, name, image, word, *options, check=True):
    return platform.cli("deploy", name, "--image", image, "--args", "--text", "--args", word, *options, check=check)


def release(platform, name):
    return platform.cli("releases", "describe", name, "-o", "json").json()


@contextlib.contextmanager
def requests(platform, name):
    """A few a second, as from users who come once."""
    ended = threading.Event()

    def ask():
        while not ended.wait(0.02):
            with contextlib.suppress(OSError):
                platform.get(name)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_deploy_follows_its_release_to_the_promotion_and_a_rollback_takes_it_back(platform, name, tide, policy):
    assert "goes on" not in deploy(platform, name, tide, "ebb").err
    with requests(platform, name):
        done = deploy(platform, name, tide, "flood", "--release-policy", policy(QUICK), "--wait")
    assert done.out == f"http://{name}.localhost:{platform.http_port}\n"
    assert "advanced, canary 10%" in done.err and "advanced, canary 50%" in done.err and "is promoted" in done.err
    row = next(line for line in platform.cli("releases", "list", "--service", name).out.splitlines() if name in line)
    assert "watching" in row and "99%" in row
    back = platform.cli("rollback", name, "--reason", "the tide is out")
    assert "99%" in back.out.splitlines()[0] and back.out.splitlines()[1].endswith(" 100%")
    assert all("ebb" in platform.get(name).text for _ in range(20))
    assert "the tide is out" in platform.cli("releases", "describe", name).out


def test_a_deploy_that_does_not_follow_names_the_command_that_does(platform, name, tide, policy):
    deploy(platform, name, tide, "ebb")
    done = deploy(platform, name, tide, "flood", "--release-policy", policy(SLOW))
    line = next(line for line in done.err.splitlines() if "goes on" in line)
    assert "marea releases watch " + release(platform, name)["metadata"]["name"] in line


def test_people_move_a_release(platform, name, tide, policy):
    deploy(platform, name, tide, "ebb")
    deploy(platform, name, tide, "flood", "--release-policy", policy(SLOW))
    until(lambda: release(platform, name)["status"]["phase"] == "stepping", "the canary has its first step")
    platform.cli("releases", "pause", name, "--reason", "lunch", "--for", "2h")
    assert release(platform, name)["status"]["phase"] == "paused"
    refused = platform.cli("releases", "retry", name, check=False)
    assert refused.rc == 5 and "retry" in refused.err
    platform.cli("releases", "resume", name)
    platform.cli("releases", "promote", name, "--reason", "it is urgent")
    assert platform.cli("releases", "watch", name).rc == 0
    history = platform.cli("releases", "describe", name).out
    assert "lunch" in history and "it is urgent" in history
    told = platform.cli("traffic", name, f"{release(platform, name)['spec']['stable']}=100").err
    assert "ends the running release" in told
    assert platform.cli("releases", "watch", name, check=False).rc in (0, 1)  # it ended with what it had


def test_a_watch_ends_with_7_when_the_canary_is_rolled_back(platform, name, tide, policy):
    deploy(platform, name, tide, "ebb")
    tag = {"marea.dev/release-policy": policy(SLOW)}
    wanted = manifest(name, tide, args=["--text", "flood"], annotations=tag)
    wanted["spec"]["traffic"] = [{"latestRevision": True, "percent": 100, "tag": "next"}]
    platform.apply(wanted)
    watch = subprocess.Popen([str(BIN), "releases", "watch", name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env={"MAREA_SERVER": f"unix:{platform.api}", "PATH": "/usr/bin:/bin"},
                             text=True)
    until(lambda: release(platform, name)["status"]["phase"] == "stepping", "the canary has its first step")

    def dead():
        with contextlib.suppress(OSError):
            platform.get(f"next---{name}", "/exit?code=3")
        return watch.poll() is not None

    until(dead, "the watch has ended", pause=0.5)
    out, err = watch.communicate()
    assert watch.returncode == 7, err
    assert "rolled back" in out and "failures E " in out
    assert "has all requests" in err and "marea releases describe" in err


def test_a_terminal_shows_one_page_and_ctrl_c_is_130(platform, name, tide, policy):
    deploy(platform, name, tide, "ebb")
    deploy(platform, name, tide, "flood", "--release-policy", policy(SLOW))
    terminal = Terminal([BIN, "releases", "watch", name],
                        {"MAREA_SERVER": f"unix:{platform.api}", "PATH": "/usr/bin:/bin", "LANG": "es_ES.UTF-8"})
    try:
        page = terminal.wait_for(r"(?s)(.*?)\x1b\[J").group(1)
        assert "PETICIONES" in page and "[10%]" in page and all(len(line) <= 90 for line in page.splitlines())
        terminal.wait_for(r"\x1b\[\d+A")  # drawn over itself
        os.kill(terminal.process.pid, signal.SIGINT)
        code, _ = terminal.to_the_end()
    finally:
        terminal.close()
    assert code == 130


def test_a_policy_and_its_service_may_stand_in_one_file(platform, name, tide, tmp_path):
    service = manifest(name, tide, annotations={"marea.dev/release-policy": name})
    both = tmp_path / "all.yaml"
    both.write_text("\n---\n".join(json.dumps(one) for one in (service, {**QUICK, "metadata": {"name": name}})))
    done = platform.cli("apply", "-f", both, "--wait")
    assert f"created: releasepolicies/{name}" in done.err and f"created: services/{name}" in done.err
    assert "10%, 50%" in platform.cli("releasepolicies", "describe", name).out
    used = platform.cli("releasepolicies", "delete", name, check=False)
    assert used.rc == 5 and name in used.err
    both.write_text(json.dumps({**QUICK, "metadata": {"name": name}, "spec": {"alpha": 3, "ladder": ["5%", "1%"]}}))
    wrong = platform.cli("apply", "-f", both, check=False)
    assert wrong.rc == 1 and "spec.alpha" in wrong.err and "spec.ladder[1]" in wrong.err


def test_of_a_file_of_which_one_is_refused_nothing_is_stored(platform, name, another, tide, tmp_path):
    ghost = manifest(another, tide, annotations={"marea.dev/release-policy": "ghost"})
    both = tmp_path / "all.yaml"
    both.write_text("\n---\n".join(json.dumps(one) for one in (manifest(name, tide), ghost)))
    done = platform.cli("apply", "-f", both, check=False)
    assert done.rc == 1 and f"services/{another}: " in done.err and '"ghost"' in done.err
    assert platform.cli("services", "describe", name, check=False).rc == 3


def test_names_of_releases_and_policies_complete(platform, name, tide, policy):
    deploy(platform, name, tide, "ebb")
    deploy(platform, name, tide, "flood", "--release-policy", policy(SLOW))
    mine = release(platform, name)["metadata"]["name"]
    offered = platform.cli("complete", "--", "releases", "watch", "").out
    assert mine in offered and name in [line.split("\t")[0] for line in offered.splitlines()]
    assert name in platform.cli("complete", "--", "deploy", "x", "--release-policy", "").out
