"""A registry that lies, breaks off, floods, dawdles or leads astray: each deploy fails with its own code in bounded time,
nothing is left half-done, and what runs goes on."""

import base64
import gzip
import json
import subprocess

import oci
import pytest

import registries
from running_platform import Platform, manifest
from waiting import until

SECRET = b"inside-only"
LOGIN = base64.b64encode(b"ana:geheim-9").decode()


@pytest.fixture(scope="module")
def wild():
    registry = registries.WildRegistry()
    yield registry
    registry.close()


@pytest.fixture(scope="module")
def platform(wild, tmp_path_factory):
    """Its registries.conf allows plain HTTP to the wild registry."""
    conf = tmp_path_factory.mktemp("conf") / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{wild.name}"\ninsecure = true\n')
    platform = Platform(options=("--registries", str(conf), "--limit", "pull-silence=3s", "--limit", "pull-time=30s",
                                 "--limit", "pull-bytes=64Mi"))
    try:
        yield platform.start()
        platform.stop()
    finally:
        platform.clean()


@pytest.fixture
def fresh(wild, request):
    """(registry, repository): nothing of an earlier test is in the way."""
    wild.doings.clear()
    wild.asked.clear()
    repository = "r" + str(abs(hash(request.node.name)) % 10**9)
    yield wild, repository
    wild.doings.clear()


@pytest.fixture
def app(tide_program):
    return {"app/tide": (tide_program.read_bytes(), 0o755)}, {"Entrypoint": ["/app/tide"]}


def files_of(platform):
    """What is in blobs and images, without what passes by."""
    return {str(path.relative_to(platform.data)) for part in ("blobs", "blobs/sha256", "images")
            for path in (platform.data / part).iterdir()}


def refused(platform, name, image, code):
    """Deploys; gives the message of the failure and checks that the code is right and nothing half-done is left."""
    done = platform.cli("deploy", name, "--image", image, "--wait", check=False)
    assert done.rc != 0 and code in done.err, done.err
    assert image.removeprefix("docker://").partition("@")[0].partition("/")[0] in done.err, "the registry is named"
    until(lambda: not [file for file in files_of(platform) if "scratch" in file], "no scratch is left")
    return done.err


def test_a_blob_that_is_not_what_its_digest_says(platform, name, fresh, app):
    wild, repository = fresh
    wild.image(repository, *app)
    victim = json.loads(wild.manifests[f"/v2/{repository}/manifests", "latest"][0])["layers"][0]["digest"]
    good = wild.blobs[victim]
    wild.blobs[victim] = b"x" * len(good)
    assert victim in refused(platform, name, f"{wild.name}/{repository}", "E_DIGEST_MISMATCH")
    wild.blobs[victim] = good[:-10]
    refused(platform, name, f"{wild.name}/{repository}", "E_DIGEST_MISMATCH")
    assert not (platform.data / "blobs/sha256" / victim.removeprefix("sha256:")).exists()
    wild.blobs[victim] = good
    platform.cli("deploy", name, "--image", f"{wild.name}/{repository}", "--wait")
    assert platform.get(name).status == 200, "the same image, once the registry is honest"


