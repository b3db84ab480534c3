"""Truth by eye: its file and how far a projection is from it."""

import json

import numpy as np
import pytest

from benchmarks.eye_truth import JOINTS, MIRRORED, joint_errors, read_truth, swapped_frames

HEIGHT_PX = 200.0


def _standing() -> np.ndarray:  # (13, 2)
    """A person seen from the front, 200 px tall: their left is right in the picture."""
    rows = {"nose": (0, 0.91), "shoulder": (0.1, 0.80), "elbow": (0.1, 0.64), "wrist": (0.1, 0.5)}
    rows |= {"hip": (0.06, 0.51), "knee": (0.06, 0.265), "ankle": (0.06, 0.02)}
    side = {"left": 1, "right": -1}
    parts = [name.split("_") if "_" in name else ["left", "nose"] for name in JOINTS]
    return np.array([[side[s] * rows[p][0], -rows[p][1]] for s, p in parts]) * HEIGHT_PX + [150, 220]


@pytest.fixture
def truth(tmp_path):
    joints = {name: {"xy": xy.tolist(), "visible": name != "nose"} for name, xy in zip(JOINTS, _standing())}
    short = dict.fromkeys(JOINTS) | {j: joints[j] for j in ("left_elbow", "left_wrist")}
    data = {
        "size_px": [300, 240],
        "num_frames": 4,
        "frames": [
            {"frame": 0, "joints": joints, "object_box": [1, 2, 3, 4]},
            {"frame": 3, "joints": short, "object_box": None},
        ],
        "contact": {"hand": "left", "intervals": [[1, 2]], "uncertain_frames": [[3, 3]]},
    }
    (tmp_path / "truth.json").write_text(json.dumps(data))
    return read_truth(tmp_path)


def _clip(joints: np.ndarray) -> np.ndarray:  # (13, 2) -> (4, 13, 2)
    return np.tile(joints, (4, 1, 1))


def test_the_height_is_that_of_the_segments_and_of_the_nearest_frame_where_too_little_is_seen(truth):
    np.testing.assert_allclose(truth.height_px, [HEIGHT_PX, HEIGHT_PX], rtol=0.02)


def test_intervals_end_with_their_last_frame(truth):
    assert truth.touched.tolist() == [False, True, True, False] and truth.judged.tolist() == [True, True, True, False]


def test_errors_are_shares_of_the_height_of_seen_joints_alone(truth):
    errors = joint_errors(truth, _clip(_standing() + [10, 0]))
    assert np.isnan(errors[0, 0]) and errors[0, 1:] == pytest.approx(10 / HEIGHT_PX, rel=0.02)
    assert np.isfinite(errors[1]).sum() == 2


def test_a_mirrored_body_is_swapped_and_a_body_beside_is_not(truth):
    assert swapped_frames(truth, _clip(_standing()[MIRRORED])).tolist() == [True, False]
    assert not swapped_frames(truth, _clip(_standing() + [15, 0])).any()
