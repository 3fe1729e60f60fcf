"""P7: 500 requests at once on a service at zero, concurrency 10, maxScale 50. (a) Each sleeps 20 ms: one instance would
need a second; the 99th of a hundred answers, how many instances there were, and how many answered. (b) Each uses a
processor for 20 ms: when the last one is answered, over the same work in one plain process with a thread per processor,
in turn with it."""

import os
import statistics
import subprocess
import time

import ground
import apps
from figure import asked, emit, say
from load import Load
from running_platform import manifest
from waiting import until

ROUNDS = 5
REQUESTS = 500
MILLISECONDS = 20
REST = 1.0  # seconds, after the last instance is gone: what its end still costs shall not be in the next round


def until_zero(platform, service):
    path = f"/apis/marea.dev/v1/instances?service={service}"
    until(lambda: not [one for one in platform.call(path).json()["items"] if one["state"] not in ("stopped", "failed")],
          f"{service} is at zero")
    time.sleep(REST)


def burst(platform, service, target):
    """The account of 500 requests at once at zero."""
    until_zero(platform, service)
    with Load(platform.http_port, f"0:={REQUESTS}", connections=REQUESTS,
              kinds=[f"{service} 1 {service}.localhost GET {target}"]) as load:
        pass
    if load.others:
        say(f"P7: not answered by the app: {load.others[:3]}")
    return load


def alone():
    """Seconds for the same work in one process with a thread per processor."""
    start = time.perf_counter()
    subprocess.run([str(apps.tide_program()), "--burn", str(REQUESTS * MILLISECONDS // os.cpu_count())], check=True,
                   stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def sleeping(platform):
    keeper = platform.process.pid
    roles = [keeper, *(pid for role in ("engine", "router", "control", "logs") for pid in ground.below(keeper, role))]
    loads, spent, instances = [], [], []
    for turn in range(ROUNDS):
        until_zero(platform, "sleeper")
        before = ground.cpu_seconds(roles, ended_children=True)
        loads.append(load := burst(platform, "sleeper", f"/?ms={MILLISECONDS}"))
        spent.append((ground.cpu_seconds(roles, ended_children=True) - before) * 1e3)
        instances.append(len(platform.instances("sleeper")))
        say(f"P7a round {turn + 1}: p50 {load.summary['ms']['p50']:.0f} ms, p99 {load.summary['ms']['p99']:.0f} ms, "
            f"{load.summary['instances']} of {instances[-1]} instances answered, {spent[-1]:.0f} ms of CPU")
    fewest = min(instances)
    emit("P7a", "ms", [load.summary["ms"]["p99"] for load in loads], {"value": 400, "failed": 0, "below_20_instances": 0},
         failed=sum(len(load.others) for load in loads), instances=fewest, below_20_instances=max(0, 20 - fewest),
         answering=min(load.summary["instances"] for load in loads), cpu_ms=statistics.median(spent))


def working(platform):
    marea, bare, failed = [], [], 0
    for turn in range(ROUNDS):
        bare.append(alone())
        load = burst(platform, "worker", f"/burn?cpu={MILLISECONDS}")
        marea.append(load.summary["ms"]["max"] / 1e3)
        failed += len(load.others)
        say(f"P7b round {turn + 1}: {marea[-1]:.2f} s with {load.summary['instances']} instances, alone {bare[-1]:.2f} s")
    emit("P7b", "s", marea, {"ratio": 1.2, "failed": 0}, {"one process": bare}, ("one process",), failed=failed)


def main():
    ground.need(ground.BIN / "marea-load")
    with ground.folder() as where, ground.platform() as platform:
        image = apps.tide_image(where / "image")
        for service in ("sleeper", "worker"):
            platform.apply(manifest(service, image, concurrency=10, max_scale=50, memory="64Mi", idle="1s"), True, "--wait")
        if asked("P7a"):
            sleeping(platform)
        if asked("P7b"):
            working(platform)


if __name__ == "__main__":
    main()
