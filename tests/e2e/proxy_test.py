"""The front door: what reaches the app, and what comes back."""

import http_client
import pytest

from running_platform import manifest


@pytest.fixture
def app(platform, name, tide):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    return name


def test_the_app_learns_who_asked_and_how(platform, app):
    head = platform.get(app, "/headers").text.lower()
    for line in ("x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http", f"host: {app}.localhost", "forwarded: for="):
        assert line in head


def test_every_answer_has_a_request_id(platform, app):
    first, second = platform.get(app), platform.get(app)
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_one_connection_serves_many_requests(platform, app):
    with http_client.connect(platform.http_port) as connection:
        for _ in range(3):
            connection.sendall(f"GET /bytes?n=5 HTTP/1.1\r\nHost: {app}.localhost\r\n\r\n".encode())
            answer = b""
            while not answer.endswith(b"\r\n\r\nxxxxx"):
                block = connection.recv(4096)
                assert block, answer
                answer += block


def test_a_chunked_request_reaches_the_app_whole(platform, app):
    raw = f"POST /headers HTTP/1.1\r\nHost: {app}.localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = http_client.parse(http_client.exchange(platform.http_port, raw.encode() + b"5\r\nhello\r\n0\r\n\r\n", 20))
    assert answer.status == 200 and "transfer-encoding: chunked" in answer.text.lower()


def test_large_bodies_pass_both_ways(platform, app):
    body = bytes(range(256)) * 8192
    assert platform.get(app, "/echo", method="POST", body=body).body == body
    assert len(platform.get(app, "/bytes?n=20000000").body) == 20_000_000


def test_other_hosts_of_a_service_answer(platform, name, tide):
    platform.apply(manifest(name, tide, annotations={"marea.dev/hosts": "tide.example.org"}))
    platform.wait_ready(name)
    assert http_client.request(platform.http_port, "tide.example.org").status == 200
