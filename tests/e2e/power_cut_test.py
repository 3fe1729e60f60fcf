"""The power goes: what was acknowledged is there, what was used counts once. The data directory is on a disk of its own,
which the kernel shuts down in the middle as a power cut would (EXT4_IOC_SHUTDOWN, the journal not flushed): what was not
synced is gone. The disk writes nothing by itself for ten minutes (commit=600), nor when a name is replaced
(noauto_da_alloc), so that only a sync brings it there."""

import fcntl
import os
import signal
import struct
import subprocess
from pathlib import Path

import pytest

from deaths_test import end_abruptly, quietly
from metering_test import pid_of, usage
from running_platform import Platform, manifest
from waiting import until

EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
SIZE = 1 << 30  # sparse

pytestmark = pytest.mark.skipif(not Path("/dev/loop-control").exists(), reason="NOT TESTED: no loop devices here")


def run(*command):
    subprocess.run([str(word) for word in command], check=True)


class Disk:
    def __init__(self, folder):
        self.file, self.place, self.look = folder / "disk.img", folder / "disk", folder / "look"
        self.place.mkdir()
        self.look.mkdir()
        with open(self.file, "wb") as file:
            file.truncate(SIZE)
        run("mkfs.ext4", "-q", "-F", self.file)
        self.mount(self.file, self.place)

    @staticmethod
    def mount(file, place):
        run("mount", "-o", "loop,commit=600,noauto_da_alloc", file, place)

    def has(self, path):
        """Whether a power cut now would leave the file as it is: by looking at a copy."""
        copy = self.file.with_suffix(".copy")
        run("cp", "--sparse=always", self.file, copy)
        self.mount(copy, self.look)
        try:
            there = self.look / path.relative_to(self.place)
            return there.is_file() and there.read_bytes() == path.read_bytes() != b""
        finally:
            run("umount", self.look)
            copy.unlink()

    def cut(self):
        disk = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(disk, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(disk)

    def power_on(self):
        """Under the same path; another file, since somebody may still have the old one open."""
        run("umount", "-l", self.place)
        after = self.file.with_suffix(".after")
        run("cp", "--sparse=always", self.file, after)
        self.file = after
        self.mount(self.file, self.place)


@pytest.fixture
def powered(tmp_path):
    """(platform, its disk)"""
    disk = Disk(tmp_path)
    try:
        with Platform.running_on(disk.place, tmp_path / "marea.log") as platform:
            yield platform, disk
    finally:
        run("umount", "-l", disk.place)


def test_what_was_deployed_and_used_is_there_after_a_power_cut(powered, tide):
    """An instance ends while control does not hear it: engine's disk is all that knows of what it used."""
    platform, disk = powered
    platform.apply(manifest("queda", tide, concurrency=2, idle="4s"))
    platform.wait_ready("queda")
    platform.wait_for_zero("queda")
    for _ in range(3):
        assert platform.get("queda").status == 200
    platform.wait_for_zero("queda")
    kept = platform.data / "run" / ".ended"
    until(lambda: not list(kept.iterdir()), "control has stored what that used")
    assert usage(platform, "queda")["requests"] == 3
    os.kill(pid_of(platform, "control"), signal.SIGSTOP)
    for _ in range(4):
        assert platform.get("queda").status == 200
    ended = until(lambda: [file for file in kept.iterdir() if file.suffix != ".new"], "engine keeps its end")
    until(lambda: disk.has(ended[0]), "it is on the disk")
    disk.cut()
    end_abruptly(platform)
    disk.power_on()
    platform.start()
    platform.wait_ready("queda")
    until(lambda: usage(platform, "queda")["requests"] == 7, "each request counts once")
    assert platform.get("queda").status == 200
    platform.wait_for_zero("queda")
    until(lambda: usage(platform, "queda")["requests"] >= 8, "so does the next one")
    assert usage(platform, "queda")["requests"] == 8


def test_a_service_wakes_after_a_power_cut_that_the_store_did_not_survive(powered, tide):
    """The last plan and the last routes are on the disk too."""
    platform, disk = powered
    platform.apply(manifest("queda", tide, idle="1s"))
    platform.wait_ready("queda")
    platform.wait_for_zero("queda")
    until(lambda: disk.has(platform.data / "run" / ".plan"), "the plan is on the disk")
    disk.cut()
    end_abruptly(platform)
    disk.power_on()
    (platform.data / "control" / "marea.db").write_bytes(os.urandom(1 << 16))
    platform.start(until_it_answers=False)
    until(lambda: quietly(lambda: platform.get("queda").status == 200), "it wakes from zero")
