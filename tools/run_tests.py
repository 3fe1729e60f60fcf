"""Runs the tests of build/debug and counts each one: gtest programs and pytest files write JUnit XML, which is read
here. The last line is `N passed, N failed`; a program that dies before it could report counts as one failure."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "debug"
RESULTS = BUILD / "results"
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no"]
SIM_RUNS = 500  # seeds per world
SIM_BLOCK = 100
SIM_RUNS_OF = {"releases": 2}  # of worlds whose single run is a hundred releases
PROGRAM_SECONDS = 600  # a unit test program that takes longer hangs
E2E_WORKERS = 2  # each with a platform of its own; most of their time they wait
# What loads the whole machine, tells how one service fares beside another, or catches short processes at work: nothing else
# runs meanwhile.
E2E_ALONE = ("tests/e2e/bombs_test.py", "tests/e2e/load_test.py", "tests/e2e/registry_test.py")


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []

    def read(self, path, what, returned):
        """Adds the report at `path`; `returned` is what the program that wrote it returned."""
        try:
            cases = ElementTree.parse(path).getroot().iter("testcase")
        except (OSError, ElementTree.ParseError):
            self.failed.append(f"{what}: ended with {returned} and wrote no report")
            return
        before = len(self.failed)
        for case in cases:
            name = f"{case.get('classname', '')}.{case.get('name', '')}"
            if any(case.find(kind) is not None for kind in ("failure", "error", "skipped")):
                self.failed.append(f"{what}: {name}")
            elif case.get("status") != "notrun":
                self.passed += 1
        failed = len(self.failed) - before
        if returned != 0 and failed == 0 and returned != 5:  # pytest: 5 = no test was chosen
            self.failed.append(f"{what}: ended with {returned} after its tests")


def run_program(program, words):
    report = RESULTS / (program.name + ".xml")
    report.unlink(missing_ok=True)
    command = [str(program), f"--gtest_output=xml:{report}", "--gtest_brief=1"]
    if words:
        command.append(f"--gtest_filter=*{words}*")
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PROGRAM_SECONDS)
        returned, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        returned, output = f"no end in {PROGRAM_SECONDS} s", late.stdout or b""
    if returned != 0:
        sys.stdout.write(f"--- {program.name}\n{output.decode(errors='replace')}\n")
    return program.name, report, returned


def run_pytest(what, tally, words, options=(), as_root=False):
    """`options` say what of it; it is the folder `what` unless they do."""
    report = RESULTS / (what.replace("/", "_").replace(" ", "_") + ".xml")
    report.unlink(missing_ok=True)
    command = PYTEST + [*(options or [what]), f"--junitxml={report}"] + (["-k", words] if words else [])
    if as_root and os.geteuid() != 0:
        command = ["sudo", "--preserve-env=MAREA_BIN,LANG", "env", "PYTHONDONTWRITEBYTECODE=1"] + command
    returned = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode
    tally.read(report, what, returned)


def unit(tally, words):
    programs = sorted(p for p in (BUILD / "tests").glob("*_test") if p.is_file())
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for name, report, returned in pool.map(lambda program: run_program(program, words), programs):
            tally.read(report, name, returned)
    run_pytest("tests/house", tally, words)
    run_pytest("tests/soak", tally, words)


def sim(tally, words):
    """Each world with SIM_RUNS seeds; a block of seeds counts as one test."""
    program = BUILD / "bin" / "marea-sim"
    worlds = subprocess.run([program, "worlds"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    blocks = []
    for world in worlds.stdout.split():
        runs = SIM_RUNS_OF.get(world, SIM_RUNS)
        size = min(SIM_BLOCK, max(1, runs // 2))
        blocks += [(world, first, size) for first in range(1, runs + 1, size) if words in world]

    def run(block):
        world, first, size = block
        return subprocess.run([program, world, "--runs", str(size), "--first", str(first)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for (world, first, size), done in zip(blocks, pool.map(run, blocks)):
            if done.returncode == 0:
                tally.passed += 1
                continue
            sys.stdout.write(done.stdout + done.stderr)
            tally.failed.append(f"sim: {world}, seeds {first} to {first + size - 1}: ended with {done.returncode}")


def missing_parts():
    """The verbs that the whole-binary tests stand on and that this version does not have yet."""
    program = Path(os.environ.get("MAREA_BIN", BUILD / "bin" / "marea"))
    verbs = ("serve", "deploy", "apply", "services", "instances", "logs")
    return [verb for verb in verbs if subprocess.run([str(program), "help", verb], stdin=subprocess.DEVNULL,
                                                     capture_output=True, check=False).returncode != 0]


def e2e(tally, words):
    missing = missing_parts()
    if missing:
        print(f"!!! e2e not run: this version of marea has no verb {', '.join(missing)}")
    else:
        beside = ["tests/e2e", *(f"--ignore={path}" for path in E2E_ALONE), "-n", str(E2E_WORKERS), "--dist", "loadfile"]
        run_pytest("tests/e2e", tally, words, beside, as_root=True)
        run_pytest("tests/e2e alone", tally, words, E2E_ALONE, as_root=True)


def main(arguments):
    kinds = {"unit": [unit], "sim": [sim], "e2e": [e2e], "all": [unit, sim, e2e]}
    kind, words = "all", ""
    while arguments:
        word = arguments.pop(0)
        if word == "-k" and arguments:
            words = arguments.pop(0)
        elif word in kinds:
            kind = word
        else:
            print(f"dev: test takes unit, sim, e2e or all, and -k WORDS; not '{word}'", file=sys.stderr)
            return 2
    RESULTS.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    for step in kinds[kind]:
        step(tally, words)
        sys.stdout.flush()
    for name in tally.failed:
        print(f"FAILED {name}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed")
    if not tally.passed and not tally.failed:
        print(f"dev: no test matches '{words}'", file=sys.stderr)
        return 1
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
