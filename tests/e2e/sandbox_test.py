"""What an app finds in its sandbox, and what it does not: the probe (app/probe.py) looks from the inside."""

import os
import socket

import pytest

from running_platform import Inside, manifest
from waiting import until

# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID NET_BIND_SERVICE SYS_CHROOT, as bits (linux/capability.h)
CAPABILITIES = sum(1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 10, 18))
STATUS = "result = dict(line.strip('\\n').split(':\\t', 1) for line in open('/proc/self/status'))"
ADDRESSES = "import re; result = re.findall(r'([0-9.]+)\\n\\s+/32 host LOCAL', open('/proc/net/fib_trie').read())"
TCP = """
import socket
def attempt(host, port):
    try:
        socket.create_connection((host, port), 2).close()
        return 'connected'
    except OSError as problem:
        return type(problem).__name__
"""


@pytest.fixture(scope="module")
def inside(platform, probe_image):
    """Runs Python in one running instance; gives `result`."""
    platform.apply(manifest("inside", probe_image, memory="256Mi", min_scale=1, max_scale=1))
    platform.wait_ready("inside")
    return Inside(platform, "inside")


def test_a_visitor_does_not_look_like_localhost(platform, inside):
    assert platform.get("inside").json()["from"] == "169.254.8.1"


def test_the_app_has_the_capabilities_listed_and_no_others(inside):
    status = inside(STATUS)
    for which in ("CapEff", "CapPrm", "CapBnd"):
        assert int(status[which], 16) == CAPABILITIES, which
    assert int(status["CapAmb"], 16) == 0


def test_the_app_cannot_gain_privileges_and_has_a_system_call_filter(inside):
    status = inside(STATUS)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_root_inside_is_nobody_outside(inside):
    uid_map = inside("result = open('/proc/self/uid_map').read().split()")
    assert uid_map[0] == "0" and int(uid_map[1]) >= 1 << 16 and int(uid_map[2]) <= 1 << 16


@pytest.mark.parametrize("call", [
    "import ctypes; c = ctypes.CDLL(None, use_errno=True); result = c.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "import ctypes; c = ctypes.CDLL(None, use_errno=True); result = c.unshare(0x10000000)",
    "import ctypes; c = ctypes.CDLL(None, use_errno=True); result = c.syscall(321, 0, None, 0)",  # bpf
    "import ctypes; c = ctypes.CDLL(None, use_errno=True); result = c.syscall(250, 0, 0, 0)",  # keyctl
    "import ctypes; c = ctypes.CDLL(None, use_errno=True); result = c.syscall(425, 8, None)",  # io_uring_setup
], ids=["mount", "unshare a user namespace", "bpf", "keyctl", "io_uring"])
def test_a_dangerous_system_call_is_refused(inside, call):
    assert inside(call) == -1


def test_no_process_of_the_host_or_of_others_is_seen(inside):
    seen = inside("""
import os
result = {}
for pid in filter(str.isdigit, os.listdir('/proc')):
    result[pid] = open(f'/proc/{pid}/cmdline').read().split('\\0')[0]
""")
    assert len(seen) == 2 and "python3" in " ".join(seen.values()), seen


def test_kernel_settings_cannot_be_written_and_memory_not_read(inside):
    failed = inside("""
result = []
for path in ('/proc/sys/kernel/hostname', '/proc/sysrq-trigger', '/proc/sys/vm/drop_caches', '/proc/sys/net/ipv4/ip_forward'):
    try:
        open(path, 'w').write('1')
    except OSError:
        result.append(path)
for path in ('/proc/kcore', '/proc/keys', '/dev/mem', '/dev/vda', '/dev/kmsg'):
    try:
        if not open(path, 'rb').read(1):
            result.append(path)
    except OSError:
        result.append(path)
""")
    assert len(failed) == 9, failed


def test_the_mounts_tell_nothing_of_other_services(platform, inside):
    mounts = inside("result = open('/proc/self/mountinfo').read()")
    targets = [line.split()[4] for line in mounts.splitlines()]
    assert not [target for target in targets if target.startswith(str(platform.data))]
    assert "cgroup" not in mounts or " ro," in mounts