def test_a_blob_that_breaks_off(platform, name, fresh, app):
    wild, repository = fresh
    wild.image(repository, *app)
    victim = json.loads(wild.manifests[f"/v2/{repository}/manifests", "latest"][0])["layers"][0]["digest"]

    def half(request):
        data = wild.blobs[victim]
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data[:len(data) // 2])
        request.close_connection = True

    wild.doings[victim] = half
    refused(platform, name, f"{wild.name}/{repository}", "E_DIGEST_MISMATCH")


def test_a_blob_without_an_end(platform, name, fresh, app):
    wild, repository = fresh
    wild.image(repository, *app)
    wild.doings[json.loads(wild.manifests[f"/v2/{repository}/manifests", "latest"][0])["layers"][0]["digest"]] = registries.endless
    assert "more bytes" in refused(platform, name, f"{wild.name}/{repository}", "E_DIGEST_MISMATCH")


def test_a_manifest_without_an_end(platform, name, fresh):
    wild, repository = fresh
    wild.doings["/manifests/"] = registries.endless
    refused(platform, name, f"{wild.name}/{repository}", "E_IMAGE_TOO_LARGE")


def test_a_blob_that_drips(platform, name, fresh, app):
    wild, repository = fresh
    wild.image(repository, *app)
    layer = json.loads(wild.manifests[f"/v2/{repository}/manifests", "latest"][0])["layers"][0]
    wild.doings[layer["digest"]] = registries.dripping(layer["size"])
    assert "bytes in 3 s" in refused(platform, name, f"{wild.name}/{repository}", "E_REGISTRY_SLOW")


def test_a_blob_that_takes_longer_than_a_pull_may(platform, name, fresh, app):
    """Bytes flow all the while, and enough of them for the least rate."""
    wild, repository = fresh
    size = 16 << 20
    wild.image(repository, *app, change=lambda one: one["layers"][0].update(size=size))
    layer = json.loads(wild.manifests[f"/v2/{repository}/manifests", "latest"][0])["layers"][0]["digest"]
    wild.doings[layer] = registries.dripping(size, piece=b"." * (16 << 10))
    assert "pull-time" in refused(platform, name, f"{wild.name}/{repository}", "E_REGISTRY_SLOW")


def test_a_manifest_that_never_comes(platform, name, fresh):
    wild, repository = fresh
    wild.doings["/manifests/"] = registries.silent
    refused(platform, name, f"{wild.name}/{repository}", "E_REGISTRY_SLOW")


def test_a_registry_that_asks_for_credentials_again_and_again(platform, name, fresh):
    wild, repository = fresh
    wild.doings["/v2/"] = lambda request: wild.send(
        request, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}', "application/json", 401,
        [("WWW-Authenticate", 'Basic realm="again"')])
    said = refused(platform, name, f"{wild.name}/{repository}", "E_REGISTRY_DENIED")
    assert "--registry-auth" in said


def test_a_token_server_of_the_registrys_choice_gets_the_credentials(platform, name, fresh, app):
    """As the protocol has it; docs/images.md says so."""
    wild, repository = fresh
    wild.image(repository, *app)
    other, seen = registries.WildRegistry(), []
    auth = platform.data / "registry" / "auth.json"

    def token(request):
        seen.append(request.headers.get("Authorization"))
        other.send(request, b'{"token":"t0ken"}', "application/json")

    first = wild.answer

    def closed(request):
        if request.headers.get("Authorization") == "Bearer t0ken":
            return first(request)
        return wild.send(request, b"{}", "application/json", 401,
                         [("WWW-Authenticate", f'Bearer realm="http://{other.name}/token",service="x"')])

    other.doings["/token"] = token
    wild.answer = closed
    try:
        auth.touch(mode=0o600)
        auth.write_text(json.dumps({"auths": {wild.name: {"auth": LOGIN}}}))
        platform.cli("deploy", name, "--image", f"{wild.name}/{repository}", "--wait")
    finally:
        wild.__dict__.pop("answer", None)
        auth.unlink(missing_ok=True)
        other.close()
    assert set(seen) == {f"Basic {LOGIN}"}


def test_a_registry_that_limits_how_often_it_is_asked(platform, name, fresh):
    wild, repository = fresh
    body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"words of its own"}]}'
    wild.doings["/manifests/"] = lambda request: wild.send(request, body, "application/json", 429)
    said = refused(platform, name, f"{wild.name}/{repository}", "E_REGISTRY_")
    assert "words of its own" not in said and ("429" in said or "ask often" in said), said


def test_redirects_in_a_circle(platform, name, fresh):
    wild, repository = fresh
    wild.doings["/manifests/"] = lambda request: wild.send(request, b"", status=307, fields=[("Location", request.path)])
    refused(platform, name, f"{wild.name}/{repository}", "E_REGISTRY_FAILED")


