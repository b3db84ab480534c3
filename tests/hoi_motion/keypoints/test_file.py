"""Keypoint files: what is written comes back, what fits nothing is named."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.keypoints.file import KeypointFile, SavedKeypoints, read_keypoints, write_keypoints
from hoi_motion.keypoints.track import completed
from tests.hoi_motion.conftest import SIZE_PX


def frames(T: int, size_px=SIZE_PX) -> np.ndarray:
    return np.zeros((T, *size_px, 3), np.uint8)


def test_a_track_comes_back_bit_for_bit(acted, tmp_path):
    track = replace(acted(5, noise_px=1.0).track, seen=np.array([1, 1, 0, 1, 1], bool), detector="mediapipe")
    write_keypoints(track, SIZE_PX, tmp_path / "k.npz")
    again, size_px, gaps_filled = read_keypoints(tmp_path / "k.npz")
    assert size_px == SIZE_PX and not gaps_filled
    for name, value in vars(track).items():
        np.testing.assert_array_equal(getattr(again, name), value, err_msg=name)


class Mended:
    """A source that fills the gap of a track and then mends the frame beside it, as a second look does."""

    def __init__(self, track):
        self.track = track

    def detect(self, frames, **_):
        track = completed(self.track, frames.shape[1:3])
        body = track.body_px.copy()
        body[1, :, :2] += 10
        return replace(track, body_px=body)


def test_saved_keypoints_come_back_bit_for_bit_in_gaps_too(acted, tmp_path):
    found = Mended(replace(acted(5).track, seen=np.array([1, 1, 0, 1, 1], bool)))
    saved = SavedKeypoints(found, tmp_path / "k.npz").detect(frames(5))
    again = KeypointFile(tmp_path / "k.npz").detect(frames(5))
    for name, value in vars(saved).items():
        np.testing.assert_array_equal(getattr(again, name), value, err_msg=name)


def test_gaps_of_another_detector_are_filled(acted, tmp_path):
    track = acted(3).track
    body = track.body_px.copy()
    body[1] = 0
    np.savez(tmp_path / "k.npz", body_px=body, size_px=SIZE_PX)
    found = KeypointFile(tmp_path / "k.npz").detect(frames(3))
    np.testing.assert_allclose(found.body_px[1, :, :2], body[[0, 2], :, :2].mean(0))


def test_points_move_with_the_size_of_the_pictures(acted, tmp_path):
    track = acted(3).track
    write_keypoints(track, SIZE_PX, tmp_path / "k.npz")
    half = KeypointFile(tmp_path / "k.npz").detect(frames(3, (SIZE_PX[0] // 2, SIZE_PX[1] // 2)))
    # the corner between the first four pixels becomes the centre of the first
    np.testing.assert_allclose(half.body_px[..., :2], (track.body_px[..., :2] - 0.5) / 2, atol=1e-9)
    np.testing.assert_allclose(half.right_hand_px[..., :2], (track.right_hand_px[..., :2] - 0.5) / 2, atol=1e-9)


def test_another_detector_needs_only_points_and_a_size(acted, tmp_path):
    track = acted(4).track
    np.savez(tmp_path / "k.npz", body_px=track.body_px, size_px=SIZE_PX)
    found = KeypointFile(tmp_path / "k.npz").detect(frames(4))
    np.testing.assert_array_equal(found.body_px[..., :2], track.body_px[..., :2])
    assert found.seen.all() and not found.left_hand_px[..., 2].any()


def test_coco_points_are_read_too(acted, tmp_path):
    body = acted(4).track.body_px
    np.savez(tmp_path / "k.npz", coco_px=body[:, [0, 2, 5, 7, 8, *range(11, 17), *range(23, 29)]], size_px=SIZE_PX)
    found = KeypointFile(tmp_path / "k.npz").detect(frames(4))
    np.testing.assert_array_equal(found.body_px[:, 11:17, :2], body[:, 11:17, :2])


@pytest.mark.parametrize(
    "arrays, words",
    [
        ({"body_px": np.zeros((2, 33, 3))}, "size_px and either"),
        ({"size_px": (4, 4)}, "size_px and either"),
        ({"size_px": (4, 4), "body_px": np.zeros((2, 33, 3)), "coco_px": np.zeros((2, 17, 3))}, "size_px and either"),
        ({"size_px": (4, 0), "body_px": np.zeros((2, 33, 3))}, "expected height and width"),
        ({"size_px": (4, 4), "body_px": np.zeros((2, 25, 3))}, "expected (T, 33, 3)"),
        ({"size_px": (4, 4), "coco_px": np.zeros((2, 25, 3))}, "25 keypoints, expected 17 or 133"),
        ({"size_px": (4, 4), "body_px": np.full((2, 33, 3), np.nan)}, "expected a finite number"),
        ({"size_px": (4, 4), "body_px": np.full((2, 33, 3), 7.0)}, "confidences 7 to 7"),
        ({"size_px": (4, 4), "body_px": np.zeros((2, 33, 3)), "left_hand_px": np.zeros((3, 21, 3))}, "body_px 2"),
        ({"size_px": (4, 4), "body_px": np.zeros((2, 33, 3)), "seen": np.ones(3, bool)}, "seen has shape"),
        (
            {"size_px": (4, 4), "body_px": np.zeros((2, 33, 3)), "gaps_filled": np.ones(2, bool)},
            "gaps_filled has shape",
        ),
    ],
)
def test_a_bad_file_is_named(tmp_path, arrays, words):
    np.savez(tmp_path / "k.npz", **arrays)
    with pytest.raises(InputError) as caught:
        read_keypoints(tmp_path / "k.npz")
    assert caught.value.code == ErrorCode.FILE_INVALID and words in str(caught.value)


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "k.npz", body_px=np.array([{"a": 1}], dtype=object), size_px=(4, 4))
    with pytest.raises(InputError, match="not a readable keypoint file"):
        read_keypoints(tmp_path / "k.npz")


@pytest.mark.parametrize("clip", [frames(4), frames(3, (240, 240))], ids=["more frames", "square"])
def test_keypoints_of_another_clip_are_refused(acted, tmp_path, clip):
    write_keypoints(acted(3).track, SIZE_PX, tmp_path / "k.npz")
    with pytest.raises(InputError) as caught:
        KeypointFile(tmp_path / "k.npz").detect(clip)
    assert caught.value.code == ErrorCode.SIZE_MISMATCH
