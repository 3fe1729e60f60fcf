"""Real kubectl, without flags, over HTTPS with the kubeconfig that marea prints."""

import base64
import contextlib
import http.client
import json
import queue
import ssl
import threading

import pytest
import yaml

import http_client
import kubectl as kubectls
from api_test import image_of
from running_platform import manifest
from waiting import until


@pytest.fixture(scope="module", params=kubectls.here())
def kubectl(request, platform):
    made = kubectls.Kubectl(kubectls.find(request.param), platform)
    made.version = request.param
    yield made
    made.remove()


@pytest.fixture(scope="module")
def image(platform, tide):
    return image_of(platform, tide)


@pytest.fixture
def applied(kubectl, name, image):
    """A service that kubectl made, Ready."""
    wanted = manifest(name, image, max_scale=3, idle="60s")
    assert "created" in kubectl("apply", "-f", "-", given=json.dumps(wanted)).out
    kubectl("wait", "--for=condition=Ready", f"ksvc/{name}", "--timeout=60s")
    return wanted


@contextlib.contextmanager
def lines_of(process):
    """A queue of what the process writes; it is ended afterwards."""
    lines = queue.Queue()
    reader = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True)
    reader.start()
    try:
        yield lines
    finally:
        process.terminate()
        process.wait(timeout=20)
        reader.join(timeout=20)


