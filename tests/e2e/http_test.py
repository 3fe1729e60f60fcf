"""RFC 9110 and 9112 beyond plain requests: what a caller and an app may do with a connection, through the front door."""

import asyncio
import base64
import json

import http_client
import oci
import pytest
import websockets

from running_platform import ROOT, manifest
from waiting import until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKS = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n5\r\nhello\r\n0\r\nDigest: a\r\n"
          b"Set-Cookie: b\r\n\r\n")


@pytest.fixture(scope="module")
def told(platform, recorder_image):
    """A service that answers what it is told."""
    platform.apply(manifest("told", recorder_image, min_scale=1, max_scale=1))
    platform.wait_ready("told")
    return platform


def head_of(method="GET", answer=None, *lines, version="1.1"):
    if answer is not None:
        lines = (*lines, f"X-Answer: {base64.b64encode(answer).decode()}")
    return "\r\n".join([f"{method} /x HTTP/{version}", "Host: told.localhost", "Connection: close", *lines, "", ""]).encode()


def records(platform, **having):
    texts = [path.read_text() for path in (platform.data / "requests").glob("*.log")]
    whole = [text[:text.rfind("\n") + 1] for text in texts]  # the last line may be half written
    lines = [json.loads(line) for text in whole for line in text.splitlines()]
    return [line for line in lines if having.items() <= line.items()]


def test_a_body_waits_for_100_continue_of_the_app(told):
    with http_client.connect(told.http_port) as connection:
        connection.sendall(head_of("PUT", None, "Expect: 100-continue", "Content-Length: 5"))
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert b"".join(iter(lambda: connection.recv(4096), b"")).endswith(b"PUT /x 5\n")


@pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
def test_a_method_that_is_not_passed_on_is_405_with_those_that_are(told, method):
    raw = http_client.exchange(told.http_port, f"{method} told.localhost:80 HTTP/1.1\r\nHost: told.localhost\r\n\r\n".encode())
    answer = http_client.parse(raw)
    assert answer.status == 405 and "GET" in answer.headers["allow"] and method not in answer.headers["allow"]


def test_interim_answers_reach_callers_that_know_them_alone(told):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    raw = http_client.exchange(told.http_port, head_of("GET", hints * 2 + OK))
    assert raw.startswith(hints * 2 + b"HTTP/1.1 200 OK\r\n") and raw.endswith(b"\r\n\r\nok")
    raw = http_client.exchange(told.http_port, head_of("GET", hints + OK, version="1.0"))
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n") and b"103" not in raw


def test_trailers_of_an_answer_reach_callers_that_get_chunks(told):
    raw = http_client.exchange(told.http_port, head_of("GET", CHUNKS))
    assert b"\r\nTrailer: Digest\r\n" in raw and raw.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\nDigest: a\r\n\r\n")
    raw = http_client.exchange(told.http_port, head_of("GET", CHUNKS, version="1.0"))
    assert b"Digest" not in raw and raw.endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize("method,answer", [("HEAD", OK.replace(b"ok", b"")), ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
                                           ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n")],
                         ids=["HEAD", "204", "304"])
def test_answers_without_a_body_leave_the_connection_as_it_was(told, method, answer):
    first = head_of(method, answer).replace(b"Connection: close\r\n", b"")
    raw = http_client.exchange(told.http_port, first + head_of("GET", OK))
    first, _, second = raw.partition(b"\r\n\r\n")
    assert first.startswith(answer.partition(b"\r\n")[0]) and second.startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_app_gets_one_valid_traceparent_and_the_record_says_which(told):
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

    def taken():
        head = http_client.request(told.http_port, "told.localhost", "/taken").json()[-1]["head"]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}

    http_client.exchange(told.http_port, head_of("GET", None, f"traceparent: 00-{trace}-{span}-01", "tracestate: a=1"))
    seen = taken()
    assert seen["traceparent"].startswith(f"00-{trace}-") and span not in seen["traceparent"] and seen["tracestate"] == "a=1"
    until(lambda: records(told, trace=seen["traceparent"], caller_span=span), "the record names both spans")
    http_client.exchange(told.http_port, head_of("GET", None, f"traceparent: ff-{trace}-{span}-01", "tracestate: a=1"))
    seen = taken()
    assert trace not in seen["traceparent"] and "tracestate" not in seen
    http_client.exchange(told.http_port, head_of("GET"))
    assert len(taken()["traceparent"]) == 55


def test_a_websocket_of_the_library_that_people_use_outlives_the_requests_timeout(platform, name, debian_image, tmp_path):
    oci.make(tmp_path, {"app/echo.py": (ROOT / "tests" / "e2e" / "app" / "echo.py").read_bytes()},
             {"Entrypoint": ["python3", "-u", "/app/echo.py"]}, base=debian_image("websockets"))
    platform.apply(manifest(name, f"oci:{tmp_path}", timeout=1))
    platform.wait_ready(name)
    large = bytes(range(256)) * (4 << 12)

    async def talk():
        socket = await websockets.connect(f"ws://{name}.localhost/chat", host="127.0.0.1", port=platform.http_port,
                                          max_size=16 << 20, compression=None)
        begun = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < begun + 1.5:
            await socket.send("tide")
            assert await socket.recv() == "tide"
        await socket.send(large)
        assert await socket.recv() == large
        await (await socket.ping())
        await socket.close()
        return socket.close_code

    assert asyncio.run(talk()) == 1000
    ended = until(lambda: records(platform, service=name, status=101), "it is in the record when it has ended")
    assert "complete" not in ended[0] and ended[0]["bytes_in"] > len(large) and ended[0]["bytes_out"] > len(large)


def test_a_websocket_that_the_app_refuses_is_an_answer_and_an_end(told):
    ask = head_of("GET", OK, "Upgrade: websocket", "Sec-WebSocket-Key: x").replace(b"Connection: close", b"Connection: upgrade")
    raw = http_client.exchange(told.http_port, ask + head_of("GET", OK))
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\nConnection: close\r\n" in raw and raw.count(b"HTTP/1.1") == 1


def test_an_answer_that_breaks_off_is_seen_to_and_recorded_with_its_cause(told):
    raw = http_client.exchange(told.http_port, head_of("GET", CHUNKS[:-40], "X-Then: close"))
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n") and not raw.endswith(b"\r\n0\r\n\r\n")
    until(lambda: records(told, service="told", status=200, complete=False, why="the app's answer broke off"), "its cause is told")
