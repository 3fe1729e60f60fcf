"""What is wrong is named, with its place and remedy; nothing half-valid is kept, and what served goes on serving."""

import json

import oci
import pytest

from running_platform import SERVICES, manifest
from waiting import until

QUICK = {"tcpSocket": {}, "periodSeconds": 1, "failureThreshold": 3, "timeoutSeconds": 1}


def message_of(platform, name):
    condition = platform.condition(name)
    return f"{condition.get('reason', '')} {condition.get('message', '')}"


def expect_not_ready(platform, name, reason, *words):
    """The service says why; its callers get a 503 with a request id."""
    condition = platform.wait_failed(name)
    for word in (reason, *words):
        assert word in message_of(platform, name), condition
    answer = platform.get(name)
    assert answer.status == 503 and answer.headers["x-request-id"], answer


def test_every_fault_of_a_manifest_is_listed_and_nothing_is_stored(platform, name):
    bad = manifest(name, "oci:/nowhere", port=99999, concurrency=-4)
    bad["spec"]["template"]["spec"]["containers"][0]["enviroment"] = []
    bad["spec"]["template"]["spec"]["timeoutSeconds"] = "soon"
    done = platform.apply(bad, check=False)
    assert done.rc == 1 and done.out == ""
    for field in ("containerPort", "containerConcurrency", "enviroment", "timeoutSeconds"):
        assert field in done.err
    assert platform.call(f"{SERVICES}/{name}").status == 404


