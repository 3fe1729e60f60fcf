"""Releases and their policies by the API: kubectl reads and applies them, people move and take back a release."""

import json

import pytest
import yaml

import kubectl as kubectls
from release_test import deploy, shares
from waiting import until

OWN = "/apis/marea.dev/v1"


@pytest.fixture(scope="module", params=kubectls.here()[:1])
def kubectl(request, platform):
    made = kubectls.Kubectl(kubectls.find(request.param), platform)
    yield made
    made.remove()


def policy(name, **spec):
    return {"apiVersion": "marea.dev/v1", "kind": "ReleasePolicy", "metadata": {"name": name}, "spec": spec}


def post(platform, path, **body):
    return platform.call(f"{OWN}/{path}", "POST", json.dumps(body).encode())


def test_kubectl_applies_reads_changes_and_deletes_a_policy(kubectl, name):
    wanted = policy(name, ladder=["5%", "50%"])
    assert "created" in kubectl("apply", "-f", "-", given=json.dumps(wanted)).out
    assert "unchanged" in kubectl("apply", "-f", "-", given=json.dumps(wanted)).out
    wanted["spec"]["ladder"] = ["5%", "20%"]
    assert "+  - 20%" in kubectl("diff", "-f", "-", given=json.dumps(wanted), rc=1).out
    assert "serverside-applied" in kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=json.dumps(wanted)).out
    assert kubectl("get", "releasepolicies", name).out.split()[:4] == ["NAME", "STRATEGY", "LADDER", "AGE"]
    assert yaml.safe_load(kubectl("get", "rpol", name, "-o", "yaml").out)["spec"]["ladder"] == ["5%", "20%"]
    assert "20%" in kubectl("describe", "releasepolicy", name).out
    assert "ladder" in kubectl("explain", "releasepolicy.spec").out
    bad = kubectl("apply", "-f", "-", given=json.dumps(policy(name, ladder=["20%", "5%"], alpha=0.7)), rc=1)
    assert "spec.ladder[1]" in bad.err and "spec.alpha" in bad.err, bad.err
    assert "deleted" in kubectl("delete", "releasepolicy", name).out


def test_a_release_is_read_moved_and_taken_back(kubectl, platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    second = deploy(platform, name, tide, "flood")
    until(lambda: shares(platform, name) == {first: 99, second: 1}, "the canary has its first step")
    table = kubectl("get", "releases", "-l", f"serving.knative.dev/service={name}").out.split("\n")
    assert table[0].split() == ["NAME", "SERVICE", "PHASE", "STEP", "WEIGHT", "VERDICT", "AGE"]
    assert table[1].split()[:5] == [second, name, "stepping", "1/5", "1%"]
    for _ in range(20):
        platform.get(name)
    until(lambda: sum(platform.call(f"{OWN}/releases/{second}").json()["status"]["evidence"][arm]["requests"]
                      for arm in ("stable", "canary")) >= 20, "the requests are counted")
    evidence = platform.call(f"{OWN}/releases/{second}").json()["status"]["evidence"]
    assert "more keys" in evidence["wouldChange"]
    paused = post(platform, f"releases/{second}/pause", reason="lunch", **{"for": "1h"})
    assert paused.status == 200 and paused.json()["status"]["phase"] == "paused", paused.text
    line = paused.json()["status"]["history"][-1]
    assert line["why"] == "for 1h: lunch" and line["who"], line
    assert "lunch" in kubectl("describe", "release", second).out
    refused = post(platform, f"services/{name}/rollback", revision="nobody")
    assert refused.status == 422 and refused.json()["details"]["causes"][0]["field"] == "revision"
    back = post(platform, f"services/{name}/rollback", reason="enough")
    assert back.status == 200, back.text
    assert back.json() == {"service": name, "from": second, "to": first, "release": second, "trafficPinned": False}
    until(lambda: all("ebb" in platform.get(name).text for _ in range(20)), "all requests go to the stable revision")
    again = post(platform, f"releases/{second}/resume")
    assert again.status == 409 and "the release is over" in again.json()["details"]["why"], again.text
