"""What is wrong is named, with its place and remedy; nothing half-valid is kept, and what served goes on serving."""

import json

import oci
import pytest

import http_client
from running_platform import SERVICES, manifest
from waiting import until


def message_of(platform, name):
    condition = platform.condition(name)
    return f"{condition.get('reason', '')} {condition.get('message', '')}"


def expect_not_ready(platform, name, reason, *words):
    """The service says why; its callers get a 503 with a request id."""
    condition = platform.wait_failed(name)
    for word in (reason, *words):
        assert word in message_of(platform, name), condition
    answer = platform.get(name)
    assert answer.status == 503 and answer.headers.get("x-request-id"), answer


def test_every_fault_of_a_manifest_is_listed_and_nothing_is_stored(platform, name):
    bad = manifest(name, "oci:/nowhere", port=99999, concurrency=-4)
    bad["spec"]["template"]["spec"]["containers"][0]["enviroment"] = []
    bad["spec"]["template"]["spec"]["timeoutSeconds"] = "soon"
    done = platform.apply(bad, check=False)
    assert done.rc not in (0, 2) and done.out == ""
    for field in ("containerPort", "containerConcurrency", "enviroment", "timeoutSeconds"):
        assert field in done.err
    assert platform.call(f"{SERVICES}/{name}").status == 404


def test_faults_in_yaml_have_their_line(platform, name, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(f"apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  template:\n"
                    "    spec:\n      containers:\n        - image: x\n          ports:\n"
                    "            - containerPort: 99999\n")
    done = platform.cli("apply", "-f", file, check=False)
    assert done.rc not in (0, 2) and "11" in done.err and "spec.template.spec.containers[0].ports[0].containerPort" in done.err
    answer = platform.call(f"{SERVICES}", "POST", file.read_bytes(), {"Content-Type": "application/yaml"})
    assert answer.status == 422
    assert answer.json()["details"]["causes"][0]["line"] == 11


def test_a_file_that_is_no_yaml_is_refused(platform, name, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("apiVersion: [unclosed\n")
    assert platform.cli("apply", "-f", file, check=False).rc == 1
    assert platform.cli("apply", "-f", tmp_path / "missing.yaml", check=False).rc != 0


def test_a_missing_image_is_named_and_the_old_revision_serves(platform, name, tide, tmp_path):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    done = platform.cli("deploy", name, "--image", f"oci:{tmp_path}/nowhere", "--wait", check=False)
    assert done.rc != 0 and f"{tmp_path}/nowhere" in done.err
    assert platform.get(name).status == 200


def test_a_wrong_digest_is_named_and_the_old_revision_serves(platform, name, tide, tide_program, tmp_path):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    oci.make(tmp_path, {"app/tide": (tide_program.read_bytes(), 0o755)}, {"Entrypoint": ["/app/tide", "--text", "x"]})
    layer = oci.read_json(tmp_path, oci.manifest_digest(tmp_path))["layers"][0]["digest"]
    path = oci.blob_path(tmp_path, layer)
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    done = platform.cli("deploy", name, "--image", f"oci:{tmp_path}", "--wait", check=False)
    assert done.rc != 0 and layer[:19] in done.err
    assert platform.get(name).status == 200


def test_an_app_that_exits_is_named_with_its_code_and_last_lines(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--exit", "7"]), False)
    expect_not_ready(platform, name, "AppExited", "exit code 7", "tide: I will not do this")


def test_an_app_that_never_listens_is_named(platform, name, tide):
    probe = {"tcpSocket": {}, "periodSeconds": 1, "failureThreshold": 3, "timeoutSeconds": 1}
    platform.apply(manifest(name, tide, args=["--silent"], probe=probe), False)
    expect_not_ready(platform, name, "NeverListened", "tide: starting")


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_an_app_on_the_wrong_port_is_told_which(platform, name, tide, address):
    probe = {"tcpSocket": {}, "periodSeconds": 1, "failureThreshold": 5, "timeoutSeconds": 1}
    platform.apply(manifest(name, tide, args=["--port", "5555", "--address", address], probe=probe), False)
    expect_not_ready(platform, name, "PortMismatch", "5555", address, "8080")


def test_an_app_that_eats_its_memory_is_named(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--eat", "200"], memory="64Mi"), False)
    expect_not_ready(platform, name, "OutOfMemory")


def test_a_new_revision_that_fails_leaves_the_old_one_serving(platform, name, tide):
    platform.apply(manifest(name, tide, args=["--text", "stable"]))
    platform.wait_ready(name)
    done = platform.cli("deploy", name, "--image", tide, "--port", "9", "--wait", check=False)
    assert platform.get(name).status == 200
    platform.apply(manifest(name, tide, args=["--exit", "3"]), False)
    platform.wait_failed(name)
    assert "exit code 3" in message_of(platform, name)
    assert platform.get(name).text.startswith("stable")
    assert platform.service(name)["status"]["traffic"][0]["percent"] == 100
    assert done.rc in (0, 6)


def test_an_app_that_dies_while_serving_is_started_again(platform, name, tide):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    try:
        assert platform.get(name, "/exit?code=5").status in (502, 503)
    except (OSError, AssertionError):
        pass  # cut off: the app died with the request
    until(lambda: platform.get(name).status == 200, "it serves again")


MALFORMED = {
    "two lengths": b"GET / HTTP/1.1\r\nHost: x.localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunked": b"POST / HTTP/1.1\r\nHost: x.localhost\r\nContent-Length: 1\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a bare name": b"GET\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x.localhost\r\n\r\n",
    "a nul byte": b"GET /\x00 HTTP/1.1\r\nHost: x.localhost\r\n\r\n",
    "a folded field": b"GET / HTTP/1.1\r\nHost: x.localhost\r\nA: b\r\n c\r\n\r\n",
}


@pytest.mark.parametrize("case", sorted(MALFORMED))
def test_malformed_http_gets_400_and_a_closed_connection(platform, case):
    raw = http_client.exchange(platform.http_port, MALFORMED[case], timeout=20)
    answer = http_client.parse(raw)
    assert answer.status == 400 and raw.count(b"HTTP/1.1 ") == 1


def test_an_unknown_host_gets_404(platform):
    answer = platform.get("nobody-has-this-name")
    assert answer.status == 404 and answer.headers.get("x-request-id")


def test_malformed_json_for_the_api_is_a_status(platform):
    answer = platform.call(SERVICES, "POST", b"{", {"Content-Type": "application/json"})
    assert answer.status in (400, 422) and json.loads(answer.body)["kind"] == "Status"
