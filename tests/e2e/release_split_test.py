"""Who gets which revision, and what becomes of a promotion that turns bad: keys over a death of router and over scaling,
rules before a split, and the judge's rollback out of the watch."""

import contextlib
import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from roles_test import roles
from running_platform import manifest
from waiting import until

RELEASES = "/apis/marea.dev/v1/namespaces/default/releases"
# Stays at its only step for as long as a test may take.
HALF = {"ladder": ["50%"], "step": {"minimum": "1h", "maximum": "2h"}}
# Goes on by time, and keeps much of stable beside the promoted canary.
WATCHED = {"ladder": ["50%"], "step": {"warmUp": "0s", "minimum": "1s", "maximum": "2s"}, "holdback": "30%",
           "cannotKnow": "advance", "unprovenLimit": 50, "watch": "1h"}
USERS = 50


def apply_policy(platform, name, spec):
    platform.apply({"apiVersion": "marea.dev/v1", "kind": "ReleasePolicy", "metadata": {"name": name}, "spec": spec})


def deploy(platform, name, image, word, policy="none", match="", traffic=None, **settings):
    """The revision that the deploy made; it is ready, and its tag is `next` unless the traffic is given."""
    notes = {"marea.dev/release-policy": policy, **({"marea.dev/match": match} if match else {})}
    wanted = manifest(name, image, args=["--text", word], annotations=notes, **settings)
    wanted["spec"]["traffic"] = traffic or [{"latestRevision": True, "percent": 100, "tag": "next"}]
    platform.apply(wanted)
    platform.wait_ready(name)
    return platform.service(name)["status"]["latestReadyRevisionName"]


def release(platform, canary):
    answer = platform.call(f"{RELEASES}/{canary}")
    return answer.json() if answer.status == 200 else None


def wait_for_phase(platform, canary, phase):
    return until(lambda: (one := release(platform, canary)) and one["status"]["phase"] == phase and one["status"],
                 f"{canary} is {phase}: {json.dumps((release(platform, canary) or {}).get('status'))}")


def word(answer):
    assert answer.status == 200, answer.text
    return answer.text.split()[0]


class Users:
    """Each with the key that his first answer gave him, and the arm that he was in."""

    def __init__(self, platform, name):
        self.platform, self.name, self.arms = platform, name, {}
        for _ in range(USERS):
            answer = platform.get(name)
            self.arms[answer.headers["set-cookie"].split(";")[0]] = word(answer)
        assert all(key.startswith("marea_key=") for key in self.arms)
        assert set(self.arms.values()) == {"ebb", "flood"}, "half of them are in each arm"

    def seen_now(self, path="/", at_once=1):
        """key → the arm that answers now."""
        def ask(key):
            return key, word(self.platform.get(self.name, path, headers={"Cookie": key}))
        with ThreadPoolExecutor(at_once) as pool:
            return dict(pool.map(ask, self.arms))


def test_users_keep_their_arm_over_a_killed_router_and_from_no_instance_to_several(own_platform, tide):
    platform, name = own_platform, "kept"
    apply_policy(platform, "half", HALF)
    settings = {"concurrency": 1, "max_scale": 4, "idle": "1s"}
    deploy(platform, name, tide, "ebb", "half", **settings)
    canary = deploy(platform, name, tide, "flood", "half", **settings)
    wait_for_phase(platform, canary, "stepping")
    users = Users(platform, name)

    old = roles(platform)["router"][0]
    os.kill(old, signal.SIGKILL)
    until(lambda: roles(platform).get("router", (old,))[0] != old, "a new router")
    assert users.seen_now() == users.arms, "the new router knows them"

    until(lambda: all(one["revision"] != canary for one in platform.instances(name)), "the canary is at zero")
    before = len(platform.instances(name))

    def several():
        assert users.seen_now("/?ms=100", at_once=12) == users.arms, "as instances come"
        now = len(platform.instances(name))
        return now > before + 1 and now

    most = until(several, "there are several instances")
    until(lambda: len(platform.instances(name)) < most, "instances have gone")
    assert users.seen_now() == users.arms, "as instances go"


RULES = """
- {header: {name: X-Team, exact: nobody}, client: 10.0.0.0/8, tag: next}
- {header: {name: X-Team, exact: old}, revision: REVISION}
- {header: {name: X-Team, exact: [credit, risk, old]}, path: {prefix: /loans}, tag: next}
- {client: 127.0.0.0/8, query: {name: v, exact: "2 b"}, tag: next}
- {method: [PUT, DELETE], tag: next}
- {cookie: {name: preview, regex: "1|yes"}, tag: next}
- {path: {regex: "/v[0-9]+/.*"}, tag: next}
"""
NEW = {"neap"}           # that no split gives anybody
SPLIT = {"ebb", "flood"}


