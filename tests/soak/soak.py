"""./dev soak MINUTES [--seed N] [--rate N] [--spare ROLE]… [--only HAPPENING]…

A platform of the release build under load, while its roles are killed at random (`--spare` names those that are not), and
while services are deployed, well and badly, deleted, and pushed up and down. It shows what happens as it goes, and ends
with an account of every request. Exit 0: nothing was lost, every acknowledged change is there, also after a restart,
nothing was left behind, and no role's memory grew without bound. What happens is the same for a seed; when, is not."""

import argparse
import random
import sys
import threading
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "bench")]

import ground  # noqa: E402
import happenings  # noqa: E402
from load import Load  # noqa: E402
from verdict import around, growth, judge  # noqa: E402
from world import ROLES, Events, Memory, World  # noqa: E402

RISE = 5  # seconds until the load is whole
LAST = 600  # seconds that the last happening may take, at most: the load goes on until it has ended
SLEEPY = 6  # services that are asked so rarely that most requests find them at zero
# name: (share, request, settings); the shares are of 2000
SERVICES = {
    "steady": (1100, "GET /", {"min_scale": 1}),
    "work": (200, "GET /burn?cpu=1", {"concurrency": 4}),
    "orders": (200, "POST /count 200", {"concurrency": 20}),
    "slow": (60, "GET /?ms=200", {"concurrency": 5, "max_scale": 40}),
    "bodies": (60, "POST /echo 100000", {"concurrency": 10}),
    "files": (20, "GET /bytes?n=1000000", {"concurrency": 10}),
    "streams": (20, "GET /drip?n=20&ms=100", {"concurrency": 20}),
    **{f"sleepy-{number}": (1, "GET /", {"idle": "1s"}) for number in range(SLEEPY)},
}


def parse():
    parser = argparse.ArgumentParser(prog="./dev soak")
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=int, default=1000, help="requests a second")
    parser.add_argument("--spare", action="append", default=[], choices=ROLES, help="a role that is not killed")
    parser.add_argument("--only", action="append", choices=happenings.ALL, help="a happening, no others")
    return parser.parse_args()


def kinds():
    for service, (share, request, _) in SERVICES.items():
        method, target, *body = request.split()
        yield " ".join([service, str(share), f"{service}.localhost", method, target, *body])


def kill_roles(world, options, over):
    """Every few seconds one of the roles; in a thread of its own."""
    chance = random.Random(f"kills {options.seed}")
    roles = [role for role in ROLES if role not in options.spare]
    while roles and not over.wait(chance.uniform(2, 10)):
        world.kill(chance.choice(roles))


def go_on(world, load, options, over):
    """One happening after the other."""
    chance = random.Random(f"happenings {options.seed}")
    names = options.only or sorted(happenings.ALL)
    while not over.wait(chance.uniform(0.2, 3)):
        name = chance.choice(names)
        world.events(f"happening: {name}")
        try:
            happenings.ALL[name](world, load, chance)
        except Exception as error:
            world.faults.append(f"{name}: {error}")
            world.events(f"{name} failed: {traceback.format_exc()}")


def soak(world, options):
    """The load, and what happens meanwhile; gives the load's account."""
    over, seconds = threading.Event(), options.minutes * 60
    stages = f"{RISE}:1-{options.rate}", f"{seconds + LAST}:{options.rate}"
    with Load(world.platform.http_port, *stages, kinds=kinds(), connections=1500, seed=options.seed) as load:
        threads = [threading.Thread(target=kill_roles, args=(world, options, over)),
                   threading.Thread(target=go_on, args=(world, load, options, over))]
        for thread in threads:
            thread.start()
        end, shown, told = time.monotonic() + seconds, time.monotonic(), 0
        while time.monotonic() < end and load.process.poll() is None:
            time.sleep(0.5)
            for one in load.others[told:]:
                told += 1
                world.events(f"request {one['request']} of {one['kind']}: {one['outcome']} {one['status']} {one['why']}")
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                world.events(f"load: {load.progress}")
        over.set()
        for thread in threads:
            thread.join()
        load.stop()
    return load


def report(world, load, memory, start):
    """Prints the account; gives what is wrong."""
    verdict = judge(load.others, world.kills, world.deletions)
    summary, wrong = load.summary, list(world.faults)
    print(f"\nrequests {summary['requests']}: answered by an app {summary['outcomes'].get('app', 0)}, "
          f"404 after a delete {len(verdict.deleted)}, turned away by a limit {len(verdict.turned_away)}, "
          f"in flight in a killed router {len(verdict.killed_router)}, lost {len(verdict.lost)}")
    for name, part in summary["kinds"].items():
        times = ", ".join(f"{what} {value:.1f}" for what, value in part.get("ms", {}).items())
        print(f"  {name}: {part['outcomes']} by {part['instances']} instances; ms: {times}")
    for since, until in summary["silences"]:
        near = [text for at, text in world.events.all if since - 0.1 <= at <= until and text.startswith("killed")]
        print(f"  nobody was answered for {until - since:.2f} s from {since - start:.2f} s on: {', '.join(near) or 'no kill'}")
    killed = {role: sum(kill.role == role for kill in world.kills) for role in ROLES}
    print(f"killed: {killed}; connections that were closed at rest: {summary['closed_at_rest']}; "
          f"most a request was sent behind its time: {summary['most_behind_ms']:.0f} ms")
    for place, one in enumerate(verdict.lost):
        wrong.append(f"lost at {one['ended'] - start:.2f} s: request {one['request']} of {one['kind']}, "
                     f"sent {one['ended'] - one['sent']:.3f} s before on a {'kept' if one['kept'] else 'new'} connection: "
                     f"{one['outcome']} {one['status']} {one['why']} ({one['request_id']})")
        if place == 0 or one["ended"] - verdict.lost[place - 1]["ended"] > 1:
            wrong[-1] += "".join(f"\n      {text}" for text in around(one, world.events.all))
    accounted = summary["outcomes"].get("app", 0) + len(load.others)
    if accounted != summary["requests"]:
        wrong.append(f"{summary['requests']} requests were planned, {accounted} are accounted for")
    for (role, pid), samples in memory.samples.items():
        if grown := growth(samples):
            wrong.append(f"the memory of {role} ({pid}) grew {grown}")
    return wrong


def restart(world):
    """What was acknowledged is there, now and after a restart."""
    wrong = list(world.missing())
    world.platform.stop()
    world.platform.start()
    wrong += [f"after a restart: {fault}" for fault in world.missing()]
    return wrong


def main():
    options = parse()
    ground.need(ground.BIN / "marea-load", ground.BIN / "marea")
    events = Events()
    events(f"seed {options.seed}")
    with ground.folder() as where, ground.platform() as platform:
        world = World(platform, where, events, options.spare)
        for service, (_, _, settings) in SERVICES.items():
            world.wait_serves(service, world.change(service, **{"idle": "2s", **settings}))
        memory = Memory(platform)
        memory.start()
        load = soak(world, options)
        memory.stop()
        wrong = report(world, load, memory, events.start) + restart(world)
    for fault in wrong:
        print(f"WRONG {fault}")
    print(f"soak: {len(wrong)} wrong, seed {options.seed}" if wrong else "soak: nothing lost")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
