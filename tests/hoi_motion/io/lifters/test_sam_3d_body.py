import pickle

import numpy as np
import pytest

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.errors import InputError
from hoi_motion.io import read_motion
from hoi_motion.io.formats import format_of
from hoi_motion.io.lifters.sam_3d_body import _numbers, read_sam_3d_body
from tests.hoi_motion.io.published import FPS, FRAMES, K_SAM_3D_BODY, R_CAMERA_WORLD, Person, sam_3d_body


@pytest.fixture(scope="module")
def walk(body):
    """A person's keypoints in our world and what the estimator returns of them, 4 m before a level camera."""
    person = Person()
    person.pose[:, 22:25] = 0
    points_m = body.joints(person.pose, person.pelvis, person.betas).numpy().astype(float)
    seen_m = points_m @ R_CAMERA_WORLD.T
    seen_m += [0, 0, 4] - seen_m[0, 0]
    return points_m, sam_3d_body(seen_m), sam_3d_body(seen_m + [2, 0, 0])


@pytest.fixture
def folder(walk, tmp_path):
    for t, values in enumerate(walk[1]):
        np.savez(tmp_path / f"frame_{t:05}_subj00.npz", **{k: v for k, v in values.items() if v is not None})
    return tmp_path


def same_joints(motion, points_m, body):
    """The body joints within a centimetre or two, in their world moved to the floor."""
    found = body.joints(motion.pose_rad, motion.transl_m, motion.betas).numpy()
    limbs = [JOINT_NAMES.index(f"{s}_{j}") for s in ("left", "right") for j in ("knee", "ankle", "elbow", "wrist")]
    shift = points_m[0, 0] - found[0, 0]
    assert np.linalg.norm(found + shift - points_m, axis=-1)[:, limbs].mean() < 0.02
    assert found[..., 2].min() == pytest.approx(0, abs=1e-5) and np.allclose(found[0, 0, :2], 0, atol=1e-5)


def test_joints_are_those_of_the_file_on_our_body(folder, walk, body):
    assert format_of(folder) == "sam3d"
    motion = read_motion(folder, fps=FPS)
    assert motion.num_frames == FRAMES and motion.body_model == body.name
    same_joints(motion, walk[0], body)
    assert np.allclose(motion.camera.K, K_SAM_3D_BODY, atol=1e-2)
    assert (motion.camera.width, motion.camera.height) == (640, 480)
    assert motion.camera.to_camera(motion.transl_m[:1])[0, 2] == pytest.approx(4, abs=0.1)


def test_a_pickle_of_what_the_estimator_returned_is_the_same(folder, walk, tmp_path):
    lists = [[values] for values in walk[1]]
    for frames in (lists, walk[1], {f"{t:05}.jpg": people for t, people in enumerate(lists)}):
        (tmp_path / "result.pkl").write_bytes(pickle.dumps(frames))
        assert format_of(tmp_path / "result.pkl") == "sam3d"
    assert np.allclose(
        read_motion(tmp_path / "result.pkl", fps=FPS).transl_m, read_motion(folder, fps=FPS).transl_m, atol=1e-4
    )


def test_one_of_several_people_is_chosen_and_a_gap_bridged(folder, walk):
    for t in range(FRAMES):
        values = {k: v for k, v in walk[2][t].items() if v is not None}
        np.savez(folder / f"frame_{t:05}_subj01.npz", **values)
    (folder / "frame_00003_subj01.npz").unlink()
    with pytest.raises(InputError, match=r"2 people.*--person: 0 \(5 frames\), 1 \(4 frames\)"):
        read_sam_3d_body(folder, FPS)
    assert "not found in frame 3, bridged" in " ".join(read_sam_3d_body(folder, FPS, person=1).notes)


