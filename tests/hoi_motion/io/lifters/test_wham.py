from collections import defaultdict

import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.io import read_motion
from hoi_motion.io.lifters.wham import read_wham
from tests.hoi_motion.io.published import FPS, FRAMES, Person, joblib_dump, wham


@pytest.fixture
def person():
    return Person(joints=22)


def write(people: dict, path):
    joblib_dump(defaultdict(dict, people), path)
    return path


def test_joints_are_the_turned_joints(person, tmp_path, same_walk):
    motion = read_motion(write({0: wham(person)}, tmp_path / "wham_output.pkl"), fps=FPS)
    same_walk(motion, person)
    assert not motion.pose_rad[:, 22:].any()  # SMPL's whole-hand joints are none of ours
    assert not motion.betas.any() and "betas of SMPL are left out" in motion.notes[0]


def test_one_of_several_people_is_chosen(person, tmp_path, same_walk):
    other = wham(Person(joints=1))
    path = write({0: other, 4: wham(person)}, tmp_path / "wham_output.pkl")
    same_walk(read_wham(path, FPS, person=4), person)
    for wrong in (None, 1):
        with pytest.raises(InputError, match=r"--person: 0 \(5 frames\), 4 \(5 frames\)"):
            read_wham(path, FPS, person=wrong)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"pose_world": None}, "pose_world missing.*expected keys: pose_world, trans_world, betas, frame_ids"),
        ({"pose_world": np.zeros((FRAMES, 156))}, r"pose_world has shape \(5, 156\)"),
        ({"trans_world": np.full((FRAMES, 3), np.inf)}, "trans_world.*is inf"),
        ({"frame_ids": np.array([0, 1, 2, 17, 18])}, "missing between frames 2 and 17"),
        ({"frame_ids": np.array([0, 1, 3, 2, 4])}, "frame 2 comes after frame 3"),
        ({"betas": np.zeros((2, 10))}, "betas has 2 rows for 5 frames"),
    ],
)
def test_another_layout_is_one_named_error(person, tmp_path, change, words):
    values = {key: value for key, value in (wham(person) | change).items() if value is not None}
    with pytest.raises(InputError, match=f"FILE_INVALID.*wham_output.pkl.*{words}"):
        read_wham(write({0: values}, tmp_path / "wham_output.pkl"), FPS)


@pytest.mark.parametrize("data", [{}, {"pose_world": np.zeros(3)}, {0: [1]}])
def test_what_is_no_wham_file_is_named(tmp_path, data):
    joblib_dump(data, tmp_path / "other.pkl")
    with pytest.raises(InputError, match="not a WHAM result.*expected keys: pose_world"):
        read_wham(tmp_path / "other.pkl", FPS)
    with pytest.raises(InputError, match="no known motion format"):
        read_motion(tmp_path / "other.pkl")


def test_the_frame_rate_must_be_given(person, tmp_path):
    with pytest.raises(InputError, match="no frame rate.*--fps"):
        read_wham(write({0: wham(person)}, tmp_path / "wham_output.pkl"))


def test_a_long_clip_is_recognised_by_its_poses_and_its_surfaces_are_not_laid_out(person, tmp_path, monkeypatch):
    surface = np.zeros((FRAMES, 2000, 3), np.float32)
    path = write({0: wham(person) | {"verts": surface}}, tmp_path / "wham_output.pkl")
    monkeypatch.setattr("hoi_motion.reading.pickles.MAX_ARRAY_BYTES", surface.nbytes // 2)
    assert read_motion(path, fps=FPS).num_frames == FRAMES


def test_frames_without_the_person_are_bridged_and_named(person, tmp_path):
    person.pose[2], person.pelvis[2] = person.pose[1], person.pelvis[1]
    person.pose[3], person.pelvis[3] = person.pose[1], person.pelvis[1]
    values = wham(person)
    kept = [0, 1, 3, 4]  # who stands still in frames 1 to 3 stands there in frame 2 as well
    short = {key: value[kept] for key, value in values.items()}
    motion = read_wham(write({0: short}, tmp_path / "short.pkl"), FPS)
    assert "not found in frame 2, bridged" in " ".join(motion.notes)
    whole = read_wham(write({0: values}, tmp_path / "whole.pkl"), FPS)
    assert np.allclose(motion.pose_rad, whole.pose_rad, atol=1e-5) and np.allclose(motion.transl_m, whole.transl_m)
