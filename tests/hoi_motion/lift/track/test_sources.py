"""Tracks from files of masks, and names of sources."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.errors import InputError, TavidError
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.coco_masks import run_lengths_to_mask
from hoi_motion.lift.track.mask_files import MaskFiles
from hoi_motion.lift.track.mask_track import track_of_masks
from hoi_motion.lift.track.sources import NAMED, described, track_source

SIZE_PX = (60, 80)
FRAMES = np.zeros((6, *SIZE_PX, 3), np.uint8)
NOBODY = KeypointTrack.unseen(len(FRAMES))


def _bar(x: float, y: float, turn_deg: float = 0.0, size=(20.0, 8.0)) -> np.ndarray:
    image = np.zeros(SIZE_PX, np.uint8)
    cv2.fillPoly(image, [np.round(cv2.boxPoints(((x, y), size, turn_deg))).astype(int)], 1)
    return image > 0


def _masks() -> np.ndarray:
    """At rest, at rest behind a hand, hidden, twice elsewhere, gone."""
    half = _bar(30, 30)
    half[:, 30:] = False
    return np.array([_bar(30, 30), half, np.zeros(SIZE_PX, bool), _bar(40, 25, 20), _bar(50, 20, 40), half & False])


def _written(tmp_path, how: str):
    masks = _masks()
    if how == "folder":
        for t, mask in enumerate(masks):
            # another object of number 1 lies in every frame
            numbered = 2 * mask.astype(np.uint8)
            numbered[50:, 70:] = 1
            cv2.imwrite(str(tmp_path / f"{t:05d}.png"), numbered)
        return tmp_path
    if how == "npz":
        np.savez(tmp_path / "masks.npz", masks=masks)
        return tmp_path / "masks.npz"
    entries = [{"size": SIZE_PX, "counts": _run_lengths(mask)} if mask.any() else None for mask in masks]
    (tmp_path / "masks.json").write_text(json.dumps(entries))
    return tmp_path / "masks.json"


def _run_lengths(mask: np.ndarray) -> list[int]:
    flat = np.append(False, mask.T.ravel())
    changes = np.flatnonzero(np.diff(flat)) if flat.any() else np.zeros(0, int)
    return np.diff(np.r_[0, changes, mask.size]).tolist()


def _packed(counts: list[int]) -> str:
    text = ""
    for i, count in enumerate(counts):
        value, more = count - (counts[i - 2] if i > 2 else 0), True
        while more:
            bits = value & 31
            value >>= 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(bits + 32 * more + 48)
    return text


@pytest.mark.parametrize("how", ["folder", "npz", "json"])
def test_masks_from_files_are_the_track(tmp_path, how):
    masks = _masks()
    track = track_source(str(_written(tmp_path, how))).track(FRAMES, masks[0], NOBODY)
    assert track.resting.tolist() == [True, True, False, False, False, False]
    np.testing.assert_array_equal(track.mask_at(4), masks[4])
    np.testing.assert_array_equal(track.visibility > 0.5, masks.any((1, 2)))
    assert np.abs(track.centroid_px[3:5] - [[40, 25], [50, 20]]).max() < 1


def test_the_end_that_a_hand_leaves_of_a_long_thing_is_no_turn():
    masks = np.array([_bar(30, 30, size=(30, 14)), _bar(40, 30, size=(7, 14)), _bar(40, 30, 30, size=(30, 14))])
    similarity = track_of_masks(masks, masks[0]).similarity
    turns_deg = np.rad2deg(np.arctan2(similarity[:, 1, 0], similarity[:, 0, 0]))
    np.testing.assert_allclose(turns_deg, [0, 0, 30], atol=4)


@pytest.mark.parametrize("turn_deg", [0, 20, 40])
def test_a_long_things_turn_and_size_are_its_outlines(turn_deg):
    masks = np.array([_bar(30, 30), _bar(40, 30, turn_deg, size=(30, 12))])
    matrix = track_of_masks(masks, masks[0]).similarity[1, :, :2]
    assert np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0])) == pytest.approx(turn_deg, abs=4)
    assert np.sqrt(np.linalg.det(matrix)) == pytest.approx(1.5, rel=0.12)


@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_run_lengths_packed_or_not_are_the_mask(flags):
    mask = np.array(flags).reshape(3, 4)
    counts = _run_lengths(mask)
    np.testing.assert_array_equal(run_lengths_to_mask(counts, (3, 4)), mask)
    np.testing.assert_array_equal(run_lengths_to_mask(_packed(counts), (3, 4)), mask)


def test_masks_of_a_larger_video_are_scaled(tmp_path):
    large = np.array([cv2.resize(mask.astype(np.uint8), (160, 120)) for mask in _masks()])
    np.savez(tmp_path / "masks.npz", masks=large)
    track = MaskFiles(tmp_path / "masks.npz").track(FRAMES, _masks()[0], NOBODY)
    assert np.abs(track.centroid_px[4] - [50, 20]).max() < 1


def test_masks_of_a_video_three_times_as_large_are_not_shifted(tmp_path):
    small = np.zeros((6, *SIZE_PX), bool)
    small[:3, 10:20, 20:40] = small[3:, 12:22, 20:40] = True
    large = small.repeat(3, 1).repeat(3, 2)
    # without a pixel on the left and above: the middles of the blocks are there
    frayed = large.copy()
    frayed[:, :, 1:] &= large[:, :, :-1]
    frayed[:, 1:] &= large[:, :-1]
    np.savez(tmp_path / "masks.npz", masks=frayed)
    track = MaskFiles(tmp_path / "masks.npz").track(FRAMES, small[0], NOBODY)
    np.testing.assert_array_equal(track.mask_at(5), small[5])


@pytest.mark.parametrize(
    "masks, word",
    [
        (_masks()[:4], "4 masks, the clip 6 frames"),
        (np.zeros((6, *SIZE_PX), bool), "does not touch"),
        (np.ones((6, 60, 60), bool), "SIZE_MISMATCH"),
        (np.ones((6, *SIZE_PX), bool), "only 4% in common with the target mask"),
    ],
)
def test_masks_of_another_clip_are_refused(tmp_path, masks, word):
    np.savez(tmp_path / "masks.npz", masks=masks)
    with pytest.raises(InputError, match=word):
        MaskFiles(tmp_path / "masks.npz").track(FRAMES, _masks()[0], NOBODY)


@pytest.mark.parametrize("text", ["{", '[{"size": [3, 4], "counts": [5]}]', "[]", '[{"counts": [12]}]', '{"a": 1}'])
def test_a_json_without_masks_is_refused(tmp_path, text):
    (tmp_path / "masks.json").write_text(text)
    with pytest.raises(InputError, match="FILE_INVALID"):
        MaskFiles(tmp_path / "masks.json").track(FRAMES, _masks()[0], NOBODY)


def test_every_source_is_described_and_unknown_ones_are_refused():
    assert all(name in described() for name in NAMED)
    with pytest.raises(InputError, match="nowhere"):
        track_source("nowhere")


@pytest.mark.parametrize("name", ["sam2:~/none", "~/none"])
def test_a_tilde_stands_for_the_home_folder(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(TavidError, match=f"{tmp_path}/none"):
        track_source(name)
