"""What served at any instant, what ran a request, what changed since: answered from what control wrote down, which no
death of control loses."""

import os
import signal
from datetime import datetime, timezone
from urllib.parse import quote

from roles_test import roles
from running_platform import manifest
from waiting import until

OWN = "/apis/marea.dev/v1"
COMMITS = {"ebb": "1" * 40, "flood": "2" * 40}


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def deploy(platform, name, image, word, why=None):
    notes = {"kubernetes.io/change-cause": why} if why else {}
    wanted = manifest(name, image, args=["--text", word], annotations={"marea.dev/release-policy": "none", **notes})
    wanted["spec"]["template"].setdefault("metadata", {})["annotations"] = {"marea.dev/source-commit": COMMITS[word]}
    platform.apply(wanted, True, "--wait")
    return platform.service(name)["status"]["latestReadyRevisionName"]


def instant(platform, name, at):
    return platform.cli("history", name, "--at", at, "-o", "json").json()


def split(line):
    return {share["revision"]: share["percent"] for share in line["split"]}


def kill_control(platform):
    before = roles(platform)["control"][0]
    os.kill(before, signal.SIGKILL)

    def back():
        try:
            return roles(platform)["control"][0] != before and platform.call("/healthz").status == 200
        except (OSError, KeyError, IndexError):
            return False

    until(back, "the next control answers")


def confirmed(platform, name):
    until(lambda: "confirmed" in instant(platform, name, now()), "router serves by the last line")
    return now()


def test_any_instant_has_its_revision_split_source_and_reason_also_when_control_dies_between(platform, name, tide):
    start = now()
    first = deploy(platform, name, tide, "ebb")
    one = confirmed(platform, name)
    kill_control(platform)
    second = deploy(platform, name, tide, "flood", why="a fuller text")
    two = confirmed(platform, name)
    platform.cli("traffic", name, f"{first}=30")
    three = confirmed(platform, name)
    kill_control(platform)

    assert platform.cli("history", name, "--at", start, check=False).rc == 3
    then = instant(platform, name, one)
    assert split(then) == {first: "100%"} and then["split"][0]["commit"] == COMMITS["ebb"] and then["certain"]
    assert then["split"][0]["digest"].startswith("sha256:")
    then = instant(platform, name, two)
    assert split(then) == {second: "100%"} and then["why"] == "a fuller text" and then["who"]
    then = instant(platform, name, three)
    assert split(then) == {first: "30%", second: "70%"} and then["cause"] == "traffic"
    lines = platform.call(f"{OWN}/services/{name}/history").json()["items"]
    assert [line["number"] for line in lines] == list(range(1, 6)), "none is lost, none is there twice"
    assert [line["cause"] for line in lines] == ["deploy asked", "deployed", "deploy asked", "deployed", "traffic"]
    assert first in platform.cli("history", name, "--at", one).out


def test_the_id_of_an_answer_leads_to_what_gave_it(platform, name, tide):
    first = deploy(platform, name, tide, "ebb", why="the first")
    answer = platform.get(name)
    assert "ebb" in answer.text
    old = answer.headers["x-request-id"]
    second = deploy(platform, name, tide, "flood")
    new = platform.get(name).headers["x-request-id"]

    def ran(request, *more):
        done = platform.cli("whatran", "--request", request, "-o", "json", *more, check=False)
        return done.json() if done.rc == 0 else None

    until(lambda: ran(new), "the record of the newest request is written")
    assert ran(old)["revision"] == first and ran(old)["sourceCommit"] == COMMITS["ebb"]
    assert ran(old)["deploy"]["why"] == "the first" and ran(old)["split"] == f"{first} 100%"
    assert ran(new, "--around", "1m")["revision"] == second and ran(new)["sourceCommit"] == COMMITS["flood"]
    lost = platform.cli("whatran", "--request", "nobody", check=False)
    assert lost.rc == 3 and "the records that are kept begin at" in lost.err


def test_what_changed_since_has_deploys_settings_and_the_platform_itself(platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    since = now()
    second = deploy(platform, name, tide, "flood", why="a fuller text")
    os.kill(roles(platform)["router"][0], signal.SIGKILL)

    def changes():
        return platform.call(f"{OWN}/services/{name}/changes?since={quote(since)}").json()["items"]

    until(lambda: any(one["what"] == "router restarted" for one in changes()), "the new router is noted")
    found = changes()
    assert found[0]["revision"] == second and found[0]["why"] == "a fuller text"
    assert "args" in found[0]["changed"], "and not what they are"
    assert any(one.get("split") == f"{second} 100%" for one in found)
    assert not any(first in one["what"] for one in found)
    shown = platform.cli("changes", name, "--since", since).out
    assert "router restarted" in shown and "flood" not in shown
    assert f"{second} asked for" in shown


def test_a_rollback_says_what_had_changed_since_its_release_began(platform, name, tide):
    def canary(word):
        wanted = manifest(name, tide, args=["--text", word], annotations={"marea.dev/release-policy": "canary"})
        wanted["spec"]["traffic"] = [{"latestRevision": True, "percent": 100, "tag": "next"}]
        platform.apply(wanted, True)
        until(lambda: word in platform.get(f"next---{name}").text, f"{word} is ready")
        return platform.service(name)["status"]["latestReadyRevisionName"]

    canary("ebb")
    second = canary("flood")

    def back():
        try:
            platform.get(f"next---{name}", "/exit?code=3")
        except OSError:
            pass
        return [line for line in platform.call(f"{OWN}/services/{name}/history").json()["items"]
                if line["cause"] == "rolled back"]

    until(back, "the canary is rolled back", pause=0.5)
    line = back()[0]
    assert line["release"] == second and any(f"{second} asked for" in one for one in line["report"])
    assert any("args" in one for one in line["report"])
