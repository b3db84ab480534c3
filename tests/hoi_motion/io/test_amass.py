import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.io import read_amass, read_motion, write_amass
from tests.hoi_motion.io.published import SMPLX_PELVIS, Person, amass_smplh


def test_round_trip_keeps_the_body(motion, tmp_path):
    write_amass(motion, tmp_path / "amass.npz")
    back = read_motion(tmp_path / "amass.npz")
    assert np.array_equal(back.pose_rad, motion.pose_rad) and np.array_equal(back.transl_m, motion.transl_m)
    assert np.array_equal(back.betas[:10], motion.betas)
    assert back.fps == motion.fps and back.body_model == motion.body_model


def test_the_keys_are_those_of_amass(motion, tmp_path):
    write_amass(motion, tmp_path / "amass.npz")
    file = np.load(tmp_path / "amass.npz")
    assert float(file["mocap_frame_rate"]) == 12.5 and str(file["surface_model_type"]) == "smplx"
    shapes = {
        "trans": 3,
        "poses": 165,
        "root_orient": 3,
        "pose_body": 63,
        "pose_hand": 90,
        "pose_jaw": 3,
        "pose_eye": 6,
    }
    assert {name: file[name].shape[1] for name in shapes} == shapes
    assert file["betas"].shape == (16,)


def test_the_parts_alone_are_enough(motion, tmp_path):
    write_amass(motion, tmp_path / "whole.npz")
    data = dict(np.load(tmp_path / "whole.npz"))
    del data["poses"]
    np.savez(tmp_path / "parts.npz", **data)
    assert np.array_equal(read_amass(tmp_path / "parts.npz").pose_rad, motion.pose_rad)


def test_smplh_keeps_body_hands_and_pelvis(tmp_path):
    person = Person()
    np.savez(tmp_path / "smplh.npz", **amass_smplh(person))
    back = read_motion(tmp_path / "smplh.npz")
    assert np.allclose(back.pose_rad[:, :22], person.pose[:, :22], atol=1e-6)
    assert np.allclose(back.pose_rad[:, 25:], person.pose[:, 25:], atol=1e-6)
    assert not back.pose_rad[:, 22:25].any() and back.fps == 120
    assert np.allclose(back.transl_m + SMPLX_PELVIS, person.pelvis, atol=1e-5)
    assert not back.betas.any() and "betas of male SMPL+H are left out" in back.notes[0]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"poses": np.zeros((5, 165))}, r"\(5, 165\), AMASS SMPL\+H has \(T, 156\)"),
        ({"poses": np.full((5, 156), np.nan)}, "poses.*is nan"),
        ({"poses": np.zeros((0, 156)), "trans": np.zeros((0, 3))}, "no frames"),
        ({"trans": np.zeros((4, 3))}, r"trans has shape \(4, 3\)"),
        ({"trans": None}, "trans missing.*expected keys: poses, trans, betas"),
        ({"mocap_framerate": None}, "expected keys: mocap_frame_rate or mocap_framerate"),
    ],
)
def test_another_layout_is_one_named_error(tmp_path, change, words):
    data = {key: value for key, value in (amass_smplh(Person()) | change).items() if value is not None}
    np.savez(tmp_path / "bad.npz", **data)
    with pytest.raises(InputError, match=f"FILE_INVALID.*bad.npz.*{words}"):
        read_amass(tmp_path / "bad.npz")


def test_the_made_up_camera_sees_the_person(motion, tmp_path):
    write_amass(motion, tmp_path / "amass.npz")
    back = read_amass(tmp_path / "amass.npz")
    pixel = back.camera.project(motion.transl_m[0])
    assert np.allclose(pixel, [320, 240]) and back.camera.focal_source == "assumed"


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_damaged_file_is_one_named_error(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError, match="FILE_INVALID"):
        read_amass(tmp_path / "bad.npz")
    with pytest.raises(InputError, match="readable formats: motion, amass"):
        read_motion(tmp_path / "bad.npz")
