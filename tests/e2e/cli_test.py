"""What the verbs print: data on stdout in the shapes that tools know, everything else on stderr; exit codes."""

import json
import re
import subprocess

from running_platform import BIN, SERVICES, manifest, run_cli
from waiting import until


def up(platform, name, image, **options):
    platform.apply(manifest(name, image, **options))
    platform.wait_ready(name)
    assert platform.get(name).status == 200


def test_services_print_as_knative_objects(platform, name, tide):
    up(platform, name, tide)
    one = platform.cli("services", "describe", name, "-o", "json").json()
    assert (one["apiVersion"], one["kind"], one["metadata"]["name"]) == ("serving.knative.dev/v1", "Service", name)
    assert one["status"]["url"] == f"http://{name}.localhost:{platform.http_port}"
    everything = platform.cli("services", "list", "-o", "json").json()
    assert name in [item["metadata"]["name"] for item in everything["items"]]
    assert name in platform.cli("services", "list", "-o", "name").out.split()
    assert name in platform.cli("services").out


def test_revisions_name_their_image_by_digest(platform, name, tide):
    up(platform, name, tide)
    mine = [item for item in platform.cli("revisions", "list", "-o", "json").json()["items"]
            if item["metadata"]["labels"]["serving.knative.dev/service"] == name]
    assert len(mine) == 1
    assert mine[0]["status"]["containerStatuses"][0]["imageDigest"].split("@")[-1].startswith("sha256:")


def test_what_is_described_is_applied_again_as_unchanged(platform, name, tide, tmp_path):
    """In both forms, one after the other: what changes nothing leaves the version that both were read with."""
    exported = manifest(name, tide, annotations={"run.googleapis.com/ingress": "all"})
    exported["metadata"].update(namespace="123456789", uid="7e9ad3d9-5f5b-4a9f-9a56-5b9a2f4b2ce1",
                                resourceVersion="AAYIZ5wWc7c", generation=7)
    assert f"created: services/{name}" in platform.apply(exported, True, "--wait").err
    for form in ("yaml", "json"):
        (tmp_path / form).write_text(platform.cli("services", "describe", name, "-o", form).out)
    for form in ("yaml", "json"):
        assert f"unchanged: services/{name}" in platform.cli("apply", "-f", tmp_path / form).err
    assert f"unchanged: services/{name}" in platform.apply(exported).err


def test_a_whole_list_may_be_applied_again(platform, name, another, tide, tmp_path):
    for one in (name, another):
        up(platform, one, tide)
    for form in ("yaml", "json"):
        (tmp_path / "all").write_text(platform.cli("services", "-o", form).out)
        done = platform.cli("apply", "-f", tmp_path / "all")
        assert f"unchanged: services/{name}" in done.err and f"unchanged: services/{another}" in done.err


def test_the_new_revision_may_be_named_by_its_own_traffic(platform, name, tide):
    """As gcloud and kn write it: while that revision starts, this is no failure."""
    wanted = manifest(name, tide)
    wanted["spec"]["template"]["metadata"]["name"] = f"{name}-a"
    wanted["spec"]["traffic"] = [{"revisionName": f"{name}-a", "percent": 100}]
    platform.apply(wanted, True, "--wait")
    assert platform.get(name).status == 200


def test_the_table_of_revisions_shows_digests(platform, name, tide):
    up(platform, name, tide)
    row = next(line for line in platform.cli("revisions").out.splitlines() if line.startswith(name))
    assert re.search(r"\bsha256:[0-9a-f]{12}$", row)


def test_instances_are_listed_described_and_deleted(platform, name, tide):
    up(platform, name, tide, idle="60s")
    items = [item for item in platform.cli("instances", "list", "-o", "json").json()["items"] if item["service"] == name]
    assert len(items) == 1
    assert {"name", "service", "revision", "state", "since", "in_flight"} <= set(items[0]) | set(items[0]["metadata"])
    assert items[0]["state"] in ("running", "idle") and items[0]["in_flight"] == 0
    instance = items[0].get("name") or items[0]["metadata"]["name"]
    assert name in platform.cli("instances", "describe", instance).out
    platform.cli("instances", "delete", instance)
    until(lambda: all(other["metadata"]["name"] != instance for other in platform.instances(name)), "the instance ends")
    assert platform.get(name).status == 200


def test_logs_print_what_the_app_said(platform, name, tide):
    up(platform, name, tide)
    platform.get(name, "/say?words=ebb")
    until(lambda: "said /say?words=ebb" in platform.cli("logs", name).out, "the line is in the log")
    assert len(platform.cli("logs", name, "--tail", "1").out.splitlines()) == 1


