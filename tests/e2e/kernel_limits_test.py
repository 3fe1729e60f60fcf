"""What the kernel counts for the whole machine, tried from inside a sandbox until it refuses: each sandbox has a share
(docs/limits.md), and a neighbour still has its own."""

import fcntl
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from running_platform import Inside, manifest

LIBC = "import ctypes, errno, os\nc = ctypes.CDLL(None, use_errno=True)\n"
UNTIL_REFUSED = LIBC + """
def until_refused(make, most=20000):
    made = 0
    while made < most:
        if make(made) < 0:
            return made, errno.errorcode[ctypes.get_errno()]
        made += 1
    return made, None
"""
# A process of one thread, which holds what it made: a signal goes to any thread that does not block it, and ends all.
HELD_BY_A_CHILD = UNTIL_REFUSED + """
import json, signal
ends = os.pipe()
if os.fork() == 0:
    signal.pthread_sigmask(signal.SIG_BLOCK, [34])
    os.write(ends[1], json.dumps(until_refused(MAKE, MOST)).encode())
    while True:
        signal.pause()
result = json.loads(os.read(ends[0], 100))
"""
# name → (how one more is made, gives < 0 when refused; the share; what the kernel says beyond it)
EACH = {
    "inotify instances": ("lambda i: c.inotify_init()", 128, "EMFILE"),
    "message queues": ("lambda i: c.mq_open(b'/q%d' % i, os.O_CREAT | os.O_RDWR, 0o600, None)", 256, "EMFILE ENOSPC"),
    "terminals": ("lambda i: c.open(b'/dev/ptmx', os.O_RDWR | os.O_NOCTTY)", 64, "ENOSPC"),
    "files in memory": ("lambda i: c.mknod(b'/dev/shm/f%d' % i, 0o100600, 0)", 4096, "ENOSPC"),
    "queued signals": ("lambda i: c.sigqueue(os.getpid(), 34, None)", 4096, "EAGAIN"),
}


@pytest.fixture(scope="module")
def neighbours(platform, probe_image):
    """Two sandboxes that try the same."""
    for name in ("greedy", "modest"):
        platform.apply(manifest(name, probe_image, memory="256Mi", min_scale=1, max_scale=1))
    for name in ("greedy", "modest"):
        platform.wait_ready(name)
    return Inside(platform, "greedy"), Inside(platform, "modest")


ECHO = """
import socket
server, sink = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
server.bind(('0.0.0.0', 7))
sink.bind(('0.0.0.0', 9))
print('ready', flush=True)
while True:
    said, who = server.recvfrom(9000)
    server.sendto(said, who)
"""


