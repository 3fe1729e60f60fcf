"""npm's @kubernetes/client-node against the platform, over HTTPS with the kubeconfig that marea prints."""

import hashlib
import json
import re
import shutil
import subprocess

import pytest

from api_test import image_of
from running_platform import ROOT

HERE = ROOT / "tests" / "e2e" / "node"


@pytest.fixture(scope="session")
def modules():
    """A folder with what package-lock.json names, made once for each lock."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = ROOT / "build" / "node" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "done").exists():
        if not shutil.which("npm"):
            pytest.skip("NOT TESTED: npm is not on this machine")
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, folder)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=False,
                              capture_output=True, text=True)
        if re.search("ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET", done.stderr):
            pytest.skip("NOT TESTED: npm's registry cannot be reached")
        assert done.returncode == 0, f"npm ci: {done.stdout}{done.stderr}"
        (folder / "done").touch()
    return folder


def test_services_are_listed_watched_created_and_patched(platform, name, tide, modules, tmp_path):
    config = tmp_path / "config"
    config.write_text(platform.cli("kubeconfig").out)
    script = modules / "custom_objects.mjs"
    shutil.copy(HERE / script.name, script)
    done = subprocess.run(["node", str(script), str(config), name, image_of(platform, tide)], capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["told"][0] == ["ADDED", "Unknown"] and said["told"][-1] == ["MODIFIED", "True"]
    assert said["labels"] == {"by": "node"} and said["listed"] == [name]
    assert said["wouldGo"] == [name] and said["gone"] == [name] and said["left"] == []
