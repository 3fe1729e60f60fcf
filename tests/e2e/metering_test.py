"""What was used, exactly once whatever dies (F15); /metrics as Prometheus reads it; a record of each request (F7)."""

import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor

from roles_test import roles
from running_platform import ROOT, manifest
from waiting import until

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? '
                  r'(-?[0-9.]+(?:e[+-]?[0-9]+)?|NaN|[+-]Inf)$')
MISSING = re.compile(r"^marea_scrape_missing\{.*\} [1-9]", re.M)  # a role that was late
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


def scrape(platform):
    """name, labels → value; every rule of the text format 0.0.4 is checked on the way."""
    answer = until(lambda: MISSING.search((now := platform.call("/metrics")).text) is None and now, "every role tells its part")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text.endswith("\n")
    types, helps, values, family = {}, set(), {}, None
    for line in answer.text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in helps, f"a second group of {family}"
            helps.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram")
            types[name] = kind
        else:
            found = LINE.match(line)
            assert found, f"no sample: {line}"
            name, labels, value = found.group(1), found.group(2) or "", float(found.group(3))
            histogram = types[family] == "histogram"
            assert name == family or histogram and name in (f"{family}_bucket", f"{family}_sum", f"{family}_count"), line
            key = (name, frozenset(LABEL.findall(labels)))
            assert key not in values, f"twice: {line}"
            assert types[family] != "counter" or value >= 0 and name.endswith("_total"), line
            values[key] = value
    for (name, labels), value in values.items():
        if not name.endswith("_bucket"):
            continue
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        total = values[(name[:-len("_bucket")] + "_count", rest)]
        assert value <= total and values[(name, rest | {("le", "+Inf")})] == total, name
    return values


def pid_of(platform, role):
    return roles(platform).get(role, (None,))[0]


def kill(platform, role):
    """kill -9 of a role, and the next one is there."""
    old = pid_of(platform, role)
    os.kill(old, signal.SIGKILL)
    until(lambda: pid_of(platform, role) not in (None, old), f"a new {role}")

    def connected():
        try:
            health = platform.call("/apis/marea.dev/v1/healthz").json()
        except (OSError, AssertionError):
            return False
        return all(each["state"] == "running" for each in health["roles"])

    until(connected, "all roles are connected")


def usage(platform, name):
    lines = platform.cli("usage", name, "-o", "json").json()["items"]
    return {key: sum(line[key] for line in lines) for key in ("requests", "billable_seconds", "instances")} if lines \
        else {"requests": 0, "billable_seconds": 0, "instances": 0}


def test_what_a_service_used_is_the_sum_of_what_its_callers_counted(platform, name, tide):
    """F15: and its time is billed in steps, while it has a request."""
    platform.apply(manifest(name, tide, concurrency=4, idle="1s"))
    platform.wait_ready(name)
    platform.wait_for_zero(name)
    with ThreadPoolExecutor(8) as pool:
        served = sum(pool.map(lambda _: platform.get(name, "/?ms=50").status == 200, range(40)))
    assert served == 40
    platform.wait_for_zero(name)
    until(lambda: usage(platform, name)["requests"] >= 40, "the final accounts are stored")
    used = usage(platform, name)
    assert used["requests"] == 40
    assert 0 < used["billable_seconds"] < 60
    table = platform.cli("usage", name).out.splitlines()
    assert table[0].split()[:4] == ["SERVICE", "REVISION", "SINCE", "REQUESTS"]
    assert platform.cli("usage", "no-such-service", check=False).rc == 3


def test_no_request_is_lost_from_the_account_or_counted_twice_when_control_engine_or_logs_is_killed(own_platform, tide):
    """F15"""
    platform, name = own_platform, "cuenta"
    platform.apply(manifest(name, tide, concurrency=4, idle="30s"))
    platform.wait_ready(name)
    served = 0
    for role in ("control", "engine", "logs", "engine", "control"):
        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(platform.get, name, "/?ms=20") for _ in range(30)]
            kill(platform, role)
            served += sum(call.result().status == 200 for call in calls)
    assert served == 150
    platform.cli("services", "delete", name)
    until(lambda: usage(platform, name)["requests"] >= served, "the final accounts are stored")
    for role in ("engine", "control"):
        kill(platform, role)
        assert usage(platform, name)["requests"] == served


def test_the_last_account_of_an_instance_is_stored_once_when_engine_and_control_die_around_its_end(own_platform, tide):
    """F15: it is told by whichever engine comes after, until control has stored it."""
    platform, name = own_platform, "final"
    served = 0
    for dying in (("engine",), ("control", "engine"), ("engine", "control", "engine")):
        platform.apply(manifest(name, tide, concurrency=1, max_scale=3, idle="30s"))
        platform.wait_ready(name)
        with ThreadPoolExecutor(3) as pool:
            served += sum(pool.map(lambda _: platform.get(name, "/?ms=50").status == 200, range(30)))
        platform.cli("services", "delete", name)
        for role in dying:
            kill(platform, role)
        until(lambda: not platform.instances(name), "all have ended")
        until(lambda: usage(platform, name)["requests"] >= served, "the final accounts are stored")
    assert served == 90
    kill(platform, "control")
    assert usage(platform, name)["requests"] == served


