"""A scene of somebody who moves as recorded: its truth lies where the picture shows it."""

import numpy as np
import pytest

from tests.training.scenes.acclaim import write_person
from training.scenes.recorded_motion import segments
from training.scenes.recorded_scene import recorded_scene


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """A second view of somebody who slides two metres ahead, and the segment."""
    folder = tmp_path_factory.mktemp("walk")
    root = np.zeros((250, 6))
    root[:, 2] = np.linspace(0, 30.0, 250)
    arms = {side: np.tile([0.0, 0, turn], (250, 1)) for side, turn in (("lhumerus", -70.0), ("rhumerus", 70.0))}
    write_person(folder, "01", {"root": root} | arms, 250)
    (segment,) = segments(folder)
    return recorded_scene(segment, 1, 96, 144), segment


def test_the_person_is_where_the_truth_says_in_every_frame(walk):
    scene, _ = walk
    from hoi_motion.body import load_body

    motion = scene.motion
    joints = load_body().joints(motion.pose_rad.copy(), motion.transl_m.copy(), motion.betas.copy()).numpy()
    for ids, pelvis in zip(scene.instance_ids, motion.camera.project(joints[:, 0])):
        assert ids[tuple(np.rint(pelvis[::-1]).astype(int))] == 1


def test_the_thing_can_be_marked_and_nobody_touches_it(walk):
    scene, _ = walk
    assert scene.target_mask.sum() > 4
    assert not scene.contact_labels.any() and not scene.motion.contacts
    assert np.ptp(scene.motion.target.T_world_object, axis=0).max() == 0


def test_the_same_view_is_the_same_scene_and_another_is_not(walk):
    scene, segment = walk
    again, other = (recorded_scene(segment, view, 96, 144) for view in (1, 2))
    np.testing.assert_array_equal(again.frames, scene.frames)
    assert (other.motion.camera.T_world_camera != scene.motion.camera.T_world_camera).any()
