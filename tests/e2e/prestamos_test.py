"""The loan desk of examples/prestamos over HTTP, as a program, and its Dockerfile on the platform."""

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import http_client
from running_platform import ROOT, free_port
from waiting import until

PROGRAM = ROOT / "build" / "debug" / "bin" / "prestamos"
BASE_PACKAGES = ["g++", "cmake", "ninja-build", "libcpp-httplib-dev", "nlohmann-json3-dev", "libsqlite3-dev"]
JSON = {"Content-Type": "application/json"}
QUOTE = "/api/quote?amount_cents=100000&annual_rate_bp=1200&months=12&method="


class Desk:
    """The program on a free port."""

    def __init__(self, folder, **settings):
        self.port = free_port()
        self.log_path = folder / f"desk-{self.port}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([PROGRAM], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, "PORT": str(self.port), **settings})

    def wait(self):
        until(self._answers, "the desk answers", pause=0.02)
        return self

    def _answers(self):
        assert self.process.poll() is None, self.log_path.read_text()
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def get(self, path, **headers):
        return http_client.request(self.port, "desk", path, headers=headers)

    def post(self, path, body, **headers):
        return http_client.request(self.port, "desk", path, "POST", json.dumps(body).encode(), {**JSON, **headers})

    def raw(self, text):
        return http_client.exchange(self.port, text.encode(), timeout=30)

    def lines(self):
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@pytest.fixture
def start(tmp_path):
    """settings → a running desk; all end with the test."""
    desks = []

    def make(**settings):
        desks.append(Desk(tmp_path, **settings))
        return desks[-1].wait()

    yield make
    for desk in desks:
        if desk.process.poll() is None:
            desk.process.kill()
            desk.process.wait()


@pytest.fixture
def desk(start):
    return start()


def loan(**other):
    return {"customer": 1, "amount_cents": 100_000, "annual_rate_bp": 1200, "months": 12, "method": "french", **other}


def disbursed(desk):
    made = desk.post("/api/applications", loan()).json()
    for to in ("submitted", "in_review", "approved", "disbursed"):
        assert desk.post(f"/api/applications/{made['id']}/moves", {"to": to}).status == 200
    return made["id"]


def test_a_loan_is_filed_disbursed_and_repaid_by_its_schedule(desk):
    number = disbursed(desk)
    instalments = desk.get(f"/api/applications/{number}/schedule").json()["instalments"]
    assert sum(one["principal_cents"] for one in instalments) == 100_000
    for one in instalments:
        paid = desk.post(f"/api/applications/{number}/payments", {"amount_cents": one["total_cents"]})
        assert paid.status == 201 and paid.json()["interest_cents"] == one["interest_cents"]
        assert paid.json()["balance_cents"] == one["balance_cents"]
    assert desk.get(f"/api/applications/{number}").json()["state"] == "repaid"
    late = desk.post(f"/api/applications/{number}/payments", {"amount_cents": 1})
    assert late.status == 409 and late.json()["errors"][0]["code"] == "no_payments"


def test_many_at_once_lose_and_double_nothing(desk):
    number = disbursed(desk)
    with ThreadPoolExecutor(16) as pool:
        # Each payment is sent twice.
        answers = list(pool.map(lambda turn: desk.post(f"/api/applications/{number}/payments", {"amount_cents": 100 + turn // 2},
                                                       **{"Idempotency-Key": f"pay-{turn // 2}"}), range(80)))
    assert {answer.status for answer in answers} == {201}
    payments = desk.get(f"/api/applications/{number}/payments").json()["items"]
    assert sorted(one["total_cents"] for one in payments) == [100 + turn for turn in range(40)]
    left = desk.get(f"/api/applications/{number}").json()["balance_cents"]
    assert left == 100_000 - sum(one["principal_cents"] for one in payments)


def test_what_is_filed_is_there_after_a_restart(start, tmp_path):
    first = start(PRESTAMOS_STORE=str(tmp_path / "desk.db"))
    made = first.post("/api/customers", {"name": "Rosa", "tax_id": "R-77", "monthly_income_cents": 1},
                      **{"Idempotency-Key": "one"}).json()
    first.end(signal.SIGKILL)
    second = start(PRESTAMOS_STORE=str(tmp_path / "desk.db"))
    assert second.get(f"/api/customers/{made['id']}").json() == made
    again = second.post("/api/customers", {"name": "Rosa", "tax_id": "R-77", "monthly_income_cents": 1},
                        **{"Idempotency-Key": "one"})
    assert again.json() == made and again.headers["idempotency-replayed"] == "true"


def test_the_page_is_whole_and_asks_nothing_of_others(desk):
    page = desk.get("/")
    assert page.status == 200 and page.headers["content-security-policy"].startswith("default-src 'self'")
    texts = {"/": page.text}
    for path in re.findall(r'(?:href|src)="(/[^"]+)"', page.text) + ["/words.js", "/simulation.js"]:
        answer = desk.get(path)
        assert answer.status == 200 and answer.body, path
        texts[path] = answer.text
    for path, text in texts.items():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), path
        assert "innerHTML" not in text and " style=" not in text, path


