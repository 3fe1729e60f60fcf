"""The same bytes to marea, nginx and HAProxy in front of the same app (app/recorder.py): whatever two readers could understand
in two ways, marea refuses at least as often as both, and what it passes means to the app what it means behind them."""

import base64
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import http_client
import pytest

from running_platform import ROOT, free_port, manifest
from smuggling_cases import ANSWERS, REQUESTS
from waiting import until

HOST = "recorder.localhost"
NEXT = b"GET /CASE/next HTTP/1.1\r\nHost: recorder.localhost\r\nConnection: close\r\n\r\n"
RECORDER = ROOT / "tests" / "e2e" / "app" / "recorder.py"
SPOOFED = "192.0.2.66"  # what the cases say of themselves

# Both give up what does not come before this test does. A client's own requests share a connection of HAProxy's; others get
# none of them, because an answer that an odd case still owes would be taken for theirs.
NGINX = """daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log; worker_processes 1; user root;
events {{ worker_connections 512; }}
http {{
  access_log off; client_header_timeout 2s; client_body_timeout 2s; proxy_read_timeout 5s; lingering_timeout 1s;
  client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d;
  scgi_temp_path {dir}/e;
  upstream app {{ server 127.0.0.1:{app}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_request_buffering off; proxy_next_upstream off;
    }}
  }}
}}
"""
HAPROXY = """defaults
  mode http
  timeout connect 2s
  timeout client 2s
  timeout server 5s
  timeout http-request 2s
  retries 0
frontend front
  bind 127.0.0.1:{port}
  default_backend app
backend app
  http-reuse never
  server one 127.0.0.1:{app}
"""


@dataclass
class Seen:
    answer: bytes
    records: list

    @property
    def status(self):
        return take_answer(self.answer)[0]

    def meaning(self, case_id):
        """What an app has whole, without the case's last request."""
        whole = [(r["method"], r["target"].replace(case_id, "CASE"), r["body"].replace(case_id, "CASE"))
                 for r in self.records if r["body"] is not None]
        return [each for each in whole if each != ("GET", "/CASE/next", "")], len(whole)


def take_answer(raw, method="GET"):
    """The first answer that is no 1xx: (status, body, what is behind it); body None when it is not complete."""
    while True:
        head, mark, rest = raw.partition(b"\r\n\r\n")
        if not mark or not head.startswith(b"HTTP/1."):
            return None, None, b""
        status = int(head[9:12])
        if status >= 200:
            break
        raw = rest
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])}
    if method == "HEAD" or status in (204, 304):
        return status, "", rest
    if fields.get(b"transfer-encoding") == b"chunked":
        body = b""
        while True:
            line, mark, rest = rest.partition(b"\r\n")
            if not mark:
                return status, None, b""
            if not (size := int(line.split(b";")[0], 16)):
                return status, body.decode("latin-1"), rest.partition(b"\r\n")[2]
            if len(rest) < size + 2:
                return status, None, b""
            body, rest = body + rest[:size], rest[size + 2:]
    length = int(fields.get(b"content-length", len(rest)))
    return status, rest[:length].decode("latin-1") if len(rest) >= length else None, rest[length:]


def exchange(port, raw):
    try:
        return http_client.exchange(port, raw, timeout=25)
    except ConnectionResetError:
        return b""


