"""What a manifest may say of probes, of values from secrets and config maps, of clients that come back and of CPU."""

import http.cookies
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import http_client
import kubectl as kubectls
from metering_test import pid_of, scrape
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
    platform.apply(with_readiness(manifest(name, tide, max_scale=1, idle="60s")), True, "--wait")
    assert platform.get(name).status == 200
    before = platform.instances(name)[0]["name"]
    looks = int(platform.get(name, "/looks").text)
    assert looks >= 1
    until(lambda: int(platform.get(name, "/looks").text) > looks, "it is looked at again")
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
        until(lambda: platform.instances(name)[0]["in_flight"] == 0, "nothing new went to it")
        assert [(one["name"], one["state"]) for one in platform.instances(name)] == [(before, "unready")]
        # Nothing reaches it through marea now: the probe itself can only be answered by the app, so it is ended.
        platform.cli("instances", "delete", before)
        assert waits.result().status == 200, "a fresh one served whoever waited"


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


def test_files_of_a_secret_are_missed_by_their_path(platform, name, tide):
    service = manifest(name, tide)
    template = service["spec"]["template"]["spec"]
    template["containers"][0]["volumeMounts"] = [{"name": "keys", "mountPath": "/etc/keys"}]
    template["volumes"] = [{"name": "keys", "secret": {"secretName": "tls", "items": [{"key": "1", "path": "tls.key"}]}}]
    done = platform.apply(service, False, "--wait")
    assert "E_SECRET_MISSING" in done.err and "secret tls, key 1, for the files under /etc/keys" in done.err, done.err


def test_kubectl_sees_what_is_missing(platform, name, tide):
    secret = {"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db", "key": "latest"}}}
    platform.apply(with_env(manifest(name, tide), secret), False, "--wait")
    kubectl = kubectls.Kubectl(kubectls.debian_kubectl(), platform)
    try:
        kubectl("wait", "--for=condition=Ready=False", f"ksvc/{name}", "--timeout=30s")
        told = kubectl("describe", f"ksvc/{name}").out
        assert "SecretMissing" in told and "secret db, key latest" in told
    finally:
        kubectl.remove()


# ---- clients that come back

AFFINITY = {"run.googleapis.com/sessionAffinity": "True"}


def raw(platform, host, fields=(), method="GET", path="/"):
    """The answer's head as it is: a cookie may be there twice."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}.localhost", "Connection: close", *fields]
    return http_client.exchange(platform.http_port, ("\r\n".join(lines) + "\r\n\r\n").encode()).decode()


def cookie_of(answer):
    """The value of marea's own cookie, None when the answer sets none."""
    for line in answer.split("\r\n\r\n")[0].split("\r\n"):
        if line.lower().startswith("set-cookie: marea_affinity="):
            return http.cookies.SimpleCookie(line.split(":", 1)[1])["marea_affinity"]
    return None


def with_cookie(value, more=""):
    return [f"Cookie: {more}marea_affinity={value}", "X-Load-Number: 1"]


def instance_of(answer):
    return next(line.split(": ")[1] for line in answer.split("\r\n") if line.startswith("X-Instance: "))


def test_a_client_comes_back_to_its_instance_and_the_app_does_not_see_how(platform, name, tide):
    platform.apply(manifest(name, tide, concurrency=20, min_scale=3, max_scale=3, template_annotations=AFFINITY), True, "--wait")
    until(lambda: len([one for one in platform.instances(name) if one["state"] in ("running", "idle")]) == 3, "three are up")
    first = raw(platform, name, ["X-Load-Number: 1"])
    cookie = cookie_of(first)
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/" and cookie["max-age"] == "2592000"
    assert not cookie["secure"] and not cookie["domain"]
    home = instance_of(first)
    assert home not in cookie.value and name not in cookie.value
    for _ in range(30):
        again = raw(platform, name, with_cookie(cookie.value))
        assert instance_of(again) == home and cookie_of(again) is None

    seen = raw(platform, name, with_cookie(cookie.value, "own=1; "), path="/cookie")
    assert "Cookie: own=1\r\n" in seen and "marea_affinity" not in seen.split("\r\n\r\n", 1)[1]
    assert "Set-Cookie: app=1; Path=/\r\n" in seen and "Set-Cookie: b=2\r\n" in seen, "the app's own are as it wrote them"
    for foreign in ("x", "0" * 32, "f" * 32, cookie.value[:-1] + "z"):
        answer = raw(platform, name, with_cookie(foreign))
        assert answer.startswith("HTTP/1.1 200") and cookie_of(answer)

    platform.cli("instances", "delete", home)
    until(lambda: all(one["name"] != home for one in platform.instances(name)), "its instance is gone")
    moved = raw(platform, name, with_cookie(cookie.value))
    assert moved.startswith("HTTP/1.1 200") and cookie_of(moved).value != cookie.value


