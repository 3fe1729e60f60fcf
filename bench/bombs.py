"""Bombs in one sandbox (tests/e2e/app/bomb.cc): the 99th of a hundred latencies of its neighbour at 200 requests/s while
the bomb goes off, over that in turn with it while it rests. One figure for each kind; any of them may be named."""

import sys

import apps
import ground
from figure import emit, say
from load import Load
from running_platform import manifest
from waiting import until

ROUNDS = 5
RATE = 200
SECONDS = 4
KINDS = ("fork", "memory", "disk", "inotify", "log", "fd", "socket", "packets", "spin")
NEIGHBOUR = "calm 1 calm.localhost GET /"


def latency(platform):
    """(p99 in ms, requests that the app did not answer)"""
    with Load(platform.http_port, f"1:{RATE}", f"{SECONDS}:{RATE}", connections=32, kinds=[NEIGHBOUR]) as load:
        pass
    return load.summary["stages"][1]["ms"]["p99"], len(load.others)


def defuse(platform):
    for instance in platform.instances("bomb"):
        platform.cli("instances", "delete", instance["metadata"]["name"], check=False)  # it may end by itself meanwhile
    until(lambda: not platform.instances("bomb"), "the bomb is gone")


def measure(platform, image, kind):
    platform.apply(manifest("bomb", image, args=[kind], memory="256Mi", max_scale=1, idle="1h"), True, "--wait")
    quiet, lit, failed = [], [], 0
    for turn in range(ROUNDS):
        defuse(platform)
        calm, lost = latency(platform)
        platform.get("bomb", "/go")
        shaken, more = latency(platform)
        quiet.append(calm)
        lit.append(shaken)
        failed += lost + more
        say(f"bombs {kind} round {turn + 1}: {shaken:.2f} ms, without it {calm:.2f} ms")
    defuse(platform)
    emit(f"bombs-{kind}", "ms", lit, {"ratio": 1.5, "failed": 0}, {"quiet": quiet}, ("quiet",), failed=failed)


def main():
    ground.need(ground.BIN / "marea-load")
    with ground.folder() as where, ground.platform() as platform:
        platform.apply(manifest("calm", apps.tide_image(where / "tide"), min_scale=1, memory="64Mi"), True, "--wait")
        image = apps.bomb_image(where / "bomb")
        for kind in KINDS:
            if kind in sys.argv[1:] or not set(KINDS) & set(sys.argv[1:]):
                measure(platform, image, kind)


if __name__ == "__main__":
    main()
