"""From zero and back, and across a deploy, without a lost request (F1, F2)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import http_client
from metering_test import scrape
from running_platform import manifest
from waiting import until


def test_instances_rise_with_requests_and_fall_to_zero(platform, name, tide):
    """F1"""
    platform.apply(manifest(name, tide, concurrency=2, max_scale=4, idle="5s"))
    platform.wait_ready(name)
    platform.wait_for_zero(name)

    assert platform.get(name).status == 200
    assert len(platform.instances(name)) == 1

    most = 0
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(platform.get, name, "/?ms=300") for _ in range(32)]
        while not all(call.done() for call in calls):
            most = max(most, len(platform.instances(name)))
    assert [call.result().status for call in calls] == [200] * 32
    assert 2 <= most <= 4

    platform.wait_for_zero(name)
    assert platform.get(name).status == 200, "it wakes again"


def test_the_idle_timeout_may_stand_on_the_service(platform, name, tide):
    """F1"""
    platform.apply(manifest(name, tide, annotations={"marea.dev/idle-timeout": "1s"}))
    platform.wait_ready(name)
    assert platform.get(name).status == 200
    platform.wait_for_zero(name)


def test_an_instance_never_sees_more_than_its_concurrency(platform, name, tide):
    """F2: the app itself counts who is beside whom; the platform may start up to maxScale of them, no more."""
    platform.apply(manifest(name, tide, concurrency=1, max_scale=3))
    platform.wait_ready(name)
    most = 0
    with ThreadPoolExecutor(12) as pool:
        calls = [pool.submit(platform.get, name, "/beside?ms=150") for _ in range(150)]
        while not all(call.done() for call in calls):
            seen = platform.instances(name)
            most = max(most, len(seen))
            assert all(instance["in_flight"] <= 1 for instance in seen), seen
    assert [(call.result().status, call.result().text) for call in calls] == [(200, "1")] * 150
    assert most == 3


def test_one_instance_serves_many_at_once_when_it_may(platform, name, tide):
    """F2: maxScale 1 and concurrency 4: eight requests, never more than four beside each other."""
    platform.apply(manifest(name, tide, concurrency=4, max_scale=1))
    platform.wait_ready(name)
    platform.get(name)
    with ThreadPoolExecutor(8) as pool:
        beside = [int(answer.text) for answer in pool.map(lambda _: platform.get(name, "/beside?ms=200"), range(8))]
    assert 2 <= max(beside) <= 4


def test_a_burst_at_zero_waits_for_the_instance_and_every_request_is_served_once(platform, name, tide):
    """F1: first request held until ready."""
    platform.apply(manifest(name, tide, args=["--delay", "700"], max_scale=1, idle="5s"))
    platform.wait_ready(name)
    platform.wait_for_zero(name)
    with ThreadPoolExecutor(20) as pool:
        assert [a.status for a in pool.map(lambda _: platform.get(name), range(20))] == [200] * 20
    assert platform.get(name, "/seen").text == "21"


def test_a_min_scale_keeps_an_instance(platform, name, another, tide):
    """F2: beside it, a service without a minimum falls to zero."""
    for one, least in ((name, 2), (another, None)):
        platform.apply(manifest(one, tide, min_scale=least, idle="1s"))
        platform.wait_ready(one)
    until(lambda: len(platform.instances(name)) == 2, "two instances are up")
    platform.wait_for_zero(another)
    assert len(platform.instances(name)) == 2
    assert platform.get(name).status == 200


def test_steady_load_starts_and_ends_nothing(platform, name, tide):
    """F2: three callers, one after the other each, are one instance's work from the first request to the last."""
    platform.apply(manifest(name, tide, concurrency=8))
    platform.wait_ready(name)
    assert platform.get(name).status == 200
    first = [instance["metadata"]["name"] for instance in platform.instances(name)]
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(platform.get, name, "/?ms=20") for _ in range(150)]
        while not all(call.done() for call in calls):
            assert [instance["metadata"]["name"] for instance in platform.instances(name)] == first
    assert {call.result().status for call in calls} == {200}
    assert len(first) == 1


def test_what_a_burst_needed_ends_before_the_last_one_does_and_says_why(platform, name, tide):
    """F2: nearly all requests need one instance; those of the burst go while it stays."""
    platform.apply(manifest(name, tide, concurrency=1, max_scale=3))
    platform.wait_ready(name)
    assert {platform.get(name).status for _ in range(40)} == {200}
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(platform.get, name, "/?ms=1500") for _ in range(3)]
        until(lambda: len(platform.instances(name)) > 1, "a second one is started")
        assert {call.result().status for call in calls} == {200}

    def ends():
        return {dict(labels)["reason"] for metric, labels in scrape(platform)
                if metric == "marea_instance_ends_total" and ("service", name) in labels}

    until(ends, "one has ended")
    assert ends() == {"ScaledIn"} and platform.instances(name)