def test_affinity_beats_the_split_while_its_revision_has_traffic(platform, name, tide):
    for word in ("ebb", "flood"):
        platform.apply(manifest(name, tide, args=["--text", word], template_annotations=AFFINITY), True, "--wait")
    first, second = sorted(row["name"] for row in platform.cli("history", name, "-o", "json").json()["items"])
    platform.cli("traffic", name, f"{first}=100")
    mine = cookie_of(raw(platform, name)).value
    platform.cli("traffic", name, f"{first}=1", f"{second}=99")
    assert all("ebb" in raw(platform, name, with_cookie(mine)) for _ in range(25))
    assert "flood" in "".join(raw(platform, name) for _ in range(40))
    platform.cli("traffic", name, f"{second}=100")
    assert "flood" in raw(platform, name, with_cookie(mine)), "its revision has no traffic any more"


def test_affinity_outlives_router(own_platform, tide):
    own_platform.apply(manifest("sticky", tide, min_scale=2, max_scale=2, template_annotations=AFFINITY), True, "--wait")
    until(lambda: len(own_platform.instances("sticky")) == 2, "two are up")
    first = raw(own_platform, "sticky", ["X-Load-Number: 1"])
    os.kill(pid_of(own_platform, "router"), signal.SIGKILL)
    until(lambda: own_platform.get("sticky").status == 200, "the next router serves")
    for _ in range(10):
        again = raw(own_platform, "sticky", with_cookie(cookie_of(first).value))
        assert instance_of(again) == instance_of(first) and cookie_of(again) is None


def test_without_affinity_no_cookie_is_set(platform, name, tide):
    platform.apply(manifest(name, tide), True, "--wait")
    assert cookie_of(raw(platform, name)) is None
    assert "marea_affinity=1" in raw(platform, name, with_cookie("1"), path="/headers")


# ---- CPU


def quota_of(platform, instance):
    """Of the instance's group, in CPUs."""
    for group in map(Path, platform.traces_now()):
        if group.name != instance and instance not in group.parts:
            continue
        for quota, period in (("cpu.cfs_quota_us", "cpu.cfs_period_us"), ("cpu.max", None)):
            if not (group / quota).exists():
                continue
            words = (group / quota).read_text().split() + ((group / period).read_text().split() if period else [])
            return int(words[0]) / int(words[1])
    raise AssertionError(f"{instance} has no group with a quota: {platform.traces_now()}")


def test_a_throttled_instance_has_its_cpu_only_while_requests_are_in_it(platform, name, another, tide):
    throttled = {"run.googleapis.com/cpu-throttling": "true"}
    platform.apply(manifest(name, tide, idle="60s", template_annotations=throttled), True, "--wait")
    platform.apply(manifest(another, tide, idle="60s"), True, "--wait")
    for one in (name, another):
        assert platform.get(one).status == 200
    mine, other = platform.instances(name)[0]["name"], platform.instances(another)[0]["name"]
    until(lambda: quota_of(platform, mine) == 0.01, "it rests")
    assert quota_of(platform, other) == 1
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(platform.get, name, "/?ms=1500")
        until(lambda: quota_of(platform, mine) == 1, "it works")
        assert long.result().status == 200
    until(lambda: quota_of(platform, mine) == 0.01, "it rests again")
    assert platform.get(name, "/burn?cpu=200").status == 200
    assert platform.instances(name)[0]["name"] == mine


