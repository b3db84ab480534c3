"""An arm of five axes with one moving jaw: how it is turned, where it stands, and what it lifts."""

import dataclasses

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.execute.execute import execute
from hoi_motion.execute.execution_world import ExecutionWorld
from hoi_motion.execute.rigid_thing import RigidThing
from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.arm.world import ArmWorld
from hoi_motion.retarget.planning_scene import finger_links
from hoi_motion.rigid import standing_at
from tests.hoi_motion.retarget.conftest import lifting


@pytest.fixture(scope="module")
def box():
    return lifting((0.03, 0.03, 0.07))


@pytest.fixture(scope="module")
def plan(box, small_arm, body):
    return retarget_arm(box, small_arm, body)


def towards(pitch_rad: float, yaw_rad: float, place_m) -> np.ndarray:  # (4, 4)
    """A gripper at a place, pointing down by a pitch, its opening level."""
    z = np.array([np.cos(pitch_rad) * np.cos(yaw_rad), np.cos(pitch_rad) * np.sin(yaw_rad), -np.sin(pitch_rad)])
    y = np.array([-np.sin(yaw_rad), np.cos(yaw_rad), 0.0])
    T = np.eye(4)
    T[:3] = np.stack([np.cross(y, z), y, z, place_m], axis=1)
    return T


@pytest.mark.parametrize("yaw_rad", np.radians([-30, 20, 50]))
def test_it_comes_to_the_place_and_is_turned_as_near_as_its_axes_leave_it(small_arm, yaw_rad):
    """All its axes but the first and the last lie across its plane: the gripper cannot point out of that."""
    wanted = towards(np.radians(40), yaw_rad, [0.26, 0.0, 0.06])
    reached = small_arm.forward(small_arm.nearest(small_arm.home_rad, wanted, 60))
    assert np.linalg.norm(reached[:3, 3] - wanted[:3, 3]) < 1e-3
    assert abs(reached[1, 2]) < 0.05  # z of the gripper is in the plane
    assert reached[:3, 2] @ wanted[:3, 2] > np.cos(abs(yaw_rad) + 0.05)


def test_a_pose_that_one_posture_has_is_reached_as_it_is(small_arm):
    wanted = small_arm.forward(np.array([0.3, 0.5, 0.2, 0.6, -0.4]))
    np.testing.assert_allclose(small_arm.forward(small_arm.solve(small_arm.home_rad, wanted, 60)), wanted, atol=2e-3)


def test_a_point_beside_the_frame_comes_to_the_place(small_arm):
    wanted, beside_m = towards(np.radians(40), 0.3, [0.26, 0.02, 0.06]), np.array([0, 0.02, 0.004])
    reached = small_arm.forward(small_arm.solve(small_arm.home_rad, wanted, 60, beside_m))
    assert reached[:3, :3] @ beside_m + reached[:3, 3] == pytest.approx(wanted[:3, 3], abs=1e-3)


def test_a_tilt_beyond_what_keeps_things_upright_is_out_of_reach(small_arm):
    sideways = towards(np.radians(40), np.radians(80), [0.26, 0.0, 0.06])
    sideways[:3, :3] = sideways[:3, :3] @ np.diag([-1, 1, -1])
    assert small_arm.solve(small_arm.home_rad, sideways, 60) is None


def test_it_lifts_a_box_by_friction_between_the_jaw_and_the_finger_that_stands(plan, small_arm, box):
    done = execute(plan, small_arm, box)
    assert done.done and done.stages == ("reach", "touch", "grasp", "lift", "place")
    assert done.place_error_m < 0.02 and done.slip_m < 0.02 and not done.collisions
    loose = dataclasses.replace(plan, gripper=[dataclasses.replace(c, force_n=0.01) for c in plan.gripper])
    assert not execute(loose, small_arm, box).done


