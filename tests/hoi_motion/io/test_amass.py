from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.errors import InputError
from hoi_motion.io import read_amass, read_motion, write_amass
from hoi_motion.io.amass import left_out_of_amass
from tests.hoi_motion.io.published import SMPLX_PELVIS, Person, amass_smplh


def test_round_trip_keeps_the_body(motion, tmp_path):
    write_amass(motion, tmp_path / "amass.npz")
    back = read_motion(tmp_path / "amass.npz")
    assert np.array_equal(back.pose_rad, motion.pose_rad) and np.array_equal(back.transl_m, motion.transl_m)
    assert np.array_equal(back.betas[:10], motion.betas)
    assert back.fps == motion.fps and back.body_model == motion.body_model


def test_other_readers_find_the_pelvis_of_the_free_body_where_it_is(motion, body, tmp_path):
    write_amass(motion, tmp_path / "amass.npz")
    file = np.load(tmp_path / "amass.npz")
    pelvis_m = body.joints(motion.pose_rad, motion.transl_m, motion.betas).numpy()[:, 0]
    assert np.allclose(file["trans"] + SMPLX_PELVIS, pelvis_m, atol=1e-5)


def test_other_readers_get_no_shape_that_means_another_person_to_them(motion, tmp_path):
    write_amass(motion, tmp_path / "free.npz")
    write_amass(motion.replace(body_model="smplx-neutral"), tmp_path / "smplx.npz")
    assert not np.load(tmp_path / "free.npz")["betas"].any()
    assert np.array_equal(np.load(tmp_path / "smplx.npz")["betas"][:10], motion.betas)
    assert "mean shape" in left_out_of_amass(motion)
    assert "shape" not in left_out_of_amass(motion.replace(body_model="smplx-neutral"))


def test_a_body_that_the_file_names_is_not_one_of_ours(motion, tmp_path):
    write_amass(motion, tmp_path / "amass.npz")
    data = dict(np.load(tmp_path / "amass.npz"))
    del data["body_betas"]
    np.savez(tmp_path / "other.npz", **data | {"body_model": "smplx"})
    assert read_amass(tmp_path / "other.npz").body_model == "smplx-neutral"


def test_files_of_earlier_versions_are_read_as_they_were_written(motion, tmp_path):
    """Those had the free body's own shape and place, and no `body_betas`."""
    write_amass(motion, tmp_path / "amass.npz")
    data = dict(np.load(tmp_path / "amass.npz"))
    betas = np.pad(data.pop("body_betas"), (0, 6))
    np.savez(tmp_path / "older.npz", **data | {"betas": betas, "trans": motion.transl_m})
    back = read_amass(tmp_path / "older.npz")
    assert back.body_model == motion.body_model and np.array_equal(back.transl_m, motion.transl_m)
    assert np.array_equal(back.betas[:10], motion.betas)


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
        ({"poses": np.zeros((5, 150))}, r"\(5, 150\).*known widths: 165 \(SMPL-X\), 156 \(SMPL\+H or SMPL-X\), 72"),
        ({"poses": np.full((5, 156), np.nan)}, "poses.*is nan"),
        ({"poses": np.zeros((5, 156), bool)}, "poses is not an array .*truth values"),
        ({"poses": np.zeros((5, 63), bool)}, "poses is not an array .*truth values"),
        ({"mocap_framerate": True}, "mocap_framerate .*truth values"),
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


CASES = Path(__file__).parent


def test_betas_of_every_frame_are_averaged():
    assert read_motion(CASES / "betas_Tx10.npz").betas.shape == (10,)


@pytest.mark.parametrize("width, joints", [(63, 22), (66, 22), (72, 22), (156, 52), (165, 55)])
@pytest.mark.parametrize("rate", ["mocap_frame_rate", "mocap_framerate"])
def test_the_width_says_the_body_whatever_the_spelling_of_the_rate(tmp_path, width, joints, rate):
    person = Person()
    rows = {63: range(1, 22), 66: range(22), 72: range(24), 156: [*range(22), *range(25, 55)], 165: range(55)}[width]
    poses = person.pose[:, list(rows)].reshape(5, -1)
    root = {"root_orient": person.pose[:, 0]} if width == 63 else {}
    np.savez(tmp_path / "m.npz", poses=poses, trans=person.pelvis, betas=np.zeros(16), **root, **{rate: 60.0})
    back = read_motion(tmp_path / "m.npz")
    assert np.allclose(back.pose_rad[:, :22], person.pose[:, :22], atol=1e-5) and back.fps == 60
    hands = np.allclose(back.pose_rad[:, 25:], person.pose[:, 25:], atol=1e-5)
    assert hands == (joints > 22) and (joints > 22 or not back.pose_rad[:, 22:].any())