def start(*command, **environment):
    return subprocess.Popen(command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def fronts(platform, recorder_image, tmp_path_factory):
    """name → port: marea, nginx and HAProxy, each before a recorder."""
    folder = tmp_path_factory.mktemp("fronts")
    platform.apply(manifest("recorder", recorder_image, min_scale=1, max_scale=1))
    ports = {"marea": platform.http_port}
    running = []
    try:
        for name, text in (("nginx", NGINX), ("haproxy", HAPROXY)):
            app, ports[name] = free_port(), free_port()
            running.append(start(sys.executable, "-u", str(RECORDER), PORT=str(app)))
            config = folder / f"{name}.conf"
            config.write_text(text.format(dir=folder, app=app, port=ports[name]))
            running.append(start("nginx", "-c", str(config)) if name == "nginx" else start("haproxy", "-db", "-f", str(config)))
        platform.wait_ready("recorder")
        for name, port in ports.items():
            until(lambda port=port: answers(port), f"{name} answers", pause=0.05)
        yield ports
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def answers(port):
    try:
        return http_client.request(port, HOST, "/taken").status == 200
    except (OSError, AssertionError):
        return False


def case_id(case):
    return f"c{(REQUESTS + ANSWERS).index(case):03}"


def run_all(fronts, cases, bytes_of):
    """front → case's name → Seen."""
    jobs = [(front, case) for case in cases for front in fronts]
    with ThreadPoolExecutor(16) as pool:
        raw = [bytes_of(case).replace(b"CASE", case_id(case).encode()) for _, case in jobs]
        got = list(pool.map(exchange, [fronts[front] for front, _ in jobs], raw))
    records = {front: http_client.request(port, HOST, "/taken").json() for front, port in fronts.items()}
    seen = {front: {} for front in fronts}
    for (front, case), answer in zip(jobs, got, strict=True):
        mine = [record for record in records[front] if f"{case_id(case)}/" in record["head"]]
        seen[front][case.name] = Seen(answer, mine)
    return seen


def hold_against(fronts, peer, case, theirs, bytes_of, differs):
    """A peer gives up after 2 s, also where a busy machine is what was slow: then it is asked again, alone."""
    for _ in range(2):
        if peer in case.apart or not differs(theirs):
            break
        theirs = run_all({peer: fronts[peer]}, [case], bytes_of)[peer][case.name]
    assert differs(theirs) == (peer in case.apart), (peer, theirs)


def sent(case):
    return case.raw + NEXT


@pytest.fixture(scope="module")
def requests_seen(fronts):
    return run_all(fronts, REQUESTS, sent)


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name.replace(" ", "-"))
def test_a_request_is_refused_or_means_the_same_to_everyone(fronts, requests_seen, case):
    seen = requests_seen["marea"][case.name]
    meaning, count = seen.meaning(case_id(case))
    assert seen.status == case.status, seen.answer
    assert meaning == (case.meant or []), seen.records
    assert count == (0 if case.meant is None else len(case.meant) + 1), "the request behind it"
    for record in seen.records:
        names = {line.partition(":")[0].lower() for line in (record["head"] + "\r\n" + record["trailer"]).split("\r\n")[1:]}
        assert not names & set(case.absent) and SPOOFED not in record["head"] + record["trailer"]
    if case.meant is None:
        assert seen.answer.count(b"HTTP/1.1 ") == 1 and b"\r\nConnection: close\r\n" in seen.answer
        assert not case.apart, "nobody is stricter than a refusal"
        return
    for peer in ("nginx", "haproxy"):
        hold_against(fronts, peer, case, requests_seen[peer][case.name], sent,
                     lambda theirs: theirs.meaning(case_id(case))[0] != meaning)


def asked(case):
    return (f"{case.method} /CASE/first HTTP/1.1\r\nHost: {HOST}\r\nX-Answer: {base64.b64encode(case.raw).decode()}\r\n"
            f"X-Then: {'close' if case.closes else 'stay'}\r\n\r\n").encode() + NEXT


@pytest.fixture(scope="module")
def answers_seen(fronts):
    return run_all(fronts, ANSWERS, asked)


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.name.replace(" ", "-"))
def test_an_answer_is_whole_or_refused_and_never_somebody_elses(answers_seen, fronts, case):
    status, body, rest = take_answer(answers_seen["marea"][case.name].answer, case.method)
    own = status == 502
    assert status == case.status, answers_seen["marea"][case.name].answer
    assert own or body == case.body, answers_seen["marea"][case.name].answer
    if body is not None:
        following = take_answer(rest)
        assert following[:2] == (200, f"GET /{case_id(case)}/next 0\n") and following[2] == b"", rest
    for _ in range(3):
        after = http_client.request(fronts["marea"], HOST, f"/{case_id(case)}/after")
        assert (after.status, after.text) == (200, f"GET /{case_id(case)}/after 0\n")
    if own or body is None:
        assert not case.apart
        return
    for peer in ("nginx", "haproxy"):
        hold_against(fronts, peer, case, answers_seen[peer][case.name], asked,
                     lambda theirs: take_answer(theirs.answer, case.method)[:2] != (status, body))


def test_every_case_has_a_name_and_a_source_and_tells_why_peers_differ():
    names = [case.name for case in REQUESTS + ANSWERS]
    assert len(set(names)) == len(names) and all(case.source for case in REQUESTS + ANSWERS)
    assert all(peer in ("nginx", "haproxy") and len(why) > 10 for case in REQUESTS + ANSWERS for peer, why in case.apart.items())
