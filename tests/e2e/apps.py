"""The test app (app/tide.cc) as a program and as an image."""

import subprocess
from pathlib import Path

import oci

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build" / "e2e"


def tide_program():
    """The path of the static program, compiled anew when its source has changed."""
    source, program = ROOT / "tests" / "e2e" / "app" / "tide.cc", CACHE / "tide"
    CACHE.mkdir(parents=True, exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["g++", "-std=c++20", "-O2", "-static", "-s", str(source), "-o", str(program)], check=True)
    return program


def tide_image(layout):
    """An image of nothing but the app: `oci:DIR`."""
    oci.make(layout, {"app/tide": (tide_program().read_bytes(), 0o755), "tmp/.keep": b""},
             {"Entrypoint": ["/app/tide"], "Env": ["PATH=/usr/bin:/bin"]})
    return f"oci:{layout}"
