"""`marea top`: what services and instances use now, once for programs and pipes, live on a terminal."""

import contextlib
import os
import re
import signal
import threading

import pytest

from running_platform import BIN
from terminal import Terminal
from waiting import until


@pytest.fixture
def busy(platform, name, tide):
    """A service with one instance that always computes, and holds 40 MB."""
    platform.cli("deploy", name, "--image", tide, "--min-scale", "1", "--max-scale", "1")
    assert platform.get(name, "/eat?mb=40").status == 200
    ended = threading.Event()

    def burn():
        while not ended.is_set():
            platform.get(name, "/burn?cpu=100")

    thread = threading.Thread(target=burn)
    thread.start()
    yield name
    ended.set()
    thread.join()


def of(told, service):
    one, = [one for one in told["services"] if one["name"] == service]
    instance, = [one for one in told["instances"] if one["service"] == service]
    return one, instance


def test_programs_get_figures(platform, busy):
    service, instance = of(platform.cli("top", "-o", "json").json(), busy)
    assert instance["memory_bytes"] > 40_000_000 and service["memory_bytes"] == instance["memory_bytes"]
    assert instance["cpu_percent"] > 0 and service["cpu_percent"] == instance["cpu_percent"]
    assert service["requests_per_second"] > 0 and service["instances"] == 1 and service["waiting"] == 0
    until(lambda: of(platform.cli("top", "-o", "json").json(), busy)[1]["in_flight"] == 1,
          "the request in flight is told")
    assert instance["name"] in platform.cli("top", "-o", "name").out.splitlines()


def test_a_pipe_gets_one_table(platform, busy):
    told = platform.cli("top")
    assert "\x1b" not in told.out and told.err == "" and told.out.count("SERVICE") == 1
    row = next(line for line in told.out.splitlines() if line.startswith(busy + " "))
    assert float(row.split()[2]) > 0 and float(row.split()[3]) > 40
    assert f"{busy}-" in told.out.split("\n\n")[1]


@contextlib.contextmanager
def on_terminal(platform, **environment):
    terminal = Terminal([BIN, "top"], {"MAREA_SERVER": f"unix:{platform.api}", "PATH": "/usr/bin:/bin", **environment})
    try:
        yield terminal
    finally:
        terminal.close()


def test_a_terminal_is_drawn_anew_until_it_is_interrupted(platform, busy):
    with on_terminal(platform, LANG="es_ES.UTF-8", NO_COLOR="1") as terminal:
        terminal.wait_for("SERVICIO")
        first = terminal.wait_for(r"(?s)(.*?)\x1b\[J").group(1)
        assert busy[:6] in first  # a long name is shortened in the middle
        lines = re.sub(r"\x1b\[\??\d*[A-Za-z]", "", first).splitlines()
        assert all(len(line) <= 80 for line in lines)
        terminal.wait_for(r"(?s)\x1b\[HSERVICIO.*INSTANCIA.*" + busy[:6])
        os.kill(terminal.process.pid, signal.SIGINT)
        code, rest = terminal.to_the_end()
    assert code == 0 and "marea:" not in rest


def test_a_terminal_that_cannot_be_drawn_on_gets_one_table(platform, busy):
    with on_terminal(platform, TERM="dumb") as terminal:
        code, text = terminal.to_the_end()
    assert code == 0 and "\x1b" not in text and busy in text


def test_top_without_a_platform_is_a_failure_that_says_so(tmp_path, platform):
    told = platform.cli("top", "--data", tmp_path, check=False)
    assert told.rc == 1 and told.out == "" and "E_" in told.err
