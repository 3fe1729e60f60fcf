"""The static test apps (app/tide.cc, app/bomb.cc) as programs and as images."""

import fcntl
import subprocess
from pathlib import Path

import oci

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build" / "e2e"


def _program(name):
    source, program = ROOT / "tests" / "e2e" / "app" / f"{name}.cc", CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:  # two workers may need it at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["g++", "-std=c++20", "-O2", "-static", "-s", str(source), "-o", str(program)], check=True)
    return program


def _image(name, layout):
    oci.make(layout, {f"app/{name}": (_program(name).read_bytes(), 0o755), "tmp/.keep": b""},
             {"Entrypoint": [f"/app/{name}"], "Env": ["PATH=/usr/bin:/bin"]})
    return f"oci:{layout}"


def tide_program():
    """The path of the static program, compiled anew when its source has changed."""
    return _program("tide")


def tide_image(layout):
    """An image of nothing but the app: `oci:DIR`."""
    return _image("tide", layout)


def bomb_image(layout):
    """An image of nothing but app/bomb.cc; its argument is the kind."""
    return _image("bomb", layout)