@pytest.mark.parametrize("as_parts", [False, True])
def test_an_smplx_file_without_jaw_and_eyes_is_smplx_where_it_says_so(tmp_path, as_parts):
    person, betas = Person(), np.full(16, 0.5)
    poses = person.pose[:, [*range(22), *range(25, 55)]].reshape(5, 156)
    given = {"poses": poses}
    if as_parts:
        given = {"root_orient": poses[:, :3], "pose_body": poses[:, 3:66], "pose_hand": poses[:, 66:]}
    for named, kept, moved_m in (("smplx", 0.5, 0.0), ("smplh", 0.0, 0.13)):
        np.savez(
            tmp_path / "m.npz",
            trans=person.pelvis,
            betas=betas,
            mocap_frame_rate=60.0,
            surface_model_type=named,
            **given,
        )
        back = read_motion(tmp_path / "m.npz")
        assert back.betas[0] == kept
        assert np.linalg.norm(back.transl_m - person.pelvis, axis=1) == pytest.approx(moved_m, abs=0.01)
        assert np.allclose(back.pose_rad[:, 25:], person.pose[:, 25:], atol=1e-5)


def test_a_name_that_the_width_rules_out_is_not_believed(tmp_path):
    np.savez(
        tmp_path / "m.npz",
        poses=np.zeros((5, 165)),
        trans=np.zeros((5, 3)),
        betas=np.ones(10),
        fps=30.0,
        surface_model_type="smplh",
    )
    assert read_motion(tmp_path / "m.npz").betas.all()


@pytest.mark.parametrize("name", ["w66.npz", "smplx_old_key.npz"])
def test_published_variants_are_read_as_they_are(name):
    found, file = read_motion(CASES / name), np.load(CASES / name)
    width = min(66, file["poses"].shape[1])
    assert np.allclose(found.pose_rad.reshape(len(found.pose_rad), -1)[:, :width], file["poses"][:, :width], atol=1e-6)


def test_a_pose_without_its_root_stands_and_says_so(tmp_path):
    np.savez(tmp_path / "m.npz", poses=np.zeros((4, 63)), trans=np.zeros((4, 3)), betas=np.zeros(10), fps=30.0)
    back = read_motion(tmp_path / "m.npz")
    assert np.allclose(Rotation.from_rotvec(back.pose_rad[0, 0]).apply([0, 1, 0]), [0, 0, 1], atol=1e-6)
    assert "stands upright" in " ".join(back.notes)


def test_a_given_rate_corrects_the_one_of_the_file():
    back = read_motion(CASES / "smplx_old_key.npz", fps=60)
    assert back.fps == 60 and "the file says 120" in " ".join(back.notes)


def test_two_rates_that_differ_are_not_chosen_between(tmp_path):
    arrays = dict(poses=np.zeros((2, 165)), trans=np.zeros((2, 3)), betas=np.zeros(10), mocap_framerate=120.0)
    np.savez(tmp_path / "m.npz", **arrays, mocap_frame_rate=30.0)
    with pytest.raises(InputError, match="FILE_INVALID.*mocap_frame_rate 30, mocap_framerate 120.*--fps"):
        read_motion(tmp_path / "m.npz")
    assert read_motion(tmp_path / "m.npz", fps=30).fps == 30
    np.savez(tmp_path / "m.npz", **arrays, fps=120)
    assert read_motion(tmp_path / "m.npz").fps == 120


@pytest.mark.parametrize("gender", ["neutral", b"neutral", np.array(["Neutral"]), "n", "b'neutral'"])
def test_a_neutral_gender_is_told_in_any_form(tmp_path, gender):
    poses, betas = np.zeros((2, 165)), np.arange(10.0)
    np.savez(tmp_path / "m.npz", poses=poses, trans=np.zeros((2, 3)), betas=betas, gender=gender, mocap_frame_rate=30.0)
    assert np.allclose(read_motion(tmp_path / "m.npz").betas, betas)


