"""Runs one fuzz target of build/fuzz for SECONDS. New inputs go to build/fuzz/corpus/NAME, the committed ones
(fuzz/corpus/NAME) are only read; crashes are kept in build/fuzz/crashes."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "fuzz"


def targets():
    found = {}
    for folder in (BUILD / "bin", BUILD / "fuzz"):
        for path in folder.glob("*_fuzz") if folder.is_dir() else ():
            if path.is_file() and os.access(path, os.X_OK):
                found[path.name.removesuffix("_fuzz")] = path
    return found


def main(name, seconds):
    known = targets()
    program = known.get(name.removesuffix("_fuzz"))
    if program is None or not seconds.isdigit():
        print(f"dev: fuzz takes a target ({', '.join(sorted(known)) or 'none yet'}) and SECONDS", file=sys.stderr)
        return 2
    name = name.removesuffix("_fuzz")
    crashes, grown, seeds = BUILD / "crashes", BUILD / "corpus" / name, ROOT / "fuzz" / "corpus" / name
    for folder in (crashes, grown):
        folder.mkdir(parents=True, exist_ok=True)
    command = [str(program), f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/{name}-", "-timeout=10",
               "-rss_limit_mb=2048", "-print_final_stats=1", str(grown)]
    if seeds.is_dir():
        command.append(str(seeds))
    environment = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
    returned = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode
    if returned:
        print(f"dev: {name} found something; the input is in {crashes}", file=sys.stderr)
    return 1 if returned else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