def test_structured_logs_are_untouched(platform, name, tide):
    """What Cloud Run's container contract calls structured logging: a line of JSON stays as the app wrote it."""
    up(platform, name, tide, args=["--text", '{"severity":"ERROR","message":"ebb"}'])
    platform.get(name, '/say?{"severity":"ERROR"}')
    lines = until(lambda: [line for line in platform.call(f"/apis/marea.dev/v1/logs?service={name}").text.splitlines()
                           if "severity" in line], "the line is in the log")
    entry = json.loads(lines[-1])
    assert entry["text"] == 'said /say?{"severity":"ERROR"}' and entry["stream"] == "stdout"
    assert {"time", "service", "revision", "instance"} <= set(entry)


def test_logs_follow(platform, name, tide):
    up(platform, name, tide)
    follower = subprocess.Popen([str(BIN), "logs", name, "-f"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                env={"MAREA_SERVER": f"unix:{platform.api}", "PATH": "/usr/bin:/bin"}, text=True)
    try:
        platform.get(name, "/say?words=flood")
        for line in follower.stdout:
            if "said /say?words=flood" in line:
                break
        else:
            raise AssertionError(f"the follower ended with {follower.wait()}")
    finally:
        follower.terminate()
        follower.wait()


def test_what_does_not_exist_is_exit_code_3(platform):
    for words in (["services", "describe", "nobody"], ["instances", "describe", "nobody"], ["logs", "nobody"]):
        done = platform.cli(*words, check=False)
        assert done.rc == 3 and "nobody" in done.err and done.out == ""


def test_data_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([str(BIN), "version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "standard output" in done.stderr


def test_misuse_is_exit_code_2():
    for words in (["nonsense"], ["deploy"], ["services", "list", "-o", "sculpture"]):
        done = run_cli(*words)
        assert done.rc == 2 and done.err and done.out == ""


def test_a_platform_that_is_not_there_is_named(tmp_path):
    done = run_cli("services", "list", environment={"MAREA_SERVER": f"unix:{tmp_path}/api.sock"})
    assert done.rc == 1 and f"{tmp_path}/api.sock" in done.err and "marea serve" in done.err


def test_the_server_may_be_named_by_address_and_by_data_directory(platform, name, tide):
    up(platform, name, tide)
    assert name in run_cli("services", "list", "--server", f"http://127.0.0.1:{platform.api_port}").out
    assert name in run_cli("services", "list", "--data", platform.data).out
    assert name in run_cli("services", "list", environment={"MAREA_DATA": str(platform.data)}).out


def test_deleting_a_service_ends_its_instances(platform, name, tide):
    up(platform, name, tide)
    platform.cli("services", "delete", name)
    platform.wait_for_zero(name)
    assert platform.get(name).status == 404


def test_a_layout_without_its_scheme_is_hinted_at(platform, name, tide):
    layout = tide.removeprefix("oci:")
    done = platform.cli("deploy", name, "--image", layout, check=False)
    assert done.rc == 2 and f"--image oci:{layout}" in done.err
    assert platform.call(f"{SERVICES}/{name}").status == 404


def test_help_lists_the_verbs():
    done = run_cli("--help")
    assert done.rc == 0
    for verb in ("serve", "up", "deploy", "apply", "services", "revisions", "instances", "logs", "doctor"):
        assert verb in done.out


def test_doctor_finds_this_machine_fit(platform):
    """Everything that an instance needs, and the platform with its roles."""
    done = platform.cli("doctor", "-o", "json", check=False)
    checks = {item["check"]: item for item in done.json()["items"]}
    assert {"platform", "privilege", "runtime", "user-namespaces", "cgroups", "role engine"} <= set(checks)
    assert done.rc == 0, done.out + done.err


def test_a_missing_privilege_is_named_by_the_start_and_by_doctor(tmp_path):
    """Whoever lacks it, the missing thing and the remedy are the same."""
    for words in (["doctor", "--data", tmp_path], ["serve", "--data", tmp_path / "new", "--http", "127.0.0.1:0", "--api",
                                                  "127.0.0.1:0"]):
        done = subprocess.run(["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-all", str(BIN), *map(str, words)],
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode in (1, 4) and "CAP_SYS_ADMIN" in done.stdout + done.stderr
        assert "sudo" in done.stdout + done.stderr


def test_a_missing_program_is_named_by_the_start(tmp_path):
    done = run_cli("serve", "--data", tmp_path, "--http", "127.0.0.1:0", "--api", "127.0.0.1:0",
                   environment={"PATH": "/nowhere"}, timeout=60)
    assert done.rc == 1 and "crun or runc" in done.err and "apt-get install crun" in done.err
