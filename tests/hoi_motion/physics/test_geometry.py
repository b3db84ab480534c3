"""MotionGeometry of another scene around the same person."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.arrays import MAX_NAME
from hoi_motion.motion import SupportBox
from hoi_motion.physics import CheckConfig
from hoi_motion.physics.geometry import MotionGeometry


def test_another_scene_is_measured_as_if_it_were_made_anew(good_motion, body):
    item = good_motion.objects[0]
    T = item.T_world_object.copy()
    T[:, :3, 3] += [0, -0.05, 0]
    moved = good_motion.replace(objects=(replace(item, T_world_object=T),))
    first, anew = (MotionGeometry(m, CheckConfig(), body) for m in (good_motion, moved))
    first.near(item)
    there = first.with_scene(moved)
    assert np.array_equal(there.near(moved.objects[0]).distances_m, anew.near(moved.objects[0]).distances_m)
    assert there.motion is moved


def test_a_person_who_moves_otherwise_is_refused(good_motion, body):
    geometry = MotionGeometry(good_motion, CheckConfig(), body)
    with pytest.raises(ValueError, match="moves differently"):
        geometry.with_scene(good_motion.replace(transl_m=good_motion.transl_m + np.float32(0.1)))


def test_outward_points_away_from_the_surface(good_motion, body):
    geometry = MotionGeometry(good_motion, CheckConfig(), body)
    item = good_motion.objects[0]
    above, T = np.array([[0.0, 0.0, 0.07]]), item.T_world_object[0]
    found = geometry.outward(item, 0, above @ T[:3, :3].T + T[:3, 3])
    assert found == pytest.approx(T[:3, 2][None], abs=1e-4)


def test_a_box_that_is_larger_than_its_support_rests_on_it(good_motion, body):
    """Turned on a plate that its corners stand out over, it has no corner above the plate."""
    item, T = good_motion.objects[0], np.tile(np.eye(4), (good_motion.num_frames, 1, 1))
    T[:, :3, :3] = Rotation.from_euler("z", 40, degrees=True).as_matrix()
    T[:, :3, 3] = [3.0, 0, 0.75 + np.ptp(item.vertices_m[:, 2]) / 2]
    T[-1, :2, 3] += 0.2
    plate = SupportBox("plate", np.array([0.08, 0.08, 0.03]), _at([3.0, 0, 0.735]))
    beside = good_motion.replace(objects=(replace(item, T_world_object=T),), supports=(plate,))
    supported = MotionGeometry(beside, CheckConfig(), body).supported(beside.objects[0])
    assert supported[:-1].all() and not supported[-1]


def test_what_is_estimated_under_an_object_of_the_longest_name_has_a_name(good_motion, body):
    item = replace(good_motion.objects[0], name="b" * MAX_NAME, T_world_object=_at([3.0, 0, 0.8]) + np.zeros((2, 1, 1)))
    motion = good_motion.replace(
        pose_rad=good_motion.pose_rad[:2],
        transl_m=good_motion.transl_m[:2],
        objects=(item,),
        supports=(),
        contacts=(),
    )
    (support,) = MotionGeometry(motion, CheckConfig(), body).supports
    assert support.name == f"estimated support of {item.name}"


def _at(place_m):
    T = np.eye(4)
    T[:3, 3] = place_m
    return T