def test_both_languages_of_the_page_have_the_same_words(desk):
    english, spanish = re.search(r"const en = \{(.*?)\n\};.*?const es = \{(.*?)\n\};", desk.get("/words.js").text, re.S).groups()
    keys = [re.findall(r"(?:^|[\s{])(\w+): [\"{]", text) for text in (english, spanish)]
    assert keys[0] == keys[1] and len(keys[0]) > 80
    used = set(re.findall(r'data-(?:text|hint)="(\w+)"', desk.get("/").text))
    for path in ("/desk.js", "/simulation.js"):
        used |= set(re.findall(r'\b(?:say|fact|fold)\("(\w+)"', desk.get(path).text))
    assert len(used) > 60 and used <= set(keys[0])


def test_errors_are_in_the_language_that_was_asked_for(desk):
    bad = {"name": "", "tax_id": "1", "monthly_income_cents": -1}
    errors = {error["field"]: error for error in desk.post("/api/customers", bad, **{"Accept-Language": "es-MX"}).json()["errors"]}
    assert set(errors) == {"name", "tax_id", "monthly_income_cents"}
    assert errors["name"]["cause"] == "falta" and errors["monthly_income_cents"]["cause"] == "es negativo"


@pytest.mark.parametrize("line", ["OPTIONS /", "TRACE /", "GET /api/quote", "HEAD /", "BREW /", "DELETE /api/customers/1"])
def test_a_body_is_never_the_next_request(desk, line):
    smuggled = "POST /api/customers HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\nContent-Length: 59\r\n\r\n" \
               '{"name":"Eve","tax_id":"EVIL-1","monthly_income_cents":100}'
    for framing in (f"Content-Length: {len(smuggled)}", "Transfer-Encoding: chunked"):
        head = f"{line} HTTP/1.1\r\nHost: desk\r\n{framing}\r\n\r\n"
        desk.raw(head + smuggled)
        with socket.create_connection(("127.0.0.1", desk.port), timeout=30) as connection:
            connection.sendall(head.encode())
            if not line.startswith("DELETE"):  # its body is waited for
                assert connection.recv(65536).startswith(b"HTTP/1.1 4")
            with contextlib.suppress(ConnectionError):
                connection.sendall(smuggled.encode())
                while connection.recv(65536):
                    pass
    assert desk.get("/api/customers?q=EVIL").json()["items"] == []


def test_what_is_too_large_is_named(desk):
    large = desk.post("/api/customers", {"name": "x" * 20_000})
    assert large.status == 413 and large.json()["errors"][0]["code"] == "too_large"
    assert desk.get("/" + "x" * 300).json()["errors"][0]["code"] == "too_long"
    assert desk.get("/" + "x" * 8_000).status == 414
    assert desk.get("/healthz", **{"X-Long": "x" * 20_000}).status in (400, 431)
    assert desk.get("/healthz").status == 200


def test_methods_that_an_address_does_not_take_are_405(desk):
    for method in ("PUT", "DELETE", "PATCH"):
        answer = http_client.request(desk.port, "desk", "/api/customers/1", method, b"{}", JSON)
        assert answer.status == 405 and answer.headers["allow"] == "GET", method
    head = http_client.request(desk.port, "desk", "/api/customers/1", "HEAD")
    assert head.status == 200 and head.body == b""


def test_a_request_is_one_line_of_the_log_with_its_trace_and_event(desk):
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    desk.post("/api/applications", loan(), traceparent=f"00-{trace}-{span}-01")
    desk.get("/api/applications?q=secret%20name")
    filed, asked = desk.lines()[-2:]
    assert filed["severity"] == "INFO" and filed["event"] == "loan_filed" and filed["httpRequest"]["status"] == 201
    assert filed["logging.googleapis.com/trace"] == trace and filed["logging.googleapis.com/spanId"] == span
    assert asked["httpRequest"]["requestUrl"] == "/api/applications" and "secret" not in json.dumps(asked)


