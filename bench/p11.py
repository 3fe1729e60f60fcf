"""P11: from the verdict until all new requests go to the stable revision, at a weight of 50 % under load of users who keep
their cookies. P11a: a person aborts; from the moment at which the API is asked. P11b: every answer of the canary is a 500, and
the judge says so by itself; from the third failed answer that a user has in his hands. What counts is when a request
that the canary still answered was sent."""

import json
import random
import socket
import threading
import time

import ground
import apps
from figure import asked, emit, say
from running_platform import manifest
from waiting import until

ROUNDS = 5
CONNECTIONS = 8
PACE = 0.02   # seconds between a connection's requests: 8 connections ask 400 times a second
USERS = 400
RELEASES = "/apis/marea.dev/v1/namespaces/default/releases"
POLICY = {"apiVersion": "marea.dev/v1", "kind": "ReleasePolicy", "metadata": {"name": "half"},
          "spec": {"ladder": ["50%"], "step": {"warmUp": "0s", "minimum": "5m", "maximum": "10m"}}}


class Users:
    """Ask in turns; each answer is (sent, came, revision's word, status)."""

    def __init__(self, port, host):
        self.port, self.host = port, host
        self.cookies = [""] * USERS
        self.answers, self.done = [], threading.Event()
        self.threads = [threading.Thread(target=self._ask_on, args=(turn,)) for turn in range(CONNECTIONS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def _ask_on(self, turn):
        dice = random.Random(turn)
        mine = range(turn, USERS, CONNECTIONS)
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            while not self.done.wait(PACE):
                user = dice.choice(mine)
                cookie = f"Cookie: {self.cookies[user]}\r\n" if self.cookies[user] else ""
                sent = time.monotonic()
                connection.sendall(f"GET / HTTP/1.1\r\nHost: {self.host}\r\n{cookie}\r\n".encode())
                head, body = self._answer(connection)
                self.answers.append((sent, time.monotonic(), body.split()[0], int(head.split()[1])))
                for line in head.split("\r\n"):
                    if line.lower().startswith("set-cookie: marea_key="):
                        self.cookies[user] = line.split(": ", 1)[1].split(";")[0]

    @staticmethod
    def _answer(connection):
        raw = b""
        while b"\r\n\r\n" not in raw:
            raw += connection.recv(65536)
        head, _, body = raw.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += connection.recv(65536)
        return head.decode(), body.decode()


def deploy(platform, image, word, *more):
    wanted = manifest("tide", image, args=["--text", word, *more], min_scale=1, annotations={"marea.dev/release-policy": "half"})
    platform.apply(wanted, True, "--no-wait")


def newest(platform):
    items = platform.call(RELEASES).json()["items"]
    return max(items, key=lambda one: one["metadata"]["creationTimestamp"]) if items else None


def at_half(platform, canary):
    one = newest(platform)
    return one if one and one["status"]["weight"] == "50%" and one["spec"]["canary"] != canary else None


def last_to(answers, word, since):
    """Milliseconds from `since` until the last request was sent that this revision answered."""
    return max([0.0, *((sent - since) * 1000 for sent, _, said, _ in answers if said == word)])


def abort(platform, image, turn):
    before = newest(platform)
    word = f"abort{turn}"
    with Users(platform.http_port, "tide.localhost") as users:
        deploy(platform, image, word)
        one = until(lambda: at_half(platform, before and before["spec"]["canary"]), "the canary has its half", pause=0.2)
        time.sleep(1)
        asked_at = time.monotonic()
        done = platform.call(f"{RELEASES}/{one['metadata']['name']}/abort", "POST", json.dumps({"reason": "bench"}).encode(),
                             {"Content-Type": "application/json"})
        if done.status != 200:
            raise RuntimeError(f"abort was answered {done.status}: {done.text}")
        time.sleep(1)
    return last_to(users.answers, word, asked_at)


def judged(platform, image, turn):
    word = f"bad{turn}"
    with Users(platform.http_port, "tide.localhost") as users:
        deploy(platform, image, word, "--status", "500 Internal Server Error")
        until(lambda: newest(platform)["status"]["phase"] == "rolled back", "the judge rolled it back", pause=0.2)
        time.sleep(1)
    failed = sorted(came for _, came, said, status in users.answers if said == word and status == 500)
    return last_to(users.answers, word, failed[min(2, len(failed) - 1)]), len(failed)


def main():
    with ground.folder() as where, ground.platform() as platform:
        image = apps.tide_image(where / "image")
        platform.apply(POLICY)
        platform.apply(manifest("tide", image, args=["--text", "first"], min_scale=1), True, "--wait")
        by_person, by_judge, failed = [], [], []
        for turn in range(ROUNDS):
            if asked("P11a"):
                by_person.append(abort(platform, image, turn))
                say(f"P11a round {turn + 1}: {by_person[-1]:.1f} ms")
            if asked("P11b"):
                late, many = judged(platform, image, turn)
                by_judge.append(late)
                failed.append(many)
                say(f"P11b round {turn + 1}: {late:.1f} ms after the third failure, {many} failed requests in all")
    if by_person:
        emit("P11a", "ms", by_person, {"value": 250})
    if by_judge:
        emit("P11b", "ms", by_judge, {"value": 250}, failed=max(failed))


if __name__ == "__main__":
    main()
