import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from hoi_motion.errors import InputError
from hoi_motion.io import behave as behave_reader
from hoi_motion.io import read_motion
from hoi_motion.io.behave import read_behave
from tests.hoi_motion.io.published import FRAMES, R_CAMERA_WORLD, SMPLX_PELVIS, Person, behave


@pytest.fixture
def fits():
    person = Person()
    person.pose[:, 22:25] = 0  # SMPL+H has no jaw and eyes
    rng = np.random.default_rng(1)
    return person, *behave(person, rng.normal(0, 1, (FRAMES, 3)), rng.normal(0, 1, (FRAMES, 3)) + [0, 0, 3])


@pytest.fixture
def mesh(tmp_path):
    box = trimesh.creation.box((0.2, 0.4, 0.6))
    box.apply_translation([3.0, 1, 2])
    # a vertex said twice moves the mean, as in scans
    mesh = trimesh.Trimesh(np.vstack([box.vertices, box.vertices[:1]]), box.faces, process=False)
    mesh.export(tmp_path / "box.ply")
    return tmp_path / "box.ply", mesh.vertices - mesh.vertices.mean(0)


def write_whole(folder, human, thing):
    np.savez(folder / "smpl_fit_all.npz", **human)
    np.savez(folder / "object_fit_all.npz", **thing)


def write_frames(folder, human, thing):
    for t, name in enumerate(human["frame_times"]):
        for place, file, data in (
            (
                "person/fit02",
                "person_fit.pkl",
                {"pose": human["poses"][t], "betas": human["betas"][t], "trans": human["trans"][t]},
            ),
            ("box/fit01", "box_fit.pkl", {"angle": thing["angles"][t], "trans": thing["trans"][t]}),
        ):
            (folder / name / place).mkdir(parents=True)
            (folder / name / place / file).write_bytes(pickle.dumps(data))


@pytest.mark.parametrize("write", [write_whole, write_frames])
def test_person_and_object_are_the_turned_ones(fits, mesh, tmp_path, same_walk, write):
    person, human, thing = fits
    write(tmp_path, human, thing)
    motion = read_motion(tmp_path, object_mesh=mesh[0])
    same_walk(motion, person)
    assert motion.fps == pytest.approx(30, rel=0.02)
    # every vertex seen from the pelvis, in the camera's axes
    pelvis = motion.transl_m + SMPLX_PELVIS
    for t in range(FRAMES):
        found = (motion.target.vertices_world(t) - pelvis[t]) @ R_CAMERA_WORLD.T
        wanted = Rotation.from_rotvec(thing["angles"][t]).apply(mesh[1]) + thing["trans"][t] - human["trans"][t]
        assert np.allclose(found, wanted, atol=1e-5)


def test_one_of_the_two_files_is_enough_to_name_the_folder(fits, tmp_path):
    write_whole(tmp_path, *fits[1:])
    for name in ("smpl_fit_all.npz", "object_fit_all.npz"):
        motion = read_motion(tmp_path / name)
        assert not motion.objects and any("object is left out" in note for note in motion.notes)


def test_a_gap_in_time_is_noted(fits, tmp_path):
    _, human, thing = fits
    times = np.array(["t0003.000", "t0003.033", "t0003.067", "t0003.500", "t0003.533"])
    write_whole(tmp_path, human | {"frame_times": times}, thing | {"frame_times": times})
    assert any("after frame 2 the time jumps by 0.43 s" in note for note in read_behave(tmp_path).notes)


@pytest.mark.parametrize(
    "which, change, words",
    [
        (0, {"poses": None}, "poses missing.*expected keys: poses, betas, trans, frame_times"),
        (1, {"angles": None}, "angles missing.*expected keys: angles, trans, frame_times"),
        (0, {"poses": np.zeros((FRAMES, 150))}, "50 joints"),
        (1, {"trans": np.full((FRAMES, 3), np.nan)}, "object trans.*is nan"),
        (1, {"frame_times": np.array(["t0001.000"] * FRAMES)}, "differ in frame_times"),
        (1, {"angles": np.array([os.mkdir], object)}, "expected numbers or text"),
    ],
)
def test_another_layout_is_one_named_error(fits, tmp_path, which, change, words):
    files = [dict(fits[1]), dict(fits[2])]
    files[which] = {key: value for key, value in (files[which] | change).items() if value is not None}
    write_whole(tmp_path, *files)
    with pytest.raises(InputError, match=f"FILE_INVALID.*{words}"):
        read_behave(tmp_path)


def test_a_fit_that_would_run_code_is_refused_by_name(fits, tmp_path):
    write_frames(tmp_path, *fits[1:])
    (tmp_path / "t0003.000/box/fit01/box_fit.pkl").write_bytes(pickle.dumps({"angle": os.getcwd, "trans": 0}))
    with pytest.raises(InputError, match=r"box_fit.pkl asks for posix\.getcwd"):
        read_behave(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a mesh"])
def test_an_unreadable_mesh_is_named(fits, tmp_path, content):
    write_whole(tmp_path, *fits[1:])
    (tmp_path / "bad.ply").write_bytes(content)
    with pytest.raises(InputError, match="FILE_INVALID.*bad.ply"):
        read_behave(tmp_path, tmp_path / "bad.ply")


def test_an_empty_folder_names_both_layouts(tmp_path):
    with pytest.raises(
        InputError, match=r"expected smpl_fit_all.npz \(poses.*t0003.000/person/fit02/person_fit.pkl \(pose"
    ):
        read_behave(tmp_path)


def test_times_rounded_to_milliseconds_are_thirty_frames_a_second():
    times_s = np.round(3 + np.arange(90) / 30, 3)  # most steps are 33 ms
    assert behave_reader._rate(times_s, None, Path())[0] == pytest.approx(30, rel=1e-3)
    late = np.delete(times_s, [40, 41])
    fps, gap = behave_reader._rate(late, None, Path())
    assert fps == pytest.approx(30, rel=1e-3) and gap == 39


def test_a_rate_that_the_times_contradict_is_told(fits, tmp_path):
    write_whole(tmp_path, *fits[1:])
    told, same = read_motion(tmp_path, fps=10), read_motion(tmp_path, fps=30)
    assert told.fps == same.fps == pytest.approx(30, rel=0.02)
    assert any("not 10 as given" in note for note in told.notes)
    assert not any("as given" in note for note in same.notes)
