"""Several containers in an instance: order, probes, ends, volumes, and the death of engine."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from deaths_test import Load
from roles_test import roles
from running_platform import Inside, manifest
from traces import descendants
from waiting import until

LISTEN = ("import http.server,os;"
          "http.server.ThreadingHTTPServer(('127.0.0.1',{port}),http.server.SimpleHTTPRequestHandler).serve_forever()")
IDLE = "import signal\nsignal.pause()"
# When a process began, in seconds since the machine's start; cut to what the kernel counts in.
BEGAN = "int(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19]) / 100"
TICK = 0.01
STAMP = "open('/v/{file}', 'w').write(str({value}))\n"
PAUSE = "__import__('select').select([], [], [], 0.05)"


def python(code):
    return {"command": ["python3", "-u", "-c"], "args": [code]}


@pytest.fixture
def make(platform, probe_image, name):
    """make(sidecars, dependencies, volumes, mounts, …): the manifest of the probe with these beside it."""

    def build(sidecars, dependencies=None, volumes=None, mounts=None, **options):
        service = manifest(name, probe_image, port=8080, memory="128Mi", **options)
        template = service["spec"]["template"]
        containers = template["spec"]["containers"]
        containers[0]["name"] = "app"
        if mounts:
            containers[0]["volumeMounts"] = mounts
        for sidecar in sidecars:
            containers.append({"image": probe_image, "resources": {"limits": {"memory": "64Mi"}}, **sidecar})
        if volumes:
            template["spec"]["volumes"] = volumes
        if dependencies:
            template["metadata"]["annotations"]["run.googleapis.com/container-dependencies"] = dependencies
        return service

    return build


@pytest.fixture
def inside(platform, name):
    return Inside(platform, name)


def lines_of(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:  # its process or group has ended
        return []


def namespaces(pids):
    """Those that these processes are in or hold by a descriptor: "net:[4026531840]"."""
    found = set()
    for pid in pids:
        for folder in (f"/proc/{pid}/ns", f"/proc/{pid}/fd"):
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for one in names:
                try:
                    found.add(os.readlink(f"{folder}/{one}"))
                except OSError:
                    continue
    return {each for each in found if ":[" in each and each.split(":")[0] not in ("socket", "pipe")}


def volume_devices(pids, at=" /v "):
    """Device numbers of the file systems in memory that these processes see there, or anywhere."""
    lines = [line for pid in pids for line in lines_of(f"/proc/{pid}/mountinfo")]
    return {line.split()[2] for line in lines if at in line and " - tmpfs " in line}


def failure(platform, name):
    return platform.wait_failed(name)["message"]


def pod(platform, name):
    pods = platform.call(f"/api/v1/namespaces/default/pods?labelSelector=serving.knative.dev/service={name}").json()
    return pods["items"][-1]


def test_an_app_reaches_its_sidecar_over_localhost(platform, make, name, inside):
    platform.apply(make([{"name": "files", **python(LISTEN.format(port=9000))}], '{"app":["files"]}'))
    platform.wait_ready(name)
    got = until(lambda: inside("import urllib.request as u\n"
                               "try: result = u.urlopen('http://localhost:9000/etc/hostname').read().decode().strip()\n"
                               "except OSError: result = None"), "the sidecar answers")
    assert got in [one["name"] for one in platform.instances(name)]
    assert inside("import os; result = os.environ['PORT']") == "8080"


def test_the_next_starts_when_the_one_before_is_ready(platform, make, name, inside):
    ready = "import threading, time\nthreading.Event().wait(1)\n" + STAMP.format(
        file="first", value="time.clock_gettime(time.CLOCK_BOOTTIME)") + LISTEN.format(port=9000)
    second = STAMP.format(file="second", value=BEGAN) + IDLE
    mount = [{"name": "v", "mountPath": "/v"}]
    platform.apply(make(
        [{"name": "first", **python(ready), "volumeMounts": mount,
          "startupProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1, "failureThreshold": 30}},
         {"name": "second", **python(second), "volumeMounts": mount}],
        '{"app":["second"],"second":["first"]}', [{"name": "v", "emptyDir": {}}], mount))
    platform.wait_ready(name)
    first, second, app = inside("result = [float(open('/v/first').read()), float(open('/v/second').read()),"
                                f" {BEGAN}]")
    assert first < second + TICK, "it began when the one before was about to listen"
    assert second <= app


def test_a_dependency_that_never_gets_ready_is_named_with_why(platform, make, name):
    platform.apply(make([{"name": "proxy", **python("print('waiting for a database', flush=True)\n" + IDLE),
                          "startupProbe": {"httpGet": {"path": "/up", "port": 9000}, "periodSeconds": 1,
                                           "failureThreshold": 2}}], '{"app":["proxy"]}'), False, "--no-wait")
    said = failure(platform, name)
    assert 'container "proxy": its startup probe (HTTP /up on port 9000) did not succeed in time' in said
    assert '"app" waits for it' in said
    assert "waiting for a database" in said, "the last lines are those of the container that failed"
    shown = pod(platform, name)["status"]["containerStatuses"]
    assert [each["name"] for each in shown] == ["app", "proxy"]


def test_a_sidecar_that_crashes_ends_the_instance_with_its_name(platform, make, name, inside):
    code = ("import os\n"
            f"while not os.path.exists('/v/die'): {PAUSE}\n"
            "print('out of luck', flush=True); os._exit(3)")
    mount = [{"name": "v", "mountPath": "/v"}]
    platform.apply(make([{"name": "worker", **python(code), "volumeMounts": mount}], None,
                        [{"name": "v", "emptyDir": {}}], mount))
    platform.wait_ready(name)
    before = pod(platform, name)["metadata"]["name"]
    inside("open('/v/die', 'w').close()")

    def ended():
        status = platform.call(f"/api/v1/namespaces/default/pods/{before}").json()["status"]
        return status if status["phase"] == "Failed" else None

    status = until(ended, "the instance has failed")
    assert status["reason"] == "AppExited"
    states = {each["name"]: each["state"]["terminated"] for each in status["containerStatuses"]}
    assert states["worker"]["exitCode"] == 3
    assert 'container "worker"' in states["worker"]["message"]
    assert states["app"]["reason"] == "ContainerStatusUnknown", "nobody knows how the others ended"
    lines = platform.call(f"/api/v1/namespaces/default/pods/{before}/log?container=worker").text
    assert lines.strip() == "out of luck"
    assert "out of luck" not in platform.call(f"/api/v1/namespaces/default/pods/{before}/log?container=app").text
    assert "out of luck" in platform.cli("logs", name, "--container", "worker").out
    assert inside("result = 1") == 1, "the next instance serves"


def test_a_sidecar_that_fails_its_liveness_probe_ends_the_instance_with_its_name(platform, make, name, inside):
    code = "import os; os.chdir('/v'); open('alive', 'w').close()\n" + LISTEN.format(port=9000)
    mount = [{"name": "v", "mountPath": "/v"}]
    platform.apply(make(
        [{"name": "files", **python(code), "volumeMounts": mount,
          "startupProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1, "failureThreshold": 30},
          "livenessProbe": {"httpGet": {"path": "/alive", "port": 9000}, "periodSeconds": 1, "failureThreshold": 3}}],
        '{"app":["files"]}', [{"name": "v", "emptyDir": {}}], mount))
    platform.wait_ready(name)
    before = pod(platform, name)["metadata"]["name"]
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(inside, "import os, threading; os.remove('/v/alive')\nthreading.Event().wait(10); result = 'served'")
        until(lambda: "draining" in [one["state"] for one in platform.instances(name)], "it is taken out")
        assert not late.done()
        assert late.result() == "served", "what was in it goes on"

    def ended():
        now = platform.call(f"/api/v1/namespaces/default/pods/{before}").json()["status"]
        return now if now["phase"] == "Failed" else None

    status = until(ended, "the instance has failed")
    assert status["reason"] == "LivenessFailed"
    assert 'container "files": its liveness probe (HTTP /alive on port 9000) failed 3 times' in status["message"]
    shown = {each["name"]: each["state"]["terminated"] for each in status["containerStatuses"]}
    assert 'container "files"' in shown["files"]["message"]
    assert "files" not in shown["app"]["message"]
    assert inside("result = 'next'") == "next", "another instance serves"


def test_files_in_the_layer_in_shared_memory_and_in_volumes_count_together(platform, make, name, inside):
    """Each has a bound of its own below the memory limit; what is in all of them is the instance's memory."""
    platform.apply(make([], None, [{"name": "v", "emptyDir": {"sizeLimit": "96Mi"}}], [{"name": "v", "mountPath": "/v"}]))
    platform.wait_ready(name)
    fill = ("def fill(place):\n"
            " with open(place + '/big', 'wb', 0) as file:\n"
            "  try:\n"
            "   while True: file.write(bytes(1 << 20))\n"
            "  except OSError as e: return e.errno\n")
    assert inside(fill + "result = fill('/tmp')") == 28, "ENOSPC: the layer alone ends nobody"
    answer = platform.get(name, "/", method="POST", body=(fill + "fill('/dev/shm'); fill('/v')").encode())
    assert answer.status == 502, answer.text
    said = failure(platform, name)
    assert "killed for its memory limit of 128 MiB" in said, said
    assert "files that it writes are memory too" in said, said


