"""Recorded motion on figures: limbs point as recorded, feet are on the ground, segments are told by a rule."""

import numpy as np
import pytest

from hoi_motion.body.skinning import ShapedBody
from hoi_motion.errors import InputError
from tests.training.scenes.acclaim import DEGREES, write_person
from training.scenes.recorded_motion import JOINT, R_WORLD_RECORDED, figure_motion, recorded, segments

LIMBS = {"femur": ("hip", "knee"), "tibia": ("knee", "ankle"), "humerus": ("shoulder", "elbow")}
LIMBS["radius"] = ("elbow", "wrist")


@pytest.fixture(scope="module")
def figure(body):
    return ShapedBody(body, np.random.default_rng(3).normal(0, 0.7, 10))


@pytest.fixture
def moving(tmp_path):
    """Everything at random angles, in 16 frames a second apart."""
    rng = np.random.default_rng(1)
    degrees = {bone: rng.uniform(-40, 40, (17, width)) for bone, width in DEGREES.items()}
    return recorded(write_person(tmp_path, "05", degrees, 17))


def test_the_figures_limbs_point_as_the_recorded_ones(moving, figure):
    frames = np.arange(17)
    pose_rad, transl_m = figure_motion(moving, figure, frames)
    joints = figure.joint_transforms(pose_rad, transl_m)[..., :3, 3]
    offsets = {bone.name: bone.offset_m for bone in moving.skeleton.bones}
    for side in ("left", "right"):
        for bone, (start, end) in LIMBS.items():
            name = side[0] + bone
            wanted = moving.rotations[name] @ offsets[name] @ R_WORLD_RECORDED.T
            ours = joints[:, JOINT[f"{side}_{end}"]] - joints[:, JOINT[f"{side}_{start}"]]
            cosine = (ours * wanted).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(wanted, axis=1)
            assert cosine.min() > 0.9999, name


def test_who_rests_stands_upright_on_the_ground(tmp_path, figure):
    motion = recorded(write_person(tmp_path, "06", {}, 9))
    pose_rad, transl_m = figure_motion(motion, figure, np.arange(9))
    transforms = figure.joint_transforms(pose_rad, transl_m)
    surface = figure.vertices(transforms[4])
    assert abs(surface[:, 2].min()) < 1e-3
    assert transforms[4, JOINT["head"], 2, 3] > 1.2
    np.testing.assert_allclose(transforms[4, 0, :3, 1], [0, 0, 1], atol=1e-6)


def test_the_way_is_as_long_as_the_legs_are(tmp_path, figure):
    root = np.zeros((9, 6))
    root[:, 2] = np.linspace(0, 16.0, 9)  # as far as the recorded legs are long
    motion = recorded(write_person(tmp_path, "07", {"root": root}, 9))
    _, transl_m = figure_motion(motion, figure, np.arange(9))
    rest = figure.rest_joints_m
    leg = [JOINT[f"left_{part}"] for part in ("hip", "knee", "ankle")]
    legs_m = np.linalg.norm(np.diff(rest[leg], axis=0), axis=1).sum()
    # ahead of the recording (z) is -y of our world
    np.testing.assert_allclose((transl_m[-1] - transl_m[0])[:2], [0, -legs_m], rtol=0.02, atol=1e-6)


def test_segments_have_three_seconds_and_short_recordings_are_one_or_none(tmp_path):
    for name, count in (("01", 730), ("02", 300), ("03", 200)):
        write_person(tmp_path, name, {}, count)
    found = segments(tmp_path)
    assert [(s.number, s.recording, s.start, s.count) for s in found] == [
        (0, "01_01", 0, 361),
        (1, "01_01", 360, 361),
        (2, "02_01", 0, 300),
    ]
    assert found[0].frames(120.0).tolist() == list(range(0, 361, 15))


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(InputError, match="no recording"):
        segments(tmp_path)
