"""The limits of docs/limits.md at the front door and the API: each is set low, met, and answered as it says."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor

import http_client
import pytest

from http_test import records
from metering_test import scrape
from running_platform import Platform, manifest, run_cli
from waiting import until

LOW = ["queue-requests=3", "queue-time=2s", "connections-per-client=40", "body-bytes=1Mi", "head-time=1s",
       "idle-time=3s", "memory-reserve=90%", "starts-per-cpu=1"]


@pytest.fixture(scope="module")
def low():
    """A platform with low limits."""
    platform = Platform(options=[word for limit in LOW for word in ("--limit", limit)])
    try:
        yield platform.start()
        platform.stop()
    finally:
        platform.clean()


@pytest.fixture(scope="module")
def one(low, tide):
    """A service that serves one request at a time, in one instance."""
    low.apply(manifest("one", tide, concurrency=1, min_scale=1, max_scale=1, memory="64Mi"))
    low.wait_ready("one")
    return "one"


def hits(platform, limit):
    return scrape(platform)[("marea_limit_hits_total", frozenset({("limit", limit)}))]


@contextlib.contextmanager
def busy(low, service):
    """Its one slot is taken."""
    with http_client.connect(low.http_port) as holder:
        holder.sendall(f"GET /stream HTTP/1.1\r\nHost: {service}.localhost\r\n\r\n".encode())
        seen = b""
        while b"first" not in seen:
            assert (more := holder.recv(4096)), seen
            seen += more
        yield


def test_all_faults_of_limits_are_told_at_once():
    done = run_cli("serve", "--data", "/nonexistent", "--limit", "queue-request=3", "--limit", "idle-time=soon")
    assert done.rc == 2
    assert "did you mean queue-requests?" in done.err and "idle-time must be 1s to 3600s" in done.err


def test_a_full_queue_and_a_long_wait_are_429_with_retry_after(low, one):
    """maxScale is the cause, not a failure: the caller is told to come again."""
    with busy(low, one), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: low.get(one), range(6)))
    assert [answer.status for answer in answers] == [429] * 6
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    said = [answer.text for answer in answers]
    assert sum("too many requests are already waiting" in text for text in said) == 3, said
    assert sum("maxScale" in text for text in said) == 3, said
    assert low.get(one).status == 200


def test_one_client_may_not_send_faster_than_the_service_says(low, one, tide):
    low.apply(manifest("paced", tide, memory="64Mi", annotations={"marea.dev/rate-limit": "6/m burst 3"}))
    low.wait_ready("paced")
    answers = [low.get("paced") for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 3 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert low.get("one").status == 200, "the others are not meant"


def test_a_bad_rate_is_a_fault_of_the_manifest(low, tide):
    done = low.apply(manifest("bad", tide, annotations={"marea.dev/rate-limit": "fast"}), check=False)
    assert done.rc == 1 and "marea.dev/rate-limit" in done.err and "50/s" in done.err


def test_one_client_may_not_have_all_connections(low, one):
    many = [http_client.connect(low.http_port) for _ in range(41)]  # which of them is accepted last is nobody's to say
    answers = [connection.recv(4096) for connection in many]  # the others are closed when they have been idle for long
    assert [answer.split(b"\r\n")[0] for answer in answers if answer] == [b"HTTP/1.1 429 Too Many Requests"]
    for connection in many:
        connection.close()
    until(lambda: b" 200 " in http_client.exchange(
        low.http_port, b"GET / HTTP/1.1\r\nHost: one.localhost\r\nConnection: close\r\n\r\n"), "there is room again")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_beyond_the_bound_is_413(low, one, framing):
    body = b"x" * (2 << 20)
    if framing == "length":
        head, sent = f"Content-Length: {len(body)}", body
    else:
        head, sent = "Transfer-Encoding: chunked", f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    raw = f"POST /count HTTP/1.1\r\nHost: one.localhost\r\n{head}\r\n\r\n".encode() + sent
    assert http_client.parse(http_client.exchange(low.http_port, raw)).status == 413


def test_a_slow_head_is_408_and_a_silent_connection_is_closed(low):
    with http_client.connect(low.http_port) as slow, http_client.connect(low.http_port) as silent:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: o")
        assert b" 408 " in slow.recv(4096)
        assert silent.recv(4096) == b""


@pytest.mark.parametrize("head,status", [("X: " + "x" * (70 << 10), 431), ("\r\n".join(f"X{i}: 1" for i in range(200)), 431)],
                         ids=["long", "many"])
def test_a_head_beyond_the_bound_is_431(low, head, status):
    raw = f"GET / HTTP/1.1\r\nHost: one.localhost\r\n{head}\r\n\r\n".encode()
    assert http_client.parse(http_client.exchange(low.http_port, raw)).status == status


def test_each_refusal_is_in_the_record_with_its_cause(low, one, tide):
    """And what an app did wrong, too."""
    low.apply(manifest("sick", tide, timeout=1, min_scale=1, memory="64Mi"))
    low.wait_ready("sick")
    host = b" HTTP/1.1\r\nHost: sick.localhost\r\n"
    sent = {431: (b"GET /" + host + b"X: " + b"x" * (70 << 10) + b"\r\n\r\n", "the head of the message is too large"),
            413: (b"POST /" + host + b"Content-Length: 2000000\r\n\r\n", "the request's body is longer than it may be"),
            408: (b"GET /" + host + b"X: x", "the request's head did not arrive in time"),
            504: (b"GET /bytes?ms=30000&" + host + b"\r\n", "the app did not answer within the request's timeout"),
            502: (b"GET /exit?code=3" + host + b"\r\n", "the app closed the connection before it answered")}
    for status, (raw, why) in sent.items():
        answer = http_client.parse(http_client.exchange(low.http_port, raw))
        assert answer.status == status and why in answer.text and answer.headers["x-request-id"]
        wanted = {"id": answer.headers["x-request-id"], "status": status, "why": why}
        until(lambda wanted=wanted: records(low, **wanted), f"{status} is recorded")


def test_a_body_that_stops_coming_is_408(low, one, tide):
    low.apply(manifest("patient", tide, timeout=1, memory="64Mi"))
    low.wait_ready("patient")
    with http_client.connect(low.http_port) as slow:
        slow.sendall(b"POST /count HTTP/1.1\r\nHost: patient.localhost\r\nContent-Length: 9\r\n\r\nhalf")
        assert b" 408 " in slow.recv(4096)


def test_more_starts_than_the_cpus_bear_wait_and_are_counted(low, tide):
    """One for each CPU: a revision that begins with two more than that waits for the first ones."""
    before, wanted = hits(low, "starts-per-cpu"), len(os.sched_getaffinity(0)) + 2
    low.apply(manifest("many", tide, memory="32Mi", idle="1s",
                       template_annotations={"autoscaling.knative.dev/initial-scale": str(wanted)}))
    low.wait_ready("many")
    assert hits(low, "starts-per-cpu") > before
    low.cli("services", "delete", "many")
    low.wait_for_zero("many")


def test_a_machine_without_memory_is_429_and_starts_that_fail_are_503(low, tide):
    """Nine tenths of the memory are reserved: what is left is enough for the big one alone."""
    total = int(open("/proc/meminfo").readline().split()[1]) << 10
    big = f"{int(total * 0.1) - (80 << 20) >> 20}Mi"
    low.apply(manifest("small", tide, memory="128Mi", idle="0s"))
    low.wait_ready("small")
    low.wait_for_zero("small")
    for other in set(low.cli("services", "list", "-o", "name").out.split()) - {"small"}:
        low.cli("services", "delete", other)  # what still runs of it has memory reserved
    low.apply(manifest("big", tide, memory=big, min_scale=1))
    low.wait_ready("big")
    before = hits(low, "memory-reserve")
    answer = low.get("small")
    assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1 and "memory" in answer.text
    assert hits(low, "memory-reserve") > before
    low.cli("services", "delete", "big")
    low.apply(manifest("broken", tide, args=["--exit", "3"]))
    low.wait_failed("broken")
    assert low.get("broken").status == 503


def test_the_api_has_a_rate_too():
    platform = Platform(options=["--limit", "api-requests=10"])
    try:
        platform.start()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: platform.call("/apis/marea.dev/v1/healthz"), range(200)))
        refused = [answer for answer in answers if answer.status == 429]
        assert refused and all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert any(answer.status == 200 for answer in answers), "those within the rate are answered"
        page = until(lambda: (one := platform.call("/metrics")).status == 200 and one.text, "the rate allows it again")
        counted = next(line for line in page.splitlines() if line.startswith('marea_limit_hits_total{limit="api-requests"}'))
        assert float(counted.split()[1]) >= len(refused)
        platform.stop()
    finally:
        platform.clean()