def test_faults_in_yaml_have_their_line(platform, name, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(f"apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  template:\n"
                    "    spec:\n      containers:\n        - image: x\n          ports:\n"
                    "            - containerPort: 99999\n")
    done = platform.cli("apply", "-f", file, check=False)
    assert done.rc == 1 and "11" in done.err and "spec.template.spec.containers[0].ports[0].containerPort" in done.err
    answer = platform.call(f"{SERVICES}", "POST", file.read_bytes(), {"Content-Type": "application/yaml"})
    assert answer.status == 422
    assert answer.json()["details"]["causes"][0]["line"] == 11


def test_a_change_with_faults_leaves_the_stored_service_alone(platform, name, tide):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    before = platform.service(name)
    assert platform.apply(manifest(name, tide, concurrency=-1), check=False).rc == 1
    assert platform.service(name)["spec"] == before["spec"]
    assert platform.service(name)["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_file_that_is_no_yaml_is_refused(platform, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("apiVersion: [unclosed\n")
    done = platform.cli("apply", "-f", file, check=False)
    assert done.rc == 1 and str(file) in done.err
    missing = platform.cli("apply", "-f", tmp_path / "missing.yaml", check=False)
    assert missing.rc == 1 and "missing.yaml" in missing.err


def test_malformed_json_for_the_api_is_a_status(platform):
    answer = platform.call(SERVICES, "POST", b"{", {"Content-Type": "application/json"})
    assert answer.status in (400, 422) and json.loads(answer.body)["kind"] == "Status"


@pytest.fixture
def stable(platform, name, tide):
    """A service that serves; asserted again after the test's own deed."""
    platform.apply(manifest(name, tide, args=["--text", "stable"]))
    platform.wait_ready(name)
    yield name
    assert platform.get(name).text.startswith("stable "), "the old revision keeps serving"
    assert platform.service(name)["status"]["traffic"][0]["percent"] == 100


def test_a_missing_image_is_named_and_the_old_revision_serves(platform, stable, tmp_path):
    done = platform.cli("deploy", stable, "--image", f"oci:{tmp_path}/nowhere", "--wait", check=False)
    assert done.rc in (1, 6) and f"{tmp_path}/nowhere" in done.err


def test_an_image_that_nobody_brought_is_named(platform, stable):
    platform.apply(manifest(stable, "registry.invalid/never/pushed:1"), check=False)
    platform.wait_failed(stable)
    assert "registry.invalid/never/pushed:1" in message_of(platform, stable)


@pytest.fixture
def spoilt(tide_program, tmp_path):
    """A layout and the digest of its one layer, which no other test has uploaded."""
    oci.make(tmp_path, {"app/tide": (tide_program.read_bytes(), 0o755), "app/of": str(tmp_path).encode()}, {"Entrypoint": ["/app/tide", "--text", "x"]})
    return tmp_path, oci.read_json(tmp_path, oci.manifest_digest(tmp_path))["layers"][0]["digest"]


def test_a_layer_with_a_wrong_digest_is_named_and_the_old_revision_serves(platform, stable, spoilt):
    layout, layer = spoilt
    path = oci.blob_path(layout, layer)
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    done = platform.cli("deploy", stable, "--image", f"oci:{layout}", "--wait", check=False)
    assert done.rc in (1, 6) and layer[:19] in done.err


def test_a_layer_that_is_not_there_is_named_and_the_old_revision_serves(platform, stable, spoilt):
    layout, layer = spoilt
    oci.blob_path(layout, layer).unlink()
    done = platform.cli("deploy", stable, "--image", f"oci:{layout}", "--wait", check=False)
    assert done.rc in (1, 6) and layer[:19] in done.err


def test_the_api_refuses_a_blob_of_another_digest(platform):
    digest = oci.digest_of(b"what was promised")
    answer = platform.call(f"/apis/marea.dev/v1/blobs/{digest}", "PUT", b"what came")
    assert answer.status == 400 and "E_DIGEST_MISMATCH" in answer.text
    assert platform.call(f"/apis/marea.dev/v1/blobs/{digest}", "GET").status in (404, 405)


def test_an_app_that_exits_is_named_with_its_code_and_last_lines(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--exit", "7"]), False)
    expect_not_ready(platform, name, "AppExited", "exit code 7", "tide: I will not do this")


def test_an_app_that_a_signal_ends_is_named_with_the_signal(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--kill", "11"]), False)
    expect_not_ready(platform, name, "AppKilled", "SIGSEGV", "tide: starting")


def test_an_app_that_never_listens_is_named(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--silent"], probe=QUICK), False)
    expect_not_ready(platform, name, "NeverListened", "tide: starting")


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_an_app_on_the_wrong_port_is_told_which(platform, name, tide, address):
    """Without a startup probe of its own: the verdict comes long before the startup deadline (decision 5)."""
    platform.apply(manifest(name, tide, args=["--port", "5555", "--address", address]), False)
    expect_not_ready(platform, name, "PortMismatch", f"{address}:5555", "8080", "containerPort: 5555")


def test_an_app_that_eats_its_memory_is_named(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--eat", "200"], memory="64Mi"), False)
    expect_not_ready(platform, name, "OutOfMemory")


def test_a_program_that_is_not_in_the_image_is_named(platform, name, tide):
    platform.apply(manifest(name, tide, command=["/no/such/program"]), False)
    platform.wait_failed(name)
    assert "/no/such/program" in message_of(platform, name)


@pytest.mark.parametrize("fault", [["--exit", "3"], ["--kill", "9"], ["--port", "5555"], ["--eat", "300"]],
                         ids=lambda words: words[0].strip("-"))
def test_a_new_revision_that_fails_leaves_the_old_one_serving(platform, stable, tide, fault):
    platform.apply(manifest(stable, tide, args=fault, memory="128Mi"), False)
    platform.wait_failed(stable)


def test_a_deploy_that_waits_tells_that_the_old_revision_was_kept(platform, stable, tide_program, tmp_path):
    oci.make(tmp_path, {"app/tide": (tide_program.read_bytes(), 0o755)}, {"Entrypoint": ["/app/tide", "--exit", "4"]})
    done = platform.cli("deploy", stable, "--image", f"oci:{tmp_path}", "--wait", check=False)
    assert done.rc == 6 and "exit code 4" in done.err and "tide: I will not do this" in done.err


def test_an_app_that_dies_while_serving_is_started_again(platform, name, tide):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    lost = platform.get(name, "/exit?code=5")
    assert lost.status == 502 and lost.headers["x-request-id"]
    until(lambda: platform.get(name).status == 200, "it serves again")


def test_an_app_that_eats_its_memory_while_serving_is_known_as_such(platform, name, tide):
    platform.apply(manifest(name, tide, memory="64Mi"))
    platform.wait_ready(name)
    assert platform.get(name, "/eat?mb=200").status == 502
    dead = until(lambda: [item for item in platform.call(f"/apis/marea.dev/v1/instances?service={name}").json()["items"]
                          if item.get("exit")], "the instance that died is listed")
    assert dead[0]["exit"]["outOfMemory"] is True and dead[0]["reason"] == "OutOfMemory"
