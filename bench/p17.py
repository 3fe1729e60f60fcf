"""P17a: a clean debug build without ccache, in a folder of its own. P17b: `./dev test`, its build done. Once each, since
they are long: together about half an hour on two cores. So they run only when they are named: `./dev bench P17`."""

import os
import subprocess
import sys
import time

import ground
from figure import asked, emit, say


def minutes(*command, **options):
    """Of wall clock; what the command says goes to stderr."""
    start = time.monotonic()
    done = subprocess.run(list(map(str, command)), cwd=ground.ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr, **options)
    taken = (time.monotonic() - start) / 60
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode} after {taken:.1f} minutes")
    return taken


def clean_build():
    say("P17a: building, about 15 minutes")
    with ground.folder() as where:
        taken = minutes("cmake", "-G", "Ninja", "-S", ".", "-B", where, "-DMAREA_PRESET=debug", "-DMAREA_UNITY=ON",
                        "-DMAREA_CCACHE=OFF")
        taken += minutes("ninja", "-C", where, env={**os.environ, "CCACHE_DISABLE": "1"})
    emit("P17a", "minutes", [taken], {"value": 8})


def all_tests():
    minutes("./dev", "build", "debug")
    say("P17b: testing, about 15 minutes")
    emit("P17b", "minutes", [minutes("./dev", "test")], {"value": 20})


def main():
    ground.need("cmake", "ninja")
    if asked("P17a"):
        clean_build()
    if asked("P17b"):
        all_tests()


if __name__ == "__main__":
    main()
