"""Where a gripper can take hold: what is found on an object without an arm."""

import dataclasses

import numpy as np
import pytest
import trimesh

from hoi_motion.motion import ObjectMotion
from hoi_motion.retarget.arm.grasp import grasp_candidates
from hoi_motion.retarget.arm.grip import ASSUMED_FRICTION
from hoi_motion.retarget.robots.config import load_robot_config

WIDE_BOWL = [
    [0, 0],
    [0.04, 0],
    [0.06, 0.025],
    [0.072, 0.05],
    [0.077, 0.072],
    [0.072, 0.072],
    [0.067, 0.05],
    [0.055, 0.025],
    [0.035, 0.005],
    [0, 0.005],
]


def candidates(profile, yaw_rad: float, kind: str, doubt_m=None) -> list:
    """Grasps of a solid of revolution, (radius, height) in metres, by a Panda after a hand that comes that way."""
    mesh = trimesh.creation.revolve(np.array(profile), sections=24)
    thing = ObjectMotion("thing", mesh.vertices, mesh.faces, np.eye(4)[None], "cylinder")
    approach = np.array([np.cos(yaw_rad), np.sin(yaw_rad), 0.0])
    hand = -0.08 * approach + [0, 0, 0.05]
    up, along = np.array([0, 0, 1.0]), np.array([0.1, 0, 0])
    gripper = load_robot_config("panda").gripper
    return list(grasp_candidates(thing, up, hand, approach, gripper, kind, along, doubt_m=doubt_m))


@pytest.mark.parametrize("yaw_rad", np.radians([0, 45, 135, 200]))
def test_a_wide_bowl_is_held_at_its_rim_from_every_side(yaw_rad):
    found = candidates(WIDE_BOWL, yaw_rad, "lift")
    assert len(found) >= 9 and all(g.grip == "pinch" and g.width_m < 0.025 for g in found)


SOLID = [[0, 0], [0.05, 0], [0.05, 0.1], [0, 0.1]]


def test_a_wide_cylinder_is_touched_and_pushed_but_not_lifted():
    assert {g.grip for g in candidates(SOLID, 0.0, "touch")} == {"touch"}
    assert {g.grip for g in candidates(SOLID, 0.0, "slide")} == {"push"}
    assert candidates(SOLID, 0.0, "lift") == []


def test_a_touch_presses_in_where_the_surface_is():
    tips_m = load_robot_config("panda").gripper.tip_m
    first = candidates(SOLID, 0.0, "touch")[0]
    tip = first.T_object_tool[:3, 3] + tips_m * first.T_object_tool[:3, 2]
    assert 0.04 < np.linalg.norm(tip[:2]) < 0.0475  # behind the wall at 50 mm


def test_a_push_comes_from_behind_and_low_where_the_object_would_tip():
    tall = [[0, 0], [0.03, 0], [0.03, 0.3], [0, 0.3]]
    for grasp in candidates(tall, 1.0, "slide"):
        if grasp.grip == "push":
            z = grasp.T_object_tool[:3, 2]
            assert z[0] > 0.4 and abs(z[1]) < 1e-6  # along, from behind
            tips = grasp.T_object_tool[:3, 3] + load_robot_config("panda").gripper.tip_m * z
            assert tips[2] < 0.03 / ASSUMED_FRICTION


def test_fingers_that_end_before_the_middle_of_a_ball_do_not_hold_it():
    polar = np.linspace(-np.pi / 2, np.pi / 2, 17)
    ball = np.stack([0.036 * np.cos(polar), 0.036 + 0.036 * np.sin(polar)], axis=1)
    ball[[0, -1], 0] = 0
    mesh = trimesh.creation.revolve(ball, sections=24)
    thing = ObjectMotion("ball", mesh.vertices, mesh.faces, np.eye(4)[None], "sphere")
    x, gripper = np.array([1.0, 0, 0]), load_robot_config("panda").gripper
    for depth_m, holds in ((0.02, False), (0.045, True)):
        fingers = dataclasses.replace(gripper, finger_depth_m=depth_m)
        found = grasp_candidates(thing, np.array([0, 0, 1.0]), -0.1 * x, x, fingers, "lift")
        assert (next(found, None) is not None) is holds


