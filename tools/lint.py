"""Formatting, house rules, lone headers and clang-tidy. What passed once is not checked again until it, a header that it
includes, or the rules change: the stamps in build/lint/passed are named by content (decision 31)."""

import hashlib
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "lint"  # never built: where each source stands alone in compile_commands.json
STAMPS = BUILD / "passed"
TIDY = "clang-tidy-19"
FORMAT = "clang-format-19"
AT_ONCE = 2
BATCH = 48  # sources that are read together: parsing and matching the headers of others costs as much as 30 of ours


def run(command, **options):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def sources():
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.cc", "*.h"])
    return sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def check_format(names):
    if not names:
        return True
    done = run([FORMAT, "--dry-run", "-Werror", *names])
    sys.stdout.write(done.stderr)
    return done.returncode == 0


def check_house():
    tests = ["tests/house/tidy_test.py", "tests/house/layers_test.py"]
    done = run(["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no", "--tb=short", *tests])
    if done.returncode:
        sys.stdout.write(done.stdout)
    return done.returncode == 0


class Inputs:
    """The content key of a source: its text, the text of each of our headers that it reaches, flags and rules."""

    def __init__(self):
        self.texts = {}
        version = run([TIDY, "--version"]).stdout
        self.rules = (ROOT / ".clang-tidy").read_text(encoding="utf-8") + version

    def text(self, name):
        if name not in self.texts:
            path = ROOT / name
            self.texts[name] = path.read_text(encoding="utf-8") if path.is_file() else ""
        return self.texts[name]

    def key(self, name, flags):
        reached, waiting = set(), [name]
        while waiting:
            one = waiting.pop()
            if one in reached:
                continue
            reached.add(one)
            for found in re.findall(r'^\s*#\s*include\s+"([^"]+)"', self.text(one), re.M):
                waiting += ["src/" + found, str(Path(one).parent / found)]
        digest = hashlib.sha256(self.rules.encode() + " ".join(flags).encode())
        for one in sorted(reached):
            digest.update(one.encode() + b"\0" + self.text(one).encode() + b"\0")
        return digest.hexdigest()


def compile_flags():
    """source → the flags that matter to a reader of it, from compile_commands.json."""
    done = run(["cmake", "-G", "Ninja", "-S", ".", "-B", str(BUILD), "-DMAREA_PRESET=debug"])
    if done.returncode:
        sys.exit(f"lint: cmake fails:\n{done.stderr}")
    flags = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8")):
        words = entry["command"].split()
        kept = []
        for index, word in enumerate(words):
            if word.startswith(("-I", "-D", "-std=")):
                kept.append(word)
            elif word == "-isystem":
                kept += [word, words[index + 1]]
        flags[str(Path(entry["file"]).relative_to(ROOT))] = kept
    return flags


def included(name):
    line = f'#include "{ROOT / name}"\n'
    if not re.search(r"^int main\(", (ROOT / name).read_text(encoding="utf-8"), re.M):
        return line
    return f"#define main main_{re.sub('[^a-z0-9]', '_', name)}\n{line}#undef main\n"


def tidy(names, flags):
    """Reads several sources as one. What cannot be read together is halved until it can, or is alone at fault."""
    target = names[0]
    extra = []
    if len(names) > 1:
        digest = hashlib.sha256("\0".join(names).encode()).hexdigest()[:16]
        target = str(STAMPS / f"batch-{digest}.cc")
        Path(target).write_text("".join(map(included, names)), encoding="utf-8")
        extra = ["--checks=-bugprone-suspicious-include,-misc-unused-using-decls,-misc-unused-alias-decls",
                 r"--header-filter=(src|fuzz)/.*\.(h|cc)$"]
    done = run([TIDY, "--quiet", f"--config-file={ROOT / '.clang-tidy'}", *extra, target, "--", "-x", "c++", *flags])
    if done.returncode and len(names) > 1 and "[clang-diagnostic-" in done.stdout:
        middle = len(names) // 2
        return tidy(names[:middle], flags) + tidy(names[middle:], flags)
    return [(names, done.returncode == 0, done.stdout)]


def syntax(names, flags):
    done = run(["g++", "-fsyntax-only", "-Wall", "-Wextra", "-x", "c++", *flags, "-include", *names, "/dev/null"])
    return [(names, done.returncode == 0, done.stderr)]


def all_flags(names, flags):
    """Those of all `names`: which module may include which is the build's to say, and the house rules'."""
    kept = {}
    for name in names:
        words = iter(flags[name])
        kept.update(((word, next(words)) if word == "-isystem" else (word,), None) for word in words)
    return [word for pair in kept for word in pair]


def batches(stale, flags):
    """Sources, at most BATCH together, in even parts, at least one for each core."""
    count = min(len(stale), max(AT_ONCE, -(-len(stale) // BATCH)))
    for first in range(count):
        names = stale[len(stale) * first // count:len(stale) * (first + 1) // count]
        yield names, all_flags(names, flags)


def check_compiled(names):
    """clang-tidy over sources; each header alone, since in a build of batches few stand first."""
    flags, inputs = compile_flags(), Inputs()
    keys, jobs = {}, []
    code = [n for n in names if n in flags and not n.endswith("_test.cc")]
    lone = [name for name in names if name.startswith("src/") and name.endswith(".h")]
    for name in lone:
        folder = Path(name).parent
        near = [n for n in flags if Path(n).parent == folder] or [n for n in flags if n.startswith("src/app/")]
        flags[name] = flags[near[0]]
    for name in code + lone:
        keys[name] = inputs.key(name, flags[name])
    STAMPS.mkdir(parents=True, exist_ok=True)
    stale = [name for name in keys if not (STAMPS / keys[name]).exists()]
    jobs += [(tidy, *batch) for batch in batches([n for n in stale if n in code], flags)]
    jobs += [(syntax, [name], flags[name]) for name in stale if name in lone]
    jobs.sort(key=lambda job: -len(job[1]))
    good = True
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for results in pool.map(lambda job: job[0](job[1], job[2]), jobs):
            for passed, fine, output in results:
                if fine:
                    for name in passed:
                        (STAMPS / keys[name]).touch()
                else:
                    good = False
                    sys.stdout.write(output.replace(str(ROOT) + "/", ""))
    return good


def main():
    names = sources()
    good = True
    for what, check in (("format", lambda: check_format(names)), ("house rules", check_house),
                        ("clang-tidy and lone headers", lambda: check_compiled(names))):
        begin = time.monotonic()
        fine = check()
        print(f"lint: {what}: {'ok' if fine else 'FAILED'} ({time.monotonic() - begin:.1f} s)", flush=True)
        good = good and fine
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
