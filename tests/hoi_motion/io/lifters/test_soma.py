import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.errors import InputError
from hoi_motion.io import read_motion
from hoi_motion.io.formats import format_of
from hoi_motion.io.lifters.soma import PARENT_OF
from tests.hoi_motion.io.published import FPS, FRAMES, Person, soma


def test_the_joints_are_the_77_in_their_order():
    names = list(PARENT_OF)
    assert len(names) == 77 and names[14:19] == ["LeftHand", "LeftHandThumb1", "LeftHandThumb2", "LeftHandThumb3"] + [
        "LeftHandThumbEnd"
    ]
    assert names[39] == "RightShoulder" and names[67] == "LeftLeg" and names[-1] == "RightToeEnd"


def test_joints_are_the_turned_joints(tmp_path, same_walk):
    person = Person()
    np.savez_compressed(tmp_path / "result.npz", **soma(person))
    assert format_of(tmp_path / "result.npz") == "soma"
    motion = read_motion(tmp_path / "result.npz", fps=FPS)
    same_walk(motion, person)
    assert np.allclose(motion.pose_rad, person.pose, atol=1e-5)


def test_matrices_and_a_root_above_the_hips_are_the_same_motion(tmp_path):
    data = soma(Person())
    np.savez(tmp_path / "angles.npz", **data)
    matrices = Rotation.from_rotvec(data["poses"].reshape(-1, 3)).as_matrix().reshape(FRAMES, 77, 3, 3)
    turn = Rotation.from_euler("y", 40, degrees=True)
    root = np.tile(turn.as_matrix(), (FRAMES, 1, 1, 1))
    matrices[:, 0] = turn.inv().as_matrix() @ matrices[:, 0]
    data["poses"], data["transl"] = np.concatenate([root, matrices], 1), turn.inv().apply(data["transl"])
    data["joint_names"] = np.array(["Root", *PARENT_OF])
    np.savez(tmp_path / "matrices.npz", **data)
    one, other = (read_motion(tmp_path / f"{name}.npz", fps=FPS) for name in ("angles", "matrices"))
    assert np.allclose(one.pose_rad, other.pose_rad, atol=1e-4) and np.allclose(one.transl_m, other.transl_m, atol=1e-4)


def test_a_file_made_from_amass_is_z_up_on_request(tmp_path):
    data = soma(Person())
    person = Person()
    data["poses"][:, 0] = person.pose[:, 0]
    data["transl"] = 100 * person.pelvis
    np.savez(tmp_path / "z.npz", **data)
    motion = read_motion(tmp_path / "z.npz", fps=FPS, up="z")
    assert np.allclose(motion.pose_rad, person.pose, atol=1e-5)
    assert any("on its side" in note for note in read_motion(tmp_path / "z.npz", fps=FPS).notes)


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("poses", np.zeros((FRAMES, 76, 3)), r"poses has shape \(5, 76, 3\), expected \(T, 77, 3\)"),
        ("poses", np.zeros((FRAMES, 77, 3, 3)), "matrices that are no rotations"),
        ("poses", np.zeros((0, 77, 3)), "no frames|shape"),
        ("poses", np.full((FRAMES, 77, 3), np.nan), "poses.*is nan"),
        ("transl", np.zeros((2, 3)), r"transl has shape \(2, 3\)"),
        ("joint_names", np.array(["Hips"] * 77), "joint_names lacks Spine1"),
        ("joint_names", np.zeros(77), "joint_names is no list of names"),
        ("unit", np.array("furlongs"), "unit is 'furlongs'.*known units: meters"),
        ("absolute_pose", np.bool_(True), "absolute rotations"),
        ("absolute_pose", np.array(["yes"]), "absolute_pose"),
    ],
)
def test_another_layout_is_one_named_error(tmp_path, key, value, words):
    np.savez(tmp_path / "bad.npz", **soma(Person()) | {key: value})
    with pytest.raises(InputError, match=f"FILE_INVALID.*bad.npz.*({words})"):
        read_motion(tmp_path / "bad.npz", fps=FPS)


def test_the_frame_rate_must_be_given(tmp_path):
    np.savez(tmp_path / "result.npz", **soma(Person()))
    with pytest.raises(InputError, match="no frame rate.*--fps"):
        read_motion(tmp_path / "result.npz")