def test_a_killed_router_leaves_its_counts_to_the_next_one(own_platform, tide):
    """F15: what ended before is counted once; nothing of the dead router's requests stays in the way."""
    platform, name = own_platform, "relevo"
    platform.apply(manifest(name, tide, concurrency=1, max_scale=1, min_scale=1))
    platform.wait_ready(name)
    for _ in range(10):
        assert platform.get(name).status == 200
    kill(platform, "router")
    for _ in range(10):
        until(lambda: platform.get(name).status == 200, "it serves")
    platform.cli("services", "delete", name)
    until(lambda: usage(platform, name)["requests"] >= 20, "the final account is stored")
    assert usage(platform, name)["requests"] == 20


def test_metrics_are_what_prometheus_reads_and_count_what_happened(platform, name, tide):
    """F12"""
    platform.apply(manifest(name, tide, idle="30s"))
    platform.wait_ready(name)
    for _ in range(3):
        assert platform.get(name).status == 200
    revision = platform.service(name)["status"]["latestReadyRevisionName"]
    whose = {("service", name), ("revision", revision)}
    values = scrape(platform)
    assert values[("marea_requests_total", frozenset(whose | {("code", "2xx")}))] == 3
    assert values[("marea_request_duration_seconds_count", frozenset(whose))] == 3
    assert values[("marea_instances", frozenset(whose | {("state", "running")}))] == 1
    assert values[("marea_instance_starts_total", frozenset(whose))] >= 1
    assert values[("marea_scrape_missing", frozenset({("role", "router")}))] == 0
    for role in ("control", "engine", "router", "logs"):
        assert values[("marea_role_up", frozenset({("role", role)}))] == 1
    platform.cli("services", "delete", name)
    until(lambda: not any(("service", name) in labels for _, labels in scrape(platform)), "a deleted service vanishes")


def documented():
    """name → type, labels and help of docs/metrics.md."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(marea_\w+)` \| (\w+) \| ([\w, ]*) \| (.+) \|$", page, re.M)
    return {name: (kind, frozenset(labels.replace(",", "").split()), text) for name, kind, labels, text in rows}


def shown(platform):
    """The same of what /metrics prints."""
    page = platform.call("/metrics").text
    texts = dict(re.findall(r"^# HELP (\S+) (.*)$", page, re.M))
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M))
    labels = {name: set() for name in kinds}
    for name, found in scrape(platform):
        family = name if name in kinds else name.rsplit("_", 1)[0]
        if family in labels:  # what began to be counted between the two
            labels[family] |= {frozenset(label for label, _ in found if label != "le")}
    return {name: {(kinds[name], each, texts[name]) for each in labels[name]} for name in kinds}


def test_metrics_are_those_of_the_page_and_none_is_missing(platform, name, another, tide):
    """Each is brought about: a start that fails, one that takes its time, an end, a refusal, one who waits."""
    wanted, seen = documented(), set()
    assert len(wanted) >= 25

    def look():
        for metric, said in shown(platform).items():
            assert metric in wanted, f"{metric} is not in docs/metrics.md"
            assert said <= {wanted[metric]}, f"docs/metrics.md tells {metric} otherwise: {said}"
            if said:
                seen.add(metric)
        return seen >= set(wanted)

    platform.apply(manifest(another, tide, args=["--exit", "3"]))
    platform.wait_failed(another)
    platform.apply(manifest(another, tide, args=["--delay", "8000"], idle="1s"))
    until(lambda: look() or "marea_instances_wanted" in seen, "a deploy is checked")
    platform.wait_ready(another)
    platform.wait_for_zero(another)
    platform.apply(manifest(name, tide, concurrency=1, max_scale=1))
    platform.wait_ready(name)
    assert platform.get("nobody-at-all").status == 404
    assert platform.get(name, method="POST", body=b"a body").status == 200
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(platform.get, name, "/?ms=3000") for _ in range(3)]
        until(lambda: look() or {"marea_queue_bytes", "marea_requests_in_flight"} <= seen, "two of them wait")
        assert {call.result().status for call in calls} == {200}
    try:
        until(look, "all are there")
    except AssertionError:
        raise AssertionError(f"never at /metrics: {sorted(set(wanted) - seen)}") from None


def test_each_request_is_a_record(platform, name, tide):
    """F7: which revision and instance answered it, and how long each part took."""
    platform.apply(manifest(name, tide, idle="10s"))
    platform.wait_ready(name)
    platform.wait_for_zero(name)
    assert platform.get(name, "/?ms=1", headers={"X-Request-Id": "la-primera"}).status == 200
    instance = platform.instances(name)[0]["name"]
    assert platform.get(name, "/?ms=2").status == 200

    def records():
        lines = platform.cli("logs", name, "--requests", "-o", "json").out.splitlines()
        return [json.loads(line) for line in lines]

    until(lambda: len(records()) >= 2, "both are written")
    first, second = records()[-2:]
    assert first["id"] == "la-primera" and first["cold"] is True and first["queue_us"] > 0
    assert first["instance"] == instance and first["path"] == "/?ms=1" and first["status"] == 200
    assert second["queue_us"] == 0 and second["total_us"] >= second["first_byte_us"] > 0
    assert platform.cli("logs", name, "--requests").out.count(instance) >= 2
    assert "la-primera" not in platform.cli("logs", name).out, "the app's own lines stay untouched"
