"""An app that remembers each request exactly as it came, for differential_test.py. It reads as RFC 9112 says and forgives
nothing, so that whatever a proxy lets through is seen for what it is. X-Answer (base64) says the bytes to answer with,
X-Then: close ends the connection behind them. /taken gives what was recorded since."""

import base64
import json
import os
import socket
import threading

lock = threading.Lock()
records = []


class Gone(Exception):
    pass


class Connection:
    def __init__(self, sock):
        self.sock, self.held = sock, b""

    def more(self):
        block = self.sock.recv(65536)
        if not block:
            raise Gone
        self.held += block

    def until(self, mark):
        while mark not in self.held:
            self.more()
        part, _, self.held = self.held.partition(mark)
        return part

    def exactly(self, count):
        while len(self.held) < count:
            self.more()
        part, self.held = self.held[:count], self.held[count:]
        return part

    def body(self, fields):
        if fields.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                body += self.exactly(size)
                assert self.exactly(2) == b"\r\n"
            trailer = b""
            while line := self.until(b"\r\n"):
                trailer += line + b"\r\n"
            return body, trailer
        return self.exactly(int(fields.get("content-length", "0"))), b""


def answer(sock, method, target, fields, body):
    if target == "/taken":
        with lock:
            text = json.dumps(records).encode()
            records.clear()
    elif "x-answer" in fields:
        sock.sendall(base64.b64decode(fields["x-answer"]))
        return fields.get("x-then") != "close"
    else:
        text = f"{method} {target} {len(body)}\n".encode()
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + (b"" if method == "HEAD" else text))
    return fields.get("connection", "").lower() != "close"


def serve_one(connection):
    head = connection.until(b"\r\n\r\n").decode("latin-1")
    lines = head.split("\r\n")
    method, target, _ = (lines[0].split(" ") + ["", ""])[:3]
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    record = {"method": method, "target": target, "head": head, "body": None, "trailer": ""}
    if target != "/taken":
        with lock:
            records.append(record)
    if fields.get("expect", "").lower() == "100-continue":
        connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body, trailer = connection.body(fields)
    record["body"], record["trailer"] = body.decode("latin-1"), trailer.decode("latin-1")
    return answer(connection.sock, method, target, fields, body)


def serve(sock):
    connection = Connection(sock)
    try:
        while serve_one(connection):
            pass
    except (Gone, OSError, ValueError, AssertionError):
        pass
    if connection.held:  # no request, and yet it came
        with lock:
            records.append({"method": "", "target": "", "head": connection.held.decode("latin-1"), "body": None, "trailer": ""})
    sock.close()


listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=256)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
