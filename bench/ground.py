"""What the benches stand on: the release build as a running platform, the backend as an image or a plain process, and
what processes cost. The platform is that of the whole-binary tests (tests/e2e), which also sees to it that nothing of
it is left behind."""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
IMAGES = ROOT / "build" / "images"
PEERS = ROOT / "bench" / "peers"
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tools")]

import oci  # noqa: E402
import running_platform  # noqa: E402
import traces  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def need(*programs):
    """Ends the bench with a remedy when something it runs is not there."""
    missing = [str(program) for program in programs if not shutil.which(program)]
    if missing or os.geteuid() != 0:
        sys.exit(f"bench: not found: {', '.join(missing)}; run it as ./dev bench" if missing else
                 "bench: sandboxes need root: run ./dev with sudo")


@contextlib.contextmanager
def folder():
    """A folder that everyone may enter, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="marea-bench-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def enter(namespace):
    """The calling thread goes into the namespace of this open file of /proc/PID/ns."""
    if LIBC.setns(namespace.fileno(), 0) != 0:
        raise OSError(ctypes.get_errno(), f"setns {namespace.name}")


class Network:
    """A network namespace of its own with a loopback. Packet rules of whatever else runs on the machine (another marea,
    Docker) make each of its packets dearer, and differently for different proxies; here there are none but one's own."""

    def __init__(self):
        with open("/proc/thread-self/ns/net") as home:
            if LIBC.unshare(CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            self.there = open("/proc/thread-self/ns/net")
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            enter(home)

    @contextlib.contextmanager
    def inside(self):
        """Sockets made and processes started meanwhile are in it; for one thread."""
        with open("/proc/thread-self/ns/net") as before:
            enter(self.there)
            try:
                yield self
            finally:
                enter(before)


@contextlib.contextmanager
def platform(*options):
    """A running platform of the release build in a network of its own, in which the bench is meanwhile as well; what it
    said is shown when the bench fails. `options` are further ones of `marea serve`."""
    with Network().inside() as network:
        running = running_platform.Platform(BIN / "marea", options=options)
        running.network = network
        try:
            yield running.start()
            running.stop()
        except BaseException:
            print(running.log(), file=sys.stderr)
            raise
        finally:
            running.clean()


@contextlib.contextmanager
def only_on(cpu):
    """What is started meanwhile runs on that CPU alone; hardware_concurrency() there is 1."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def move_to(cpu, pid):
    """All threads of a running process."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {cpu})


@contextlib.contextmanager
def process(*command, environment=None, cwd=None):
    """A peer or a backend, ended when the bench is done with it."""
    running = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=sys.stderr, cwd=cwd,
                               env={**os.environ, **(environment or {})})
    try:
        yield running
    finally:
        running.terminate()
        running.wait(timeout=20)


def wait_for_port(port, seconds=10):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > end:
            raise RuntimeError(f"nothing listens on 127.0.0.1:{port} after {seconds} s")
        time.sleep(0.01)


def cpu_seconds(pids, ended_children=False):
    """User and system time of these processes so far, all threads; with what they have started and seen the end of."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += sum(map(int, fields[11:15 if ended_children else 13]))
    return ticks / TICKS


def below(pid, word=None):
    """The processes that `pid` has started, and theirs; with `word`: those with it among the first two words of their
    command line, such as the role of a `marea ROLE`."""
    found = [one for one in traces.descendants(pid) if one != pid]
    return [one for one in found if not word or any(os.path.basename(said) == word for said in command_line(one)[:2])]


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def backend_image(where):
    """An image of nothing but the backend, as `oci:DIR`."""
    oci.make(where, {"backend": ((BIN / "bench-backend").read_bytes(), 0o755), "tmp/.keep": b""},
             {"Entrypoint": ["/backend"]})
    return f"oci:{where}"


def first_byte(port, host, path="/"):
    """Seconds from before the connect to the first byte of a 200; the rest is read afterwards."""
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = connection.recv(65536)
        seconds = time.perf_counter() - start
        while block := connection.recv(65536):
            answer += block
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"{host} answered {answer[:400]!r}")
    return seconds
