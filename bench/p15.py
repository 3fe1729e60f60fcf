"""P15a: `marea deploy` of an image that the platform has never seen (Debian's nginx as an OCI layout) until its URL has
answered. P15b: `marea up` of examples/hola, whose base images and build steps are in the cache, until its URL has
answered; beside it the same after an edit of the source, when the compiler runs as well."""

import os
import shutil
import subprocess
import time

import ground
from figure import asked, emit, say
from running_platform import run_cli

ROUNDS = 5
BASES = {"debian": ["libstdc++6"], "debian-cpp": ["g++"], "nginx": ["nginx-light"]}


def layout(name):
    """An OCI layout of Debian packages that are installed here, kept in build/images."""
    where = ground.IMAGES / name
    subprocess.run([ground.ROOT / "tools" / "base-image", where, *BASES[name]], check=True, stdout=subprocess.DEVNULL)
    return where


def timed(platform, service, *words):
    """Seconds from the command to the last byte of the service's first answer."""
    start = time.perf_counter()
    done = run_cli(*words, environment={"MAREA_SERVER": f"unix:{platform.api}"}, binary=platform.binary)
    if done.rc != 0:
        raise RuntimeError(f"marea {' '.join(map(str, words))}: exit {done.rc}\n{done.out}{done.err}")
    ground.first_byte(platform.http_port, f"{service}.localhost")
    return time.perf_counter() - start


def deploy():
    image = layout("nginx")
    megabytes = sum(path.stat().st_size for path in (image / "blobs").rglob("*") if path.is_file()) / 1e6
    first, again = [], []
    for turn in range(ROUNDS):
        with ground.platform() as platform:
            words = ["deploy", "site", "--image", f"oci:{image}", "--port", "80", "--command", "nginx", "--args=-g",
                     "--args=daemon off;"]
            first.append(timed(platform, "site", *words))
            again.append(timed(platform, "site", *words, "--env", "AGAIN=yes"))
        say(f"P15a round {turn + 1}: {first[-1]:.3f} s; another revision of the same image {again[-1]:.3f} s")
    emit("P15a", "s", first, {"value": 2.0}, image_mb=megabytes, known_image=sorted(again)[ROUNDS // 2])


def up():
    with ground.folder() as where, ground.platform() as platform:
        for name in ("debian", "debian-cpp"):
            platform.cli("images", "import", f"localhost/{name}:bookworm", f"oci:{layout(name)}")
        context = where / "hola"
        shutil.copytree(ground.ROOT / "examples" / "hola", context)
        say(f"P15b: cold cache: {timed(platform, 'hola', 'up', context):.3f} s")
        same, edited = [], []
        for turn in range(ROUNDS):
            same.append(timed(platform, f"hola{turn}", "up", context, "--name", f"hola{turn}"))
            with open(context / "hola.cc", "a", encoding="utf-8") as source:
                source.write(f"// edit {turn} of {os.getpid()}\n")
            edited.append(timed(platform, "hola", "up", context))
            say(f"P15b round {turn + 1}: {same[-1]:.3f} s; after an edit {edited[-1]:.3f} s")
    emit("P15b", "s", same, {"value": 5.0}, after_edit=sorted(edited)[ROUNDS // 2])


def main():
    ground.need(ground.BIN / "marea", "buildah")
    if asked("P15a"):
        deploy()
    if asked("P15b"):
        up()


if __name__ == "__main__":
    main()
