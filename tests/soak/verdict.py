"""What a soak says at its end: which requests were lost, and whether a role's memory grew without bound. Pure."""

from dataclasses import dataclass, field

SETTLE = 2.0  # seconds from a killed router's end until its callers know: resets are sent when the kernel gets to it
WARM_UP = 10.0  # seconds in which a role fills its pools
SHORTEST = 30.0  # a life that says something about growth
MOST_GROWTH = 16 << 20  # bytes over a life, and …
MOST_GROWTH_A_MINUTE = 4 << 20
AROUND = 3.0  # seconds before and after a loss that are told with it


@dataclass
class Kill:
    role: str
    at: float  # before the signal
    gone: float  # the process is no more


@dataclass
class Deletion:
    kind: str
    at: float  # before it was asked for


@dataclass
class Verdict:
    killed_router: list = field(default_factory=list)  # in flight in a router that was killed
    deleted: list = field(default_factory=list)  # 404 of a service that was just deleted
    turned_away: list = field(default_factory=list)  # 4xx by a limit
    lost: list = field(default_factory=list)


def in_killed_router(one, kills):
    """Its connection was one of a router that was killed, and ended with it."""
    return one["outcome"] in ("reset", "eof") and any(
        kill.role == "router" and one["opened"] <= kill.gone and kill.at <= one["ended"] <= kill.gone + SETTLE
        for kill in kills)


def judge(others, kills, deletions):
    """`others` are the requests that no app answered, as marea-load tells them."""
    verdict = Verdict()
    for one in others:
        gone = [each for each in deletions if each.kind == one["kind"] and one["ended"] >= each.at]
        if in_killed_router(one, kills):
            verdict.killed_router.append(one)
        elif one["outcome"] == "marea" and one["status"] == 404 and gone:
            verdict.deleted.append(one)
        elif one["outcome"] == "marea" and one["status"] == 429:
            verdict.turned_away.append(one)
        else:
            verdict.lost.append(one)
    return verdict


def growth(samples):
    """`samples` of one process: [(second, bytes)], rising. A sentence when it grew without bound, else nothing."""
    kept = [sample for sample in samples if sample[0] >= samples[0][0] + WARM_UP]
    if not kept or kept[-1][0] - kept[0][0] < SHORTEST:
        return None
    quarter = max(1, len(kept) // 4)
    first, last = kept[:quarter], kept[-quarter:]
    mean = [sum(part) / quarter for part in (*zip(*first), *zip(*last))]
    grown, minutes = mean[3] - mean[1], (mean[2] - mean[0]) / 60
    if grown < MOST_GROWTH or grown / minutes < MOST_GROWTH_A_MINUTE:
        return None
    return f"from {mean[1] / 1e6:.0f} to {mean[3] / 1e6:.0f} MB in {minutes:.1f} minutes"


def around(one, events):
    """The events near a request: [(second, text)] in, texts out."""
    return [f"{at - one['ended']:+.2f} s {text}" for at, text in events
            if one["planned"] - AROUND <= at <= one["ended"] + AROUND and not text.startswith("request ")]