def test_a_gender_that_is_a_pickle_is_not_read_and_the_betas_are_left_out(tmp_path):
    gender = np.array("female", object)
    arrays = dict(poses=np.zeros((2, 165)), trans=np.zeros((2, 3)), betas=np.ones(10), mocap_frame_rate=30.0)
    np.savez(tmp_path / "m.npz", gender=gender, **arrays)
    back = read_motion(tmp_path / "m.npz")
    assert not back.betas.any() and "gender" in " ".join(back.notes)


def test_a_motion_that_lies_is_said_to_and_up_turns_it(world_joints):
    lying, turned = read_motion(CASES / "yup.npz"), read_motion(CASES / "yup.npz", up="y")
    assert "lies on its side, along y" in lying.notes[-1] and "--up y" in lying.notes[-1]
    assert not [note for note in turned.notes if "lies" in note]
    before, after = (world_joints(m.pose_rad, m.transl_m) for m in (lying, turned))
    assert np.allclose(after, before @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).T, atol=1e-4)


@pytest.mark.parametrize("unit, scale", [("mm", 1000), ("cm", 100)])
def test_a_motion_in_another_unit_is_said_to_be_and_the_unit_scales_it(tmp_path, motion, unit, scale):
    write_amass(motion, tmp_path / "m.npz")
    data = dict(np.load(tmp_path / "m.npz"))
    np.savez(tmp_path / "far.npz", **data | {"trans": data["trans"].astype(float) * scale})
    assert f"--unit {unit}" in " ".join(read_motion(tmp_path / "far.npz").notes)
    right = read_motion(tmp_path / "far.npz", unit=unit)
    assert np.allclose(right.transl_m, motion.transl_m, atol=1e-6) and not right.notes


def test_an_ordinary_motion_raises_no_doubt(motion, tmp_path):
    write_amass(motion, tmp_path / "m.npz")
    assert read_motion(tmp_path / "m.npz").notes == ()


def test_angles_in_degrees_are_refused_and_one_wild_frame_is_only_said(tmp_path):
    poses = np.zeros((5, 66))
    poses[:, 0], poses[:, 12:15] = np.pi / 2, np.deg2rad([20.0, 3, 1])
    rest = dict(trans=np.zeros((5, 3)), betas=np.zeros(10), mocap_frame_rate=30.0)
    np.savez(tmp_path / "degrees.npz", poses=np.rad2deg(poses), **rest)
    with pytest.raises(InputError, match="FILE_INVALID.*joints by 20.2 rad, more than once about.*pi / 180"):
        read_motion(tmp_path / "degrees.npz")
    poses[2, 12] = 7.0
    np.savez(tmp_path / "wild.npz", poses=poses, **rest)
    assert any("reach 7 rad" in note for note in read_motion(tmp_path / "wild.npz").notes)
    poses[:, 12:15] = poses[0, 12:15] * 0.1
    poses[:, 0] = 4 * np.pi  # who has turned about twice has done so over time
    np.savez(tmp_path / "turned.npz", poses=poses, **rest)
    assert not any("rad" in note for note in read_motion(tmp_path / "turned.npz").notes)


@pytest.mark.parametrize("rate", [0.0, np.nan, "thirty"])
def test_a_rate_that_is_none_is_replaced_by_the_one_that_is_given(motion, tmp_path, rate):
    write_amass(motion, tmp_path / "amass.npz")
    np.savez(tmp_path / "bad.npz", **dict(np.load(tmp_path / "amass.npz")) | {"mocap_frame_rate": np.array(rate)})
    back = read_motion(tmp_path / "bad.npz", fps=25)
    assert back.fps == 25 and any("25 as given" in note for note in back.notes)
    with pytest.raises(InputError, match="mocap_frame_rate"):
        read_motion(tmp_path / "bad.npz")


@pytest.mark.parametrize("name", ["smplx_locked_head", "smplx-neutral", "SMPL-X"])
def test_a_body_is_known_by_how_its_name_begins(tmp_path, name):
    rows = {"poses": np.zeros((2, 156)), "trans": np.zeros((2, 3)), "betas": np.full(10, 0.5)}
    np.savez(tmp_path / "a.npz", **rows, mocap_frame_rate=30.0, gender="neutral", surface_model_type=name)
    back = read_amass(tmp_path / "a.npz")
    assert np.array_equal(back.betas, np.full(10, 0.5)) and not back.transl_m.any()
