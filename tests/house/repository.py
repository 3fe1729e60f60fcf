"""The text of every file of the repository, as the house rules read it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SKIPPED = ("build/", ".git/", ".cache/")


def paths():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:  # an unpacked archive, without git
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
    return sorted(name for name in names if not name.startswith(SKIPPED) and (ROOT / name).is_file())


def tree():
    """path → text; a file that is no text (a corpus input, a picture) counts as empty."""
    texts = {}
    for name in paths():
        if name.startswith("fuzz/corpus/") or "/testdata/" in name:
            texts[name] = ""
            continue
        try:
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            texts[name] = ""
    return texts
