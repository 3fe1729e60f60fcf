"""P18: the 99th of a hundred latencies while load rises tenfold in 30 s, from 100 to 1,000 requests/s, over that at a
steady 1,000 requests/s, in turn with it. Each request holds a slot for 40 ms, an instance has five, and the machine has
room for more; latencies count from the planned time. `slow_start` is that at a steady 100 requests/s."""

import ground
import apps
from figure import emit, say
from load import Load
from running_platform import manifest
from waiting import until

ROUNDS = 5
LOW, HIGH = 100, 1000
KIND = "wave 1 wave.localhost GET /?ms=40"


def p99(load):
    if load.others:
        say(f"P18: not answered by the app: {load.others[:3]}")
    return [stage["ms"]["p99"] for stage in load.summary["stages"]]


def main():
    ground.need(ground.BIN / "marea-load")
    rising, steady, low, failed = [], [], [], 0
    with ground.folder() as where, ground.platform() as platform:
        platform.apply(manifest("wave", apps.tide_image(where / "image"), concurrency=5, memory="64Mi", idle="2s"), True,
                       "--wait")
        for turn in range(ROUNDS):
            until(lambda: not platform.instances("wave"), "it is at zero")
            with Load(platform.http_port, f"5:{LOW}", f"10:{LOW}", f"30:{LOW}-{HIGH}", kinds=[KIND]) as rise:
                pass
            with Load(platform.http_port, f"10:{HIGH}", f"20:{HIGH}", kinds=[KIND]) as flat:
                pass
            _, slow, risen = p99(rise)
            low.append(slow)
            rising.append(risen)
            steady.append(p99(flat)[1])
            failed += len(rise.others) + len(flat.others)
            say(f"P18 round {turn + 1}: rising {rising[-1]:.1f} ms, steady {steady[-1]:.1f} ms, at {LOW}/s {slow:.1f} ms, "
                f"{rise.summary['instances']} and {flat.summary['instances']} instances")
    emit("P18", "ms", rising, {"ratio": 1.5, "failed": 0}, {"steady": steady, "slow_start": low}, ("steady",), failed=failed)


if __name__ == "__main__":
    main()
