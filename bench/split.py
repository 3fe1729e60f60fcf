"""What a running release costs router: CPU time per proxied request with a release that counts its keys against the same
router without one, in turns, in one process (bench/split.cc). The worker's CPU is the figure, as in P1; the main loop's,
which keeps the ledger, is beside it."""

import subprocess

import ground
from figure import emit, say

ROUNDS = 20
SECONDS = 1


def main():
    told = subprocess.run([ground.BIN / "bench-split", str(ROUNDS), str(SECONDS)], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    say(told)
    worker, loop = {}, {}
    for line in told.splitlines():
        mode, of_worker, of_loop = line.split()
        worker.setdefault(mode, []).append(float(of_worker) / 1e3)
        loop.setdefault(mode, []).append(float(of_loop) / 1e3)
    emit("split", "µs of the worker's CPU a request", worker["release"], {}, peers={"without a release": worker["plain"]},
         ratio_to=("without a release",), loop=sorted(loop["release"])[ROUNDS // 2],
         loop_without=sorted(loop["plain"])[ROUNDS // 2])


if __name__ == "__main__":
    main()