@pytest.mark.parametrize("asked", [
    ({"path": "/loans/7", "headers": {"X-Team": "risk"}}, NEW),
    ({"path": "/loans/7", "headers": {"x-team": "credit"}}, NEW),
    ({"path": "/loans/7", "headers": {"X-Team": "old"}}, {"ebb"}),
    ({"path": "/loans/7", "headers": {"X-Team": "sales"}}, SPLIT),
    ({"path": "/", "headers": {"X-Team": "risk"}}, SPLIT),
    ({"path": "/", "headers": {"X-Team": "nobody"}}, SPLIT),
    ({"path": "/?a=1&v=2%20b"}, NEW),
    ({"path": "/?a=1&v=2"}, SPLIT),
    ({"path": "/", "method": "PUT"}, NEW),
    ({"path": "/", "method": "POST"}, SPLIT),
    ({"path": "/", "headers": {"Cookie": "a=b; preview=yes"}}, NEW),
    ({"path": "/", "headers": {"Cookie": "preview=yes2"}}, SPLIT),
    ({"path": "/v12/loans"}, NEW),
    ({"path": "/v/loans"}, SPLIT)], ids=lambda asked: str(asked[0]))
def test_rules_come_before_a_split(ruled, asked):
    platform, name = ruled
    request, expected = asked
    assert {word(platform.get(name, **request)) for _ in range(6)} <= expected


@pytest.fixture(scope="module")
def ruled(platform, tide):
    """A service whose two older revisions share the requests, and whose newest is for those whom a rule leads."""
    name = "ruled"
    first = deploy(platform, name, tide, "ebb")
    second = deploy(platform, name, tide, "flood")
    split = [{"revisionName": first, "percent": 50}, {"revisionName": second, "percent": 50},
             {"latestRevision": True, "percent": 0, "tag": "next"}]
    deploy(platform, name, tide, "neap", match=RULES.replace("REVISION", first), traffic=split)
    until(lambda: {word(platform.get(name)) for _ in range(20)} == SPLIT, "the split is in force")
    yield platform, name
    platform.cli("services", "delete", name)


def test_who_is_led_to_an_arm_counts_for_no_verdict(platform, name, tide):
    apply_policy(platform, name, {**HALF, "ladder": ["1%"]})
    rule = '[{header: {name: X-Team, exact: credit}, arm: canary}, {cookie: {name: old, prefix: ""}, arm: stable}]'
    deploy(platform, name, tide, "ebb", name, rule)
    canary = deploy(platform, name, tide, "flood", name, rule)
    wait_for_phase(platform, canary, "stepping")
    until(lambda: word(platform.get(name, headers={"X-Team": "credit"})) == "flood", "the rule leads to the canary")
    led = {word(platform.get(name, headers={"X-Team": "credit"})) for _ in range(30)}
    assert led == {"flood"}
    assert {word(platform.get(name, headers={"Cookie": "old=1"})) for _ in range(30)} == {"ebb"}
    # One who is not led, and is in stable's arm, shows when all of them would have been counted.
    key = until(lambda: (one := platform.get(name)) and word(one) == "ebb" and one.headers["set-cookie"].split(";")[0],
                "a user of stable")
    platform.get(name, headers={"Cookie": key})
    evidence = until(lambda: (now := release(platform, canary)["status"]["evidence"])["stable"]["requests"] > 0 and now,
                     "requests are counted")
    assert evidence["canary"]["requests"] + evidence["stable"]["requests"] < 20, evidence


@contextlib.contextmanager
def passers_by(platform, name):
    """Requests of people who come once; gives what they were answered, a status each."""
    ended, statuses = threading.Event(), []

    def ask():
        while not ended.wait(0.02):
            statuses.append(platform.get(name).status)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_a_promoted_canary_that_turns_bad_is_rolled_back_out_of_its_watch(platform, name, tide):
    apply_policy(platform, name, WATCHED)
    stable = deploy(platform, name, tide, "ebb", name, max_scale=1)
    canary = deploy(platform, name, tide, "flood", name, max_scale=1)
    with passers_by(platform, name) as statuses:
        watched = wait_for_phase(platform, canary, "watching")
        assert watched["weight"] == "70%" and set(statuses) == {200}, watched
        platform.get(f"next---{name}", "/spoil")
        over = wait_for_phase(platform, canary, "rolled back")
    assert over["cause"] == "judged bad" and over["detail"].startswith("failures: "), over
    assert set(statuses) == {200, 500}, "they had the canary's own answers and no others"

    def shares():
        return {one["revisionName"]: one["percent"] for one in platform.service(name)["status"]["traffic"] if one.get("percent")}

    until(lambda: shares() == {stable: 100}, "stable has all requests")
    until(lambda: platform.condition(name, "RoutesReady")["status"] == "True", "router knows it")
    assert {word(platform.get(name)) for _ in range(30)} == {"ebb"}