def test_files_are_writable_in_memory_until_a_bound_below_the_memory_limit(inside):
    """ENOSPC, not an OOM kill; and the space comes back."""
    written, error = inside("""
import errno, os
written, error = 0, None
try:
    with open('/tmp/fill', 'wb', buffering=0) as file:
        while written < 512 << 20:
            written += file.write(b'x' * (1 << 20))
except OSError as problem:
    error = errno.errorcode[problem.errno]
os.unlink('/tmp/fill')
result = [written, error]
""")
    assert error == "ENOSPC" and 32 << 20 <= written < 256 << 20
    assert inside("open('/srv-note', 'w').write('root is writable'); result = open('/srv-note').read()")


def test_what_one_instance_writes_no_other_sees(platform, name, probe_image, inside):
    inside("open('/note', 'w').write('mine')")
    platform.apply(manifest(name, probe_image, max_scale=1))
    platform.wait_ready(name)
    assert Inside(platform, name)("import os; result = os.path.exists('/note')") is False


def test_processes_are_bounded(platform, name, probe_image):
    """With memory for all that may be there: else that limit comes first."""
    platform.apply(manifest(name, probe_image, memory="2Gi", max_scale=1))
    platform.wait_ready(name)
    started, error = Inside(platform, name)("""
import os, signal
pids, error = [], None
try:
    while len(pids) < 20000:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        pids.append(pid)
except OSError as problem:
    error = type(problem).__name__
for pid in pids:
    os.kill(pid, signal.SIGKILL)
for pid in pids:
    os.waitpid(pid, 0)
result = [len(pids), error]
""")
    assert error == "BlockingIOError" and started < 20000


def test_another_instance_cannot_be_reached(platform, name, probe_image, inside):
    """It listens on all its addresses; this instance tries each that it does not have itself."""
    platform.apply(manifest(name, probe_image, min_scale=1))
    platform.wait_ready(name)
    others = sorted(set(Inside(platform, name)(ADDRESSES)) - set(inside(ADDRESSES)))
    assert others
    assert "connected" not in inside(TCP + f"result = [attempt(address, 8080) for address in {others!r}]")


def test_the_host_cannot_be_reached(inside):
    """A server of the host that listens on every address."""
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        server.setblocking(False)
        port = server.getsockname()[1]
        said = inside(TCP + f"""
gateways = [line.split()[2] for line in open('/proc/net/route') if line.split()[1] == '00000000']
hosts = ['.'.join(str(int(g[i:i + 2], 16)) for i in (6, 4, 2, 0)) for g in gateways]
result = [attempt(host, {port}) for host in hosts + ['127.0.0.1', '169.254.8.1', '169.254.169.254']]
""")
        assert len(said) >= 4 and "connected" not in said, said
        with pytest.raises(BlockingIOError):
            server.accept()


def test_egress_none_has_no_way_out(platform, name, probe_image):
    platform.apply(manifest(name, probe_image, max_scale=1, template_annotations={"marea.dev/egress": "none"}))
    platform.wait_ready(name)
    look = Inside(platform, name)
    assert look("import os; result = sorted(os.listdir('/sys/class/net')) if os.path.exists('/sys/class/net') else ['lo']") == ["lo"]
    assert look(TCP + "result = attempt('192.0.2.1', 80)") == "OSError"


def test_capabilities_none_takes_them_all(platform, name, probe_image):
    platform.apply(manifest(name, probe_image, max_scale=1, template_annotations={"marea.dev/capabilities": "none"}))
    platform.wait_ready(name)
    status = Inside(platform, name)(STATUS)
    assert all(int(status[which], 16) == 0 for which in ("CapEff", "CapPrm", "CapBnd", "CapInh"))


def test_the_resolver_is_named(inside):
    assert "nameserver" in inside("result = open('/etc/resolv.conf').read()")


def test_an_orphan_is_reaped(inside):
    inside("""
import os, time
if os.fork() == 0:
    os.fork()
    os._exit(0)
os.wait()
""")
    zombies = """
import os
result = [pid for pid in filter(str.isdigit, os.listdir('/proc')) if ') Z ' in open(f'/proc/{pid}/stat').read()]
"""
    until(lambda: inside(zombies) == [], "no zombie is left")


def test_memory_is_limited_to_what_the_manifest_says(platform, inside):
    """Seen from outside: the platform's cgroup of the instance."""
    limits = set()
    for group in platform.traces_now():
        for file in ("memory.limit_in_bytes", "memory.max"):
            path = os.path.join(group, file)
            if os.path.exists(path):
                limits.add(open(path).read().strip())
    assert str(256 << 20) in limits, limits
