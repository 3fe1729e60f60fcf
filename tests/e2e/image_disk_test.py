"""Images' share of the disk: what nothing uses makes room, in use stays, and too much is refused before it is loaded."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import registries
from deaths_test import needs_crash_points
from running_platform import Platform, manifest
from waiting import until

DISK = 256 << 20
LAYER = 28 << 20  # with 3 times that for what it takes unpacked, of 60 % of the disk (153 MiB)


@pytest.fixture
def small(tmp_path):
    """(platform whose data directory is on a small disk of its own, wild registry, folder of crash points)."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0755", "marea-small", str(disk)], check=True)
    wild = registries.WildRegistry()
    crash = Path(tempfile.mkdtemp(prefix="marea-crash-"))
    crash.chmod(0o777)
    conf = tmp_path / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{wild.name}"\ninsecure = true\n')
    try:
        platform = Platform(data=disk / "data", options=("--registries", str(conf)), environment={"MAREA_CRASH": str(crash)})
        platform.data.mkdir()
        platform.log_path = tmp_path / "marea.log"
        try:
            yield platform.start(), wild, crash
            platform.stop()
        finally:
            platform.clean()
    finally:
        wild.close()
        shutil.rmtree(crash)
        subprocess.run(["umount", "-l", str(disk)], check=True)


def offer(wild, name, tide_program):
    """An image that hardly compresses; gives the digest of its layer."""
    wild.image(name, {"app/tide": (tide_program.read_bytes(), 0o755), "big": os.urandom(LAYER)}, {"Entrypoint": ["/app/tide"]})
    return json.loads(wild.manifests[f"/v2/{name}/manifests", "latest"][0])["layers"][0]["digest"]


def has_blob(platform, digest):
    return (platform.data / "blobs" / "sha256" / digest.removeprefix("sha256:")).exists()


def gone(platform, wild, name):
    digest = registries.digest_of(wild.manifests[f"/v2/{name}/manifests", "latest"][0]).removeprefix("sha256:")
    return not (platform.data / "images" / digest).exists() and not (platform.data / "blobs" / "sha256" / digest).exists()


def test_what_nothing_uses_makes_room_and_what_is_used_or_named_stays(small, tide_program, tmp_path):
    platform, wild, _ = small
    layers = {name: offer(wild, name, tide_program) for name in ("first", "second", "third")}
    platform.cli("deploy", "first", "--image", f"{wild.name}/first", "--wait")
    platform.cli("services", "delete", "first")
    until(lambda: not platform.instances("first"), "its instance has ended")
    platform.cli("deploy", "second", "--image", f"{wild.name}/second", "--wait")
    until(lambda: gone(platform, wild, "first"), "the first image has made room")
    assert not has_blob(platform, layers["first"]) and platform.get("second").status == 200
    done = platform.cli("deploy", "third", "--image", f"{wild.name}/third", "--wait", check=False)
    assert done.rc != 0 and "E_DISK_BUDGET" in done.err and "image-disk" in done.err, done.err
    assert not [path for path in wild.asked if layers["third"] in path], "refused before it was loaded"
    assert platform.get("second").status == 200 and has_blob(platform, layers["second"])
    disk = platform.cli("disk", "-o", "json").json()["images"]
    assert disk["most_percent"] == 60 and disk["in_use"] >= 2 * LAYER and disk["used"] <= disk["most"]
    assert "marea images delete --unused" in platform.cli("disk").out
    platform.cli("services", "delete", "second")
    until(lambda: not platform.instances("second"), "its instance has ended")
    platform.cli("deploy", "third", "--image", f"{wild.name}/third", "--wait")
    assert platform.get("third").status == 200
    done = platform.cli("images", "delete", "--unused")
    assert platform.get("third").status == 200 and has_blob(platform, layers["third"])


@needs_crash_points
def test_a_death_in_the_middle_of_a_removal_leaves_a_sound_store(small, tide_program, tmp_path):
    platform, wild, crash = small
    layers = {name: offer(wild, name, tide_program) for name in ("first", "second")}
    platform.cli("deploy", "first", "--image", f"{wild.name}/first", "--wait")
    platform.cli("services", "delete", "first")
    until(lambda: not platform.instances("first"), "its instance has ended")
    armed = crash / "control.store.committed"

    def arm(request):
        armed.touch()
        armed.chmod(0o666)
        wild.doings.clear()
        wild.answer(request)

    wild.doings["/v2/second/manifests"] = arm  # the next thing stored is that the first image goes
    platform.apply(manifest("second", f"{wild.name}/second"))
    until(lambda: not armed.exists() and "/v2/second/manifests/latest" in wild.asked, "control died")
    platform.wait_ready("second")
    assert platform.get("second").status == 200
    platform.cli("images", "delete", "--unused")
    assert gone(platform, wild, "first") and not has_blob(platform, layers["first"]), "what was left half-removed"
    assert has_blob(platform, layers["second"]) and platform.get("second").status == 200
    assert [item["name"] for item in platform.call("/apis/marea.dev/v1/images").json()["items"]] == []
