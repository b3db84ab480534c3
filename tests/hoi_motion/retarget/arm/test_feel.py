"""The way of closed fingers along a line of sight."""

import dataclasses

import numpy as np
import pybullet
import pytest

from hoi_motion.errors import RetargetError
from hoi_motion.retarget.arm.feel import LEAST_SPREADS, SPEED_M_S, feeling, scale_at
from hoi_motion.retarget.arm.sight import open_sight, scaled
from hoi_motion.retarget.arm.unsure import unsure_arm
from hoi_motion.retarget.arm.world import ArmWorld
from tests.hoi_motion.retarget.conftest import lifting, seen_without_distance


@pytest.fixture(scope="module")
def answer(unsure, panda, body):
    return unsure_arm(unsure, panda, body)


def tools(feeling, panda) -> np.ndarray:  # (N, 4, 4)
    """The tool over the sweep, world."""
    first = int(np.ceil(feeling.facts["sweep_s"] * feeling.fps))
    return np.stack([feeling.T_world_root() @ panda.forward(q[:7]) for q in feeling.positions_rad[first:]])


def test_the_fingers_go_along_the_sight_slowly_and_without_turning(answer, unsure, panda):
    T = tools(answer.feeling, panda)
    sight = open_sight(unsure, "bar").direction
    steps = np.diff(T[:, :3, 3], axis=0)
    np.testing.assert_allclose(steps, np.outer(steps @ sight, sight), atol=2e-4)
    assert (steps @ sight * answer.feeling.fps).max() < 1.1 * SPEED_M_S
    np.testing.assert_allclose(T[:, :3, :3], np.broadcast_to(T[0, :3, :3], (len(T), 3, 3)), atol=0.02)


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.08])
def test_where_the_fingers_meet_the_object_they_say_how_far_away_it_is(answer, unsure, panda, scale):
    """Against the geometry itself: the first pose of the sweep that meets the scaled object."""
    there, told = scaled(unsure, "bar", scale), answer.feeling
    with ArmWorld(panda, there, "bar") as world:
        world.set_base(told.T_world_root())
        world.place_target(there.objects[0].T_world_object[0])
        for q in told.positions_rad[int(told.facts["sweep_s"] * told.fps) :]:
            world.pose(q[:7], q[7:])
            if world.nearest()[0] <= 0:
                break
    assert scale_at(told, told.T_world_root() @ panda.forward(q[:7])) == pytest.approx(scale, abs=0.006)


def test_the_gripper_stays_above_a_support_that_reaches_farther_than_is_known(panda, body):
    """Against a table of three metres, which the plan takes for a plate of 10 cm."""
    seen = seen_without_distance(lifting(size_m=(0.06, 0.06, 0.036)))
    foot_m = seen.objects[0].T_world_object[0, :3, 3] - [0, 0, 0.018]
    ahead = np.array([1.0, 0.3, -0.25])
    T_camera = np.eye(4)
    T_camera[:3, 2] = ahead / np.linalg.norm(ahead)
    T_camera[:3, 0] = np.cross(ahead, [0, 0, 1.0]) / np.linalg.norm(ahead[:2])
    T_camera[:3, 1] = np.cross(T_camera[:3, 2], T_camera[:3, 0])
    T_camera[:3, 3] = foot_m + [0, 0, 0.018] - ahead
    camera = dataclasses.replace(seen.camera, T_world_camera=T_camera)

    def carried_by(side_m: float):
        T_box = np.eye(4)
        T_box[:3, 3] = foot_m - [0, 0, 0.02]
        plate = dataclasses.replace(seen.supports[0], size_m=np.array([side_m, side_m, 0.04]), T_world_box=T_box)
        return seen.replace(camera=camera, supports=(plate,))

    told = unsure_arm(carried_by(0.10), panda, body).feeling
    first = int(told.facts["sweep_s"] * told.fps)
    gripper = []
    with ArmWorld(panda, carried_by(3.0), "bar") as world:
        world.set_base(told.T_world_root())
        client = dict(physicsClientId=world.client)
        for q, T_tool in zip(told.positions_rad[first:], tools(told, panda)):
            along_m = np.array(told.facts["sight"]) @ (T_tool[:3, 3] - told.facts["tool_at_touch_m"])
            world.displace(along_m * np.array(told.facts["sight"]))
            world.pose(q[:7], q[7:])
            points = pybullet.getClosestPoints(world.robot, world.bodies["table"], 0.0, **client)
            gripper += [p[8] for p in points if p[3] in world.tool_links | world.finger_links]
    assert min(gripper, default=0.0) > -0.002


def test_the_fingers_are_held_off_their_stops(answer, panda):
    """A motor that presses a simulated finger against its stop shakes what the wrist feels."""
    open_rad, stop_rad = (
        panda.fingers.values(panda.finger_value(width)) for width in (panda.gripper.open_width_m, 0.0)
    )
    share = (answer.feeling.positions_rad[:, 7:] - stop_rad) / (open_rad - stop_rad)
    assert (share > 0.01).all() and (share < 0.1).all()
    [command] = answer.feeling.gripper
    np.testing.assert_allclose(
        panda.fingers.values(panda.finger_value(command.width_m)), answer.feeling.positions_rad[0, 7:]
    )


def test_the_range_covers_the_doubt_and_is_told(answer):
    near_m, far_m = answer.feeling.facts["range_m"]
    assert near_m < -LEAST_SPREADS * 0.1 and far_m > LEAST_SPREADS * 0.1
    assert answer.plan.facts["approach"] == "along_sight" and answer.plan.facts["range_m"] == [near_m, far_m]


def test_a_base_from_which_the_line_is_out_of_reach_is_refused_by_name(answer, unsure, panda):
    away = answer.plan.T_world_root().copy()
    away[0, 3] -= 1.0
    with pytest.raises(RetargetError, match="line of sight"):
        feeling(unsure, panda, "bar", open_sight(unsure, "bar"), away, panda.home_rad)


def test_a_plan_for_another_place_than_lifted_says_so_and_hands_on_its_scene(unsure, panda, body):
    """What is nearer and looks the same is smaller: only there does it fit between the fingers."""
    wide = dataclasses.replace(unsure.objects[0], vertices_m=unsure.objects[0].vertices_m * [2.15, 2.15, 1])
    answer = unsure_arm(unsure.replace(objects=(wide,)), panda, body)
    assert "nearer and smaller than lifted, since as lifted 'bar' is lifted and" in answer.plan.facts["not_as_lifted"]
    np.testing.assert_allclose(
        answer.plan.T_world_object(0)[:3, 3], answer.scene.objects[0].T_world_object[0, :3, 3], atol=1e-3
    )


def test_what_is_known_is_not_felt_for(unsure, panda, body):
    answer = unsure_arm(unsure.replace(diagnostics={}), panda, body)
    assert answer.feeling is None and answer.plan.facts["approach"] == "direct"
