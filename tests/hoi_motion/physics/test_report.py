import pytest

from hoi_motion.physics.report import CheckResult, PhysicsReport, Verdict

SKATING = CheckResult.at_most("skating", 0.5, 2.0, "cm", 0, "")
KEPT = CheckResult.at_least("contact_kept", 0.99, 0.9, "share", 0, "")
FAILED = CheckResult.at_most("floating", 3.0, 2.0, "cm", 0, "")
NOT_RUN = CheckResult.not_run("held", 1.0, "cm", "no contact")


def test_margin_is_that_of_the_tightest_check():
    assert PhysicsReport((SKATING,)).margin == pytest.approx(0.75)
    assert PhysicsReport((SKATING, KEPT, NOT_RUN)).margin == pytest.approx(0.75)
    assert PhysicsReport((SKATING, FAILED)).margin == pytest.approx(-0.5)
    assert PhysicsReport((NOT_RUN,)).margin is None


@pytest.mark.parametrize("share, margin", [(1.0, 1.0), (0.92, 0.2), (0.9, 0.0), (0.8, -1.0), (0.0, -9.0)])
def test_a_share_that_has_to_reach_its_limit_has_the_room_up_to_all(share, margin):
    kept = CheckResult.at_least("contact_kept", share, 0.9, "share", 0, "")
    assert kept.margin == pytest.approx(margin)
    assert PhysicsReport((SKATING, kept)).margin == pytest.approx(min(margin, 0.75))


def test_the_last_fault_within_the_limits_costs_more_than_the_first():
    """A report without fault and one with a fault just below its limit are told apart."""
    kept = CheckResult.at_least("contact_kept", 1.0, 0.9, "share", 0, "")
    deep, none = (CheckResult.at_most("penetration", v, 2.0, "cm", 0, "") for v in (1.7, 0.0))
    assert PhysicsReport((kept, deep)).margin == pytest.approx(0.15)
    assert PhysicsReport((kept, none)).margin == pytest.approx(1.0)


def test_a_limit_of_all_does_not_hide_the_margin_of_the_others():
    kept, lost = (CheckResult.at_least("contact_kept", share, 1.0, "share", 0, "") for share in (1.0, 0.75))
    assert PhysicsReport((SKATING, kept)).margin == pytest.approx(0.75)
    assert PhysicsReport((SKATING, lost)).margin == pytest.approx(-0.25)
    unasked = CheckResult.at_least("contact_kept", 0.0, 0.0, "share", 0, "")
    assert PhysicsReport((SKATING, unasked)).margin == pytest.approx(0.75)


def test_a_limit_of_zero_does_not_hide_the_margin_of_the_others():
    straight, bent = (CheckResult.at_most("joint_limits", value, 0.0, "deg", 0, "") for value in (0.0, 3.0))
    assert PhysicsReport((SKATING, straight)).margin == pytest.approx(0.75)
    assert PhysicsReport((SKATING, bent)).margin == pytest.approx(-3)


def test_verdict_is_fail_before_pass_before_not_run():
    assert PhysicsReport((SKATING, FAILED, NOT_RUN)).verdict is Verdict.FAIL
    assert PhysicsReport((SKATING, NOT_RUN)).verdict is Verdict.PASS
    assert PhysicsReport((NOT_RUN,)).verdict is Verdict.NOT_RUN


def off(name: str, reason: str = "no contact") -> CheckResult:
    return CheckResult.not_run(name, 1.0, "cm", reason)


def test_a_reason_that_several_checks_share_is_given_once():
    assert PhysicsReport((NOT_RUN, off("other"))).reasons == ("no contact",)


def test_what_did_not_run_is_no_reason_of_a_failure():
    failed = CheckResult.at_most("floating", 3.0, 2.0, "cm", 0, "floats")
    assert PhysicsReport((off("tracking", "simulation is off"), failed)).reasons == ("floats",)


def test_a_pass_tells_how_much_is_kept_and_not_what_did_not_run():
    reported = CheckResult("jitter", Verdict.PASS, 1.0, None, "m/s^3", 0, "roughest")
    assert PhysicsReport((NOT_RUN, SKATING, KEPT, reported)).reasons == ("2 checks are within their limits",)
    assert PhysicsReport((NOT_RUN, SKATING)).reasons == ("1 check is within its limit",)


def test_what_was_not_checked_is_told_last_by_name_and_with_each_reason_once():
    report = PhysicsReport((off("root_wrench", "simulation is off"), NOT_RUN, SKATING, KEPT, off("other")))
    assert report.coverage == (
        "checked: skating, contact kept",
        "not checked: root wrench (simulation is off)",
        "not checked: held, other (no contact)",
    )
