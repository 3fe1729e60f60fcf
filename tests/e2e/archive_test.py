"""Images in one file, as docker and skopeo write them."""

import json
import subprocess

import oci
import pytest

from running_platform import manifest


@pytest.fixture
def layout(tide_program, tmp_path):
    """text → the layout of an app that says it."""

    def make(text):
        folder = tmp_path / f"layout-{text}"
        oci.make(folder, {"app/tide": (tide_program.read_bytes(), 0o755)}, {"Entrypoint": ["/app/tide", "--text", text]})
        return folder

    return make


def copy(source, target):
    subprocess.run(["skopeo", "--insecure-policy", "copy", source, target], capture_output=True, check=True)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "docker-archive.gz"])
def test_an_archive_is_deployed(platform, name, layout, tmp_path, form):
    file = tmp_path / "image.tar"
    kind, _, compressed = form.partition(".")
    copy(f"oci:{layout('saved')}", f"{kind}:{file}:web:1" if kind == "docker-archive" else f"{kind}:{file}:one")
    if compressed:
        subprocess.run(["gzip", "-1", str(file)], check=True)
        file = tmp_path / "image.tar.gz"
    platform.cli("deploy", name, "--image", f"{kind}:{file}", "--wait")
    assert platform.get(name).text.startswith("saved ")
    platform.cli("images", "import", f"{name}-named", f"{kind}:{file}:{'web:1' if kind == 'docker-archive' else 'one'}")
    platform.cli("deploy", name, "--image", f"{name}-named", "--wait")
    platform.cli("images", "delete", f"{name}-named", check=False)


def test_a_manifest_may_name_an_archive_beside_it(platform, name, layout, tmp_path):
    copy(f"oci:{layout('beside')}", f"docker-archive:{tmp_path}/image.tar:web:1")
    (tmp_path / "service.json").write_text(json.dumps(manifest(name, "docker-archive:image.tar")))
    platform.cli("apply", "-f", str(tmp_path / "service.json"), "--wait")
    assert platform.get(name).text.startswith("beside ")


def test_what_is_wrong_with_an_archive_is_told_and_nothing_is_left(platform, name, layout, tmp_path):
    file = tmp_path / "image.tar"
    copy(f"oci:{layout('broken')}", f"docker-archive:{file}:web:1")
    whole = file.read_bytes()
    for data, image, code in ((whole[:len(whole) // 2], "", "E_IMAGE_INVALID"), (b"not a tar", "", "E_IMAGE_INVALID"),
                              (whole, ":other:2", "E_IMAGE_NOT_FOUND")):
        file.write_bytes(data)
        done = platform.cli("deploy", name, "--image", f"docker-archive:{file}{image}", "--wait", check=False)
        assert done.rc != 0 and code in done.err and str(file) in done.err, done.err
    assert "web:1" in done.err, "the names that there are"
    done = platform.cli("deploy", name, "--image", f"oci-archive:{tmp_path}/none.tar", "--wait", check=False)
    assert done.rc == 3 and "E_IMAGE_NOT_FOUND" in done.err
