"""What a manifest may say of probes, of values from secrets and config maps, of clients that come back and of CPU."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import http_client
from metering_test import scrape
from running_platform import manifest
from waiting import until

READY = {"httpGet": {"path": "/ready"}, "periodSeconds": 1, "failureThreshold": 1}


def with_readiness(service, probe=None, startup=None):
    container = service["spec"]["template"]["spec"]["containers"][0]
    container["readinessProbe"] = probe or READY
    if startup:
        container["startupProbe"] = startup
    return service


def with_env(service, *variables, **more):
    container = service["spec"]["template"]["spec"]["containers"][0]
    container["env"] = list(variables)
    container.update(more)
    return service


def states(platform, name):
    return [item["state"] for item in platform.instances(name)]


# ---- readiness


def test_an_instance_that_is_not_ready_gets_nothing_until_it_is_and_is_not_ended(platform, name, tide):
    platform.apply(with_readiness(manifest(name, tide, max_scale=1)), True, "--wait")
    assert platform.get(name).status == 200
    before = platform.instances(name)[0]["name"]
    looks = int(platform.get(name, "/looks").text)
    assert looks >= 1
    until(lambda: int(platform.get(name, "/looks").text) > looks, "it is looked at again")
    seen = int(platform.get(name, "/seen").text)
    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(platform.get, name, "/?ms=4000")
        until(lambda: states(platform, name) == ["running"], "the long request is in it")
        platform.get(name, "/unready")
        until(lambda: states(platform, name) == ["unready"], "it is seen as not ready")
        shown = platform.instances(name)[0]
        assert shown["reason"] == "ReadinessProbeFailed" and "503" in shown["detail"], shown
        pods = platform.call("/api/v1/namespaces/default/pods").json()["items"]
        conditions = next(pod for pod in pods if pod["metadata"]["name"] == before)["status"]["conditions"]
        ready = next(one for one in conditions if one["type"] == "Ready")
        assert ready["status"] == "False" and ready["reason"] == "ReadinessProbeFailed", ready
        assert "unready" in platform.cli("instances", "list").out
        assert any(("service", name) in labels and ("state", "unready") in labels
                   for metric, labels in scrape(platform) if metric == "marea_instances")
        waits = pool.submit(platform.get, name, "/waited")
        assert long.result().status == 200, "what was in it went on"
        assert not waits.done()
        again = platform.instances(name)[0]
        assert again["name"] == before and again["in_flight"] == 0
        # Nothing reaches it through marea now: the probe itself can only be answered by the app, so it is ended.
        platform.cli("instances", "delete", before)
        assert waits.result().status == 200, "a fresh one served whoever waited"
    assert seen >= 1


def test_a_deploy_is_ready_only_when_its_readiness_probe_passed(platform, name, tide):
    platform.apply(with_readiness(manifest(name, tide, args=["--text", "ebb"])), True, "--wait")
    bad = with_readiness(manifest(name, tide, args=["--text", "flood", "--unready"]),
                         startup={"tcpSocket": {}, "periodSeconds": 1, "failureThreshold": 2})
    done = platform.apply(bad, False, "--wait")
    assert done.rc == 6, (done.rc, done.out, done.err)
    assert "E_READINESS_PROBE_FAILED" in done.err and "/ready answered 503" in done.err
    assert platform.condition(name)["reason"] == "ReadinessProbeFailed"
    assert "ebb" in platform.get(name).text


def test_looking_neither_counts_as_a_request_nor_keeps_an_instance_from_zero(platform, name, tide):
    platform.apply(with_readiness(manifest(name, tide, idle="3s")), True, "--wait")
    assert platform.get(name).status == 200
    platform.wait_for_zero(name)
    counted = sum(value for (metric, labels), value in scrape(platform).items()
                  if metric == "marea_requests_total" and ("service", name) in labels)
    assert counted == 1


def test_a_grpc_probe_connects_and_says_so(platform, name, tide):
    service = manifest(name, tide, probe={"grpc": {"port": 8080, "service": "loans"}})
    done = platform.apply(service, True, "--wait")
    assert "startupProbe.grpc" in done.err + done.out and "connects to the port" in done.err + done.out
    kept = platform.service(name)["spec"]["template"]["spec"]["containers"][0]["startupProbe"]
    assert kept == {"grpc": {"port": 8080, "service": "loans"}}
    assert platform.get(name).status == 200


# ---- values from secrets and config maps


def test_a_revision_without_its_secret_is_not_ready_and_the_old_one_serves(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--text", "ebb"]), True, "--wait")
    secret = {"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db", "key": "latest"}}}
    done = platform.apply(with_env(manifest(name, tide, args=["--text", "flood"]), secret), False, "--wait")
    assert done.rc == 6, (done.rc, done.out, done.err)
    for word in ("E_SECRET_MISSING", "secret db, key latest", "the variable DB", "optional: true"):
        assert word in done.err, done.err
    condition = platform.condition(name)
    assert (condition["status"], condition["reason"]) == ("False", "SecretMissing")
    assert "ebb" in platform.get(name).text
    assert platform.service(name)["spec"]["template"]["spec"]["containers"][0]["env"] == [secret]

    secret["valueFrom"]["secretKeyRef"]["optional"] = True
    platform.apply(with_env(manifest(name, tide, args=["--text", "flood"]), secret), True, "--wait")
    assert "flood" in platform.get(name).text and "DB=" not in platform.get(name, "/env").text


def test_a_first_revision_without_its_config_map_fails_at_once(platform, name, tide):
    service = with_env(manifest(name, tide), envFrom=[{"prefix": "APP_", "configMapRef": {"name": "settings"}}])
    del service["spec"]["template"]["spec"]["containers"][0]["env"]
    done = platform.apply(service, False, "--wait")
    assert done.rc == 1 and "E_CONFIG_MISSING" in done.err and "config map settings" in done.err, done.err
    assert platform.condition(name)["reason"] == "ConfigMissing"
    answer = platform.get(name)
    assert answer.status == 503 and "ConfigMissing" in answer.text
