"""Bombs inside one sandbox (app/bomb.cc): its neighbour and the platform go on, and it is told what it met. How fast
the neighbour is meanwhile is measured elsewhere (`./dev bench bombs`)."""

import json

import pytest

from metering_test import scrape
from running_platform import manifest
from waiting import until

# kind → what it meets; None: no limit stops it, only its share of the machine
MEETS = {"fork": "EAGAIN", "memory": "ENOMEM", "disk": "ENOSPC", "inotify": "EMFILE", "log": None, "fd": "EMFILE",
         "socket": None, "packets": None, "spin": None}


def roles(platform):
    return platform.call("/apis/marea.dev/v1/healthz").json()["roles"]


@pytest.fixture(scope="module")
def neighbour(platform, tide):
    platform.apply(manifest("quiet-neighbour", tide, min_scale=1, memory="64Mi"))
    platform.wait_ready("quiet-neighbour")
    return "quiet-neighbour"


@pytest.mark.parametrize("kind", sorted(MEETS))
def test_a_bomb_hurts_itself_alone(platform, name, bomb, neighbour, kind):
    platform.apply(manifest(name, bomb, args=[kind], memory="128Mi", max_scale=1))
    platform.wait_ready(name)
    before = platform.log().count("a role ended")
    platform.get(name, "/go")
    met = MEETS[kind]
    if met:
        until(lambda: met in platform.get(name).text, f"the {kind} bomb meets {met}")
    answers = [platform.get(neighbour) for _ in range(50)]
    assert [answer.status for answer in answers] == [200] * 50
    assert all(role["state"] == "running" for role in roles(platform))
    assert platform.log().count("a role ended") == before
    assert platform.cli("services", "describe", neighbour, "-o", "json").rc == 0


def test_a_flood_of_lines_is_cut_with_a_marker_and_the_neighbours_lines_are_whole(platform, name, another, bomb, tide):
    platform.apply(manifest(name, bomb, args=["log"], memory="128Mi", max_scale=1))
    platform.apply(manifest(another, tide, max_scale=1))
    platform.wait_ready(name)
    platform.wait_ready(another)
    platform.get(name, "/go")
    for i in range(20):
        platform.get(another, f"/say?{i}")

    def lines(service, tail):
        said = platform.cli("logs", service, "--tail", tail, "-o", "json").out
        return [json.loads(line)["text"] for line in said.splitlines()]

    until(lambda: [line for line in lines(another, 100) if line.startswith("said")].__len__() == 20, "all lines are there")
    until(lambda: any("bytes of output were dropped here" in line for line in lines(name, 100_000)), "the marker is there")
    values = scrape(platform)
    assert values[("marea_limit_hits_total", frozenset({("limit", "log-bytes")}))] > 0
    assert values[("marea_log_bytes_dropped_total", frozenset())] > 0


def test_a_bomb_that_ends_itself_says_why(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--eat", "200"], memory="64Mi"))
    condition = platform.wait_failed(name)
    assert "OutOfMemory" in condition["reason"] + condition["message"]
