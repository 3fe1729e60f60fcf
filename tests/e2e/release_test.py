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