def test_apply_creates_changes_and_says_when_nothing_changes(kubectl, applied, name):
    assert "unchanged" in kubectl("apply", "-f", "-", given=json.dumps(applied)).out
    applied["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "b"}]
    assert "configured" in kubectl("apply", "-f", "-", given=json.dumps(applied)).out
    until(lambda: len(kubectl("get", "revisions", "-l", f"serving.knative.dev/service={name}", "-o", "name").out.split()) == 2,
          "there is a second revision")


def test_diff_shows_a_change_and_stores_nothing(kubectl, applied, name):
    assert kubectl("diff", "-f", "-", given=json.dumps(applied)).out == ""
    applied["spec"]["template"]["spec"]["timeoutSeconds"] = 77
    shown = kubectl("diff", "-f", "-", given=json.dumps(applied), rc=1)
    assert "+      timeoutSeconds: 77" in shown.out, shown.out + shown.err
    assert "timeoutSeconds: 77" not in kubectl("get", "ksvc", name, "-o", "yaml").out
    dry = kubectl("apply", "--dry-run=server", "-f", "-", given=json.dumps(applied))
    assert "server dry run" in dry.out
    assert "timeoutSeconds: 77" not in kubectl("get", "ksvc", name, "-o", "yaml").out


def test_get_prints_every_form(kubectl, applied, name, platform):
    wide = kubectl("get", "ksvc", name, "-o", "wide").out
    assert wide.split()[:2] == ["NAME", "URL"] and f"http://{name}.localhost:{platform.http_port}" in wide and " True" in wide
    assert yaml.safe_load(kubectl("get", "ksvc", name, "-o", "yaml").out)["kind"] == "Service"
    assert kubectl("get", "ksvc", name, "-o", "json").json()["metadata"]["name"] == name
    assert kubectl("get", "ksvc", name, "-o", "name").out.strip() == f"service.serving.knative.dev/{name}"
    columns = kubectl("get", "ksvc", name, "-o", "custom-columns=N:.metadata.name,R:.status.latestReadyRevisionName").out
    assert columns.split()[0] == "N" and f"{name}-00001" in columns
    everything = kubectl("get", "all").out
    for kind in ("service", "configuration", "route", "revision"):
        assert f"{kind}.serving.knative.dev/{name}" in everything
    assert name in kubectl("get", "services").out, "there are no core services to be confused with"
    assert "default" in kubectl("get", "namespaces").out


def test_get_watch_shows_that_it_becomes_ready_later(kubectl, name, another, image):
    kubectl("apply", "-f", "-", given=json.dumps(manifest(another, image)))
    with lines_of(kubectl.start("get", "ksvc", "--watch", "--no-headers")) as lines:
        seen = {name: [], another: []}

        def shows(service):
            """Whether each line about it so far said that it is Ready."""
            with contextlib.suppress(queue.Empty):
                while True:
                    line = lines.get_nowait()
                    for one in seen:
                        if line.startswith(one + " "):
                            seen[one].append(" True" in line)
            return seen[service]

        until(lambda: shows(another), "the watch has begun")
        kubectl("apply", "-f", "-", given=json.dumps(manifest(name, image)))
        until(lambda: shows(name) and seen[name][-1], "the watch shows Ready")
        assert seen[name][0] is False, "it was not Ready when it was added"


def test_patch_label_annotate_and_replace(kubectl, applied, name):
    kubectl("patch", "ksvc", name, "--type=merge", "-p", '{"metadata":{"labels":{"tier":"web"}}}')
    kubectl("patch", "ksvc", name, "--type=json", "-p", '[{"op":"add","path":"/metadata/labels/team","value":"loans"}]')
    kubectl("label", "ksvc", name, "extra=yes")
    kubectl("annotate", "ksvc", name, "note=hello")
    read = kubectl("get", "ksvc", "-l", "tier=web,team in (loans),extra", "-o", "json").json()["items"][0]
    assert read["metadata"]["annotations"]["note"] == "hello"
    kubectl("label", "ksvc", name, "extra-")
    stale = json.dumps(read)
    assert "Conflict" in kubectl("replace", "-f", "-", given=stale, rc=1).err
    fresh = kubectl("get", "ksvc", name, "-o", "json").json()
    fresh["metadata"]["labels"]["tier"] = "batch"
    assert "replaced" in kubectl("replace", "-f", "-", given=json.dumps(fresh)).out
    refused = kubectl("patch", "ksvc", name, "--type=json", "-p", '[{"op":"test","path":"/metadata/name","value":"x"}]', rc=1)
    assert "operation 0" in refused.err


def test_server_side_apply_takes_fields_over_only_when_told(kubectl, name, image):
    wanted = manifest(name, image)
    wanted["metadata"]["labels"] = {"tier": "web"}
    kubectl("apply", "--server-side", "-f", "-", given=json.dumps(wanted))
    wanted["metadata"]["labels"] = {"tier": "batch"}
    refused = kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", given=json.dumps(wanted), rc=None)
    assert refused.rc != 0 and "conflict" in refused.err and "kubectl" in refused.err
    kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-", given=json.dumps(wanted))
    managed = kubectl("get", "ksvc", name, "-o", "json", *show_managed(kubectl)).json()["metadata"]["managedFields"]
    assert {one["manager"] for one in managed} == {"kubectl", "other"}


def show_managed(kubectl):
    return [] if kubectl.version == "1.20" else ["--show-managed-fields"]


def test_a_field_that_nobody_knows_is_refused_with_its_path(kubectl, name, image):
    wanted = manifest(name, image)
    wanted["spec"]["template"]["spec"]["containerConcurency"] = 5
    refused = kubectl("apply", "-f", "-", given=json.dumps(wanted), rc=1)
    assert "containerConcurency" in refused.err
    assert kubectl("get", "ksvc", name, rc=1).err.startswith("Error from server (NotFound)")


def test_logs_are_the_instances_output(kubectl, applied, name, platform):
    assert platform.get(name).status == 200
    pods = kubectl("get", "pods", "-l", f"serving.knative.dev/service={name}", "-o", "name").out.split()
    assert pods
    pod = pods[0].removeprefix("pod/")
    text = until(lambda: kubectl("logs", pod).out, "the app has said something")
    assert text in platform.cli("logs", name, "-o", "json").out or text.split("\n")[0] in platform.cli("logs", name).out
    assert kubectl("logs", pod, "--tail=1").out.count("\n") == 1
    with lines_of(kubectl.start("logs", "-f", pod)) as lines:
        assert lines.get(timeout=60).strip() == text.split("\n")[0].strip()
    listed = kubectl("get", "pod", pod).out
    assert "1/1" in listed and "Running" in listed


def test_describe_tells_of_conditions_and_events(kubectl, applied, name):
    told = kubectl("describe", "ksvc", name).out
    assert "ConfigurationsReady" in told and f"Service {name} is ready" in told, told
    assert name in kubectl("get", "events").out


def test_resources_are_listed_and_explained(kubectl):
    listed = kubectl("api-resources").out
    for word in ("ksvc", "serving.knative.dev", "configurations", "routes", "revisions", "pods", "events", "namespaces"):
        assert word in listed
    explained = kubectl("explain", "ksvc.spec.template.spec.containers").out
    assert "startupProbe" in explained
    assert "v1.29" in kubectl("version").out


def test_delete_takes_the_service_away(kubectl, applied, name):
    assert "dry run" in kubectl("delete", "ksvc", name, "--dry-run=server").out
    assert "deleted" in kubectl("delete", "ksvc", name).out
    assert "NotFound" in kubectl("get", "ksvc", name, rc=1).err
    assert "AlreadyExists" not in kubectl("create", "-f", "-", given=json.dumps(applied)).err
    assert "AlreadyExists" in kubectl("create", "-f", "-", given=json.dumps(applied), rc=1).err


def test_https_wants_the_token_and_shows_a_certificate_of_mareas_own_authority(platform, tmp_path):
    config = yaml.safe_load(platform.cli("kubeconfig").out)
    assert json.loads(platform.cli("kubeconfig", "-o", "json").out) == config
    cluster = config["clusters"][0]["cluster"]
    trusted = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    port = int(cluster["server"].rsplit(":", 1)[1])

    def status(token, context=trusted, host="127.0.0.1"):
        with contextlib.closing(http.client.HTTPSConnection(host, port, context=context, timeout=30)) as connection:
            connection.request("GET", "/version", headers={"Authorization": f"Bearer {token}"} if token else {})
            return connection.getresponse().status

    token = config["users"][0]["user"]["token"]
    assert status(token) == status(token, host="localhost") == 200
    assert status(None) == status(token[:-1]) == status(token[:-1] + "x") == 401
    with pytest.raises(ssl.SSLCertVerificationError):
        status(token, ssl.create_default_context())
    secret = platform.data / "control" / "api" / "token"
    assert secret.read_text().strip() == token and secret.stat().st_mode & 0o777 == 0o600
    assert platform.call("/apis/marea.dev/v1/kubeconfig").status == 200
    assert http_client.request(platform.api_port, "api", "/apis/marea.dev/v1/kubeconfig").status == 403