def test_no_death_of_a_role_leaves_a_throttled_instance_without_cpu_while_it_serves(own_platform, tide):
    throttled = {"run.googleapis.com/cpu-throttling": "true"}
    own_platform.apply(manifest("rests", tide, idle="60s", template_annotations=throttled), True, "--wait")
    assert own_platform.get("rests").status == 200
    mine = own_platform.instances("rests")[0]["name"]
    until(lambda: quota_of(own_platform, mine) == 0.01, "it rests")
    for role in ("engine", "router"):
        os.kill(pid_of(own_platform, role), signal.SIGKILL)
        until(lambda: own_platform.get("rests", "/burn?cpu=300").status == 200, f"it serves after the death of {role}")
        until(lambda: own_platform.instances("rests"), "it is known")
        with ThreadPoolExecutor(1) as pool:
            long = pool.submit(own_platform.get, "rests", "/?ms=2000")
            until(lambda: quota_of(own_platform, mine) == 1, "it works")
            assert long.result().status == 200
        until(lambda: quota_of(own_platform, mine) == 0.01, "it rests again")


def test_a_boost_is_there_at_the_start_and_goes(platform, name, tide):
    service = manifest(name, tide, min_scale=1, template_annotations={"run.googleapis.com/startup-cpu-boost": "true"})
    service["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "500m"}}
    platform.apply(service, True, "--wait")
    mine = platform.instances(name)[0]["name"]
    assert quota_of(platform, mine) == min(2, os.cpu_count())
    until(lambda: quota_of(platform, mine) == 0.5, "the boost is over", seconds=60)


# ---- what is kept, and the rest of HTTP


def test_what_cloud_run_wrote_comes_back_as_it_was(platform, name, tide):
    notes = {"run.googleapis.com/ingress": "all", "run.googleapis.com/launch-stage": "BETA",
             "run.googleapis.com/something-of-tomorrow": "{}", "serving.knative.dev/creator": "ana@example.com"}
    service = manifest(name, tide, annotations=notes, template_annotations={
        "run.googleapis.com/execution-environment": "gen2", "run.googleapis.com/cpu-throttling": "False",
        "run.googleapis.com/secrets": "db:projects/9/secrets/database", "autoscaling.knative.dev/maxScale": "5"})
    template = service["spec"]["template"]["spec"]
    template.update({"serviceAccountName": "loans@lending.iam.gserviceaccount.com", "containerConcurrency": 40,
                     "enableServiceLinks": False, "nodeSelector": {"run.googleapis.com/accelerator": "nvidia-l4"}})
    template["containers"][0].update({
        "imagePullPolicy": "Always", "readinessProbe": {"grpc": {"port": 8080}, "successThreshold": 2},
        "env": [{"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db", "key": "3", "optional": True}}}],
        "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "64Mi"}}})
    done = platform.apply(service, True, "--wait")
    assert "something-of-tomorrow" in done.err + done.out, "it is kept, and said"
    shown = platform.service(name)
    assert shown["spec"]["template"]["spec"] == template
    assert notes.items() <= shown["metadata"]["annotations"].items()
    given = service["spec"]["template"]["metadata"]["annotations"]
    assert given.items() <= shown["spec"]["template"]["metadata"]["annotations"].items()


def test_an_options_that_may_go_no_further_is_answered_by_marea(platform, name, tide):
    platform.apply(manifest(name, tide), True, "--wait")
    answer = raw(platform, name, ["Max-Forwards: 0"], "OPTIONS", "/headers")
    assert answer.startswith("HTTP/1.1 200") and "Max-Forwards is 0" in answer and "\r\nAllow: GET" in answer
    passed = raw(platform, name, ["max-forwards: 10"], "OPTIONS", "/headers")
    assert "Max-Forwards: 9\r\n" in passed
    assert "Max-Forwards: 0\r\n" in raw(platform, name, ["Max-Forwards: 0"], "GET", "/headers"), "it is for OPTIONS and TRACE"
