"""From zero and back, and across a deploy, without a lost request."""

import threading
from concurrent.futures import ThreadPoolExecutor

from running_platform import manifest
from waiting import until


def test_instances_rise_with_requests_and_fall_to_zero(platform, name, tide):
    platform.apply(manifest(name, tide, concurrency=2, max_scale=4, idle="1s"))
    platform.wait_ready(name)
    platform.wait_for_zero(name)

    assert platform.get(name).status == 200
    assert len(platform.instances(name)) == 1

    most = 0
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(platform.get, name, "/sleep?ms=300") for _ in range(32)]
        while not all(call.done() for call in calls):
            most = max(most, len(platform.instances(name)))
    assert [call.result().status for call in calls] == [200] * 32
    assert 2 <= most <= 4

    platform.wait_for_zero(name)
    assert platform.get(name).status == 200, "it wakes again"


def test_an_instance_never_sees_more_than_its_concurrency(platform, name, tide):
    platform.apply(manifest(name, tide, concurrency=1, max_scale=1))
    platform.wait_ready(name)
    seen = []
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(platform.get, name, "/sleep?ms=50") for _ in range(8)]
        while not all(call.done() for call in calls):
            seen += [instance["in_flight"] for instance in platform.instances(name)]
    assert [call.result().status for call in calls] == [200] * 8
    assert max(seen) <= 1 and len(platform.instances(name)) <= 1


def test_a_min_scale_keeps_an_instance(platform, name, tide):
    platform.apply(manifest(name, tide, min_scale=1, idle="1s"))
    platform.wait_ready(name)
    until(lambda: [i for i in platform.instances(name) if i["state"] in ("running", "idle")], "one instance is up")
    assert platform.get(name).status == 200


def test_a_deploy_loses_no_request(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--text", "first"]))
    platform.wait_ready(name)
    answers, over = [], threading.Event()

    def ask():
        while not over.is_set():
            answer = platform.get(name, "/sleep?ms=5")
            answers.append((answer.status, answer.text.split()[0]))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        until(lambda: len(answers) > 20, "the first revision answers")
        platform.apply(manifest(name, tide, args=["--text", "second"]))
        until(lambda: answers and answers[-1] == (200, "second"), "the second revision answers")
        seen = len(answers)
        until(lambda: len(answers) > seen + 20, "the second revision goes on")
    finally:
        over.set()
        for asker in askers:
            asker.join()
    assert {status for status, _ in answers} == {200}
    assert {text for _, text in answers} == {"first", "second"}
    assert len(platform.cli("revisions", "list", "-o", "json").json()["items"]) >= 2


def test_a_slow_start_holds_the_request(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--delay", "700"], idle="1s"))
    platform.wait_ready(name)
    platform.wait_for_zero(name)
    with ThreadPoolExecutor(5) as pool:
        assert [a.status for a in pool.map(lambda _: platform.get(name), range(5))] == [200] * 5


def test_a_request_that_takes_longer_than_its_timeout_gets_504(platform, name, tide):
    platform.apply(manifest(name, tide, timeout=1))
    platform.wait_ready(name)
    assert platform.get(name, "/sleep?ms=6000").status == 504
    assert platform.get(name).status == 200
