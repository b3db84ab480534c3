"""Acclaim files: what their angles mean, and which files are refused."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, InputError
from tests.training.scenes.acclaim import write_person
from training.scenes.asf_amc import INCH_M, read_amc, read_asf


def test_a_resting_person_is_not_turned_and_lengths_are_metres(tmp_path):
    path = write_person(tmp_path, "01", {}, 2)
    motion = read_amc(path, read_asf(tmp_path / "01.asf"))
    assert motion.num_frames == 2
    for rotation in motion.rotations.values():
        np.testing.assert_allclose(rotation, np.tile(np.eye(3), (2, 1, 1)), atol=1e-9)
    femur = next(bone for bone in motion.skeleton.bones if bone.name == "lfemur")
    assert np.linalg.norm(femur.offset_m) == pytest.approx(8.0 / 0.45 * INCH_M)


def test_a_knee_bends_about_its_own_axis_and_takes_the_foot_along(tmp_path):
    path = write_person(tmp_path, "01", {"ltibia": np.array([[90.0]])}, 1)
    motion = read_amc(path, read_asf(tmp_path / "01.asf"))
    # the axis of the bent knee is x of a frame that is turned by 20 degrees about z
    axis = Rotation.from_euler("z", 20, degrees=True).apply([1, 0, 0])
    wanted = Rotation.from_rotvec(np.pi / 2 * axis).as_matrix()
    for bone in ("ltibia", "lfoot", "ltoes"):
        np.testing.assert_allclose(motion.rotations[bone][0], wanted, atol=1e-6)
    np.testing.assert_allclose(motion.rotations["lfemur"][0], np.eye(3), atol=1e-9)


def test_the_root_turns_about_x_first_and_carries_everything(tmp_path):
    path = write_person(tmp_path, "01", {"root": np.array([[9.0, 0, 0, 90, 90, 0]])}, 1)
    motion = read_amc(path, read_asf(tmp_path / "01.asf"))
    wanted = Rotation.from_euler("y", 90, degrees=True) * Rotation.from_euler("x", 90, degrees=True)
    np.testing.assert_allclose(motion.rotations["rhand"][0], wanted.as_matrix(), atol=1e-6)
    np.testing.assert_allclose(motion.root_m[0], [9.0 / 0.45 * INCH_M, 0, 0])


@pytest.mark.parametrize(
    ("ending", "old", "new", "said"),
    [
        ("asf", "angle deg", "angle rad", "rad"),
        ("asf", "lhipjoint rhipjoint", "lhipjoint", "rfemur|rhipjoint"),
        ("asf", ":hierarchy", ":tree", "hierarchy"),
        ("amc", "ltibia", "ltail", "ltibia"),
        ("amc", "0.000000", "x", "could not convert"),
        ("amc", "0.000000", "nan", "not finite"),
        ("amc", "root", "#root", "root"),
    ],
)
def test_files_that_say_something_else_are_refused_by_name(tmp_path, ending, old, new, said):
    motion, skeleton = write_person(tmp_path, "01", {}, 2), tmp_path / "01.asf"
    spoiled = {"asf": skeleton, "amc": motion}[ending]
    spoiled.write_text(spoiled.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=said) as caught:
        read_amc(motion, read_asf(skeleton))
    assert caught.value.code == ErrorCode.FILE_INVALID and spoiled.name in str(caught.value)
