"""Plans tried where the object may stand instead."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.execute.chance import PLACES, displaced, tried_beside
from hoi_motion.retarget.arm.grasp import place_doubt_m
from hoi_motion.retarget.arm.sight import SPREAD


def test_the_doubt_about_a_place_lies_along_the_sight_and_level(motion):
    camera = replace(motion.camera, T_world_camera=placed([2.0, 1.6, 1.9]))
    T = motion.objects[0].T_world_object[0]
    away = T[:2, 3] - [2.0, 1.6]
    doubt_m = place_doubt_m(motion.replace(camera=camera, diagnostics={SPREAD: 0.07}), T)
    np.testing.assert_allclose(doubt_m, [*(0.07 * away / np.linalg.norm(away)), 0.0])


def test_an_object_is_displaced_with_what_carries_it(motion):
    moved = displaced(motion, "bar", np.array([0.03, -0.02, 0.0]))
    for now, before in (
        (moved.objects[0].T_world_object, motion.objects[0].T_world_object),
        (moved.supports[0].T_world_box, motion.supports[0].T_world_box),
    ):
        shift = (now - before)[..., :3, 3]
        np.testing.assert_allclose(shift, np.broadcast_to([0.03, -0.02, 0.0], shift.shape), atol=1e-12)


def placed(place_m) -> np.ndarray:
    T = np.eye(4)
    T[:3, 3] = place_m
    return T


def test_the_places_are_as_likely_as_the_middle():
    """Middles of fifths of a normal distribution."""
    draws = np.sort(np.random.default_rng(0).standard_normal(200_000)).reshape(5, -1)
    np.testing.assert_allclose(np.delete(np.median(draws, axis=1), 2), sorted(PLACES), atol=0.02)


def test_a_scene_that_is_sure_is_not_tried_elsewhere(result, panda, motion):
    assert tried_beside(result, panda, motion, True) == ()


@pytest.mark.parametrize("spread_m, works", [(0.003, (True, True)), (0.25, (False, False, False))])
def test_a_plan_works_near_its_place_and_not_far_from_it(result, panda, motion, spread_m, works):
    """Three of five places that agree are enough, the planned one among them."""
    there = motion.replace(diagnostics={SPREAD: spread_m})
    assert tried_beside(result, panda, there, True) == works