def test_a_target_below_the_concurrency_is_kept_by_starting_ahead(platform, name, tide):
    """F2: nobody waits, one instance could hold all three, and each gets one of its own."""
    platform.apply(manifest(name, tide, concurrency=10, max_scale=3, template_annotations={
        "autoscaling.knative.dev/target": "1", "autoscaling.knative.dev/scale-down-delay": "1h"}))
    platform.wait_ready(name)
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(platform.get, name, "/?ms=1500") for _ in range(3)]
        until(lambda: len(platform.instances(name)) == 3, "three instances are there")
    assert [call.result().status for call in calls] == [200] * 3


def test_a_revision_begins_with_its_initial_scale_and_a_delay_keeps_it(platform, name, another, tide):
    """F2: beside it, a service without the delay is at zero before any of them has gone."""
    platform.apply(manifest(name, tide, idle="1s", template_annotations={
        "autoscaling.knative.dev/initial-scale": "3", "autoscaling.knative.dev/scale-down-delay": "1h"}))
    platform.wait_ready(name)
    assert len(platform.instances(name)) == 3
    platform.apply(manifest(another, tide, idle="2s"))
    platform.wait_ready(another)
    platform.wait_for_zero(another)
    assert len(platform.instances(name)) == 3


def test_an_instance_with_a_request_in_flight_is_not_idle(platform, name, another, tide):
    """F1: the idle time begins when the last request ends. Another service, asked later, shows when it would be over."""
    for one in (name, another):
        platform.apply(manifest(one, tide, idle="1s"))
        platform.wait_ready(one)
    with http_client.connect(platform.http_port) as slow:
        slow.sendall(f"GET /stream HTTP/1.1\r\nHost: {name}.localhost\r\nConnection: close\r\n\r\n".encode())
        answer = slow.recv(4096)
        busy = until(lambda: [i for i in platform.instances(name) if i["in_flight"] == 1], "it is in flight")
        assert platform.get(another).status == 200
        platform.wait_for_zero(another)
        assert [i["metadata"]["name"] for i in platform.instances(name)] == [busy[0]["metadata"]["name"]]
        assert platform.get(name, "/release").status == 200
        while block := slow.recv(4096):
            answer += block
    assert http_client.parse(answer).text == "firstlast"
    platform.wait_for_zero(name)


def test_a_deploy_loses_no_request(platform, name, tide):
    """F2"""
    at_once = {"marea.dev/release-policy": "none"}
    platform.apply(manifest(name, tide, args=["--text", "first"], annotations=at_once))
    platform.wait_ready(name)
    answers, over = [], threading.Event()

    def ask():
        while not over.is_set():
            answer = platform.get(name, "/?ms=5")
            answers.append((answer.status, answer.text.split()[0]))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        until(lambda: len(answers) > 20, "the first revision answers")
        platform.apply(manifest(name, tide, args=["--text", "second"], annotations=at_once))
        until(lambda: answers and answers[-1] == (200, "second"), "the second revision answers")
        seen = len(answers)
        until(lambda: len(answers) > seen + 20, "the second revision goes on")
    finally:
        over.set()
        for asker in askers:
            asker.join()
    assert {status for status, _ in answers} == {200}
    assert {text for _, text in answers} == {"first", "second"}
    mine = [item for item in platform.cli("revisions", "list", "-o", "json").json()["items"]
            if item["metadata"]["labels"]["serving.knative.dev/service"] == name]
    assert len(mine) == 2


def test_an_instance_ends_by_sigterm_and_may_say_goodbye(platform, name, tide):
    """F1: SIGTERM first."""
    platform.apply(manifest(name, tide, idle="1s"))
    platform.wait_ready(name)
    assert platform.get(name).status == 200
    platform.wait_for_zero(name)
    until(lambda: "tide: goodbye" in platform.cli("logs", name).out, "the app said goodbye")


def test_an_app_that_ignores_sigterm_is_ended_all_the_same(platform, name, tide):
    """F1: SIGKILL after 10 s."""
    platform.apply(manifest(name, tide, args=["--stubborn"], idle="1s"))
    platform.wait_ready(name)
    assert platform.get(name).status == 200
    platform.wait_for_zero(name)
    assert "tide: I stay" in platform.cli("logs", name).out


def test_a_request_that_takes_longer_than_its_timeout_gets_504(platform, name, tide):
    platform.apply(manifest(name, tide, timeout=1))
    platform.wait_ready(name)
    late = platform.get(name, "/?ms=6000")
    assert late.status == 504 and late.headers["x-request-id"]
    assert platform.get(name).status == 200


def test_those_for_whom_there_is_no_room_get_429_and_when_to_come_again(platform, name, tide):
    platform.apply(manifest(name, tide, timeout=1, concurrency=1, max_scale=1))
    platform.wait_ready(name)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: platform.get(name, "/?ms=20000"), range(6)))
    assert {answer.status for answer in answers} <= {429, 504}
    refused = [answer for answer in answers if answer.status == 429]
    assert refused and all(a.headers["x-request-id"] and int(a.headers["retry-after"]) > 0 for a in refused)