SLENDER = [[0, 0], [0.015, 0], [0.015, 0.12], [0, 0.12]]
ON_A_NARROW_FOOT = [[0, 0], [0.015, 0], [0.035, 0.12], [0, 0.12]]


@pytest.mark.parametrize(
    "profile, grip",
    [(SLENDER, "pinch"), (ON_A_NARROW_FOOT, "pinch"), ([[0, 0], [0.035, 0], [0.035, 0.12], [0, 0.12]], "push")],
)
def test_what_a_push_would_tip_is_held_while_it_slides(profile, grip):
    """How wide it is where it stands counts, not at its rim."""
    found = candidates(profile, 0.0, "slide")
    assert found[0].grip == grip and {g.grip for g in found} == {"pinch", "push"}


@pytest.mark.parametrize("kind, axis", [("lift", 1), ("touch", 2)])
def test_a_doubt_about_the_place_turns_the_grasp_to_where_it_gives_way(kind, axis):
    """The fingers of a pinch close across the doubt, and a touch comes from beside it."""
    post = [[0, 0], [0.032, 0], [0.032, 0.12], [0, 0.12]]
    sure = candidates(post, 0.0, kind)[0].T_object_tool
    doubt_m = 0.04 * sure[:3, axis]
    unsure = candidates(post, 0.0, kind, doubt_m)[0].T_object_tool
    assert abs(unsure[:3, axis] @ sure[:3, axis]) < 0.5


BALL_R_M = 0.025


def tip_m(grasp) -> np.ndarray:  # (3,)
    tool = grasp.T_object_tool
    return tool[:3, 3] + load_robot_config("panda").gripper.tip_m * tool[:3, 2]


@pytest.mark.parametrize("askew_rad", np.radians([12, -20, 50]))
def test_fingers_lie_flat_on_the_sides_of_a_box_whichever_way_it_stands(askew_rad):
    box = trimesh.creation.box((0.04, 0.05, 0.12))
    thing = ObjectMotion("thing", box.vertices, box.faces, np.eye(4)[None], "box")
    approach = np.array([np.cos(askew_rad), np.sin(askew_rad), 0.0])
    gripper = load_robot_config("panda").gripper
    found = list(grasp_candidates(thing, np.array([0, 0, 1.0]), -0.08 * approach, approach, gripper, "lift"))
    assert found
    for grasp in found:
        assert np.abs(grasp.T_object_tool[:3, 1]).max() > np.cos(np.radians(3.5))


def test_a_ball_is_held_at_its_middle_though_the_hand_was_higher():
    turns = np.linspace(-np.pi / 2, np.pi / 2, 24)
    profile = np.stack([BALL_R_M * np.cos(turns), BALL_R_M * (1 + np.sin(turns))], axis=1)  # the hand is at 50 mm
    first = candidates(profile, 0.0, "lift")[0]
    tool = first.T_object_tool
    beside_m = (np.array([0, 0, BALL_R_M]) - tool[:3, 3]) @ tool[:3, 0]
    assert abs(beside_m) < 0.3 * BALL_R_M  # of the widest section, where a finger is pressed to a side


def test_fingers_reach_farther_past_the_middle_of_what_may_stand_farther_away():
    slender = [[0, 0], [0.012, 0], [0.012, 0.1], [0, 0.1]]
    sure, unsure = (candidates(slender, 0.0, "lift", doubt_m=np.array([d, 0, 0]))[0] for d in (0.0, 0.006))
    np.testing.assert_allclose(sure.T_object_tool[:3, :3], unsure.T_object_tool[:3, :3])
    assert tip_m(unsure)[0] - tip_m(sure)[0] > 0.003
