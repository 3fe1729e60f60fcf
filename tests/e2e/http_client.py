"""HTTP/1.1 by hand, so that a test sees exactly what was sent and what came back."""

import json
import socket
from dataclasses import dataclass


@dataclass
class Answer:
    status: int
    headers: dict  # lower-case names; the last one wins
    body: bytes

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)


def dechunk(data):
    body, at = bytearray(), 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].split(b";")[0], 16)
        if size == 0:
            return bytes(body)
        body += data[end + 2:end + 2 + size]
        at = end + 2 + size + 2
    raise AssertionError("the chunked body was cut off")


def parse(raw, method="GET"):
    head, mark, body = raw.partition(b"\r\n\r\n")
    if not mark:
        raise AssertionError(f"no whole answer came: {raw[:200]!r}")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = dechunk(body)
    elif method != "HEAD" and "content-length" in headers and len(body) != int(headers["content-length"]):
        raise AssertionError(f"{len(body)} of {headers['content-length']} bytes of the body came")
    return Answer(int(lines[0].split()[1]), headers, body)


def connect(address, timeout=120):
    """`address` is a port of 127.0.0.1 or the path of a Unix socket."""
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address), timeout=timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    connection.connect(str(address))
    return connection


def exchange(address, raw, timeout=120):
    """Sends `raw` and returns everything that comes until the server closes; it may close before it has read all."""
    answer = bytearray()
    with connect(address, timeout) as connection:
        try:
            connection.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while block := connection.recv(65536):
                answer += block
        except ConnectionResetError:
            pass
    return bytes(answer)


def request(address, host, path="/", method="GET", body=b"", headers=None, timeout=120):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return parse(exchange(address, ("\r\n".join(lines) + "\r\n\r\n").encode() + body, timeout), method)
