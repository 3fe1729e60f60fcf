"""api-list: all of 10,000 services in one answer over the API's socket, from the request to the last byte; beside it the
same in pages of 500, as kubectl asks. api-watch: a change of one service until the last of 1,000 watchers of all of them has
its line, 10,000 services being there. api-apply: api_apply.py."""

import json
import select
import socket
import time

import api_apply
import ground
from figure import asked, emit, say
from running_platform import SERVICES, manifest
from waiting import until

ALL = 10_000
WATCHERS = 1_000
ROUNDS = 7


class Connection:
    """One that is kept; answers with a length only."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.got = b""

    def send(self, method, path, body=b"", kind="application/json"):
        head = f"{method} {path} HTTP/1.1\r\nHost: api\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)

    def answer(self):
        while b"\r\n\r\n" not in self.got:
            self.got += self.socket.recv(65536)
        head, _, rest = self.got.partition(b"\r\n\r\n")
        length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")).split(b":")[1])
        parts, have = [rest], len(rest)
        while have < length:
            parts.append(self.socket.recv(1 << 20))
            have += len(parts[-1])
        self.got = b""
        return int(head.split()[1]), b"".join(parts)

    def call(self, *request):
        self.send(*request)
        return self.answer()


def create_all(connection):
    for number in range(ALL):
        name = f"service-{number:05d}"
        status, body = connection.call("POST", SERVICES, json.dumps(manifest(name, "oci:/nowhere")).encode())
        if status != 201:
            raise RuntimeError(f"{name}: {status} {body[:300]!r}")
        if number % 2000 == 1999:
            say(f"api: {number + 1} services")


def list_all(connection):
    start = time.perf_counter()
    status, body = connection.call("GET", SERVICES)
    seconds = time.perf_counter() - start
    if status != 200 or body.count(b'"kind":"Service"') < ALL:
        raise RuntimeError(f"the list: {status} {body[:300]!r}")
    return seconds * 1000, len(body)


def list_pages(connection):
    start, token, names = time.perf_counter(), "", 0
    while True:
        _, body = connection.call("GET", f"{SERVICES}?limit=500&continue={token}")
        page = json.loads(body)
        names += len(page["items"])
        token = page["metadata"].get("continue")
        if not token:
            assert names == ALL, names
            return (time.perf_counter() - start) * 1000


def measure_list(platform):
    connection = Connection(platform.api)
    whole, pages = [], []
    size = 0
    for _ in range(ROUNDS):
        milliseconds, size = list_all(connection)
        whole.append(milliseconds)
        pages.append(list_pages(connection))
    emit("api-list", "ms", whole, {"value": 300}, pages_of_500=sorted(pages)[ROUNDS // 2], megabytes=size / 1e6)


def fed(watchers, poll, mark):
    """Waits until each watcher has a line with the mark; gives when the last one had it."""
    waiting = set(watchers)
    while waiting:
        events = poll.poll(30)
        if not events:
            raise RuntimeError(f"{len(waiting)} watchers heard nothing in 30 s")
        for number, _ in events:
            if mark in watchers[number].recv(1 << 20):
                waiting.discard(number)
    return time.perf_counter()


def measure_watch(platform):
    connection = Connection(platform.api)
    version = json.loads(connection.call("GET", f"{SERVICES}?limit=1")[1])["metadata"]["resourceVersion"]
    watchers, poll = {}, select.epoll()
    for _ in range(WATCHERS):
        watcher = Connection(platform.api)
        watcher.send("GET", f"{SERVICES}?watch=true&resourceVersion={version}")
        watchers[watcher.socket.fileno()] = watcher.socket
    for number, watcher in watchers.items():
        if not watcher.recv(65536).startswith(b"HTTP/1.1 200"):
            raise RuntimeError("a watch was refused")
        poll.register(number, select.EPOLLIN)
    times = []
    for turn in range(ROUNDS):
        mark = f"change-{turn}-of-this".encode()
        body = b'{"metadata":{"annotations":{"note":"' + mark + b'"}}}'
        start = time.perf_counter()
        connection.send("PATCH", f"{SERVICES}/service-{turn:05d}", body, "application/merge-patch+json")
        times.append((fed(watchers, poll, mark) - start) * 1000)
        connection.answer()
    emit("api-watch", "ms", times, {"value": 100}, watchers=WATCHERS)


def main():
    ground.need(ground.BIN / "marea")
    if asked("apply"):
        api_apply.measure()
    if not asked("list") and not asked("watch"):
        return
    with ground.platform("--limit", "api-requests=100000") as platform:
        create_all(Connection(platform.api))
        until(lambda: b'"Unknown"' not in Connection(platform.api).call("GET", SERVICES)[1], "all are decided", seconds=120)
        if asked("list"):
            measure_list(platform)
        if asked("watch"):
            measure_watch(platform)


if __name__ == "__main__":
    main()
