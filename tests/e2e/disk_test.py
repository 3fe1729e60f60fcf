"""A disk that gets full: nothing new is taken, what runs goes on, and what fails half-way leaves nothing."""

import errno
import os
import signal
import subprocess

import oci
import pytest

from roles_test import roles
from running_platform import Platform, manifest
from waiting import until

DISK = 96 << 20


@pytest.fixture
def small(tmp_path):
    """A platform whose data directory is on a disk of its own: (platform, where the disk is)."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0755", "marea-small", str(disk)], check=True)
    try:
        with Platform.running_on(disk, tmp_path / "marea.log") as platform:
            yield platform, disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk, percent):
    """Ballast, so that the disk is so full."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    info = os.statvfs(disk)
    used = (info.f_blocks - info.f_bfree) * info.f_frsize
    total = used + info.f_bavail * info.f_frsize
    with open(ballast, "wb") as file:
        for block in range(max(1, (total * percent // 100 - used) // info.f_frsize)):
            try:
                os.posix_fallocate(file.fileno(), block * info.f_frsize, info.f_frsize)
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
                break  # The platform writes, too: it took the last blocks meanwhile.
    return ballast


def big_image(folder, tide_program, size):
    oci.make(folder, {"app/tide": (tide_program.read_bytes(), 0o755), "big": os.urandom(size)},
             {"Entrypoint": ["/app/tide"]})
    return f"oci:{folder}"


def test_a_full_disk_refuses_what_is_new_and_serves_what_is_there(small, tide, tide_program, tmp_path):
    platform, disk = small
    platform.apply(manifest("old", tide, idle="1s"))
    platform.wait_ready("old")
    platform.apply(manifest("warm", tide, min_scale=1))
    platform.wait_ready("warm")
    platform.cli("images", "import", "spare", big_image(tmp_path / "spare", tide_program, 1 << 20))
    ballast = fill(disk, 95)
    new = big_image(tmp_path / "new", tide_program, 1 << 10)
    done = platform.cli("deploy", "new", "--image", new, "--wait", check=False)
    assert done.rc == 1 and "E_DISK_FULL" in done.err and "95 % full" in done.err.replace("96 %", "95 %")
    for command in ("marea images delete --unused (", "marea builds delete", "marea logs NAME --delete"):
        assert command.rstrip(" (") in done.err
    assert "new" not in platform.cli("services", "-o", "name").out.split()
    doctor = platform.cli("doctor", "-o", "json", check=False)
    disks = [check for check in doctor.json()["items"] if check["check"] == "disk"]
    assert doctor.rc == 1 and not disks[0]["ok"] and "marea images delete --unused" in disks[0]["remedy"]
    platform.wait_for_zero("old")
    assert platform.get("old").status == 200, "from zero, too"
    fill(disk, 100)
    assert platform.get("warm").status == 200, "and what runs, on a disk without a free byte"
    assert platform.service("old")["status"]["latestReadyRevisionName"]
    fill(disk, 95)
    assert "spare" in platform.cli("images", "delete", "--unused").out.split()
    ballast.unlink()
    platform.cli("deploy", "new", "--image", new, "--wait")
    assert platform.get("new").status == 200
    until(lambda: platform.cli("logs", "new").out, "logs go on")


def test_on_a_disk_without_a_free_byte_control_starts_and_what_is_not_used_can_be_removed(small, tide, tide_program, tmp_path):
    """The store keeps a reserve for that."""
    platform, disk = small
    platform.apply(manifest("old", tide, idle="1s"))
    platform.wait_ready("old")
    platform.cli("images", "import", "spare", big_image(tmp_path / "spare", tide_program, 1 << 20))
    fill(disk, 100)
    os.kill(roles(platform)["control"][0], signal.SIGKILL)
    until(lambda: platform.cli("services", "list", "-o", "name", check=False).out.split() == ["old"], "the API answers")
    assert platform.get("old").status == 200
    assert "spare" in platform.cli("images", "delete", "--unused").out


def test_a_disk_that_fills_in_the_middle_of_an_upload_or_an_unpacking_leaves_nothing(small, tide_program, tmp_path):
    platform, disk = small
    platform.stop()
    platform.options = ("--disk-limit", "100")
    platform.start()
    names = lambda: sorted(str(path.relative_to(platform.data)) for part in ("blobs", "images", "incoming")
                           for path in (platform.data / part).rglob("*"))
    before = names()
    image = big_image(tmp_path / "image", tide_program, 8 << 20)
    fill(disk, 98)
    done = platform.cli("images", "import", "big", image, check=False)
    assert done.rc == 1 and "E_DISK_FULL" in done.err and "marea images delete --unused" in done.err, done.err
    left = [name for name in names() if name not in before]
    assert not [name for name in left if ".upload" in name or "scratch" in name], left
    (disk / "ballast").unlink()
    info = os.statvfs(disk)
    with open(disk / "ballast", "wb") as file:  # room for the blobs, not for what is in them
        os.posix_fallocate(file.fileno(), 0, info.f_bavail * info.f_frsize - (12 << 20))
    done = platform.cli("images", "import", "big", image, check=False)
    assert done.rc == 1 and "E_DISK_FULL" in done.err and "marea images delete --unused" in done.err, done.err
    assert not list((platform.data / "images").iterdir())
    assert "big" not in platform.cli("images", "-o", "name").out.split()
    (disk / "ballast").unlink()
    platform.cli("images", "import", "big", image)
    assert "big" in platform.cli("images", "-o", "name").out.split()


def test_images_say_who_uses_them_and_only_the_others_go(platform, name, tide, tide_program, tmp_path):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    platform.cli("images", "import", f"{name}-spare", big_image(tmp_path, tide_program, 1 << 20))
    rows = {item["name"]: item for item in platform.cli("images", "-o", "json").json()["items"]}
    used = next(item for item in rows.values() if name in item["used_by"])
    assert rows[f"{name}-spare"]["used_by"] == []
    done = platform.cli("images", "delete", used["name"], check=False)
    assert done.rc == 5 and name in done.err
    platform.cli("images", "delete", f"{name}-spare")
    assert f"{name}-spare" not in platform.cli("images", "-o", "name").out.split()
    folder = platform.data / "images" / rows[f"{name}-spare"]["digest"].removeprefix("sha256:")
    assert not folder.exists()
    assert platform.cli("images", "delete", f"{name}-spare", check=False).rc == 3
    assert platform.cli("images", "delete", check=False).rc == 2
    assert platform.get(name).status == 200


def test_the_logs_of_a_service_can_be_deleted(platform, name, tide):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    platform.get(name)
    until(lambda: platform.cli("logs", name).out, "it wrote something")
    platform.cli("logs", name, "--delete")
    assert platform.cli("logs", name).out == ""