def test_a_sidecar_beyond_its_memory_is_told_apart(platform, make, name):
    platform.apply(make([{"name": "greedy", **python("x = bytearray(200 << 20)")}], '{"app":["greedy"]}'), False)
    said = failure(platform, name)
    assert 'the container "greedy" was killed for its memory limit of 64 MiB' in said, said


def test_a_volume_is_shared_both_ways_read_only_or_in_part(platform, make, name, inside):
    code = ("import os\n"
            "os.makedirs('/w/in', exist_ok=True); open('/w/in/from-sidecar', 'w').write('hi')\n"
            f"while not os.path.exists('/w/from-app'): {PAUSE}\n"
            "open('/w/answer', 'w').write(open('/w/from-app').read() + '!')\n" + IDLE)
    platform.apply(make(
        [{"name": "peer", **python(code), "volumeMounts": [{"name": "v", "mountPath": "/w"}]}], None,
        [{"name": "v", "emptyDir": {"sizeLimit": "8Mi"}}],
        [{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/look", "readOnly": True},
         {"name": "v", "mountPath": "/part", "subPath": "in"}]))
    platform.wait_ready(name)
    inside("open('/v/from-app', 'w').write('hello')")
    assert until(lambda: inside("import os\nresult = open('/v/answer').read() if os.path.exists('/v/answer') else ''"),
                 "the sidecar answers in the volume") == "hello!"
    assert inside("result = open('/part/from-sidecar').read()") == "hi"
    assert inside("try: open('/look/x', 'w')\nexcept OSError as e: result = e.errno") == 30, "EROFS"
    full = ("try:\n with open('/v/big', 'wb') as f:\n  for _ in range(64): f.write(bytes(1 << 20))\n"
            "except OSError as e: result = e.errno")
    assert inside(full) == 28, "ENOSPC"
    assert inside("result = 'still here'") == "still here"


def test_a_part_of_a_volume_follows_no_link(platform, make, name, inside):
    code = ("import os\nos.rmdir('/w/in'); os.symlink('/etc', '/w/in'); print('linked', flush=True)\n"
            + LISTEN.format(port=9000))
    platform.apply(make(
        [{"name": "evil", **python(code), "volumeMounts": [{"name": "v", "mountPath": "/w"}],
          "startupProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1, "failureThreshold": 30}}],
        '{"app":["evil"]}', [{"name": "v", "emptyDir": {}}], [{"name": "v", "mountPath": "/part", "subPath": "in"}]))
    platform.wait_ready(name)
    assert inside("import os; result = os.listdir('/part')") == []


def test_engine_may_die_while_a_group_runs(own_platform, probe_image):
    platform, name = own_platform, "group"
    service = manifest(name, probe_image, port=8080, memory="128Mi", min_scale=1)
    service["spec"]["template"]["spec"]["containers"][0]["name"] = "app"
    service["spec"]["template"]["spec"]["containers"].append(
        {"image": probe_image, "name": "files", **python(LISTEN.format(port=9000)),
         "livenessProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1, "failureThreshold": 3},
         "volumeMounts": [{"name": "v", "mountPath": "/v"}]})
    service["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    platform.apply(service)
    platform.wait_ready(name)
    inside = Inside(platform, name)
    before = {one["name"] for one in platform.instances(name)}
    with Load(platform, name) as load:
        old = roles(platform)["engine"][0]
        os.kill(old, signal.SIGKILL)
        until(lambda: roles(platform).get("engine", (old,))[0] != old, "there is another engine")
        since = load.count
        until(lambda: load.count > since + 50, "requests go on")
    assert not load.bad, load.bad[:3]
    assert {one["name"] for one in platform.instances(name)} == before
    assert inside("import urllib.request as u; result = u.urlopen('http://localhost:9000/').status") == 200
    groups = [g for g in platform.traces_now() if any(b in g for b in before)]
    members = {int(pid) for g in groups for pid in lines_of(f"{g}/cgroup.procs")}
    own = namespaces(members) - namespaces({os.getpid()}) - namespaces({platform.process.pid})
    assert {"net", "mnt", "pid", "user"} <= {each.split(":")[0] for each in own}
    volume = volume_devices(members)
    assert len(volume) == 1, "all see one file system at /v"
    platform.cli("services", "delete", name)
    until(lambda: not [g for g in groups if os.path.isdir(g)], "its cgroups are gone")

    def held():
        ours = set(descendants(platform.process.pid))
        staged = [line for pid in ours for line in lines_of(f"/proc/{pid}/mountinfo") if any(b in line for b in before)]
        return staged or own & namespaces(ours) or volume & volume_devices(ours, "")

    until(lambda: not held(), "its namespaces, mounts and volumes are nobody's")
