"""Runs the benches of the figures named (all when none is): each is bench/pN.py and prints JSON lines on stdout. What
was measured earlier, on another machine or in another run is never compared: peers run inside the same bench."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(names):
    benches = {path.stem.upper(): path for path in (ROOT / "bench").glob("p*.py") if re.fullmatch(r"p\d+", path.stem)}
    chosen = [name.upper() for name in names] or sorted(benches, key=lambda name: int(name[1:]))
    unknown = [name for name in chosen if name not in benches]
    if unknown:
        known = ", ".join(sorted(benches, key=lambda name: int(name[1:]))) or "none yet"
        print(f"dev: no bench for {', '.join(unknown)}; there are: {known}", file=sys.stderr)
        return 2
    failed = 0
    for name in chosen:
        failed |= subprocess.run(["/usr/bin/python3", str(benches[name])], cwd=ROOT).returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
