"""Where a revision's code comes from: `marea up` of a git checkout tells it, history, diff and describe show it; and what
apply would change is told before it does."""

import json
import subprocess

import pytest

DOCKERFILE = """FROM localhost/busybox:source
COPY site /srv
ENTRYPOINT ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"]
"""


def git(folder, *words):
    return subprocess.run(["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True,
                          capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(platform, debian_image, tmp_path):
    platform.cli("images", "import", "localhost/busybox:source", f"oci:{debian_image('busybox')}")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("first\n")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    git(tmp_path, "init", "-q", "-b", "trunk")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def annotations(platform, name):
    return platform.service(name)["spec"]["template"].get("metadata", {}).get("annotations", {})


def test_a_revision_tells_its_commit(platform, name, checkout):
    first = git(checkout, "rev-parse", "HEAD")
    platform.cli("up", checkout, "--name", name)
    assert annotations(platform, name) == {"marea.dev/source-commit": first, "marea.dev/source-branch": "trunk",
                                           "marea.dev/source-modified": "false"}
    (checkout / "site" / "new").write_text("x")
    platform.cli("up", checkout, "--name", name)
    assert annotations(platform, name)["marea.dev/source-modified"] == "true"
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "second")
    git(checkout, "checkout", "-q", "--detach")
    second = git(checkout, "rev-parse", "HEAD")
    platform.cli("up", checkout, "--name", name)
    assert annotations(platform, name) == {"marea.dev/source-commit": second, "marea.dev/source-modified": "false"}

    history = platform.cli("history", name, "-o", "json").json()["items"]
    assert [item["source"] for item in history] == [second[:12], f"{first[:12]} (trunk, modified)", f"{first[:12]} (trunk)"]
    changed = platform.cli("diff", history[2]["name"], history[0]["name"], "-o", "json").json()["items"]
    assert {"field": "source commit", "before": first, "after": second} in changed
    assert f"{first[:12]} (trunk)" in platform.cli("revisions", "describe", history[2]["name"]).out


def test_filters_and_monitors_of_a_checkout_do_not_run(platform, name, checkout):
    trap = checkout / ".git" / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {checkout}/.git/sprung\n")
    trap.chmod(0o755)
    git(checkout, "config", "core.fsmonitor", str(trap))
    git(checkout, "config", "core.hooksPath", str(checkout / ".git"))
    git(checkout, "config", "filter.trap.clean", str(trap))
    (checkout / ".gitattributes").write_text("* filter=trap\n")
    (checkout / "site" / "index.html").write_text("other\n")
    platform.cli("up", checkout, "--name", name)
    assert "marea.dev/source-commit" in annotations(platform, name) and not (checkout / ".git" / "sprung").exists()


def test_what_is_no_checkout_any_more_has_no_source(platform, name, checkout, tide):
    platform.cli("up", checkout, "--name", name)
    platform.cli("deploy", name, "--env", "A=1")
    assert "marea.dev/source-commit" in annotations(platform, name)
    platform.cli("deploy", name, "--image", tide)
    assert annotations(platform, name) == {}


def test_what_apply_would_change_is_told_and_not_done(platform, name, tide, tmp_path):
    platform.cli("deploy", name, "--image", tide, "--env", "A=1")
    manifest = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": name},
                "spec": {"template": {"spec": {"containerConcurrency": 7, "containers": [
                    {"image": tide, "env": [{"name": "A", "value": "2"}]}]}}}}
    (tmp_path / "a.json").write_text(json.dumps(manifest))
    told = {item["field"]: (item["before"], item["after"])
            for item in platform.cli("diff", name, "-f", tmp_path / "a.json", "-o", "json").json()["items"]}
    assert told["env A"] == ("1", "2") and told["containerConcurrency"][1] == "7"
    assert not any(field.startswith(("service ", "traffic", "timeout", "image")) for field in told), told
    env = platform.service(name)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env == [{"name": "A", "value": "1"}]
    platform.cli("apply", "-f", tmp_path / "a.json", "--wait")
    assert platform.cli("diff", name, "-f", tmp_path / "a.json", "-o", "json").json()["items"] == []
    assert platform.cli("diff", "another", "-f", tmp_path / "a.json", check=False).rc == 3
    assert platform.cli("diff", name, check=False).rc == 2


def test_the_file_for_kubectl_is_its_owners_alone(platform, tmp_path):
    target = tmp_path / "config"
    platform.cli("kubeconfig", "--file", target)
    assert target.stat().st_mode & 0o777 == 0o600 and "clusters" in target.read_text()
    assert platform.cli("kubeconfig", "--file", target, check=False).rc == 5


def test_a_failure_is_told_once(platform, name, tide):
    platform.cli("deploy", name, "--image", tide, "--args", "--exit", "--args", "3", check=False)
    message = platform.condition(name)["message"]
    assert message and platform.cli("services", "describe", name).out.count(message.splitlines()[0]) == 1
