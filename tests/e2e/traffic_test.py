"""Splits and tags: a revision has the share that was set, and a tag a host of its own, also with no share."""

from running_platform import manifest
from waiting import until


def deploy(platform, name, image, word):
    platform.apply(manifest(name, image, args=["--text", word], idle="3s"), True, "--wait")
    return platform.service(name)["status"]["latestReadyRevisionName"]


def says(platform, host):
    return platform.get(host).text


def test_a_tag_answers_at_its_own_host_without_a_share(platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    second = deploy(platform, name, tide, "flood")
    assert "flood" in says(platform, name)
    done = platform.cli("traffic", name, "--tag", f"old={first}")
    assert f"http://old---{name}.localhost:{platform.http_port}" in done.out
    assert "ebb" in says(platform, f"old---{name}") and "flood" in says(platform, name)
    tagged = [target for target in platform.service(name)["status"]["traffic"] if target.get("tag") == "old"]
    assert [target["revisionName"] for target in tagged] == [first]
    assert tagged[0]["url"] == f"http://old---{name}.localhost:{platform.http_port}"

    platform.cli("traffic", name, "--tag", f"old={second}")
    assert "flood" in says(platform, f"old---{name}")
    platform.cli("traffic", name, "--remove-tag", "old")
    assert platform.get(f"old---{name}").status == 404


def test_a_split_is_what_was_asked_and_goes_back_to_the_latest(platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    second = deploy(platform, name, tide, "flood")
    shown = platform.cli("traffic", name, f"{first}=40", "-o", "json").json()["items"]
    shares = {target["revisionName"]: target["percent"] for target in shown}
    assert shares == {first: 40, second: 60}
    answers = "".join(says(platform, name) for _ in range(60))
    assert "ebb" in answers and "flood" in answers
    platform.cli("traffic", name, f"{first}=100")
    assert "ebb" in says(platform, name)
    platform.cli("traffic", name, "--to-latest")
    assert "flood" in says(platform, name)


def test_a_split_may_be_a_fraction_of_a_percent(platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    second = deploy(platform, name, tide, "flood")
    platform.cli("traffic", name, f"{first}=0.25", f"{second}=99.75")
    wanted = platform.service(name)["spec"]["traffic"]
    assert {target["revisionName"]: target["percent"] for target in wanted} == {first: 0.25, second: 99.75}
    shown = platform.cli("traffic", name, "-o", "json").json()["items"]
    assert {target["revisionName"]: target["percent"] for target in shown} == {first: 0.25, second: 99.75}
    assert "0.25%" in platform.cli("history", name).out
    refused = platform.cli("traffic", name, f"{first}=0.255", check=False)
    assert refused.rc == 2 and "steps of 0.01" in refused.err


def test_a_tagged_revision_is_kept_and_wakes_from_zero(platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    deploy(platform, name, tide, "flood")
    platform.cli("traffic", name, "--tag", f"old={first}")
    assert "ebb" in says(platform, f"old---{name}")
    until(lambda: all(item["revision"] != first for item in platform.instances(name)), "the first revision is at zero")
    assert "ebb" in says(platform, f"old---{name}")
    assert platform.cli("revisions", "delete", first, check=False).rc == 5


def test_a_tag_may_not_take_the_host_of_another_service(platform, name, another, tide):
    first = deploy(platform, name, tide, "ebb")
    taken = f"a---{name}"
    platform.apply(manifest(taken, tide))
    try:
        done = platform.cli("traffic", name, "--tag", f"a={first}", check=False)
        assert done.rc == 1 and f"belongs to service {taken}" in done.err
    finally:
        platform.cli("services", "delete", taken)


def test_history_and_diff_tell_what_changed(platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    second = deploy(platform, name, tide, "flood")
    rows = platform.cli("history", name, "-o", "json").json()["items"]
    assert [row["name"] for row in rows] == [second, first] and rows[0]["changed"] == ["args"]
    assert "args" in platform.cli("history", name).out
    found = platform.cli("diff", first, second, "-o", "json").json()["items"]
    assert [one["field"] for one in found] == ["args"] and "ebb" in found[0]["before"] and "flood" in found[0]["after"]
    assert platform.cli("diff", first, first).out == ""
    assert platform.cli("diff", first, "ghost", check=False).rc == 3


def test_traffic_to_a_revision_that_cannot_serve_is_refused_with_what_can(platform, name, tide):
    first = deploy(platform, name, tide, "ebb")
    before = platform.service(name)
    wanted = manifest(name, tide, args=["--text", "ebb"], idle="3s")
    wanted["spec"]["traffic"] = [{"revisionName": f"{name}-gone", "percent": 60},
                                 {"revisionName": first, "percent": 40},
                                 {"revisionName": f"{name}-old", "percent": 0, "tag": "old"}]
    done = platform.apply(wanted, check=False)
    assert done.rc == 1 and f"there is no revision {name}-gone; ready: {first}" in done.err
    assert "spec.traffic[0].revisionName" in done.err and "spec.traffic[2].revisionName" in done.err
    assert platform.service(name)["spec"] == before["spec"]