def test_blobs_may_be_kept_by_another_host_and_it_gets_no_credentials(platform, name, fresh, app):
    wild, repository = fresh
    wild.image(repository, *app)
    other = registries.WildRegistry()
    other.blobs = wild.blobs
    seen, given = [], []
    auth = platform.data / "registry" / "auth.json"
    try:
        for digest in list(wild.blobs):
            wild.doings[digest] = registries.redirect(wild, f"http://localhost:{other.server.server_port}/v2/x/blobs/{digest}")
        original, first = other.answer, wild.answer
        other.answer = lambda request: (seen.append(request.headers.get("Authorization")), original(request))

        def closed(request):
            """Who brings no password is asked for it."""
            if request.headers.get("Authorization") == f"Basic {LOGIN}":
                given.append(request.path)
                return first(request)
            return wild.send(request, b"{}", "application/json", 401, [("WWW-Authenticate", 'Basic realm="here"')])

        wild.answer = closed
        auth.touch(mode=0o600)
        auth.write_text(json.dumps({"auths": {wild.name: {"auth": LOGIN}}}))
        platform.cli("deploy", name, "--image", f"{wild.name}/{repository}", "--wait")
    finally:
        wild.__dict__.pop("answer", None)
        auth.unlink(missing_ok=True)
        other.close()
    assert given, "the registry's host gets them"
    assert seen and set(seen) == {None}
    assert platform.get(name).status == 200


def test_a_redirect_to_an_inner_address_brings_nothing_of_it_to_light(platform, name, fresh):
    """It is followed, as it cannot be told from a store of blobs; but what comes is no manifest, and no word of it is
    shown."""
    wild, repository = fresh
    inner = registries.WildRegistry()
    inner.doings["/"] = lambda request: inner.send(request, SECRET, "text/plain")
    try:
        wild.doings["/manifests/"] = registries.redirect(wild, f"http://{inner.name}/latest/meta-data/?key=s3cr3t")
        said = refused(platform, name, f"{wild.name}/{repository}", "E_IMAGE_INVALID")
        inner.doings["/"] = lambda request: inner.send(request, SECRET, "text/plain", 500)
        said += refused(platform, name, f"{wild.name}/{repository}", "E_REGISTRY_FAILED")
    finally:
        inner.close()
    assert SECRET.decode() not in said + platform.log() and "s3cr3t" not in said + platform.log()


def test_no_image_for_this_machine(platform, name, fresh, app):
    wild, repository = fresh
    arm = wild.image(repository, *app, tag="arm", architecture="arm64")
    power = wild.image(repository, *app, tag="power", architecture="ppc64le")
    wild.index(repository, [(arm, "arm64"), (power, "ppc64le")])
    said = refused(platform, name, f"{wild.name}/{repository}", "E_IMAGE_ARCHITECTURE")
    assert "linux/arm64" in said and "linux/ppc64le" in said and "linux/amd64" in said
    said = refused(platform, name, f"{wild.name}/{repository}:arm", "E_IMAGE_ARCHITECTURE")
    assert "arm64" in said
    layer = json.loads(wild.manifests[f"/v2/{repository}/manifests", "arm"][0])["layers"][0]["digest"]
    assert not any(layer in path for path in wild.asked), "its layers were not even asked for"


def test_indexes_in_indexes_have_a_bound(platform, name, fresh, app):
    wild, repository = fresh
    inner = wild.image(repository, *app, tag="inner")
    for level in range(3):
        inner = wild.index(repository, [(inner, "amd64")], tag=f"level{level}")
    platform.cli("deploy", name, "--image", f"{wild.name}/{repository}:level2", "--wait")
    for level in range(3, 8):
        inner = wild.index(repository, [(inner, "amd64")], tag=f"level{level}")
    assert "nested" in refused(platform, name, f"{wild.name}/{repository}:level7", "E_IMAGE_INVALID")
    assert platform.get(name).status == 200, "and the older revision serves"


