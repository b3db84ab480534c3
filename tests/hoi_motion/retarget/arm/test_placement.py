"""Where a base stands."""

import numpy as np
import pytest

from hoi_motion.motion import SupportBox
from hoi_motion.retarget.arm.placement import base_candidates, stands_on
from hoi_motion.retarget.arm.world import ArmWorld
from hoi_motion.rigid import standing_at
from tests.hoi_motion.retarget.conftest import lifting


@pytest.mark.parametrize("given_m, height_m", [(None, 0.76), (0.0, 0.0), (0.9, 0.9)])
def test_a_base_stands_as_high_as_the_support_unless_the_robot_brings_its_own(given_m, height_m):
    T = np.eye(4)
    T[2, 3] = 0.74
    table = SupportBox("table", np.array([0.6, 1.2, 0.04]), T)
    places = base_candidates(np.array([0.2, 0, 0.8]), np.array([1.0, 0, 1]), (table,), np.zeros((0, 3)), given_m)
    assert [T[2, 3] for T in places] == pytest.approx([height_m] * len(places)) and places


def test_a_small_arm_on_the_table_stands_on_it_with_its_whole_base():
    T = np.eye(4)
    T[2, 3] = 0.74
    table = SupportBox("table", np.array([0.6, 1.2, 0.04]), T)
    towards_the_edge_m = np.array([1.0, 0, 1])
    places = base_candidates(np.array([0.2, 0, 0.8]), towards_the_edge_m, (table,), np.zeros((0, 3)), farthest_m=0.45)
    beyond_m = np.array([np.abs(T[:2, 3]) - table.size_m[:2] / 2 for T in places]).max(1)
    assert (beyond_m < -0.05).any() and not ((beyond_m > -0.05) & (beyond_m < 0.13)).any()


def table() -> SupportBox:
    T = np.eye(4)
    T[2, 3] = 0.74
    return SupportBox("table", np.array([0.8, 1.2, 0.04]), T)


@pytest.mark.parametrize("farthest_m, on_it", [(1.0, False), (0.4, True)])
def test_a_small_arm_may_stand_on_the_table_and_a_large_one_stands_beside_it(farthest_m, on_it):
    object_m = np.array([0.0, 0.0, 0.8])
    places = base_candidates(object_m, np.array([1.0, 0, 1]), (table(),), np.zeros((0, 3)), None, farthest_m)
    assert any(stands_on(T, (table(),)) for T in places) is on_it
    assert all(np.linalg.norm(T[:2, 3]) < farthest_m for T in places) and places


def test_what_has_no_place_beside_the_table_stands_on_it():
    T = np.eye(4)
    T[2, 3] = 0.74
    wide = SupportBox("table", np.array([4.0, 4.0, 0.04]), T)
    places = base_candidates(np.array([0.0, 0, 0.8]), np.array([1.0, 0, 1]), (wide,), np.zeros((0, 3)))
    assert places and all(stands_on(T, (wide,)) for T in places)


def test_an_arm_that_faces_aside_of_its_bases_x_is_turned_to_the_object():
    object_m, nobody = np.array([0.0, 0.0, 0.8]), np.zeros((0, 3))
    for place in base_candidates(object_m, np.array([1.0, 0, 1]), (table(),), nobody, None, 0.4, -np.pi / 2):
        ahead = place[:3, :3] @ [0, -1, 0]
        away = object_m[:2] - place[:2, 3]
        assert ahead[:2] @ away / np.linalg.norm(away) == pytest.approx(1.0)


@pytest.mark.parametrize("beyond_m, is_carried", [(-0.02, True), (0.02, False), (0.08, False)])
def test_a_given_base_stands_on_the_table_only_as_far_as_that_reaches_under_its_axis(small_arm, beyond_m, is_carried):
    """Beside the edge it has a pedestal, flush with the table, which a part of the base then lies on."""
    scene = lifting((0.03, 0.03, 0.07))
    (carrier,) = scene.supports
    base = standing_at((carrier.T_world_box[0, 3] - carrier.size_m[0] / 2 - beyond_m, 0.1, carrier.top_height_m))
    assert (stands_on(base, scene.supports) is carrier) is is_carried
    with ArmWorld(small_arm, scene, "bar") as world:
        world.set_base(base)
        world.pose(small_arm.home_rad, small_arm.fingers.values(small_arm.gripper.open))
        assert ("pedestal" not in world.bodies) is is_carried and world.collision(0.0) is None
