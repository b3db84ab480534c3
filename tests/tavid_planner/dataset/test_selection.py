"""Only good plans are training data."""

import json
from dataclasses import replace

import pytest

from hoi_motion.physics.report import Verdict
from tavid_planner.dataset.selection import select_plans
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.robot_stage import RobotPlan


def test_a_plan_that_failed_its_check_and_a_damaged_one_are_left_out_with_the_reason(write_bundle):
    good = write_bundle("good")
    write_bundle("bad", Verdict.FAIL)
    (write_bundle("broken") / "plan.json").write_text('{"schema": 1}')
    selection = select_plans(good.parent.parent)
    assert selection.bundles == (good,)
    assert "FAIL" in selection.left_out["bad"] and "cannot be read" in selection.left_out["broken"]


def test_a_plan_that_the_robot_could_not_do_is_left_out(write_bundle, robot_motion):
    robot = RobotPlan("two-joints", robot_motion)
    good = write_bundle("good", robot=robot)
    untried = write_bundle("untried", robot=robot, done=None)
    write_bundle("missed", robot=robot, done=False)
    assert select_plans(good.parent).bundles == (good, untried)


def test_a_plan_in_which_another_than_the_actor_takes_the_target_is_left_out(write_bundle, plan):
    """Its video does not show what its instruction, the episode's task, says."""
    good, first = write_bundle("good"), plan.samples[0]
    provenance = plan.provenance | {"chosen_seed": first.seed}
    write_bundle("wrong", samples=(replace(first, right_people=False),), provenance=provenance)
    others = replace(first, seed=first.seed + 1, right_people=False)
    right = write_bundle("right", samples=(replace(first, right_people=True), others), provenance=provenance)
    selection = select_plans(good.parent)
    assert selection.bundles == (good, right) and "act who should" in selection.left_out["wrong"]


def test_plans_of_two_robots_do_not_mix_unless_one_is_named(write_bundle, robot_motion):
    person = write_bundle("a")
    robot = write_bundle("b", robot=RobotPlan("two-joints", robot_motion))
    with pytest.raises(InputError, match=r"person \(1\), two-joints \(1\)"):
        select_plans(person.parent)
    assert select_plans(person.parent, "person").bundles == (person,)
    assert select_plans(person.parent, "two-joints").bundles == (robot,)


def test_no_good_plan_is_said_with_the_reasons(write_bundle):
    with pytest.raises(InputError, match="verdict is FAIL") as caught:
        select_plans(write_bundle("bad", Verdict.FAIL).parent)
    assert caught.value.code is ErrorCode.FILE_INVALID


def test_of_a_named_robot_it_is_said_first_why_its_own_plans_are_not_good(write_bundle, robot_motion):
    for name in "abcd":
        write_bundle(name)
    missed = write_bundle("e", robot=RobotPlan("two-joints", robot_motion), done=False)
    with pytest.raises(InputError, match=r"no good plan \(e: two-joints does not succeed; a: it is a plan of person"):
        select_plans(missed.parent, "two-joints")


def test_a_bundle_that_is_not_yet_whole_is_no_plan(write_bundle):
    good = write_bundle("good")
    write_bundle(".next.partial-123-0123abcd")
    selection = select_plans(good.parent)
    assert selection.bundles == (good,) and not selection.left_out


def test_a_robot_without_a_proper_name_is_an_error_about_the_plans(write_bundle):
    good, odd = write_bundle("good"), write_bundle("odd")
    data = json.loads((odd / "plan.json").read_text())
    (odd / "plan.json").write_text(json.dumps(data | {"robot": {"name": ["arm"], "done": True}}))
    with pytest.raises(InputError, match="choose one with --robot"):
        select_plans(good.parent)
