"""From a service at zero to the first byte of its first answer, with none, one and two sidecars beside the app, in turn. A
sidecar is the same program, ready as soon as it runs; the app waits for none. What is asked of is the ratio: each container
is a sandbox of its own (docs/decisions/0043.md)."""

import statistics

import ground
from figure import emit, rounded, say
from p5 import until_zero
from running_platform import manifest

STARTS = 15
MOST = 2  # sidecars


def with_sidecars(image, count):
    service = manifest(f"with-{count}", image, port=8080, max_scale=1, idle="0s")
    service["spec"]["template"]["spec"]["containers"] += [
        {"name": f"sidecar-{number}", "image": image, "env": [{"name": "PORT", "value": str(9000 + number)}]}
        for number in range(count)]
    return service


def cold_start(platform, name):
    until_zero(platform, name)
    return ground.first_byte(platform.http_port, f"{name}.localhost") * 1e3


def main():
    ground.need("crun", ground.BIN / "bench-backend")
    samples = [[] for _ in range(MOST + 1)]
    with ground.folder() as where, ground.platform() as platform:
        image = ground.backend_image(where / "image")
        for count in range(MOST + 1):
            platform.apply(with_sidecars(image, count), True, "--wait")
        for turn in range(STARTS + 1):
            taken = [cold_start(platform, f"with-{count}") for count in range(MOST + 1)]
            say(f"sidecars start {turn}: " + ", ".join(f"{count}: {ms:.2f} ms" for count, ms in enumerate(taken)))
            if turn > 0:  # the first one warms what the others find
                for one, ms in zip(samples, taken):
                    one.append(ms)
    alone = statistics.median(samples[0])
    ratios = {f"ratio_{count}": rounded(statistics.median(samples[count]) / alone) for count in range(1, MOST + 1)}
    emit("sidecars", "ms", samples[0], {}, {f"{count} sidecars": samples[count] for count in range(1, MOST + 1)}, **ratios)


if __name__ == "__main__":
    main()
