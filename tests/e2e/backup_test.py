"""Backup and restore: everything that must not be lost, onto an empty machine."""

import os
import shutil

import oci
import pytest

from running_platform import Platform, manifest, run_cli
from waiting import until


def revisions(platform):
    """Name, uid, image and verdict of each: the history."""
    items = platform.cli("revisions", "list", "-o", "json").json()["items"]
    return sorted((item["metadata"]["name"], item["metadata"]["uid"], item["metadata"]["creationTimestamp"],
                   item["status"]["containerStatuses"][0]["imageDigest"],
                   [c["status"] for c in item["status"]["conditions"] if c["type"] == "Ready"]) for item in items)


@pytest.fixture
def backup(own_platform, tide, tide_program, tmp_path):
    """(the platform, the file, the history at that time)"""
    platform = own_platform
    platform.apply(manifest("hola", tide))
    platform.wait_ready("hola")
    oci.make(tmp_path / "other", {"app/tide": (tide_program.read_bytes(), 0o755)},
             {"Entrypoint": ["/app/tide", "--text", "other"]})
    platform.cli("deploy", "hola", "--image", f"oci:{tmp_path / 'other'}", "--wait")
    platform.cli("deploy", "adios", "--image", tide, "--wait")
    platform.cli("backup", tmp_path / "marea.backup")
    return platform, tmp_path / "marea.backup", revisions(platform)


def test_a_backup_is_restored_elsewhere_and_serves(backup, tmp_path):
    platform, file, history = backup
    assert platform.get("hola").text.startswith("other")
    platform.cli("services", "delete", "adios")
    platform.stop()
    shutil.rmtree(platform.data)
    done = run_cli("restore", file, "--data", tmp_path / "new")
    assert done.rc == 0 and "2 services" in done.err, done.err
    restored = Platform(data=tmp_path / "new")
    restored.log_path = tmp_path / "restored.log"
    try:
        restored.start()
        for service, text in (("hola", "other"), ("adios", "")):
            until(lambda name=service: restored.get(name).status == 200, f"{service} answers")
            assert restored.get(service).text.startswith(text)
        assert revisions(restored) == history
        restored.cli("backup", tmp_path / "again")
        assert restored.cli("backup", tmp_path / "again", check=False).rc == 5, "never over another file"
        restored.stop()
    finally:
        restored.clean()
    platform.data.mkdir()
    platform.start()  # what the fixture stops


def test_a_backup_is_whole_while_deploys_go_on(own_platform, tide, tmp_path):
    for number in range(3):
        own_platform.apply(manifest(f"s{number}", tide))
        own_platform.cli("backup", tmp_path / f"b{number}")
        done = run_cli("restore", tmp_path / f"b{number}", "--data", tmp_path / f"d{number}")
        assert done.rc == 0 and f"{number + 1} services" in done.err, done.err


def test_what_is_no_backup_is_refused_and_leaves_nothing(backup, tmp_path):
    _, file, _ = backup
    whole = file.read_bytes()
    for case, content in {"cut": whole[: len(whole) // 2], "end": whole[:-20], "empty": b"", "noise": os.urandom(50000),
                          "changed": whole[:5000] + b"\xff" * 50 + whole[5050:]}.items():
        (tmp_path / case).write_bytes(content)
        done = run_cli("restore", tmp_path / case, "--data", tmp_path / "new")
        assert done.rc == 1, f"{case}: {done.out}{done.err}"
        assert "marea backup FILE" in done.err and str(tmp_path / case) in done.err, done.err
        assert not list((tmp_path / "new").iterdir()), case


def test_a_directory_that_holds_something_is_refused(backup, tmp_path):
    platform, file, _ = backup
    done = run_cli("restore", file, "--data", platform.data)
    assert done.rc == 5 and f"mv {platform.data}" in done.err, done.err
    assert run_cli("restore", tmp_path / "not-there", "--data", tmp_path / "new").rc != 0
