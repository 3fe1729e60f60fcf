"""The API as docs/api.md tells it, called by hand."""

import json

import http_client
import oci

from running_platform import SERVICES, manifest
from waiting import until

OWN = "/apis/marea.dev/v1"
SERVING = "/apis/serving.knative.dev/v1/namespaces/default"
JSON = {"Content-Type": "application/json"}


def image_of(platform, tide):
    """The image of `tide` as a name that the platform knows: the CLI uploads it."""
    platform.cli("deploy", "api-image", "--image", tide, "--wait")
    found = platform.service("api-image")["spec"]["template"]["spec"]["containers"][0]["image"]
    platform.call(f"{SERVICES}/api-image", "DELETE")
    return found


def body(value):
    return json.dumps(value).encode()


def test_a_service_is_created_read_replaced_and_deleted(platform, name, tide):
    wanted = manifest(name, image_of(platform, tide))
    made = platform.call(SERVICES, "POST", body(wanted), JSON)
    assert made.status == 201, made.text
    assert platform.call(SERVICES, "POST", body(wanted), JSON).status == 409
    platform.wait_ready(name)

    read = platform.service(name)
    assert (read["apiVersion"], read["kind"]) == ("serving.knative.dev/v1", "Service")
    assert read["metadata"]["namespace"] == "default" and read["metadata"]["uid"]
    assert {c["type"]: c["status"] for c in read["status"]["conditions"]} == {
        "Ready": "True", "ConfigurationsReady": "True", "RoutesReady": "True"}
    assert read["status"]["observedGeneration"] == read["metadata"]["generation"] == 1
    assert read["status"]["address"]["url"] == read["status"]["url"]

    stale = {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": "1"}}
    wanted["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "b"}]
    assert platform.call(f"{SERVICES}/{name}", "PUT", body(wanted), JSON).status == 200
    until(lambda: platform.service(name)["status"]["latestReadyRevisionName"] != read["status"]["latestReadyRevisionName"],
          "the new revision is ready")
    assert platform.call(f"{SERVICES}/{name}", "PUT", body(stale), JSON).status == 409

    gone = platform.call(f"{SERVICES}/{name}", "DELETE")
    assert gone.status == 200 and gone.json()["kind"] == "Status"
    until(lambda: platform.call(f"{SERVICES}/{name}").status == 404, "it is gone")


def test_what_is_read_can_be_applied_again_and_changes_nothing(platform, name, tide):
    platform.apply(manifest(name, tide, env={"A": "b"}, concurrency=7, timeout=42, memory="128Mi"))
    platform.wait_ready(name)
    read = platform.service(name)
    assert platform.call(f"{SERVICES}/{name}", "PUT", body(read), JSON).status == 200
    again = platform.service(name)
    assert again["spec"] == read["spec"]
    assert again["metadata"]["generation"] == read["metadata"]["generation"]


def test_revisions_are_found_by_their_service(platform, name, tide):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    found = platform.call(f"{SERVING}/revisions?labelSelector=serving.knative.dev/service={name}").json()["items"]
    assert [r["metadata"]["labels"]["serving.knative.dev/service"] for r in found] == [name]
    one = platform.call(f"{SERVING}/revisions/{found[0]['metadata']['name']}").json()
    assert "sha256:" in one["status"]["containerStatuses"][0]["imageDigest"]
    assert platform.call(f"{SERVING}/revisions/{found[0]['metadata']['name']}", "DELETE").status == 409


def test_what_is_kept_but_not_acted_on_is_noticed(platform, name, tide):
    wanted = manifest(name, image_of(platform, tide), template_annotations={"run.googleapis.com/execution-environment": "gen2"})
    made = platform.call(SERVICES, "POST", body(wanted), JSON)
    assert made.status == 201 and made.headers["warning"].startswith("299 ") and "execution-environment" in made.headers["warning"]
    assert platform.service(name)["spec"]["template"]["metadata"]["annotations"]["run.googleapis.com/execution-environment"] == "gen2"


def test_blobs_are_stored_by_their_digest(platform):
    digest = oci.digest_of(b"a blob")
    path = f"{OWN}/blobs/{digest}"
    assert platform.call(path, "PUT", b"a blob").status == 201
    head = platform.call(path, "HEAD")
    assert head.status == 200


def test_health_names_every_role(platform):
    health = platform.call(f"{OWN}/healthz").json()
    assert {"engine", "router", "control", "logs"} <= {role["role"] for role in health["roles"]}
    assert health["runtime"].split()[0] in ("crun", "runc")


def test_lists_are_kubernetes_lists(platform, name, tide):
    platform.apply(manifest(name, tide))
    listed = platform.call(SERVICES).json()
    assert listed["kind"] == "ServiceList" and listed["apiVersion"] == "serving.knative.dev/v1"
    assert listed["metadata"]["resourceVersion"] and name in [item["metadata"]["name"] for item in listed["items"]]


def test_a_path_that_is_not_there_is_a_status(platform):
    answer = platform.call("/apis/marea.dev/v1/nothing")
    assert answer.status == 404 and answer.json()["kind"] == "Status"


def test_pages_of_other_sites_are_kept_out(platform):
    """A browser on this machine sends what any page tells it to; form types need no permission of ours."""
    def status(**fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        return http_client.request(platform.api_port, f"127.0.0.1:{platform.api_port}", "/version", headers=headers).status

    assert status() == status(Origin=f"http://127.0.0.1:{platform.api_port}") == status(Sec_Fetch_Site="same-origin") == 200
    assert status(Origin="http://elsewhere.example") == status(Origin="null") == status(Sec_Fetch_Site="cross-site") == 403