@pytest.fixture(scope="module")
def outside():
    """A host beyond the machine's packet filter, which sends back what comes to port 7 by UDP, and reads nothing at port
    9: its address, and the machine's device towards it. It is a network namespace that lives as long as its server."""
    server = subprocess.Popen(["unshare", "--net", sys.executable, "-c", ECHO], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"ready\n"
        device, there = f"out{os.getpid()}", ["nsenter", "-t", str(server.pid), "-n"]
        first = os.getpid() % 60 * 4  # of 203.0.113.0/24, set aside for documentation
        for command in (["ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", str(server.pid)],
                        ["ip", "address", "add", f"203.0.113.{first + 1}/30", "dev", device],
                        ["ip", "link", "set", device, "up"],
                        ["sysctl", "-qw", f"net.ipv4.conf.{device}.forwarding=1"],
                        [*there, "ip", "address", "add", f"203.0.113.{first + 2}/30", "dev", "eth0"],
                        [*there, "ip", "link", "set", "eth0", "up"]):
            subprocess.run(command, check=True)
        yield f"203.0.113.{first + 2}", device
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("kind", sorted(EACH))
def test_a_share_ends_and_the_neighbour_has_its_own(neighbours, kind):
    make, share, refusals = EACH[kind]
    greedy, modest = neighbours
    code = HELD_BY_A_CHILD if kind == "queued signals" else UNTIL_REFUSED + "result = until_refused(MAKE, MOST)"
    made, refusal = greedy(code.replace("MAKE", make).replace("MOST", "20000"))
    assert 0 < made <= share and refusal in refusals.split(), (made, refusal)
    assert modest(code.replace("MAKE", make).replace("MOST", "3")) == [3, None]


def test_other_ids_of_the_sandbox_have_no_share_of_their_own(neighbours):
    """Its root may become any of 65,536 users; what is counted per user is counted for all of them together."""
    made = neighbours[0](UNTIL_REFUSED + """
import json
total = 0
for user in range(1000, 1004):
    ends = os.pipe()
    if os.fork() == 0:
        os.setresuid(user, user, user)
        made, _ = until_refused(lambda i: c.inotify_init())
        os.write(ends[1], json.dumps(made).encode())
        import signal
        signal.pause()
    total += json.loads(os.read(ends[0], 20))
result = total
""")
    assert made <= 128
    assert neighbours[1](UNTIL_REFUSED + "result = until_refused(lambda i: c.inotify_init(), 3)") == [3, None]


def test_inotify_watches_end_at_what_the_machine_gives_a_user(platform, name, probe_image, neighbours):
    """In a sandbox of its own: all its instances of inotify are needed for as many."""
    platform.apply(manifest(name, probe_image, memory="512Mi", max_scale=1))
    platform.wait_ready(name)
    most = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
    instances = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    files = min(most // instances + 2, 16000)
    made, refusal = Inside(platform, name)(UNTIL_REFUSED + f"""
files, watchers = [b'/tmp/%d' % i for i in range({files})], []
for file in files:
    os.mknod(file, 0o100600)
def watch(i):
    if i % len(files) == 0:
        watchers.append(c.inotify_init())
    return c.inotify_add_watch(watchers[-1], files[i % len(files)], 2)
result = until_refused(watch, {most + 1})
""")
    assert 0 < made <= most and refusal == "ENOSPC", (made, refusal)
    assert neighbours[1](UNTIL_REFUSED + """
watcher = c.inotify_init()
result = until_refused(lambda i: c.inotify_add_watch(watcher, [b'/app', b'/etc', b'/tmp'][i], 2), 3)
""") == [3, None]


def test_connections_outward_end_at_a_share_of_those_that_the_machine_tracks(neighbours, outside):
    """A datagram from each port is a connection to the packet filter; one beyond the share gets no answer."""
    address, _ = outside
    connect = f"""
import socket
def answers(each):
    each.send(b'x')
    try:
        return each.recv(1) == b'x'
    except TimeoutError:
        return False
def connect():
    each = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    each.settimeout(1)
    each.connect(('{address}', 7))
    return each if answers(each) or answers(each) else None
"""
    share = 4096
    made, first = neighbours[0](connect + f"""
kept = []
while len(kept) < {share * 2} and (each := connect()):
    kept.append(each)
result = len(kept), answers(kept[0])
""")
    assert share // 2 < made <= share and first, (made, first)
    assert neighbours[1](connect + "result = [connect() is not None for _ in range(3)]") == [True] * 3


# Ways to send `most` packets to port 9 faster than the share; Python's own send() is hardly faster than that.
FLOODS = {
    "many in a call": LIBC + """
class Piece(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
class Message(ctypes.Structure):  # mmsghdr
    _fields_ = [('name', ctypes.c_void_p), ('name_length', ctypes.c_uint), ('pieces', ctypes.c_void_p),
                ('count', ctypes.c_size_t), ('control', ctypes.c_void_p), ('control_length', ctypes.c_size_t),
                ('flags', ctypes.c_int), ('sent', ctypes.c_uint)]
byte = ctypes.create_string_buffer(1)
piece = Piece(ctypes.addressof(byte), 1)
messages = (Message * 1000)(*[Message(pieces=ctypes.addressof(piece), count=1) for _ in range(1000)])
while result < most:
    result += max(0, c.sendmmsg(out.fileno(), messages, 1000, 0))
""",
    "many as one, cut by the kernel": """
out.setsockopt(17, 103, 1000)  # UDP_SEGMENT
while result < most:
    result += out.send(b'x' * 60000) // 1000
""",
}


@pytest.mark.parametrize("way", sorted(FLOODS))
def test_packets_outward_end_at_a_rate(neighbours, outside, way):
    """As many get out as the time it took allows, however long that was."""
    address, device = outside
    rate, burst, headers = 50_000, 10_000, 42

    def count():  # of packets; one that is many is as many as its bytes are
        packets, size = (int(Path(f"/sys/class/net/{device}/statistics/tx_{what}").read_text())
                         for what in ("packets", "bytes"))
        return max(packets, size // (1000 + headers))

    for _ in range(3):  # a busy machine may send too few
        before, began = count(), time.monotonic()
        sent = neighbours[1](f"""
import socket
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(('{address}', 9))
result, most = 0, 400_000
""" + FLOODS[way])
        allowed = 1.05 * (burst + rate * (time.monotonic() - began))  # some of the device's packets are the machine's own
        got = count() - before
        if sent > allowed:
            break
    else:
        pytest.skip("NOT TESTED: this machine sends no more packets than may be sent")
    assert 0 < got <= allowed


def test_locked_memory_is_bounded(neighbours):
    said = neighbours[0](LIBC + """
import mmap
area = mmap.mmap(-1, 64 << 20)
where = ctypes.addressof(ctypes.c_char.from_buffer(area))
result = [c.mlock(ctypes.c_void_p(where), 4 << 20), c.mlock(ctypes.c_void_p(where), 60 << 20)]
""")
    assert said == [0, -1]


def test_socket_buffers_count_although_they_are_no_memory_of_the_app(neighbours):
    """Pairs whose buffers nobody empties: without a bound some gigabytes of the machine's pool for TCP."""
    sent = neighbours[0]("""
import socket
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(100)
kept, sent = [], 0
for _ in range(400):
    a = socket.socket()
    a.connect(listener.getsockname())
    b, _ = listener.accept()
    a.setblocking(False)
    kept += [a, b]
    try:
        for _ in range(100):
            sent += a.send(b'x' * 65536)
    except OSError:
        pass
for each in kept:
    each.close()
result = sent >> 20
""")
    assert sent < 160, f"{sent} MB in a sandbox of 256"
    assert neighbours[1]("""
import socket
listener = socket.create_server(('127.0.0.1', 0))
a = socket.create_connection(listener.getsockname())
b, _ = listener.accept()
a.sendall(b'x' * 100000)
result = len(b.recv(100000, socket.MSG_WAITALL))
""") == 100_000


def test_open_files_end_at_the_limit_of_a_process(neighbours):
    made, refusal = neighbours[0](UNTIL_REFUSED + """
import json
ends = os.pipe()
if os.fork() == 0:
    said = until_refused(lambda i: c.open(b'/dev/null', os.O_RDONLY), 1 << 20)
    os.write(ends[1], json.dumps(said).encode())
    os._exit(0)
result = json.loads(os.read(ends[0], 100))
os.wait()
""")
    assert refusal == "EMFILE" and made <= 20_000


def test_what_cannot_be_divided_is_refused(neighbours):
    """Contexts of asynchronous I/O are counted for the machine alone; keys per user, but kept by the kernel."""
    said = neighbours[0](LIBC + """
result = []
for call in ((206, 1, ctypes.byref(ctypes.c_ulong())), (248, b'user', b'k', b'v', 1, -3), (323, 0), (298, 0, 0, 0, 0, 0)):
    c.syscall(*call)
    result.append(errno.errorcode[ctypes.get_errno()])
""")
    assert said[0] == "ENOSYS" and set(said) <= {"ENOSYS", "EPERM"}, said


def test_a_crash_writes_no_core_and_starts_no_program_of_the_machine(neighbours):
    """With a limit of one byte the kernel does neither; with zero it would start what core_pattern names."""
    assert neighbours[0]("import resource; result = resource.getrlimit(resource.RLIMIT_CORE)") == [1, 1]


def test_the_kernel_counts_a_sandbox_for_a_user_of_its_own(platform, neighbours):
    """Seen from outside: the owner of its user namespace (ioctl_ns(2)) is nobody else's."""
    owners = []
    for name in ("greedy", "modest"):
        instance = platform.instances(name)[0]["metadata"]["name"]
        group = next(group for group in platform.traces_now() if group.endswith(instance))
        pid = (Path(group) / "cgroup.procs").read_text().split()[0]
        with open(f"/proc/{pid}/ns/user") as namespace:
            owner = bytearray(4)
            fcntl.ioctl(namespace, 0xB704, owner)  # NS_GET_OWNER_UID
            owners.append(struct.unpack("I", owner)[0])
    assert len(set(owners)) == 2 and 0 not in owners


def test_doctor_compares_the_machine_with_what_the_shares_need(platform):
    checks = {item["check"]: item for item in platform.cli("doctor", "-o", "json", check=False).json()["items"]}
    for name in ("pids", "threads", "inotify-instances", "tracked-connections", "neighbours", "terminals"):
        assert name in checks
        if "needed" in checks[name]["detail"]:
            assert checks[name]["remedy"].startswith("sysctl -w ")
