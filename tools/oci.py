"""Writes OCI image layouts: from files given as bytes or a tar, alone or as one more layer over another layout."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TAG = "org.opencontainers.image.ref.name"
PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER = PLAIN_LAYER + "+gzip"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob_path(layout, digest):
    return Path(layout) / "blobs" / digest.replace(":", "/")


def put(layout, data, media_type):
    path = blob_path(layout, digest_of(data))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


class Link(str):
    """A symbolic link to this target, as a file's value."""


def _entry(name, value):
    data, mode, uid = (value + (0o644, 0)[len(value) - 1:]) if isinstance(value, tuple) else (value, 0o644, 0)
    entry = tarfile.TarInfo(name)
    entry.mode, entry.uid, entry.gid = mode, uid, uid
    if isinstance(data, Link):
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, str(data), 0o777
        return entry, None
    entry.size = len(data)
    return entry, io.BytesIO(data)


def tar_of(files):
    """{path: bytes | Link | (bytes, mode) | (bytes, mode, uid)} as a tar; folders come with their files, root's."""
    made, whole = set(), io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, value in files.items():
            for folder in reversed(Path(name).parents):
                if str(folder) != "." and folder not in made:
                    made.add(folder)
                    entry = tarfile.TarInfo(str(folder))
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(entry)
            archive.addfile(*_entry(name, value))
    return whole.getvalue()


def read_json(layout, digest):
    return json.loads(blob_path(layout, digest).read_bytes())


def manifest_digest(layout):
    return json.loads((Path(layout) / "index.json").read_text())["manifests"][0]["digest"]


def make(layout, files=None, config=None, base=None, tar=None, tag="latest", compress=True):
    """An image of `files` (or of a ready `tar`) with `config` (Entrypoint, Cmd, Env, User, WorkingDir…), over the layout
    `base` if any. A layer that is not compressed has the digest of its content: what is built on it is pushed and
    unpacked without gzip. Other tags of the layout stay. Returns its manifest's digest."""
    layout = Path(layout)
    layout.mkdir(parents=True, exist_ok=True)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}
    image = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    if base:
        below = read_json(base, manifest_digest(base))
        manifest["layers"] = below["layers"]
        image = read_json(base, below["config"]["digest"])
        for layer in below["layers"]:
            share(blob_path(base, layer["digest"]), blob_path(layout, layer["digest"]))
    inherited = dict(image.get("config", {}))
    if config and "Entrypoint" in config:
        inherited.pop("Cmd", None)  # as a Dockerfile's ENTRYPOINT does
    image["config"] = {**inherited, **(config or {})}
    tar = tar or (tar_of(files) if files else None)
    if tar:
        blob = (gzip.compress(tar, 1, mtime=0), LAYER) if compress else (tar, PLAIN_LAYER)
        manifest["layers"].append(put(layout, *blob))
        image["rootfs"]["diff_ids"].append(digest_of(tar))
    # buildah builds on an image only if its history counts as many layers as it has.
    image["history"] = [{"created_by": "tools/oci.py"} for _ in manifest["layers"]]
    manifest["config"] = put(layout, json.dumps(image).encode(), CONFIG)
    entry = put(layout, json.dumps(manifest).encode(), MANIFEST)
    entry["annotations"] = {TAG: tag}
    entry["platform"] = {"architecture": "amd64", "os": "linux"}
    index = layout / "index.json"
    others = json.loads(index.read_text())["manifests"] if index.exists() else []
    entries = [other for other in others if other["annotations"][TAG] != tag] + [entry]
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    index.write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    return entry["digest"]


def share(blob, target):
    """The same blob in another layout: a hard link where the file system allows it."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(blob, target)
    except OSError:
        shutil.copy(blob, target)
