"""Webhooks of releases as their receivers see them, and what a release keeps ready for its rollback."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import http.server
import json
import os
import signal
import threading
from dataclasses import dataclass

import http_client
from roles_test import roles
from running_platform import manifest
from waiting import until

OWN = "/apis/marea.dev/v1"


@dataclass
class Taken:
    path: str
    headers: dict  # lower-case names
    body: bytes

    def json(self):
        return json.loads(self.body)


class Receiver:
    """Answers what `say(taken)` gives: a status, or a status and a JSON value."""

    def __init__(self, say):
        self.taken = []
        receiver = self

        class Asked(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                one = Taken(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                receiver.taken.append(one)
                answer = say(one)
                status, value = answer if isinstance(answer, tuple) else (answer, None)
                text = b"" if value is None else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *words):
                """It is the test that speaks."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def ids(self):
        return [one.headers["webhook-id"] for one in self.taken]


@contextlib.contextmanager
def receiver(say):
    one = Receiver(say)
    try:
        yield one
    finally:
        one.server.shutdown()
        one.server.server_close()


def signature(key, taken):
    """As Standard Webhooks says it, made without anything of marea."""
    secret = base64.b64decode(key.removeprefix("whsec_"), validate=True)
    content = b".".join([taken.headers["webhook-id"].encode(), taken.headers["webhook-timestamp"].encode(), taken.body])
    return "v1," + base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()


def put_policy(platform, name, spec):
    policy = {"apiVersion": "marea.dev/v1", "kind": "ReleasePolicy", "metadata": {"name": name}, "spec": spec}
    return platform.call(f"{OWN}/releasepolicies", "POST", json.dumps(policy).encode(), {"Content-Type": "application/json"})


def deploy(platform, name, image, word, policy, **settings):
    """Gives the new revision's name once it is ready; where its traffic is, the release says."""
    platform.apply(manifest(name, image, args=["--text", word], annotations={"marea.dev/release-policy": policy},
                            **settings), True)
    return until(lambda: (status := platform.service(name)["status"]).get("latestReadyRevisionName") ==
                 status.get("latestCreatedRevisionName") and status["latestReadyRevisionName"], f"{word} is ready")


def release_to_gate(platform, name, image, gate, **more):
    """Two deploys, the second of which meets the gate before its promotion."""
    made = put_policy(platform, name, {"strategy": "blue-green", "watch": "1h", "gates": [{"name": "qa", **gate}], **more})
    assert made.status in (200, 201), made.text
    first = deploy(platform, name, image, "ebb", name)
    until(lambda: serving(platform, name) == {first: 100}, "the first revision serves")
    return first, deploy(platform, name, image, "flood", name)


def serving(platform, name):
    traffic = platform.service(name)["status"].get("traffic", [])
    return {target["revisionName"]: target["percent"] for target in traffic if target.get("percent")}


def release(platform, name):
    return platform.call(f"{OWN}/releases/{name}").json()


def test_a_gate_that_passes_promotes_and_its_request_is_signed(platform, name, tide):
    """issue 5: webhook with signature; the signature is made anew here, from what came over the wire."""
    with receiver(lambda _: (200, {"passed": True, "detail": "all green"})) as ci:
        first, second = release_to_gate(platform, name, tide, {"kind": "webhook", "url": f"{ci.url}/gate"})
        until(lambda: serving(platform, name) == {second: 100}, "the canary is promoted")
        asked = ci.taken[0]
        key = platform.call(f"{OWN}/webhook-key").json()["key"]
        assert asked.headers["webhook-signature"] == signature(key, asked)
        assert abs(int(asked.headers["webhook-timestamp"]) - asked_at(asked)) <= 1
        said = asked.json()
        assert (said["kind"], said["gate"], said["before"]) == ("gate", "qa", "promotion")
        assert (said["service"], said["revision"], said["stable"]) == (name, second, first)
        assert said["id"] == asked.headers["webhook-id"]
        assert len(ci.taken) == 1, "who has answered is asked no more"
    assert "all green" in json.dumps(release(platform, second))


def asked_at(taken):
    """`sentAt` as Unix seconds."""
    return datetime.datetime.fromisoformat(taken.json()["sentAt"].replace("Z", "+00:00")).timestamp()


def test_a_gate_that_refuses_keeps_the_stable_revision(platform, name, tide):
    with receiver(lambda _: (200, {"passed": False, "detail": "3 tests fail"})) as ci:
        first, second = release_to_gate(platform, name, tide, {"kind": "webhook", "url": f"{ci.url}/gate"})
        until(lambda: "3 tests fail" in json.dumps(release(platform, second)), "the refusal is shown")
    assert serving(platform, name) == {first: 100}
    assert release(platform, second)["status"]["phase"] == "failed"


