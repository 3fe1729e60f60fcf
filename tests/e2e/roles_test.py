"""The platform as processes: separate, with their own users, and gone without a trace."""

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

import http_client
import traces
from running_platform import BIN, Platform, free_port, manifest
from waiting import until

ROLES = {"keeper": 0, "engine": 0, "router": 0x7FFF0001, "control": 0x7FFF0002, "logs": 0x7FFF0003}


def roles(platform):
    """role → (pid, uid) of the processes that say `marea ROLE` in the process list. A child that one of them forked and that
    has not become another program yet says so too: it is left out."""
    said = {}
    for pid in traces.descendants(platform.process.pid):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        if words[0] == b"marea" and len(words) > 1:
            fields = {name: value.split() for name, _, value in (line.partition(":") for line in status.splitlines())}
            said[pid] = (words[1].decode(), int(fields["PPid"][0]), int(fields["Uid"][1]))
    return {role: (pid, uid) for pid, (role, parent, uid) in said.items() if said.get(parent, ("",))[0] != role}


def test_each_role_is_a_process_with_its_own_user(platform):
    seen = roles(platform)
    assert {role: uid for role, (_, uid) in seen.items() if role in ROLES} == ROLES


def test_unprivileged_roles_have_no_capabilities(platform):
    for role, (pid, uid) in roles(platform).items():
        if uid != 0:
            status = Path(f"/proc/{pid}/status").read_text()
            effective = next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1]
            assert int(effective, 16) == 0, role


def test_unprivileged_roles_cannot_gain_privileges(platform):
    """No role may ever gain privileges again, and each sees the data directory as its own folder only."""
    for role, (pid, uid) in roles(platform).items():
        status = Path(f"/proc/{pid}/status").read_text()
        if uid != 0:
            assert "NoNewPrivs:\t1" in status, role


def test_serve_ends_at_sigterm_and_leaves_nothing(own_platform, tide):
    own_platform.apply(manifest("ebb", tide))
    own_platform.wait_ready("ebb")
    assert own_platform.get("ebb").status == 200
    own_platform.traces.note()
    assert own_platform.traces.groups, "the instance has cgroups, so that the check below can fail"
    assert own_platform.traces.links_seen and own_platform.traces.tables_seen, "and a way out"
    own_platform.stop()
    assert own_platform.traces.left() == []


def test_what_was_deployed_is_there_after_a_restart(own_platform, tide):
    own_platform.apply(manifest("again", tide))
    own_platform.wait_ready("again")
    before = own_platform.service("again")["status"]["latestReadyRevisionName"]
    own_platform.stop()
    own_platform.start()
    until(lambda: own_platform.get("again").status == 200, "the service answers again")
    assert own_platform.service("again")["status"]["latestReadyRevisionName"] == before


def test_a_platform_that_was_killed_starts_again_on_the_same_data(own_platform, tide):
    """kill -9 of the whole group: what was left of the old one is cleared away by the new one."""
    own_platform.apply(manifest("again", tide))
    own_platform.wait_ready("again")
    assert own_platform.get("again").status == 200
    own_platform.traces.note()
    for pid in sorted(own_platform.traces.pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    own_platform.process.wait()
    own_platform.start()
    until(lambda: own_platform.get("again").status == 200, "the service answers again")


@pytest.mark.parametrize("role", ["control", "logs", "router", "engine"])
def test_a_role_that_is_killed_comes_back(own_platform, tide, role):
    own_platform.apply(manifest("rock", tide))
    own_platform.wait_ready("rock")
    assert own_platform.get("rock").status == 200
    old = roles(own_platform)[role][0]
    os.kill(old, signal.SIGKILL)
    until(lambda: roles(own_platform).get(role, (old,))[0] != old, f"a new {role}")
    until(lambda: own_platform.get("rock").status == 200, "the service answers")
    own_platform.wait_ready("rock")


def test_connections_that_wait_in_the_listening_socket_survive_a_killed_router(own_platform, tide):
    """The router is stopped first, so that none of them is accepted by it: the next one serves them all."""
    own_platform.apply(manifest("queued", tide))
    own_platform.wait_ready("queued")
    assert own_platform.get("queued").status == 200
    old = roles(own_platform)["router"][0]
    os.kill(old, signal.SIGSTOP)
    request = b"GET / HTTP/1.1\r\nHost: queued.localhost\r\nConnection: close\r\n\r\n"
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(http_client.connect(own_platform.http_port)) for _ in range(50)]
        for caller in callers:
            caller.sendall(request)
        os.kill(old, signal.SIGKILL)
        answers = [caller.recv(12) for caller in callers]
    assert answers == [b"HTTP/1.1 200"] * 50


def test_services_wake_from_zero_while_control_is_down(own_platform, tide):
    """The control process is stopped (SIGSTOP), so that keeper does not start another."""
    own_platform.apply(manifest("awake", tide, idle="1s"))
    own_platform.wait_ready("awake")
    own_platform.wait_for_zero("awake")
    control = roles(own_platform)["control"][0]
    os.kill(control, signal.SIGSTOP)
    try:
        assert own_platform.get("awake").status == 200
    finally:
        os.kill(control, signal.SIGCONT)


def test_a_port_in_use_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        platform = Platform()
        port = taken.getsockname()[1]
        try:
            done = subprocess.run([str(BIN), "serve", "--data", str(platform.data), "--http", f"127.0.0.1:{port}", "--api",
                                   f"127.0.0.1:{free_port()}"], capture_output=True, text=True, timeout=60, check=False)
        finally:
            platform.clean()
    assert done.returncode == 1 and str(port) in done.stderr and "--http" in done.stderr


def test_a_data_directory_in_use_is_named(platform):
    done = subprocess.run([str(BIN), "serve", "--data", str(platform.data), "--http", f"127.0.0.1:{free_port()}", "--api",
                           f"127.0.0.1:{free_port()}"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and str(platform.data) in done.stderr


def test_serve_without_root_is_refused(tmp_path):
    os.chmod(tmp_path, 0o777)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(BIN), "serve", "--data",
                           str(tmp_path / "data"), "--http", "127.0.0.1:0", "--api", "127.0.0.1:0"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 4) and "root" in done.stderr
