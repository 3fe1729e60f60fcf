"""marea-load, whose account the soak and the benches believe: each fault of a server is one line of it, with its number."""

import json
import socket
import struct
import subprocess
import threading
from contextlib import contextmanager

from running_platform import BIN, free_port
from waiting import until

LOAD = BIN.parent / "marea-load"


def answered(number, body=b"x", more=""):
    return f"HTTP/1.1 200 OK\r\nX-Load-Number: {number}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def fault(connection, target, number, body):
    """Answers as the target says; false: the connection is over."""
    sound = {"/good": answered(number), "/echo": answered(number, body), "/closes": answered(number),
             "/chunked": f"HTTP/1.1 200 OK\r\nX-Load-Number: {number}\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\n0\r\n\r\n".encode()}
    faulty = {"/other": answered(number + 1), "/echo-wrong": answered(number, body[:-1] + b"!"),
              "/unavailable": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 14\r\n\r\n503\nno start\nx",
              "/half": answered(number, b"xx")[:-1], "/nothing": b"", "/reset": b"", "/doubled": answered(number) * 2}
    connection.sendall({**sound, **faulty}[target])
    if target == "/reset":
        reset(connection)
    return target in sound and target != "/closes"


def serve_one(connection, input):
    while b"\r\n\r\n" not in input:
        block = connection.recv(65536)
        if not block:
            return None
        input += block
    head, _, body = input.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    while len(body) < int(fields.get("Content-Length", 0)):
        body += connection.recv(65536)
    target = head.split()[1].decode()
    if target == "/silent":
        return connection.recv(1) or None
    return b"" if fault(connection, target, int(fields["X-Load-Number"]), body) else None


def serve(connection):
    with connection:
        input = b""
        while input is not None:
            try:
                input = serve_one(connection, input)
            except OSError:
                return


@contextmanager
def server():
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def run(port, *kinds, stages=("0:=5",), timeout=60, connections=50):
    """The requests that no app answered, and the summary."""
    words = [str(LOAD), str(port), "--timeout", str(timeout), "--connections", str(connections)]
    words += [word for stage in stages for word in ("--stage", stage)]
    words += [word for kind in kinds for word in ("--kind", kind)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in lines if "request" in line], lines[-1]["summary"]


def outcome_of(port, target, method="GET", size=""):
    others, summary = run(port, f"kind 1 host {method} {target} {size}", timeout=1)
    assert summary["requests"] == summary["ended"] == 5
    outcomes = {(one["outcome"], one["status"]) for one in others}
    assert sorted(one["request"] for one in others) == [1, 2, 3, 4, 5] and len(outcomes) == 1, others
    return outcomes.pop()


def test_each_fault_is_told_with_its_requests():
    with server() as port:
        assert outcome_of(port, "/other") == ("wrong", 200)
        assert outcome_of(port, "/echo-wrong", "POST", "5000") == ("wrong", 200)
        assert outcome_of(port, "/doubled") == ("wrong", 200)
        assert outcome_of(port, "/unavailable") == ("marea", 503)
        assert outcome_of(port, "/half") == ("eof", 200)
        assert outcome_of(port, "/nothing") == ("eof", 0)
        assert outcome_of(port, "/reset") == ("reset", 0)
        assert outcome_of(port, "/silent") == ("late", 0)
    assert outcome_of(free_port(), "/good") == ("refused", 0)


def test_sound_answers_are_the_apps_and_connections_are_kept():
    with server() as port:
        others, summary = run(port, "good 1 host GET /good", "chunked 1 host GET /chunked", "echo 1 host POST /echo 100000",
                              stages=("1:200",), connections=3)
    assert others == [] and summary["outcomes"] == {"app": 200} and summary["connections"] <= 3
    assert sum(kind["outcomes"]["app"] for kind in summary["kinds"].values()) == 200 and len(summary["kinds"]) == 3


def test_a_connection_that_is_closed_between_requests_loses_none():
    with server() as port:
        others, summary = run(port, "closes 1 host GET /closes", stages=("1:=1", "1:=1", "0:=1"), connections=1)
    assert others == [] and summary["outcomes"] == {"app": 3} and summary["closed_at_rest"] >= 2


def test_nobody_waits_for_an_answer_before_the_next_request_is_due():
    """Both callers' connections are stuck, and still all are planned and told."""
    with server() as port:
        others, summary = run(port, "silent 1 host GET /silent", stages=("1:10", "0:=3"), timeout=1, connections=2)
    assert summary["requests"] == 13 and {one["outcome"] for one in others} == {"late"}
    assert len({one["planned"] for one in others}) == 11


def test_the_mix_changes_while_it_runs():
    with server() as port, subprocess.Popen([str(LOAD), str(port), "--stage", "100:200", "--kind", "a 1 host GET /good"],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        until(lambda: json.loads(load.stdout.readline())["progress"]["app"] > 0, "it has begun", pause=0)
        load.stdin.write("a 0 host GET /good\nb 1 host GET /chunked\n")
        load.stdin.flush()
        begun = json.loads(load.stdout.readline())["progress"]["planned"]
        until(lambda: json.loads(load.stdout.readline())["progress"]["planned"] > begun + 100, "it goes on", pause=0)
        load.stdin.write("stop\n")
        load.stdin.close()
        summary = json.loads(load.stdout.readlines()[-1])["summary"]
    assert summary["kinds"]["b"]["outcomes"]["app"] >= 100 and set(summary["outcomes"]) == {"app"}
