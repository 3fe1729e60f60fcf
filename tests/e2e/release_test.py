"""A release: a canary gets a trickle, each user keeps his arm, and who dies is rolled back; control may die meanwhile."""

import os
import signal

from roles_test import roles
from running_platform import manifest
from waiting import until

CANARY = {"marea.dev/release-policy": "canary"}


def deploy(platform, name, image, word):
    wanted = manifest(name, image, args=["--text", word], annotations=CANARY)
    wanted["spec"]["traffic"] = [{"latestRevision": True, "percent": 100, "tag": "next"}]
    platform.apply(wanted)
    platform.wait_ready(name)
    return platform.service(name)["status"]["latestReadyRevisionName"]


def shares(platform, name):
    traffic = platform.service(name)["status"]["traffic"]
    return {target["revisionName"]: target["percent"] for target in traffic if target.get("percent")}


def test_a_canary_gets_a_trickle_and_control_goes_on_after_its_death(platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    assert shares(platform, name) == {first: 100}
    second = deploy(platform, name, tide, "flood")
    until(lambda: shares(platform, name) == {first: 99, second: 1}, "the canary has its first step")
    assert "flood" in platform.get(f"next---{name}").text
    cookie = platform.get(name).headers["set-cookie"].split(";")[0]
    assert cookie.startswith("marea_key=")
    arms = {"flood" in platform.get(name, headers={"Cookie": cookie}).text for _ in range(20)}
    assert len(arms) == 1, "a user keeps his arm"
    os.kill(roles(platform)["control"][0], signal.SIGKILL)
    until(lambda: shares(platform, name) == {first: 99, second: 1}, "the next control has the release")


def test_a_canary_whose_instances_die_is_rolled_back_by_itself(platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    deploy(platform, name, tide, "flood")

    def dead():
        try:
            platform.get(f"next---{name}", "/exit?code=3")
        except OSError:
            pass
        return shares(platform, name) == {first: 100}

    until(dead, "all requests go to the stable revision", pause=0.5)
    assert all("ebb" in platform.get(name).text for _ in range(20))


def test_a_revision_that_fails_everybody_after_a_move_all_at_once_is_compared_and_taken_back(platform, name, tide):
    wanted = manifest(name, tide, args=["--text", "ebb"], annotations={"marea.dev/release-policy": "all-at-once"})
    platform.apply(wanted, True, "--wait")
    first = platform.service(name)["status"]["latestReadyRevisionName"]
    wanted["spec"]["template"]["spec"]["containers"][0]["args"] = ["--text", "flood", "--status", "500 Broken"]
    platform.apply(wanted)
    until(lambda: platform.get(name).status == 500, "all requests go to the new revision")

    def asked():
        for _ in range(20):
            platform.get(name)
        return shares(platform, name) == {first: 100}

    until(asked, "stable has all requests again", pause=0.05)
    release = platform.call("/apis/marea.dev/v1/releases").json()["items"]
    lines = next(one for one in release if one["spec"]["service"] == name)["status"]["history"]
    events = [line["event"] for line in lines]
    assert events.index("compared") < events.index("rolled back"), events
    assert "times what may fail" in next(line["why"] for line in lines if line["event"] == "compared")
