"""Feeling for an object in physics, and planning anew from where it was felt."""

import pytest

from hoi_motion.execute.chance import tried_beside
from hoi_motion.execute.execute import execute
from hoi_motion.execute.feeling.search import Feeler
from hoi_motion.execute.task import task_of
from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.act import with_act
from hoi_motion.retarget.arm.sight import scaled
from hoi_motion.retarget.arm.unsure import unsure_arm


@pytest.fixture(scope="module")
def answer(unsure, panda, body):
    return unsure_arm(unsure, panda, body)


@pytest.fixture(scope="module")
def feeler(answer, unsure, body):
    return Feeler(answer.feeling, unsure, body)


# places at which the answer is the same on every processor: from 0.92 down the bar ends near the limit of 34 mm
@pytest.mark.parametrize("scale", [0.95, 1.08])
def test_an_object_at_another_distance_is_lifted_only_by_who_feels_for_it(answer, feeler, unsure, panda, scale):
    there = scaled(unsure, "bar", scale)
    assert not execute(answer.plan, panda, there).done
    done = execute(answer.plan, panda, there, feeler=feeler)
    assert done.done, done.sentence()
    assert any(("nearer" if scale < 1 else "farther") in note for note in done.notes)


def test_a_touch_is_done_by_feeling_and_leaves_the_object_where_it_stands(unsure, panda, body):
    touched = with_act(unsure, "touch", body)
    answer = unsure_arm(touched, panda, body)
    there = scaled(touched, "bar", 0.93)
    done = execute(answer.plan, panda, there, feeler=Feeler(answer.feeling, touched, body))
    assert done.done and done.kind == "touch" and done.stage == "place"


def test_where_nothing_stands_nothing_is_felt_and_the_range_is_told(answer, feeler, unsure, panda):
    empty = unsure.replace(supports=())  # the bar lies on the floor, far under the line of sight
    done = execute(answer.plan, panda, empty, task_of(unsure, "bar"), feeler=feeler)
    near_m, far_m = answer.feeling.facts["range_m"]
    assert done.why_not == f"nothing is felt from {100 * near_m:.0f} to {100 * far_m:+.0f} cm along the line of sight"


def test_fingers_that_close_on_nothing_go_back_and_the_arm_feels_on(answer, feeler, unsure, panda):
    weighs_s = answer.feeling.facts["sweep_s"] + 2.0
    hung = []

    def something_hangs_itself_on_the_hand(world, seconds, source_s):
        if seconds > weighs_s and not hung:
            hand = min(world.robot.gripper_links - world.robot.finger_links)
            pybullet.changeDynamics(world.robot.body, hand, mass=1.2, physicsClientId=world.client)
            hung.append(seconds)

    done = execute(answer.plan, panda, unsure, on_look=something_hangs_itself_on_the_hand, feeler=feeler)
    assert done.notes[0].endswith("nearer than lifted") and done.notes[1] == "the fingers close on nothing there"
    assert done.notes[2].startswith("felt ") and done.done, done.sentence()


def test_tries_end_when_most_places_agree(answer, feeler, unsure, panda):
    assert tried_beside(answer.plan, panda, unsure, True, feeler=feeler) == (True, True)
