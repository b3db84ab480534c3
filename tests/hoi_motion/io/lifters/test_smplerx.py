from pathlib import Path

import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.io import read_motion
from hoi_motion.io.lifters.smplerx import frame_files, read_smplerx
from tests.hoi_motion.io.published import FPS, FRAMES, Person, smplerx


@pytest.fixture
def person():
    return Person()


@pytest.fixture
def folder(person, tmp_path):
    (tmp_path / "smplx").mkdir()
    smplerx(person, tmp_path / "smplx")
    return tmp_path


@pytest.mark.parametrize("inner", ["", "smplx"])
def test_joints_are_the_turned_joints(person, folder, same_walk, inner):
    motion = read_motion(folder / inner, fps=FPS)
    same_walk(motion, person)
    assert np.allclose(motion.pose_rad, person.pose, atol=1e-5) and np.allclose(motion.betas, person.betas, atol=1e-6)


CASE = Path(__file__).parent / "smplerx_two_people"


def test_two_people_whose_numbers_change_places_are_followed_by_place():
    with pytest.raises(InputError, match=r"2 people.*0 \(20 frames\), 1 \(19 frames\)"):
        read_smplerx(CASE, 30)
    people = [read_smplerx(CASE, 30, person=i) for i in (0, 1)]
    for person in people:
        assert person.num_frames == 20 and np.abs(np.diff(person.transl_m[:, 0])).max() < 0.1
    assert "number changes in frames 8, 11, 15, 16" in " ".join(people[0].notes)
    assert "not found in frame 18, bridged" in " ".join(people[1].notes)


def test_a_short_gap_is_bridged_half_way_between_its_neighbours(person, folder, same_walk):
    before = read_smplerx(folder, FPS)
    (folder / "smplx" / "00003_0.npz").unlink()
    motion = read_smplerx(folder, FPS)
    assert motion.num_frames == FRAMES and "not found in frame 3, bridged" in " ".join(motion.notes)
    path_m = motion.transl_m - motion.transl_m[0]
    assert np.allclose(path_m[2], (path_m[1] + path_m[3]) / 2, atol=1e-5)
    assert np.allclose(motion.pose_rad[[0, 1, 3, 4]], before.pose_rad[[0, 1, 3, 4]], atol=1e-5)


def test_a_person_who_comes_later_is_said_to(folder):
    assert "begins with" not in " ".join(read_smplerx(folder, FPS).notes)
    (folder / "smplx" / "00001_0.npz").unlink()
    assert "the motion begins with frame 2 of the video" in read_smplerx(folder, FPS).notes


def test_a_body_that_jumps_is_two_people(folder):
    for frame in (4, 5):
        path = folder / "smplx" / f"{frame:05}_0.npz"
        data = dict(np.load(path))
        np.savez(path, **data | {"transl": data["transl"] + [3, 0, 0]})
    with pytest.raises(InputError, match=r"2 people.*0 \(3 frames\), 1 \(2 frames\)"):
        read_smplerx(folder, FPS)


def test_one_of_several_people_is_chosen(person, folder, same_walk):
    (folder / "smplx" / "00001_1.npz").write_bytes((folder / "smplx" / "00002_0.npz").read_bytes())
    with pytest.raises(InputError, match=r"2 people.*--person: 0 \(5 frames\), 1 \(1 frame\)"):
        read_smplerx(folder, FPS)
    same_walk(read_smplerx(folder, FPS, person=0), person)


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("body_pose", None, "body_pose missing.*expected keys: global_orient, body_pose"),
        ("body_pose", np.zeros((23, 3)), r"body_pose has shape \(23, 3\), expected \(21, 3\)"),
        ("left_hand_pose", np.zeros((1, 12)), r"left_hand_pose has shape \(4, 3\)"),
        ("transl", np.full((1, 3), np.nan), "transl.*is nan"),
    ],
)
def test_another_layout_is_one_named_error(folder, key, value, words):
    path = folder / "smplx" / f"{FRAMES:05}_0.npz"
    data = dict(np.load(path))
    data.pop(key)
    np.savez(path, **(data if value is None else data | {key: value}))
    with pytest.raises(InputError, match=f"FILE_INVALID.*00005_0.npz.*{words}"):
        read_smplerx(folder, FPS)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken"])
def test_a_damaged_frame_is_one_named_error(folder, content):
    (folder / "smplx" / "00002_0.npz").write_bytes(content)
    with pytest.raises(InputError, match="00002_0.npz is not a readable SMPLer-X frame"):
        read_smplerx(folder, FPS)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="not a SMPLer-X result.*00001_0.npz"):
        read_smplerx(tmp_path, FPS)
    with pytest.raises(InputError, match="no known motion format"):
        read_motion(tmp_path)


def test_two_files_of_one_detection_are_refused(tmp_path):
    for name in ("00001_0.npz", "1_0.npz"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="frame 1 has two detections 0"):
        frame_files(tmp_path)