def test_the_standing_finger_is_beside_the_object_when_the_jaw_closes(plan, small_arm, box):
    """Else the jaw would push the object over to it, by half of what the gripper opens wider."""
    T = box.objects[0].T_world_object[0]
    at = {name: int(plan.facts[name] * plan.fps) for name in ("touch_s", "closed_s")}
    middles_m = {}
    for name, sample in at.items():
        tool = plan.T_world_root() @ small_arm.forward(plan.positions_rad[sample, :5])
        value = plan.positions_rad[sample, 5]
        between_m = tool[:3, 3] + tool[:3, 1] * small_arm.opening.middle_m(value)
        middles_m[name] = (between_m - T[:3, 3]) @ tool[:3, 1]
    assert abs(middles_m["touch_s"]) < 0.003 and abs(middles_m["closed_s"]) < 0.003
    ends = [small_arm.opening.middle_m(plan.positions_rad[sample, 5]) for sample in at.values()]
    assert abs(ends[0] - ends[1]) > 0.005


def test_the_objects_path_is_the_one_in_the_hand_where_the_gripper_is_turned(small_arm, body):
    """Carried aside, the object turns with the arm about its first axis."""
    made = lifting((0.03, 0.03, 0.07))
    T = made.objects[0].T_world_object.copy()
    T[:, 1, 3] += np.maximum(0.0, T[:, 2, 3] - T[0, 2, 3])  # as far aside as up
    scene = made.replace(objects=(dataclasses.replace(made.objects[0], T_world_object=T),))
    plan = retarget_arm(scene, small_arm, body)
    tool = plan.T_world_root() @ small_arm.forward(plan.positions_rad[-1, :5])
    held = tool @ np.linalg.inv(np.array(plan.facts["T_object_tool"]))
    np.testing.assert_allclose(plan.T_world_object(-1), held, atol=2e-3)
    assert plan.object_pose[-1, :3] == pytest.approx(T[-1, :3, 3], abs=0.02)
    assert execute(plan, small_arm, scene).done


def test_a_small_arm_stands_on_the_table_near_the_object_without_a_pedestal(plan, small_arm, box):
    base = plan.T_world_root()
    assert np.linalg.norm(base[:2, 3] - box.objects[0].T_world_object[0, :2, 3]) < small_arm.farthest_m
    assert base[2, 3] == pytest.approx(0.76)
    on_it = standing_at((0.4, 0.3, 0.76))
    with ArmWorld(small_arm, box, "bar") as world:
        world.set_base(on_it)
        world.pose(small_arm.home_rad, small_arm.fingers.values(small_arm.gripper.open))
        assert "pedestal" not in world.bodies and world.collision(0.0) is None
    with ExecutionWorld(small_arm, box, RigidThing(box.objects[0]), on_it, seen=False) as physics:
        assert "pedestal" not in physics.bodies.values() and "table" in physics.carriers


def test_frames_without_mass_weigh_next_to_nothing_in_physics(small_arm, box):
    """PyBullet gives a link without <inertial> 1 kg: at the end of a small arm, more than it can lift."""
    with ExecutionWorld(small_arm, box, RigidThing(box.objects[0]), standing_at((0.4, 0.3, 0.76)), seen=False) as world:
        number = next(i for i, name in world.robot.link_names.items() if name == "tip")
        assert pybullet.getDynamicsInfo(world.robot.body, number, physicsClientId=world.client)[0] < 0.01


def test_both_fingers_may_touch_the_object_in_a_motion_planner(small_arm):
    assert {"hand", "jaw"} <= set(finger_links(small_arm))


def refused(motion, arm, body) -> TavidError:
    with pytest.raises(TavidError) as caught:
        retarget_arm(motion, arm, body)
    assert caught.value.code is ErrorCode.UNREACHABLE
    return caught.value


def test_what_is_wider_than_it_holds_is_refused_by_its_width(small_arm, body):
    message = refused(lifting((0.09, 0.09, 0.1)), small_arm, body).message
    assert "90 mm wide" in message and "opens 60 mm" in message


def test_what_it_cannot_carry_as_high_as_the_person_is_refused_with_why(small_arm, body):
    made = lifting((0.03, 0.03, 0.07))
    T = made.objects[0].T_world_object.copy()
    T[:, 2, 3] += (T[:, 2, 3] - T[0, 2, 3]) * 3
    error = refused(made.replace(objects=(dataclasses.replace(made.objects[0], T_world_object=T),)), small_arm, body)
    assert "out of its reach" in error.message and "with 5 axes" in error.hint