def test_a_termination_waits_for_what_has_begun(start):
    desk = start(PRESTAMOS_BUREAU_MS="1500")
    with socket.create_connection(("127.0.0.1", desk.port), timeout=30) as connection:
        connection.sendall(b"GET /api/customers/1/rating HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n")
        until(lambda: _is_read(desk, connection), "the desk has read the request")
        desk.process.send_signal(signal.SIGTERM)
        answer = b""
        while block := connection.recv(65536):
            answer += block
    assert answer.startswith(b"HTTP/1.1 200") and desk.process.wait(timeout=30) == 0
    assert any("stopping" in line["message"] for line in desk.lines())


def _is_read(desk, connection):
    """Nothing of what was sent waits in the desk's socket (its receive queue in /proc/net/tcp)."""
    ours = f":{connection.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[2].endswith(ours) and words[1].endswith(f":{desk.port:04X}"):
            return words[4].split(":")[1] == "00000000"
    return False


def test_a_wrong_setting_or_port_is_named_and_ends_it(tmp_path, desk):
    for settings, words in (({"PRESTAMOS_FAULT": "crush"}, "PRESTAMOS_FAULT"), ({"PORT": str(desk.port)}, "taken")):
        bad = Desk(tmp_path, **settings)
        assert bad.process.wait(timeout=30) in (1, 2)
        assert bad.lines()[-1]["severity"] == "CRITICAL" and words in bad.lines()[-1]["message"]


def test_the_second_version_alone_simulates(start):
    path = "/api/simulation?amount_cents=100000&annual_rate_bp=1200&months=12&method=french&early_cents=20000&early_month=2"
    assert start().get(path).status == 404
    second = start(PRESTAMOS_VERSION="2")
    assert second.get(path).json()["saved_months"] > 0
    assert second.get("/api/about").json()["features"] == ["simulation"]


def test_a_bad_version_fails_for_one_kind_of_loan_alone(start):
    desk = start(PRESTAMOS_FAULT="constant-principal")
    assert desk.get(QUOTE + "french").status == 200
    assert desk.get(QUOTE + "constant_principal").status == 500
    assert desk.lines()[-1]["severity"] == "ERROR" and "problem" in desk.lines()[-1]


def test_a_bad_version_is_slow_in_the_tail(start):
    desk = start(PRESTAMOS_FAULT="slow-tail:10")
    for _ in range(20):
        assert desk.get(QUOTE + "french").status == 200
    latencies = [float(line["httpRequest"]["latency"].rstrip("s")) for line in desk.lines() if "/api/quote" in line["message"]]
    assert sum(1 for seconds in latencies if seconds >= 1.5) == 2


def test_a_bad_version_crashes_after_a_while(start):
    desk = start(PRESTAMOS_FAULT="crash:2")
    assert desk.process.wait(timeout=60) == -signal.SIGABRT
    assert desk.lines()[-1]["severity"] == "CRITICAL"


def test_a_document_is_noted_by_its_digest(desk):
    document = {"kind": "payslip", "name": "nómina.pdf", "media_type": "application/pdf", "bytes": 3,
                "sha256": hashlib.sha256(b"pdf").hexdigest()}
    assert desk.post("/api/applications/1/documents", document).status == 201
    assert desk.get("/api/applications/1").json()["documents"][-1]["name"] == "nómina.pdf"


def test_its_dockerfile_makes_a_service_of_it_and_its_versions(platform, name):
    layout = ROOT / "build" / "images" / "debian-build"
    subprocess.run([ROOT / "tools" / "base-image", layout, *BASE_PACKAGES], check=True)
    platform.cli("images", "import", "localhost/debian-build:bookworm", f"oci:{layout}")
    platform.cli("up", ROOT / "examples" / "prestamos", "--name", name)
    assert platform.get(name, "/api/about").json()["version"] == 1
    filed = platform.get(name, "/api/customers", method="POST", headers=JSON,
                         body=b'{"name": "Rosa", "tax_id": "R-77", "monthly_income_cents": 1}')
    assert filed.status == 201
    wrong = platform.cli("deploy", name, "--env", "PRESTAMOS_PORT=9090", check=False)
    assert wrong.rc == 6 and "E_PORT_MISMATCH" in wrong.err and "--port 9090" in wrong.err
    platform.cli("deploy", name, "--env", "PRESTAMOS_PORT=8080", "--env", "PRESTAMOS_VERSION=2")
    assert platform.get(name, "/api/about").json()["version"] == 2
