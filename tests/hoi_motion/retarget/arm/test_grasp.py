"""Where a gripper can take hold: what is found on an object without an arm."""

import numpy as np
import pytest
import trimesh

from hoi_motion.motion import ObjectMotion
from hoi_motion.retarget.arm.grasp import grasp_candidates
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


def candidates(profile, yaw_rad: float, lifted: bool) -> list:
    """Grasps of a solid of revolution, (radius, height) in metres, by a Panda after a hand that comes that way."""
    mesh = trimesh.creation.revolve(np.array(profile), sections=24)
    thing = ObjectMotion("thing", mesh.vertices, mesh.faces, np.eye(4)[None], "cylinder")
    approach = np.array([np.cos(yaw_rad), np.sin(yaw_rad), 0.0])
    hand = -0.08 * approach + [0, 0, 0.05]
    return list(
        grasp_candidates(thing, np.array([0, 0, 1.0]), hand, approach, load_robot_config("panda").gripper, lifted)
    )


@pytest.mark.parametrize("yaw_rad", np.radians([0, 45, 135, 200]))
def test_a_wide_bowl_is_held_at_its_rim_from_every_side(yaw_rad):
    found = candidates(WIDE_BOWL, yaw_rad, lifted=True)
    assert len(found) >= 9 and all(g.grip == "pinch" and g.width_m < 0.025 for g in found)


def test_a_wide_cylinder_is_only_touched_and_not_lifted():
    solid = [[0, 0], [0.05, 0], [0.05, 0.1], [0, 0.1]]
    assert {g.grip for g in candidates(solid, 0.0, lifted=False)} == {"touch"}
    assert candidates(solid, 0.0, lifted=True) == []
