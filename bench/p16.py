"""P16: requests lost at 1,000 requests/s while (a) a service is deployed, (b) instances are scaled in, (c) control,
(d) engine, (e) logs and (f) a builder at work are killed with SIGKILL. Lost is what a caller that tries nothing twice
sees as a reset, an end, silence or a 5xx that the app did not make (bench/load). Each round does it several times; the
value is the median over the rounds, `lost` their sum. The router's own death is counted by ./dev soak."""

import os
import signal
import subprocess
import time

import ground
import apps
import oci
from figure import asked, emit, say
from load import Load
from running_platform import manifest
from waiting import until

ROUNDS = 5
RATE = 1000
SECONDS = 12
TIMES = 4  # in a round
KINDS = ("steady 700 steady.localhost GET /", "orders 100 orders.localhost POST /count 200",
         "slow 100 slow.localhost GET /?ms=100", "bodies 50 bodies.localhost POST /echo 100000",
         "streams 10 streams.localhost GET /drip?n=10&ms=100", "sleepy 1 sleepy.localhost GET /")


class Ground:
    """The platform with its services, each of which answers."""

    def __init__(self, platform, where):
        self.platform, self.where, self.image, self.turn = platform, where, apps.tide_image(where / "image"), 0
        for kind in KINDS:
            self.deploy(kind.split()[0])

    def deploy(self, service, image=None):
        self.turn += 1
        words = {"image": image or self.image, "args": ["--text", f"v{self.turn}"], "concurrency": 10, "memory": "64Mi"}
        self.platform.apply(manifest(service, idle="1s", **words), True, "--wait")

    def kill(self, role):
        """False when there is none."""
        found = ground.below(self.platform.process.pid, role)[:1]
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return bool(found)


def deploys(here, _load):
    for kind in KINDS[:TIMES]:
        here.deploy(kind.split()[0])


def scale_in(here, load):
    load.mix("slow 600 slow.localhost GET /?ms=100")
    until(lambda: len(here.platform.instances("slow")) > 2, "slow is out")
    load.mix("slow 1 slow.localhost GET /?ms=100")
    until(lambda: len(here.platform.instances("slow")) <= 1, "slow is in again")
    load.mix("slow 100 slow.localhost GET /?ms=100")


def deaths_of(role):
    def happen(here, _load):
        for _ in range(TIMES):
            here.kill(role)
            time.sleep(SECONDS / TIMES / 1.5)
    return happen


def builder_deaths(here, _load):
    """A new image each time, large enough to find a builder at work; it is imported once more without a death."""
    for _ in range(TIMES):
        here.turn += 1
        layout = here.where / f"image-{here.turn}"
        oci.make(layout, {"app/tide": (apps.tide_program().read_bytes(), 0o755), "ballast": os.urandom(30 << 20)},
                 {"Entrypoint": ["/app/tide"]})
        words = [str(here.platform.binary), "images", "import", f"turn-{here.turn}", f"oci:{layout}"]
        options = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "MAREA_SERVER": f"unix:{here.platform.api}"}}
        with subprocess.Popen(words, stderr=subprocess.DEVNULL, **options) as importing:
            until(lambda running=importing: here.kill("builder") or running.poll() is not None, "a builder is killed",
                  pause=0.001)
        subprocess.run(words, check=True, **options)


PARTS = {"P16a": ("deploy", deploys), "P16b": ("scale-in", scale_in), "P16c": ("kill control", deaths_of("control")),
         "P16d": ("kill engine", deaths_of("engine")), "P16e": ("kill logs", deaths_of("logs")),
         "P16f": ("kill builder", builder_deaths)}


def measure(here, happen):
    """How many were lost while it happened, and of how many."""
    with Load(here.platform.http_port, f"{SECONDS * 5}:{RATE}", kinds=KINDS, seed=here.turn) as load:
        until(lambda: load.progress.get("app", 0) > RATE, "the load has begun")
        happen(here, load)
        until(lambda begin=time.monotonic(): time.monotonic() - begin > 2, "the load goes on")
        load.stop()
    for one in load.lost[:5]:
        say(f"P16 lost: {one}")
    return len(load.lost), load.summary["requests"]


def main():
    ground.need(ground.BIN / "marea-load")
    parts = {name: part for name, part in PARTS.items() if asked(name)}
    lost, requests = {name: [] for name in parts}, {name: 0 for name in parts}
    with ground.folder() as where, ground.platform() as platform:
        here = Ground(platform, where)
        for turn in range(ROUNDS):
            for name, (what, happen) in parts.items():
                count, of = measure(here, happen)
                lost[name].append(count)
                requests[name] += of
                say(f"{name} round {turn + 1}: {what}: {count} of {of} requests lost")
    for name, (what, _) in parts.items():
        emit(name, "requests", lost[name], {"lost": 0}, what=what, lost=sum(lost[name]), requests=requests[name])


if __name__ == "__main__":
    main()
