"""What a picture leaves open about an object's distance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.retarget.arm.sight import FORGIVEN_M, open_sight, scaled
from hoi_motion.rigid import moved


@given(scale=st.floats(0.6, 1.6))
def test_scenes_of_any_scale_look_the_same(unsure, scale):
    other = scaled(unsure, "bar", scale)
    for now, before in (
        (other.objects[0].vertices_world(0), unsure.objects[0].vertices_world(0)),
        (corners(other.supports[0]), corners(unsure.supports[0])),
    ):
        np.testing.assert_allclose(pixels(other, now), pixels(unsure, before), atol=1e-3)


def corners(support) -> np.ndarray:
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    return moved(support.T_world_box, signs * support.size_m / 2)


def pixels(motion, points_m) -> np.ndarray:
    seen = motion.camera.to_camera(points_m) @ motion.camera.K.T
    return seen[:, :2] / seen[:, 2:]


@given(scale=st.floats(0.6, 1.6))
def test_an_object_at_another_distance_goes_the_same_way_with_the_same_hand(unsure, scale):
    other = scaled(unsure, "bar", scale)
    now, before = (m.objects[0].T_world_object[:, :3, 3] for m in (other, unsure))
    np.testing.assert_allclose(now - now[0], before - before[0], atol=1e-9)
    np.testing.assert_allclose(other.transl_m - unsure.transl_m, np.tile(now[0] - before[0], (len(now), 1)), atol=1e-6)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"target_distance_spread_m": FORGIVEN_M, "target_distance_source": "hand"},
        {"target_distance_spread_m": 0.09, "target_distance_source": "support plane"},
    ],
)
def test_a_distance_that_is_known_leaves_nothing_open(unsure, told):
    assert open_sight(unsure.replace(diagnostics=told), "bar") is None


def test_a_floor_that_only_the_fit_knows_leaves_the_distance_open(unsure):
    told = {"target_distance_spread_m": 0.09, "target_distance_source": "floor"}
    assert open_sight(unsure.replace(diagnostics=told), "bar").spread_m == 0.09


def test_the_line_of_sight_goes_from_the_camera_to_the_middle_of_the_object(unsure):
    sight = open_sight(unsure, "bar")
    met = sight.camera_m + sight.distance_m * sight.direction
    np.testing.assert_allclose(met, unsure.objects[0].T_world_object[0, :3, 3], atol=1e-6)
