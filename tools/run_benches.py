"""Runs the benches of the figures named (all when none is): each is bench/pN.py and prints JSON lines on stdout. What
was measured earlier, on another machine or in another run is never compared: peers run inside the same bench. `P15` is
all parts of a figure, `P15b` one of them; `bombs` and `bombs-fork`, `api` and `api-list` likewise;
`split` has no parts."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ONLY_WHEN_NAMED = {"P17": "about half an hour", "BOMBS": "about eight minutes"}


def number(name):
    return int(name[1:]) if name[1:].isdigit() else 1000


def choose(words, names):
    """{bench: its parts that were named, none for all}, and the words that name no bench."""
    if not words:
        return {name: [] for name in names if name not in ONLY_WHEN_NAMED}, []
    chosen, unknown = {}, []
    for word in words:
        match = re.fullmatch(r"(P\d+)([a-z]?)", word[:1].upper() + word[1:].lower())
        named = re.fullmatch(r"(bombs|api|split|sidecars)(?:-(\w+))?", word.lower())
        name = named[1].upper() if named else match and match[1]
        if name not in names:
            unknown.append(word)
            continue
        parts = chosen.setdefault(name, [])
        if named and named[2]:
            parts.append(named[2])
        elif match and match[2]:
            parts.append(match[0])
    return chosen, unknown


def main(words):
    benches = {path.stem.upper(): path for path in (ROOT / "bench").glob("*.py") if re.fullmatch(r"p\d+|bombs|api|split|sidecars", path.stem)}
    names = sorted(benches, key=number)
    chosen, unknown = choose(words, names)
    if unknown:
        print(f"dev: no bench for {', '.join(unknown)}; there are: {', '.join(names) or 'none yet'}", file=sys.stderr)
        return 2
    failed = 0
    for name, parts in chosen.items():
        failed |= subprocess.run(["/usr/bin/python3", "-B", str(benches[name]), *parts], cwd=ROOT).returncode
    for name, long in ONLY_WHEN_NAMED.items():
        if not words and name in benches:
            print(f"dev: {name} was left out, it takes {long}: ./dev bench {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
