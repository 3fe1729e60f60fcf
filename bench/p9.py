"""P9a: what all roles together hold in memory, idle: no service, ten seconds after the start. The proportional set size
is what counts (pages that several roles share count once); the resident sizes are beside it.

P9 with 10,000 services (P9b) and with 10,000 certificates (P9c) come with the capabilities that need them; there is
nothing to measure certificates with yet."""

import time
from pathlib import Path

import ground
from figure import emit, say

STARTS = 5
REST = 10  # seconds


def memory(pid):
    """{"Pss": MB, "Rss": MB}"""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if line.startswith(("Pss:", "Rss:")))
    return {name: int(text.split()[0]) * 1024 / 1e6 for name, text in fields.items()}


def role(pid):
    return next((word for word in ground.command_line(pid)[1:] if not word.startswith("-")), "?")


def one_start():
    with ground.platform() as platform:
        time.sleep(REST)
        held = {pid: memory(pid) for pid in [platform.process.pid, *ground.below(platform.process.pid)]}
        by_role = {role(pid): sizes["Pss"] for pid, sizes in held.items()}
    say("P9a: " + ", ".join(f"{name} {size:.1f} MB" for name, size in by_role.items()))
    return [sum(sizes[kind] for sizes in held.values()) for kind in ("Pss", "Rss")], by_role


def main():
    ground.need(ground.BIN / "marea")
    starts = [one_start() for _ in range(STARTS)]
    proportional, resident = zip(*(sums for sums, _ in starts))
    roles = {name: float(f"{size:.3g}") for name, size in starts[-1][1].items()}
    emit("P9a", "MB", proportional, {"value": 60}, rss=sorted(resident)[STARTS // 2], roles=roles)


if __name__ == "__main__":
    main()