@pytest.mark.parametrize(
    "name, numbers",
    [
        ("00012_0", (12, 0)),
        ("00012_subj03", (12, 3)),
        ("frame_0012_person_3", (12, 3)),
        ("00012_person0", (12, 0)),
        ("img_0012_track41", (12, 41)),
        ("clip_2024_0012", (12, 0)),
        ("frame_0012", (12, 0)),
        ("img_subj01", (0, 1)),
    ],
)
def test_a_name_says_the_frame_and_who(name, numbers):
    assert _numbers(f"{name}.npz") == numbers


def test_a_person_who_comes_later_is_said_to(folder, walk):
    assert "begins with" not in " ".join(read_sam_3d_body(folder, FPS).notes)
    (folder / "frame_00000_subj00.npz").unlink()
    (folder / "frame_00001_subj00.npz").unlink()
    assert "the motion begins with frame 2 of the video" in read_sam_3d_body(folder, FPS).notes


def test_a_long_clip_is_recognised_without_its_surfaces(walk, tmp_path, monkeypatch):
    (tmp_path / "result.pkl").write_bytes(pickle.dumps(walk[1]))
    monkeypatch.setattr("hoi_motion.reading.pickles.MAX_ARRAY_BYTES", walk[1][0]["pred_vertices"].nbytes)
    assert read_motion(tmp_path / "result.pkl", fps=FPS).num_frames == FRAMES


def test_half_a_minute_of_detections_is_within_the_limits(walk, tmp_path):
    one = pickle.dumps(walk[1][0] | {"pred_vertices": np.zeros(3)})
    (tmp_path / "result.pkl").write_bytes(pickle.dumps([pickle.loads(one) for _ in range(900)]))
    assert format_of(tmp_path / "result.pkl") == "sam3d"


@pytest.mark.parametrize("name", ["{}", "img_{:05}.jpg", "clip_1080p/{}.png"])
def test_a_frame_that_a_dictionary_lacks_keeps_its_time(walk, tmp_path, name):
    keys = {k: k if name == "{}" else name.format(k) for k in (4, 0, 1, 3)}  # in any order
    (tmp_path / "result.pkl").write_bytes(pickle.dumps({key: [walk[1][k]] for k, key in keys.items()}))
    motion = read_motion(tmp_path / "result.pkl", fps=FPS)
    assert motion.num_frames == FRAMES and "not found in frame 2, bridged" in " ".join(motion.notes)


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("pred_keypoints_3d", None, "pred_keypoints_3d missing.*expected keys: pred_keypoints_3d"),
        ("pred_joint_coords", np.zeros((55, 3)), r"pred_joint_coords has shape \(55, 3\), expected \(127, 3\)"),
        ("pred_cam_t", np.zeros(2), r"pred_cam_t has shape \(2,\)"),
        ("pred_keypoints_3d", np.full((70, 3), np.nan), "pred_keypoints_3d.*is nan"),
        ("pred_keypoints_3d", np.full((70, 3), 1e6), "pred_keypoints_3d.*1e\\+06|1000000"),
        ("pred_cam_t", np.array([0, 0, -9.0]), "behind the camera"),
        ("pred_keypoints_2d", np.zeros((70, 2)), "fit no camera"),
    ],
)
def test_another_layout_is_one_named_error(folder, walk, key, value, words):
    values = {k: v for k, v in walk[1][0].items() if v is not None and k != key}
    np.savez(folder / "frame_00000_subj00.npz", **values | ({} if value is None else {key: value}))
    with pytest.raises(InputError, match=f"FILE_INVALID.*({words})"):
        read_sam_3d_body(folder, FPS, person=0)


def test_a_pickle_that_runs_code_is_refused_by_what_it_asks_for(tmp_path):
    class Bad:
        def __reduce__(self):
            return print, ("code ran",)

    (tmp_path / "bad.pkl").write_bytes(pickle.dumps([[{"pred_keypoints_3d": Bad()}]]))
    with pytest.raises(InputError, match="FILE_INVALID.*bad.pkl asks for builtins.print"):
        read_motion(tmp_path / "bad.pkl", fps=FPS)
