"""Images from registries: Debian's docker-registry, as people have it, and what is left when processes die in a pull."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import threading
from pathlib import Path

import oci
import pytest

import registries
import traces
from roles_test import roles
from running_platform import Platform, manifest
from waiting import until

PASSWORD = "wr4sse-bren"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    registry = registries.DebianRegistry(tmp_path_factory.mktemp("plain") / "registry").start()
    yield registry
    registry.stop()


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """TLS by an authority of its own, and a password."""
    registry = registries.DebianRegistry(tmp_path_factory.mktemp("closed") / "registry", {"ana": PASSWORD}, tls=True).start()
    yield registry
    registry.stop()


@pytest.fixture(scope="module")
def platform(plain, closed, tmp_path_factory):
    """Its files for registries are in its data directory; mirror.example is the plain registry."""
    platform = Platform()
    place = platform.data / "registry"
    place.mkdir()
    (place / "registries.conf").write_text(
        f'[[registry]]\nlocation = "{plain.name}"\ninsecure = true\n'
        f'[[registry]]\nlocation = "mirrored.invalid"\n[[registry.mirror]]\nlocation = "{plain.name}"\ninsecure = true\n')
    try:
        yield platform.start()
        platform.stop()
    finally:
        platform.clean()


def app(folder, tide_program, text):
    oci.make(folder, {"app/tide": (tide_program.read_bytes(), 0o755)}, {"Entrypoint": ["/app/tide", "--text", text]})
    return f"oci:{folder}"


def deploy(platform, name, image, check=True):
    return platform.cli("deploy", name, "--image", image, "--wait", check=check)


def digest_of(platform, name):
    revision = platform.service(name)["status"]["latestReadyRevisionName"]
    return platform.call(f"/apis/serving.knative.dev/v1/namespaces/default/revisions/{revision}").json()["status"]["containerStatuses"][0]["imageDigest"]


def test_a_tag_is_pulled_and_a_new_revision_asks_again(platform, name, plain, tide_program, tmp_path):
    first = plain.push(app(tmp_path / "one", tide_program, "one"), f"{name}:v")
    deploy(platform, name, f"{plain.name}/{name}:v")
    assert platform.get(name).text.startswith("one ")
    assert first in digest_of(platform, name)
    second = plain.push(app(tmp_path / "two", tide_program, "two"), f"{name}:v")
    assert platform.get(name).text.startswith("one "), "what runs does not change"
    deploy(platform, name, f"{plain.name}/{name}:v")
    assert platform.get(name).text.startswith("two ")
    assert second in digest_of(platform, name)
    deploy(platform, name, f"{plain.name}/{name}@{first}")
    assert platform.get(name).text.startswith("one "), "pinned"


def test_a_pinned_image_that_is_here_needs_no_registry(platform, name, another, tide_program, tmp_path):
    registry = registries.DebianRegistry(tmp_path / "registry").start()
    conf = platform.data / "registry" / "registries.conf"
    before = conf.read_text()
    conf.write_text(before + f'[[registry]]\nlocation = "{registry.name}"\ninsecure = true\n')
    try:
        digest = registry.push(app(tmp_path / "app", tide_program, "pinned"), f"{name}:v")
        deploy(platform, name, f"{registry.name}/{name}:v")
        registry.stop()
        deploy(platform, another, f"{registry.name}/{name}@{digest}")
        assert platform.get(another).text.startswith("pinned ")
        done = platform.cli("deploy", another, "--image", f"{registry.name}/{name}:v", "--wait", check=False)
        assert done.rc == 6 and "E_REGISTRY_UNREACHABLE" in done.err and registry.name in done.err
        assert platform.get(another).text.startswith("pinned "), "the older revision serves"
    finally:
        registry.stop()
        conf.write_text(before)


def test_a_name_or_a_tag_that_is_not_there(platform, name, plain, tide_program, tmp_path):
    plain.push(app(tmp_path, tide_program, "x"), f"{name}:v")
    for image in (f"{plain.name}/{name}:other", f"{plain.name}/nobody/{name}"):
        done = deploy(platform, name, image, check=False)
        assert done.rc != 0 and "E_IMAGE_NOT_FOUND" in done.err and image in done.err


def test_a_list_for_several_machines(platform, name, plain, tide_program, tmp_path):
    """By its tag, by its digest, and by that of the image in it."""
    wild = registries.WildRegistry()
    try:
        files = {"app/tide": (tide_program.read_bytes(), 0o755)}
        arm = wild.image("many", files, {"Entrypoint": ["/app/tide"]}, "arm", "arm64")
        here = wild.image("many", files, {"Entrypoint": ["/app/tide", "--text", "here"]}, "here")
        wild.index("many", [(arm, "arm64"), (here, "amd64")], "all")
        done = subprocess.run(["skopeo", "--insecure-policy", "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false",
                               "--digestfile", str(tmp_path / "digest"), f"docker://{wild.name}/many:all",
                               f"docker://{plain.name}/{name}:all"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        wild.close()
    index = (tmp_path / "digest").read_text().strip()
    for image in (f"{name}:all", f"{name}@{index}", f"{name}@{here['digest']}"):
        deploy(platform, name, f"{plain.name}/{image}")
        assert platform.get(name).text.startswith("here ")
    done = deploy(platform, name, f"{plain.name}/{name}@{arm['digest']}", check=False)
    assert "E_IMAGE_ARCHITECTURE" in done.err and "arm64" in done.err


def test_tls_and_credentials(platform, name, closed, tide_program, tmp_path):
    """First nobody vouches for it, then no credentials, wrong ones, right ones; which nobody ever sees."""
    closed.push(app(tmp_path, tide_program, "closed"), f"{name}:v", f"ana:{PASSWORD}")
    image = f"{closed.name}/{name}:v"
    place = platform.data / "registry"
    said = [deploy(platform, name, image, check=False)]
    assert "E_REGISTRY_UNTRUSTED" in said[-1].err and f"certs.d/{closed.name}/ca.crt" in said[-1].err
    authority = place / "certs.d" / closed.name
    authority.mkdir(parents=True)
    (authority / "ca.crt").write_bytes(closed.authority.read_bytes())
    said.append(deploy(platform, name, image, check=False))
    assert "E_REGISTRY_DENIED" in said[-1].err
    auth = place / "auth.json"
    for password, code in (("wrong-" + PASSWORD, "E_REGISTRY_DENIED"), (PASSWORD, "")):
        auth.touch(mode=0o600)
        subprocess.run(["python3", "-c", "import sys,json,base64; print(json.dumps({'auths': {sys.argv[1]: {'auth': base64.b64encode("
                        "('ana:'+sys.argv[2]).encode()).decode()}}}))", closed.name, password], stdout=auth.open("w"), check=True)
        assert stat.S_IMODE(auth.stat().st_mode) == 0o600 and auth.stat().st_uid == 0
        with seen_words(platform) as words:
            said.append(deploy(platform, name, image, check=False))
        assert code in said[-1].err and (said[-1].rc == 0) == (not code), said[-1].err
        assert [line for line in words if line.startswith("skopeo\0")], "it was seen at work"
        assert not [line for line in words if "wr4sse" in line], "no process list has it"
    assert platform.get(name).text.startswith("closed ")
    secrets = [PASSWORD, json.loads(auth.read_text())["auths"][closed.name]["auth"]]
    shown = "".join(one.out + one.err for one in said) + platform.log_path.read_text() + json.dumps(platform.service(name))
    assert not [secret for secret in secrets if secret in shown]
    kept = subprocess.run(["grep", "-rlaF", "-e", secrets[0], "-e", secrets[1], str(platform.data)], capture_output=True, text=True)
    assert kept.stdout.split() == [str(auth)], "nor is it kept anywhere else"
    auth.write_text("{ not json")
    done = platform.cli("deploy", name, "--image", f"{closed.name}/{name}:other", "--wait", check=False)
    assert "--registry-auth" in done.err and "not json" not in done.err
    auth.unlink()


@contextlib.contextmanager
def seen_words(platform):
    """The command lines and environments of the platform's processes meanwhile."""
    lines, stop = set(), threading.Event()

    def look():
        while not stop.is_set():
            for pid in traces.descendants(platform.process.pid):
                for part in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        lines.add(Path(f"/proc/{pid}/{part}").read_bytes().decode(errors="replace"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lines
    finally:
        stop.set()
        thread.join()


def test_a_mirror_of_registries_conf(platform, name, plain, tide_program, tmp_path):
    plain.push(app(tmp_path, tide_program, "mirrored"), f"{name}:v")
    deploy(platform, name, f"mirrored.invalid/{name}:v")
    assert platform.get(name).text.startswith("mirrored ")


def test_the_machines_own_docker_hub_names(platform, name):
    """A name that nobody here has is Docker Hub's, which these machines do not reach."""
    done = deploy(platform, name, "no-such-image-here", check=False)
    assert "docker.io/library/no-such-image-here:latest" in done.err and "E_REGISTRY" in done.err


def test_up_pulls_what_a_from_names(platform, name, plain, tide_program, tmp_path):
    plain.push(app(tmp_path / "base", tide_program, "from"), f"{name}-base:1")
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"ARG TAG=1\nFROM {plain.name}/{name}-base:${{TAG}}\nCOPY note /note\n")
    (context / "note").write_text("here")
    done = platform.cli("up", str(context), "--name", name)
    assert f"pulling {plain.name}/{name}-base:1" in done.out + done.err
    assert platform.get(name).text.startswith("from ")
    assert f"{plain.name}/{name}-base:1" in platform.cli("images", "-o", "name").out.split()
    (context / "note").write_text("there")
    done = platform.cli("up", str(context), "--name", name)
    assert "pulling" not in done.out + done.err, "it is known now"
    (context / "Dockerfile").write_text(f"FROM {plain.name}/{name}-base:none\n")
    done = platform.cli("up", str(context), "--name", name, check=False)
    assert done.rc != 0 and "E_IMAGE_NOT_FOUND" in done.err and f"FROM {plain.name}/{name}-base:none" in done.err


@pytest.fixture
def slow(platform):
    """A registry whose layers wait until they are let go."""
    wild = registries.WildRegistry()
    conf = platform.data / "registry" / "registries.conf"
    before = conf.read_text()
    conf.write_text(before + f'[[registry]]\nlocation = "{wild.name}"\ninsecure = true\n')
    wild.gate = threading.Event()
    yield wild
    wild.gate.set()
    wild.close()
    conf.write_text(before)


def held(wild, repository, tide_program, text):
    """An image whose layer begins to come and then waits; gives the digest of its layer."""
    wild.image(repository, {"app/tide": (tide_program.read_bytes(), 0o755)}, {"Entrypoint": ["/app/tide", "--text", text]})
    layer = json.loads(wild.manifests[f"/v2/{repository}/manifests", "latest"][0])["layers"][0]["digest"]

    def doing(request):
        data = wild.blobs[layer]
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        with contextlib.suppress(OSError):
            request.wfile.write(data[:1000])
            wild.gate.wait(60)
            request.wfile.write(data[1000:])

    wild.doings[layer] = doing
    return layer


def layers_asked(wild, layer):
    return [path for path in wild.asked if layer in path]


def test_two_services_make_one_pull(platform, name, another, slow, tide_program):
    layer = held(slow, "both", tide_program, "both")
    for one in (name, another):
        platform.apply(manifest(one, f"{slow.name}/both"))
    until(lambda: layers_asked(slow, layer), "the layer is asked for")
    slow.gate.set()
    for one in (name, another):
        platform.wait_ready(one)
    assert len(layers_asked(slow, layer)) == 1


@pytest.mark.parametrize("role", ["builder", "control"])
def test_a_death_in_a_pull_leaves_nothing_half_done_and_the_pull_goes_on(platform, name, slow, tide_program, role):
    layer = held(slow, f"death-{role}", tide_program, "after death")
    platform.apply(manifest(name, f"{slow.name}/death-{role}"))
    until(lambda: layers_asked(slow, layer), "the layer is asked for")
    file = platform.data / "blobs/sha256" / layer.removeprefix("sha256:")
    assert not file.exists()
    os.kill(roles(platform)[role][0], signal.SIGKILL)
    until(lambda: len(layers_asked(slow, layer)) == 2, "another one asks for it")
    slow.gate.set()
    platform.wait_ready(name)
    assert platform.get(name).text.startswith("after death ")
    until(lambda: not list((platform.data / "blobs").glob(".scratch-*")), "nothing half-done is left")


def test_a_pull_that_nobody_waits_for_ends(platform, name, slow, tide_program):
    layer = held(slow, "unwanted", tide_program, "never")
    platform.apply(manifest(name, f"{slow.name}/unwanted"))
    until(lambda: layers_asked(slow, layer), "the layer is asked for")
    platform.cli("services", "delete", name)
    until(lambda: "builder" not in roles(platform), "the builder is ended")
    assert not (platform.data / "blobs/sha256" / layer.removeprefix("sha256:")).exists()
