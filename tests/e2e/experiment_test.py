"""An experiment: users keep the arm of their key, a rule leads others, what they do is counted once each, and the
numbers are said in a sentence. A deploy ends it; control may die meanwhile."""

import datetime
import json
import os
import re
import signal

from roles_test import roles
from running_platform import manifest, run_cli
from waiting import until

EXPERIMENTS = "/apis/marea.dev/v1/experiments"


def deploy(platform, name, image, word, traffic=None):
    wanted = manifest(name, image, args=["--text", word, "--status", "201 Made"],
                      annotations={"marea.dev/release-policy": "none"})
    if traffic:
        wanted["spec"]["traffic"] = traffic
    platform.apply(wanted, True, "--wait")
    return platform.service(name)["status"]["latestReadyRevisionName"]


def two_revisions(platform, name, image):
    first = deploy(platform, name, image, "ebb")
    pinned = [{"revisionName": first, "percent": 100}, {"latestRevision": True, "percent": 0, "tag": "next"}]
    return first, deploy(platform, name, image, "flood", pinned)


def in_days(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y-%m-%d")


def experiment(name, service, first, second, **more):
    return {"apiVersion": "marea.dev/v1", "kind": "Experiment", "metadata": {"name": name},
            "spec": {"service": service,
                     "arms": [{"name": "old", "revision": first, "weight": "50%"},
                              {"name": "new", "revision": second, "weight": "50%",
                               "segments": [{"header": {"name": "X-Team", "exact": "credit"}}]}],
                     "conversions": [{"name": "loan", "route": "POST /loans", "status": 201},
                                     {"name": "paid", "event": "payment"}],
                     "measures": [{"name": "lcp"}], "ends": in_days(20), "window": "15s", **more}}


def status(platform, name):
    return platform.call(f"{EXPERIMENTS}/{name}").json()["status"]


def arm(platform, name, which):
    return next(one for one in status(platform, name)["arms"] if one["name"] == which)


def test_users_are_divided_led_counted_and_told_of_in_both_languages(platform, name, tide):
    first, second = two_revisions(platform, name, tide)
    platform.apply(experiment(name, name, first, second))
    until(lambda: {"ebb", "flood"} <= {word for _ in range(20) for word in ("ebb", "flood")
                                       if word in platform.get(name).text}, "both arms serve")
    before = {which: arm(platform, name, which) for which in ("old", "new")}

    users, loans, moved = {"old": 0, "new": 0}, {"old": 0, "new": 0}, 0
    for user in range(80):
        answer = platform.get(name)
        which = "new" if "flood" in answer.text else "old"
        users[which] += 1
        cookie = {"Cookie": answer.headers["set-cookie"].split(";")[0]}
        moved += ("flood" in platform.get(name, headers=cookie).text) != (which == "new")
        if user % 4 == 0:
            for _ in range(2):
                platform.get(name, "/loans", method="POST", headers=cookie)
            loans[which] += 1
        if user == 0:
            posted = which
            for event in ("payment", "lcp&value=1800"):
                assert platform.get(name, f"/.marea/events?event={event}", method="POST", headers=cookie).status == 204
    assert moved == 0, "a user keeps his arm"
    for _ in range(5):
        led = platform.get(name, headers={"X-Team": "credit"})
        assert "flood" in led.text

    def ran():
        done = platform.cli("whatran", "--request", led.headers["x-request-id"], "-o", "json", check=False)
        return done.json() if done.rc == 0 else None

    found = until(ran, "the record of the request is written")
    assert (found["experiment"], found["arm"], found["rule"]) == (name, "new", f"{name}/new")

    def counted():
        now = {which: arm(platform, name, which) for which in ("old", "new")}
        return all(now[w]["users"] - before[w]["users"] >= users[w] and now[w]["users"] == now[w]["due"]
                   for w in now) and now

    now = until(counted, "all windows are over")
    for which in ("old", "new"):
        assert now[which]["conversions"]["loan"] == loans[which], "each user converts once"
        assert now[which]["conversions"]["paid"] == (1 if which == posted else 0)
        assert now[which]["measures"]["lcp"]["users"] == (1 if which == posted else 0)
    assert sum(now[which]["users"] for which in now) >= 80
    assert now["new"]["led"]["users"] == 5
    told = status(platform, name)
    assert not told["sampleRatio"]["mistrusted"]
    assert told["comparisons"][0]["arm"] == "new"
    assert "users of" in told["summary"]["en"] and "usuarios de" in told["summary"]["es"]
    script = platform.get(name, "/.marea/beacon.js")
    assert script.status == 200 and '"lcp"' in script.text


def test_control_goes_on_with_it_after_its_death_and_a_deploy_ends_it(platform, name, tide):
    first, second = two_revisions(platform, name, tide)
    platform.apply(experiment(name, name, first, second))
    until(lambda: "set-cookie" in platform.get(name).headers, "users get their key")
    os.kill(roles(platform)["control"][0], signal.SIGKILL)
    until(lambda: status(platform, name)["phase"] == "running", "the next control has it")
    third = manifest(name, tide, args=["--text", "neap"], annotations={"marea.dev/release-policy": "none"})
    done = platform.apply(third, True, "--wait")
    assert f"ends experiment {name}" in done.err
    ended = status(platform, name)
    assert (ended["phase"], ended["cause"]) == ("ended", "deploy")
    until(lambda: "neap" in platform.get(name).text, "the traffic is as the service says")


def test_what_is_wrong_is_said_at_once_and_changes_nothing(platform, name, tide):
    first, _ = two_revisions(platform, name, tide)
    wrong = experiment(name, name, first, f"{name}-77777-xyz", ends="2001-01-01")
    wrong["spec"]["arms"][0]["weight"] = "40%"
    done = platform.apply(wrong, False)
    assert done.rc != 0
    for place in ("spec.arms: ", "spec.arms[1].revision", "spec.ends"):  # of the document and of the platform alike
        assert re.search(rf"^\s*\S+:\d+:\d+: {re.escape(place)}", done.err, re.M), done.err
    assert "has faults: 3" in done.err
    assert platform.call(f"{EXPERIMENTS}/{name}").status == 404


def test_the_cli_lists_describes_and_ends_it_in_both_languages(platform, name, tide):
    first, second = two_revisions(platform, name, tide)
    platform.apply(experiment(name, name, first, second, onDeploy="refuse"))
    assert name in platform.cli("experiments", "list", "-o", "name").out.split()
    english = platform.cli("experiments", "describe", name).out
    assert "Nothing can be said" in english
    spanish = run_cli("experiments", "describe", name,
                      environment={"MAREA_SERVER": f"unix:{platform.api}", "LANG": "es_MX.UTF-8", "LC_ALL": "es_MX.UTF-8"})
    assert "no se puede decir nada" in spanish.out
    third = manifest(name, tide, args=["--text", "neap"], annotations={"marea.dev/release-policy": "none"})
    refused = platform.apply(third, False)
    assert refused.rc == 5 and f"marea experiments end {name}" in refused.err
    platform.cli("experiments", "end", name, "--reason", "a fix must go out")
    ended = status(platform, name)
    assert (ended["phase"], ended["cause"], ended["detail"]) == ("ended", "person", "a fix must go out")
    assert platform.cli("experiments", "watch", name).rc == 0
    platform.cli("experiments", "delete", name)
    assert platform.call(f"{EXPERIMENTS}/{name}").status == 404


def served(platform, name):
    """The words of new users' answers."""
    return {word for _ in range(12) for word in ("ebb", "flood") if word in platform.get(name).text}


def test_a_rollback_ends_it_and_an_arm_may_be_promoted_as_it_ends(platform, name, tide):
    first, second = two_revisions(platform, name, tide)
    platform.apply(experiment(name, name, first, second))
    until(lambda: served(platform, name) == {"ebb", "flood"}, "both arms serve")
    platform.cli("rollback", name, "--reason", "it hurts")
    ended = status(platform, name)
    assert (ended["phase"], ended["cause"]) == ("ended", "person")
    assert ended["detail"] == f"rolled back to {first}: it hurts"
    until(lambda: served(platform, name) == {"ebb"}, "what it was compared with serves")

    again = f"{name}-again"
    platform.apply(experiment(again, name, first, second))
    wrong = platform.cli("experiments", "end", again, "--promote", "newest", check=False)
    assert wrong.rc != 0 and "its arms are old, new" in wrong.err
    platform.cli("experiments", "end", again, "--promote", "new")
    until(lambda: served(platform, name) == {"flood"}, "the promoted arm serves")
    traffic = platform.service(name)["spec"]["traffic"]
    assert [one for one in traffic if one.get("percent")] == [{"latestRevision": True, "percent": 100}]
    assert platform.cli("experiments", "delete", again).rc == 0


def test_a_service_and_its_experiment_come_in_one_file(platform, name, tide, tmp_path):
    old, new = f"{name}-old", f"{name}-new"
    service = manifest(name, tide, args=["--text", "ebb"], annotations={"marea.dev/release-policy": "none"})
    service["spec"]["template"]["metadata"]["name"] = old
    platform.apply(service, True, "--wait")
    service["spec"]["template"]["metadata"]["name"] = new
    service["spec"]["template"]["spec"]["containers"][0]["args"] = ["--text", "flood"]
    service["spec"]["traffic"] = [{"revisionName": old, "percent": 100},
                                  {"latestRevision": True, "percent": 0, "tag": "next"}]
    both = tmp_path / "both.yaml"
    both.write_text("\n---\n".join(json.dumps(one) for one in (experiment(name, name, old, new), service)))
    done = platform.cli("apply", "-f", both)
    assert name in done.out and "running" in done.out
    until(lambda: served(platform, name) == {"ebb", "flood"}, "both arms serve")
    assert platform.cli("apply", "-f", both).rc == 0, "the same again changes nothing"
    assert status(platform, name)["phase"] == "running"
    described = platform.cli("experiments", "describe", name).out
    assert "new against old, loan" in described and "percentage points" in described


def test_the_app_says_events_in_its_answers_for_who_asks_and_later_for_who_asked_before(platform, name, tide):
    first, second = two_revisions(platform, name, tide)
    platform.apply(experiment(name, name, first, second))
    until(lambda: "set-cookie" in platform.get(name).headers, "users get their key")

    def newcomer():
        return {"Cookie": platform.get(name).headers["set-cookie"].split(";")[0]}

    paid = lambda: sum(each["conversions"]["paid"] for each in status(platform, name)["arms"])
    before = paid()
    for _ in range(3):
        user = newcomer()
        for _ in range(2):
            said = platform.get(name, "/say?payment", headers=user)
            assert said.status == 201 and "marea-event" not in said.headers, "the caller does not see it"
    user = newcomer()
    seen = platform.get(name, "/headers", headers={**user, "Marea-User": "forged"}).text.lower()
    tokens = [line.split(": ")[1].strip() for line in seen.splitlines() if line.startswith("marea-user:")]
    assert len(tokens) == 1 and len(tokens[0]) == 32 and tokens[0] != "forged"
    platform.get(name, f"/say?payment;user={tokens[0]}", headers=newcomer())
    platform.get(name, f"/say?payment;user={'0' * 32}", headers=newcomer())
    until(lambda: paid() >= before + 4, "three users who asked and one who had asked before have paid")
    users = lambda: {each["name"]: (each["users"], each["due"]) for each in status(platform, name)["arms"]}
    until(lambda: all(came == due for came, due in users().values()), "all windows are over")
    assert paid() == before + 4, "each user once, and an unknown token is nobody"
