"""Malformed HTTP gets 400 and a closed connection; none of it reaches an app."""

import http_client
import pytest

from running_platform import manifest

HEAD = b"POST / HTTP/1.1\r\nHost: HOST\r\n"
MALFORMED = {
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "two lengths in one field": HEAD + b"Content-Length: 1, 2\r\n\r\nab",
    "a length with a sign": HEAD + b"Content-Length: +1\r\n\r\na",
    "a length that is no number": HEAD + b"Content-Length: 0x1\r\n\r\na",
    "a length beyond 64 bits": HEAD + b"Content-Length: 99999999999999999999\r\n\r\na",
    "length and chunked": HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a masked chunked": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a vertical tab before chunked": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed after a field": HEAD + b"A: b\nContent-Length: 0\r\n\r\n",
    "a bare line feed after the request line": b"GET / HTTP/1.1\nHost: HOST\r\n\r\n",
    "a bare carriage return": HEAD + b"A: b\rContent-Length: 5\r\n\r\n",
    "a folded field": HEAD + b"A: b\r\n c\r\n\r\n",
    "a fold after the request line": b"GET / HTTP/1.1\r\n Host: HOST\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost: HOST\r\nContent-Length : 0\r\n\r\n",
    "a field without a name": HEAD + b": b\r\n\r\n",
    "a field without a colon": HEAD + b"Content-Length\r\n\r\n",
    "a nul byte in a value": HEAD + b"A: b\x00c\r\n\r\n",
    "a nul byte in the target": b"GET /\x00 HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: HOST/x\r\n\r\n",
    "a bare name": b"GET\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a method that is no token": b"GE(T / HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "another protocol": b"GET / ICE/1.0\r\nHost: HOST\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}
BAD_CHUNKS = {
    "a size that is no number": b"zz\r\nabc\r\n0\r\n\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-1\r\nabc\r\n0\r\n\r\n",
    "a size and a bare line feed": b"3\nabc\r\n0\r\n\r\n",
    "data longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "no line end after the data": b"3\r\nabc0\r\n\r\n",
}


@pytest.fixture(scope="module")
def app(platform, tide):
    """One instance that counts what it sees."""
    platform.apply(manifest("strict", tide, min_scale=1, max_scale=1))
    platform.wait_ready("strict")
    platform.get("strict")
    return "strict"


def seen(platform, app):
    return int(platform.get(app, "/seen").text)


@pytest.mark.parametrize("case", sorted(MALFORMED))
def test_a_malformed_head_gets_400_and_nothing_reaches_the_app(platform, app, case):
    before = seen(platform, app)
    after = b"GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n"
    raw = http_client.exchange(platform.http_port, (MALFORMED[case] + after).replace(b"HOST", b"strict.localhost"), 30)
    answer = http_client.parse(raw)
    assert answer.status == 400 and answer.headers["connection"] == "close" and answer.headers["x-request-id"]
    assert raw.count(b"HTTP/1.1 ") == 1
    assert seen(platform, app) == before + 1, "only the question itself"


@pytest.mark.parametrize("case", sorted(BAD_CHUNKS))
def test_a_malformed_chunk_ends_the_connection_and_is_no_second_request(platform, app, case):
    before = seen(platform, app)
    raw = http_client.exchange(platform.http_port, HEAD.replace(b"HOST", b"strict.localhost") +
                               b"Transfer-Encoding: chunked\r\n\r\n" + BAD_CHUNKS[case] +
                               b"GET /smuggled HTTP/1.1\r\nHost: strict.localhost\r\n\r\n", 30)
    answer = http_client.parse(raw)
    assert answer.status == 400 and raw.count(b"HTTP/1.1 ") == 1
    assert seen(platform, app) <= before + 2, "the head may have gone ahead; what followed it may not"


def test_a_head_that_is_too_large_is_refused(platform, app):
    before = seen(platform, app)
    raw = http_client.exchange(platform.http_port, b"GET / HTTP/1.1\r\nHost: strict.localhost\r\nA: " + b"x" * (1 << 20) +
                               b"\r\n\r\n", 30)
    assert http_client.parse(raw).status in (400, 414, 431)
    assert seen(platform, app) == before + 1