def test_schema_1_and_unknown_types_and_no_json(platform, name, fresh, app):
    wild, repository = fresh
    wild.put(repository, "one", json.dumps({"schemaVersion": 1, "name": "x", "tag": "one", "architecture": "amd64",
                                            "fsLayers": [], "history": []}).encode(), registries.SCHEMA1)
    refused(platform, name, f"{wild.name}/{repository}:one", "E_IMAGE_INVALID")
    wild.image(repository, *app, tag="odd", layer_type="application/x-zoo")
    assert "application/x-zoo" in refused(platform, name, f"{wild.name}/{repository}:odd", "E_IMAGE_INVALID")
    wild.put(repository, "text", b"good day", oci.MANIFEST)
    refused(platform, name, f"{wild.name}/{repository}:text", "E_IMAGE_INVALID")


def test_too_many_layers_and_too_many_bytes(platform, name, fresh, app):
    wild, repository = fresh
    wild.image(repository, *app, tag="layers", change=lambda one: one.update(layers=one["layers"] * 200))
    assert "200 layers" in refused(platform, name, f"{wild.name}/{repository}:layers", "E_IMAGE_TOO_LARGE")
    wild.image(repository, *app, tag="bytes", change=lambda one: one["layers"][0].update(size=(64 << 20) + 1))
    assert "pull-bytes" in refused(platform, name, f"{wild.name}/{repository}:bytes", "E_IMAGE_TOO_LARGE")
    wild.image(repository, *app, tag="absurd", change=lambda one: one["layers"][0].update(size=1 << 60))
    refused(platform, name, f"{wild.name}/{repository}:absurd", "E_IMAGE_TOO_LARGE")


def test_what_the_disk_cannot_hold_is_refused_before_it_is_loaded(platform, name, fresh, app):
    wild, repository = fresh
    wild.image(repository, *app, tag="huge", change=lambda one: one["layers"][0].update(size=16 << 30))
    layer = json.loads(wild.manifests[f"/v2/{repository}/manifests", "huge"][0])["layers"][0]["digest"]
    done = platform.cli("deploy", name, "--image", f"{wild.name}/{repository}:huge", "--wait", check=False)
    assert done.rc != 0 and "E_DISK_BUDGET" in done.err, done.err
    assert not any(layer in path for path in wild.asked)


@pytest.mark.parametrize("kind", ["gzip", "zstd", "plain", "docker"])
def test_each_form_of_a_layer_runs(platform, name, fresh, app, kind):
    wild, repository = fresh
    zstd = lambda data: subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
    forms = {"gzip": {}, "zstd": {"compress": zstd, "layer_type": oci.PLAIN_LAYER + "+zstd"},
             "plain": {"compress": lambda data: data, "layer_type": oci.PLAIN_LAYER},
             "docker": {"media_type": registries.DOCKER, "layer_type": "application/vnd.docker.image.rootfs.diff.tar.gzip"}}
    wild.image(repository, *app, **forms[kind])
    platform.cli("deploy", name, "--image", f"{wild.name}/{repository}", "--wait")
    assert platform.get(name).status == 200


def test_a_bomb_in_a_layer_is_ended(platform, name, fresh):
    wild, repository = fresh
    wild.image(repository, {"zeros": b"\0" * (256 << 20)}, {"Entrypoint": ["/zeros"]},
               compress=lambda data: gzip.compress(data, 9))
    refused(platform, name, f"{wild.name}/{repository}", "E_IMAGE_TOO_LARGE")


def test_names_that_are_none(platform, name):
    for image in ("127.0.0.1:1/UPPER", "127.0.0.1:1/a:b:c", "127.0.0.1:1/a@sha256:123", "127.0.0.1:1//a", "-x.y/z"):
        done = platform.apply(manifest(name, image), False)
        said = done.out + done.err if done.rc else platform.wait_failed(name)["message"]
        assert "image" in said and ("tag" in said or "path" in said or "host" in said or "@" in said), said


def test_nobody_listens_and_no_such_name(platform, name):
    assert "refused" in refused(platform, name, "127.0.0.1:1/x", "E_REGISTRY_UNREACHABLE")
    refused(platform, name, "registry.invalid/x", "E_REGISTRY_UNREACHABLE")


def test_plain_http_only_where_it_is_allowed(platform, name):
    other = registries.WildRegistry()
    try:
        said = refused(platform, name, f"{other.name}/x", "E_REGISTRY_UNTRUSTED")
    finally:
        other.close()
    assert "insecure" in said
