"""A plan in physics: what a good one does, and what each planted fault is called."""

import copy
import dataclasses
import re
from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.execute.execute import execute
from hoi_motion.execute.execution_world import FRICTION, ExecutionWorld
from hoi_motion.execute.rigid_thing import RigidThing
from hoi_motion.physics.bullet import pybullet
from hoi_motion.physics.world import EDGE_M, under_its_way


@pytest.fixture(scope="session")
def done(result, panda, motion):
    return execute(result, panda, motion)


def test_a_good_plan_lifts_the_bar(done):
    assert done.done and done.stages == ("reach", "touch", "grasp", "lift", "place")
    assert done.place_error_m < 0.02 and done.slip_m < 0.02 and not done.collisions


def test_the_same_plan_ends_the_same_way(done, result, panda, motion):
    assert np.array_equal(execute(result, panda, motion).T_world_object, done.T_world_object)


def weaker(result, force_n: float):
    return dataclasses.replace(
        result, gripper=tuple(dataclasses.replace(command, force_n=force_n) for command in result.gripper)
    )


def test_nothing_glues_the_object_to_fingers_without_force(result, panda, motion):
    slipped = execute(weaker(result, 0.2), panda, motion)
    assert not slipped.done and slipped.place_error_m > 0.05


def test_fingers_that_never_close_lift_nothing(result, panda, motion):
    missed = execute(dataclasses.replace(result, gripper=result.gripper[:1]), panda, motion)
    assert not missed.done and "lift" not in missed.stages


def test_an_object_that_stands_elsewhere_is_missed(result, panda, motion):
    thing = motion.objects[0]
    away = thing.T_world_object.copy()
    away[:, 1, 3] += 0.15
    scene = motion.replace(objects=(dataclasses.replace(thing, T_world_object=away),))
    missed = execute(result, panda, scene)
    assert not missed.done and missed.stage in ("none", "reach") and missed.place_error_m > 0.05


def test_an_arm_that_is_too_weak_says_which_motors(result, panda, motion):
    weak = copy.copy(panda)
    weak.urdf_text = panda.urdf_text.replace('effort="87"', 'effort="6"')
    sagged = execute(result, weak, motion)
    assert "panda_joint2" in sagged.saturated and sagged.joint_error_rad > 0.1
    assert re.search("at their limit of force: .*panda_joint2", sagged.sentence())


def test_a_plan_for_another_robot_is_refused(result, panda, motion):
    other = dataclasses.replace(result, joint_names=("a", *result.joint_names[1:]), finger_names=(), gripper=())
    with pytest.raises(InputError, match="the motion moves a"):
        execute(other, panda, motion)


def test_friction_between_any_two_bodies_is_the_one_that_is_said(result, panda, motion):
    with ExecutionWorld(panda, motion, RigidThing(motion.objects[0]), result.T_world_root(), seen=False) as world:
        client = dict(physicsClientId=world.client)
        mu = [pybullet.getDynamicsInfo(body, -1, **client)[1] for body in (world.robot.body, world.target)]
    assert mu[0] * mu[1] == pytest.approx(FRICTION)  # PyBullet multiplies them


def test_a_support_reaches_as_far_as_what_slides_on_it_and_others_stay_as_they_are(motion):
    """A lift knows that something carries an object, not how far it reaches."""
    (support,) = motion.supports
    assert under_its_way(support, motion.objects) is support
    T = np.tile(motion.objects[0].T_world_object[0], (motion.num_frames, 1, 1))
    T[:, 0, 3] += 0.4 * np.linspace(0, 1, motion.num_frames)
    slid = motion.replace(objects=(replace(motion.objects[0], T_world_object=T),))
    larger = under_its_way(support, slid.objects)
    edge = T[-1, 0, 3] + 0.02  # half of the bar
    assert larger.T_world_box[0, 3] + larger.size_m[0] / 2 == pytest.approx(edge + EDGE_M)
    assert larger.top_height_m == support.top_height_m and larger.size_m[1] == support.size_m[1]
    T[:, 2, 3] += 0.5 * np.linspace(0, 1, len(T))
    lifted = motion.replace(objects=(replace(motion.objects[0], T_world_object=T),))
    assert under_its_way(support, lifted.objects) is support  # what is carried over an edge does not move it
