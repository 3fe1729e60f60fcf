"""The front door: what reaches the app, and what comes back."""

import os
import select
import socket
from concurrent.futures import ThreadPoolExecutor

import http_client
import pytest

from running_platform import manifest
from waiting import until

MOST_AHEAD = 48 << 20  # bytes that sockets and the router may hold of one body; a whole one is twice that
WHOLE = 96 << 20


@pytest.fixture
def app(platform, name, tide):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    return name


def head_of(app, path, method="GET", *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {app}.localhost", "Connection: close", *lines, "", ""]).encode()


def read_until(connection, mark):
    answer = b""
    while mark not in answer:
        block = connection.recv(4096)
        assert block, answer
        answer += block
    return answer


def rest_of(connection, before=b""):
    answer = bytearray(before)
    while block := connection.recv(1 << 20):
        answer += block
    return bytes(answer)


def seen_by_app(platform, app, headers=None):
    lines = platform.get(app, "/headers", headers=headers).text.split("\r\n")[1:]
    return {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}


def test_the_app_learns_who_asked_and_how(platform, app):
    seen = seen_by_app(platform, app)
    assert seen["host"] == f"{app}.localhost"
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-host"] == f"{app}.localhost"
    assert seen["forwarded"] == f'for=127.0.0.1;host="{app}.localhost";proto=http'
    assert seen["x-request-id"]


def test_what_a_caller_says_of_its_own_way_is_kept_before_ours(platform, app):
    seen = seen_by_app(platform, app, {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9",
                                       "X-Forwarded-Proto": "gopher"})
    assert seen["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    assert seen["forwarded"].startswith("for=203.0.113.9, for=127.0.0.1")
    assert seen["x-forwarded-proto"] == "http"


def test_every_answer_has_a_request_id_and_the_app_sees_it(platform, app):
    first, second = platform.get(app, "/headers"), platform.get(app, "/headers")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["x-request-id"] in first.text
    named = platform.get(app, "/headers", headers={"X-Request-Id": "ebb-and-flood"})
    assert named.headers["x-request-id"] == "ebb-and-flood" and "ebb-and-flood" in named.text


def test_headers_of_one_hop_stay_on_it(platform, app):
    seen = seen_by_app(platform, app, {"Keep-Alive": "timeout=3", "Connection": "x-private", "X-Private": "1", "TE": "gzip"})
    assert not {"keep-alive", "x-private", "te"} & set(seen)


def test_one_connection_serves_many_requests(platform, app):
    with http_client.connect(platform.http_port) as connection:
        for _ in range(3):
            connection.sendall(f"GET /bytes?n=5 HTTP/1.1\r\nHost: {app}.localhost\r\n\r\n".encode())
            read_until(connection, b"\r\n\r\nxxxxx")


def test_requests_sent_ahead_are_answered_in_order(platform, app):
    ahead = b"".join(f"GET /bytes?n={n} HTTP/1.1\r\nHost: {app}.localhost\r\n\r\n".encode() for n in (1, 2))
    answer = http_client.exchange(platform.http_port, ahead + head_of(app, "/bytes?n=3"))
    bodies = [part.partition(b"\r\n\r\n")[2].strip() for part in answer.split(b"HTTP/1.1 200 ")[1:]]
    assert bodies == [b"x", b"xx", b"xxx"]


def test_a_chunked_request_reaches_the_app_whole(platform, app):
    body = b"".join(b"%x\r\n%s\r\n" % (size, b"x" * size) for size in (5, 1, 70_000)) + b"0\r\n\r\n"
    raw = http_client.exchange(platform.http_port, head_of(app, "/count", "POST", "Transfer-Encoding: chunked") + body)
    assert http_client.parse(raw).text == "70006"


def test_large_bodies_pass_both_ways(platform, app):
    body = os.urandom(1 << 16) * 128
    assert platform.get(app, "/echo", method="POST", body=body).body == body
    assert len(platform.get(app, "/bytes?n=20000000").body) == 20_000_000


def test_an_http_1_0_caller_gets_a_plain_body(platform, app):
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(http_client.exchange, platform.http_port,
                           f"GET /stream HTTP/1.0\r\nHost: {app}.localhost\r\n\r\n".encode())
        until(lambda: int(platform.get(app, "/seen").text) > 1, "the app has the request")
        platform.get(app, "/release")
        raw = call.result()
    assert b"chunked" not in raw.lower() and raw.endswith(b"\r\n\r\nfirstlast")


def test_the_first_bytes_arrive_before_the_last_are_sent(platform, app):
    with http_client.connect(platform.http_port) as connection:
        connection.sendall(head_of(app, "/stream"))
        answer = read_until(connection, b"first")
        platform.get(app, "/release")
        assert http_client.parse(rest_of(connection, answer)).text == "firstlast"


def test_a_body_reaches_the_app_while_it_is_being_sent(platform, app):
    with http_client.connect(platform.http_port) as connection:
        connection.sendall(head_of(app, "/count", "POST", "Content-Length: 10") + b"half ")
        until(lambda: int(platform.get(app, "/seen").text) > 1, "the app has its head")
        connection.sendall(b"whole")
        assert http_client.parse(rest_of(connection)).text == "10"


def test_an_app_that_does_not_read_holds_its_caller_back(platform, app):
    with http_client.connect(platform.http_port) as connection:
        connection.sendall(head_of(app, "/sip", "POST", f"Content-Length: {WHOLE}"))
        connection.setblocking(False)
        sent, block = 0, b"x" * (1 << 16)
        while sent < WHOLE and select.select([], [connection], [], 2)[1]:
            sent += connection.send(block[:WHOLE - sent])
        assert sent < MOST_AHEAD
        platform.get(app, "/release")
        connection.setblocking(True)
        for _ in range((WHOLE - sent) // len(block)):
            connection.sendall(block)
        connection.sendall(block[:(WHOLE - sent) % len(block)])
        assert http_client.parse(rest_of(connection)).text == str(WHOLE)


def test_a_caller_that_does_not_read_holds_the_app_back(platform, app):
    with http_client.connect(platform.http_port) as connection:
        connection.sendall(head_of(app, f"/pour?mb={WHOLE >> 20}"))
        seen = []

        def at_rest():
            seen.append(int(platform.get(app, "/poured").text))
            return len(seen) > 3 and seen[-1] == seen[-4] > 0

        until(at_rest, "the app is held back", pause=0.3)
        assert seen[-1] < MOST_AHEAD
        assert len(http_client.parse(rest_of(connection)).body) == WHOLE


def test_a_caller_that_leaves_gives_its_slot_back(platform, name, tide):
    platform.apply(manifest(name, tide, concurrency=1, max_scale=1))
    platform.wait_ready(name)
    with http_client.connect(platform.http_port) as connection:
        connection.sendall(head_of(name, "/stream"))
        read_until(connection, b"first")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert platform.get(name).status == 200


def test_other_hosts_of_a_service_answer(platform, name, tide):
    platform.apply(manifest(name, tide, annotations={"marea.dev/hosts": "tide.example.org, Flood.example.org"}))
    platform.wait_ready(name)
    for host in ("tide.example.org", "flood.example.org", "TIDE.example.org:8080", f"{name}.localhost:1"):
        assert http_client.request(platform.http_port, host).status == 200
    assert http_client.request(platform.http_port, "ebb.example.org").status == 404


def test_an_unknown_host_gets_404(platform):
    answer = platform.get("nobody-has-this-name")
    assert answer.status == 404 and answer.headers["x-request-id"]
