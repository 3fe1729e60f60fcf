"""A store that cannot be read: control does not start, says what to do, and the services go on."""

import os
import signal
import sqlite3

import pytest

from roles_test import roles
from running_platform import manifest, run_cli
from waiting import until


def spoil(path, page):
    with open(path, "r+b") as file:
        file.seek(16)  # where SQLite's file format has the size of a page
        size = int.from_bytes(file.read(2), "big")
        file.seek((page - 1) * size)
        file.write(os.urandom(size))


def root_page(path, name):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        return store.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]


def expect_refused(platform):
    """Whoever looks learns why, and the command that mends it."""
    command = f"sudo marea repair --data {platform.data}"
    until(lambda: command in platform.log_path.read_text(errors="replace"), "the log says it")
    doctor = run_cli("doctor", "--data", platform.data, "-o", "json", timeout=60)
    store = [check for check in doctor.json()["items"] if check["check"] == "store"]
    assert doctor.rc == 1 and store and not store[0]["ok"] and command in store[0]["remedy"], doctor.out


@pytest.fixture
def deployed(own_platform, tide):
    own_platform.apply(manifest("rock", tide, idle="1s"))
    own_platform.wait_ready("rock")
    assert own_platform.get("rock").status == 200
    return own_platform


def test_a_store_damaged_while_stopped_is_refused_served_around_and_repaired(deployed):
    platform, path = deployed, deployed.data / "control" / "marea.db"
    before = platform.service("rock")["metadata"]
    platform.stop()
    spoil(path, root_page(path, "sqlite_autoindex_revisions_1"))
    platform.start(until_it_answers=False)
    expect_refused(platform)
    until(lambda: platform.get("rock").status == 200, "the service wakes from zero by the last routes and plan")
    refused = run_cli("repair", "--data", platform.data)
    assert refused.rc == 1 and "another marea is running" in refused.err
    platform.stop()
    done = run_cli("repair", "--data", platform.data)
    assert done.rc == 0 and "1 services" in done.err and "marea.db.damaged-1" in done.err, done.err
    platform.start()
    platform.wait_ready("rock")
    after = platform.service("rock")["metadata"]
    assert (after["uid"], after["generation"]) == (before["uid"], before["generation"])
    assert platform.get("rock").status == 200


def test_a_store_that_was_emptied_is_damaged_and_not_new(deployed):
    """A file of no bytes is a new one to SQLite: nothing would be served any more."""
    platform, path = deployed, deployed.data / "control" / "marea.db"
    platform.stop()
    path.write_bytes(b"")
    platform.start(until_it_answers=False)
    expect_refused(platform)
    until(lambda: platform.get("rock").status == 200, "the service wakes from zero by the last routes and plan")
    platform.stop()
    done = run_cli("repair", "--data", platform.data)
    assert done.rc == 1 and "marea restore FILE" in done.err and f"mv {path}" in done.err, done.err
    path.rename(path.with_name("marea.db.damaged"))
    platform.start()
    assert not platform.cli("services", "list", "-o", "name").out.split()


def test_a_store_damaged_while_running_costs_no_request(deployed):
    platform, path = deployed, deployed.data / "control" / "marea.db"
    for file in (path, path.with_name("marea.db-wal")):
        if file.exists():
            file.write_bytes(b"x" * file.stat().st_size)
    assert platform.get("rock").status == 200
    os.kill(roles(platform)["control"][0], signal.SIGKILL)
    expect_refused(platform)
    until(lambda: platform.get("rock").status == 200, "the service answers")
    platform.stop()
    done = run_cli("repair", "--data", platform.data)
    assert done.rc == 1 and "marea restore FILE" in done.err, done.err
    for file in path.parent.glob("marea.db*"):
        file.unlink()
    platform.start()  # what the fixture stops