def test_a_gate_without_an_answer_times_out_and_says_what_it_met(platform, name, tide):
    with receiver(lambda _: 503) as ci:
        gate = {"kind": "webhook", "url": f"{ci.url}/gate", "timeout": "15s"}
        first, second = release_to_gate(platform, name, tide, gate)
        until(lambda: release(platform, second)["status"]["phase"] == "failed", "the gate times out")
        assert len(ci.taken) > 1, "it was asked again"
        assert len(set(ci.ids())) == 1, "and is the same question"
    assert "it answered 503" in json.dumps(release(platform, second))
    assert serving(platform, name) == {first: 100}


def test_a_gate_stays_open_over_the_death_of_control(platform, name, tide):
    decided = threading.Event()
    with receiver(lambda _: (200, {"passed": True}) if decided.is_set() else 202) as ci:
        first, second = release_to_gate(platform, name, tide, {"kind": "webhook", "url": f"{ci.url}/gate"})
        until(lambda: ci.taken, "the gate is asked")
        os.kill(roles(platform)["control"][0], signal.SIGKILL)
        until(lambda: len(ci.taken) > 1, "the next control asks")
        assert serving(platform, name) == {first: 100}
        decided.set()
        until(lambda: serving(platform, name) == {second: 100}, "the answer counts")
        assert len(set(ci.ids())) == 1, "the id is the same over the death"


def test_notifications_come_at_least_once_over_the_death_of_control(platform, name, tide):
    well = threading.Event()
    with receiver(lambda _: 204 if well.is_set() else 500) as chat:
        made = put_policy(platform, name, {"strategy": "all-at-once",
                                           "notifications": [{"url": f"{chat.url}/hook", "of": ["started", "promoted"]}]})
        assert made.status in (200, 201), made.text
        first = deploy(platform, name, tide, "ebb", name)
        until(lambda: serving(platform, name) == {first: 100}, "the first revision serves")
        deploy(platform, name, tide, "flood", name)
        until(lambda: {one.json()["notice"] for one in chat.taken} == {"started", "promoted"}, "both are sent")
        before = set(chat.ids())
        assert len(before) == 2
        os.kill(roles(platform)["control"][0], signal.SIGKILL)
        count = len(chat.taken)  # whatever comes before the next line is refused, and sent again
        well.set()
        until(lambda: set(chat.ids()[count:]) == before, "the next control sends both, with their ids")
    key = platform.call(f"{OWN}/webhook-key").json()["key"]
    assert all(one.headers["webhook-signature"] == signature(key, one) for one in chat.taken)


def test_a_policy_with_a_secret_that_is_not_there_says_what_is_possible(platform, name):
    secret = {"name": "ci", "key": "hmac"}
    refused = put_policy(platform, name, {"gates": [{"name": "qa", "kind": "webhook", "url": "https://ci/", "secretKeyRef": secret}],
                                          "notifications": [{"url": "https://chat/", "secretKeyRef": secret}]})
    assert refused.status == 422, refused.text
    causes = {cause["field"] for cause in refused.json()["details"]["causes"]}
    assert causes == {"spec.gates[0].secretKeyRef", "spec.notifications[0].secretKeyRef"}
    assert "webhook-key" in refused.text
    assert platform.call(f"{OWN}/releasepolicies/{name}").status == 404


def test_the_key_is_given_over_the_socket_alone(platform):
    assert platform.call(f"{OWN}/webhook-key").json()["key"].startswith("whsec_")
    assert http_client.request(platform.api_port, "api", f"{OWN}/webhook-key").status == 403


def test_stable_keeps_an_instance_after_the_promotion_though_nobody_asks_it(platform, name, tide):
    """issue 5: last known stable kept ready. The canary's end meanwhile shows that idle instances of it do not live as
    long. Not tested, since it is not so yet: that it outlives a rollback before which nobody asked it."""
    first = deploy(platform, name, tide, "ebb", "blue-green", idle="1s")
    until(lambda: serving(platform, name) == {first: 100}, "the first revision serves")
    second = deploy(platform, name, tide, "flood", "blue-green", idle="1s")
    until(lambda: serving(platform, name) == {second: 100}, "the canary is promoted")
    until(lambda: platform.condition(name, "RoutesReady")["status"] == "True", "router knows it")
    assert "flood" in platform.get(name).text

    def of(revision):
        return [one["metadata"]["name"] for one in platform.instances(name) if one["revision"] == revision]

    until(lambda: not of(second), "the canary's instances ended, as idle ones do")
    assert len(until(lambda: of(first), "stable has an instance")) == 1
