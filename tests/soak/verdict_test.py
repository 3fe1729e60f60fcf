"""The verdict of a soak, on accounts made by hand."""

from verdict import Deletion, Kill, growth, judge

ROUTER = Kill("router", at=10.0, gone=10.1)


def request(outcome, opened, ended, status=0, kind="steady"):
    return {"outcome": outcome, "status": status, "kind": kind, "opened": opened, "planned": opened, "ended": ended}


def test_only_what_ends_with_a_killed_routers_connection_is_its_loss():
    before, during = request("eof", 9.0, 9.9), request("eof", 9.0, 10.05)
    of_the_next, told_late = request("reset", 10.2, 10.3), request("reset", 10.0, 13.0)
    verdict = judge([before, during, of_the_next, told_late], [ROUTER], [])
    assert verdict.killed_router == [during]
    assert verdict.lost == [before, of_the_next, told_late]


def test_another_roles_death_excuses_nothing():
    one = request("reset", 9.0, 10.05)
    assert judge([one], [Kill("engine", 10.0, 10.1)], []).lost == [one]


def test_a_killed_router_excuses_no_answer_that_no_app_made():
    one = request("marea", 9.0, 10.05, status=503)
    assert judge([one], [ROUTER], []).lost == [one]


def test_a_deleted_service_may_answer_404_from_then_on():
    early, late = request("marea", 4.0, 4.9, 404, "guest"), request("marea", 4.0, 5.1, 404, "guest")
    other, reset = request("marea", 5.2, 5.3, 404, "steady"), request("reset", 5.2, 5.3, kind="guest")
    verdict = judge([early, late, other, reset], [], [Deletion("guest", 5.0)])
    assert verdict.deleted == [late]
    assert verdict.lost == [early, other, reset]


def test_who_is_turned_away_by_a_limit_is_not_lost():
    one, another = request("marea", 1.0, 1.1, 429), request("late", 1.0, 61.0)
    verdict = judge([one, another], [], [])
    assert (verdict.turned_away, verdict.lost) == ([one], [another])


def test_memory_that_only_fills_its_pools_has_not_grown():
    warm = [(second, min(second, 8) * 10_000_000) for second in range(0, 120, 2)]
    assert growth(warm) is None
    assert growth([(second, second * 1_000_000) for second in range(0, 20, 2)]) is None, "too short a life to tell"


def test_memory_that_rises_without_end_is_told():
    assert "MB" in growth([(second, 20_000_000 + second * 500_000) for second in range(0, 120, 2)])
