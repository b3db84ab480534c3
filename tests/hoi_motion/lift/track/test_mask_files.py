"""Masks of another tool: one number is one object in every frame, and frames are in the order of their numbers."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from hoi_motion.errors import ControlError, ErrorCode, InputError
from hoi_motion.lift.track.mask_files import MaskFiles, read_label_pictures
from hoi_motion.progress import CancelToken
from tests.hoi_motion.lift.track.own.test_tracker import HAND, LIFTED, RED, drawn, middles


def test_an_object_keeps_its_number_where_another_is_missing(tmp_path):
    pictures = np.zeros((3, 8, 8), np.uint8)
    pictures[:, 4] = 9
    pictures[[0, 2], 1] = 3  # gone in the second
    np.savez(tmp_path / "masks.npz", masks=pictures)
    labels = read_label_pictures(tmp_path / "masks.npz")
    assert len({int(label[4, 0]) for label in labels}) == 1
    assert labels[0][1, 0] == labels[2][1, 0] != labels[0][4, 0]
    assert [int(label[0, 0]) for label in labels] == [0, 0, 0]


def test_files_without_leading_zeros_are_in_the_order_of_their_numbers(tmp_path):
    for number in range(12):
        picture = np.zeros((8, 8), np.uint8)
        picture[0, : number % 8 + 1] = 1
        Image.fromarray(picture).save(tmp_path / f"mask{number}.png")
    assert [int((label > 0).sum()) for label in read_label_pictures(tmp_path)] == [k % 8 + 1 for k in range(12)]


def test_pictures_with_a_mac_s_companions_and_in_capitals_are_read(tmp_path):
    for number, name in enumerate(("a1.PNG", "a2.png")):
        Image.fromarray(np.eye(8, k=number, dtype=np.uint8)).save(tmp_path / name)
        (tmp_path / f"._{name}").write_bytes(b"\0\5\x16\7")
    assert [int((label > 0).sum()) for label in read_label_pictures(tmp_path)] == [8, 7]


def test_large_pictures_of_a_long_clip_are_not_in_memory_together(tmp_path):
    picture = np.zeros((400, 500), np.uint8)
    picture[100:200, 100:300] = 1
    for number in range(30):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    tracemalloc.start()
    labels = read_label_pictures(tmp_path, lambda label: label[::10, ::10].copy())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(labels) == 30 and all(label.sum() == 200 for label in labels)
    assert peak < 20 * picture.nbytes  # all of them together would take 30, as numbers of two bytes 60


SQUARE = np.zeros((3, 16, 16), np.uint8)
SQUARE[:, 4:9, 4:9] = 1


@pytest.mark.parametrize(
    "file, masks",
    [
        ("a.npy", SQUARE),
        ("a.NPY", SQUARE > 0),
        ("a.npz", SQUARE),
        ("torch.npy", SQUARE[:, None] > 0),
        ("torch.npz", SQUARE[:, None].astype(np.float32)),
        ("colour.npy", SQUARE[..., None] * np.array([255, 0, 0], np.uint8)),
    ],
)
def test_arrays_as_segmenters_save_them_are_masks(tmp_path, file, masks):
    with open(tmp_path / file, "wb") as opened:
        (np.savez if file.endswith("z") else np.save)(opened, masks)
    np.testing.assert_array_equal(read_label_pictures(tmp_path / file), SQUARE)


@pytest.mark.parametrize(
    "masks, said",
    [
        (SQUARE * np.float32(np.nan), "its masks are float32"),
        (SQUARE.astype(np.float32) - 0.5, "negative"),
        (np.tile(SQUARE[..., None], 3).astype(np.float32), "its masks are float32"),
        (SQUARE[0], "its masks are uint8"),
        (SQUARE.astype(complex), "not"),
    ],
)
def test_arrays_that_are_no_masks_are_refused(tmp_path, masks, said):
    np.save(tmp_path / "a.npy", masks)
    with pytest.raises(InputError, match=said):
        read_label_pictures(tmp_path / "a.npy")


def test_of_several_arrays_the_one_called_masks_is_meant(tmp_path):
    np.savez(tmp_path / "a.npz", masks=SQUARE, scores=np.zeros(3))
    np.testing.assert_array_equal(read_label_pictures(tmp_path / "a.npz"), SQUARE)
    np.savez(tmp_path / "b.npz", first=SQUARE, scores=np.zeros(3))
    with pytest.raises(InputError, match="masks"):
        read_label_pictures(tmp_path / "b.npz")


def red_of(frames) -> np.ndarray:  # (T, H, W) bool
    """The drawn object, as a segmenter would see it."""
    return np.abs(frames.astype(int) - RED).max(-1) < 40


@pytest.mark.parametrize("places, hands", [([(60, 90)] * 10, [(120, 60)] * 10), (LIFTED, HAND)])
def test_a_camera_that_pans_does_not_move_what_rests(tmp_path, places, hands):
    pan_px = 1.5
    frames, mask, someone = drawn(places, hands, pan_px=pan_px)
    np.savez(tmp_path / "masks.npz", masks=red_of(frames))
    track = MaskFiles(tmp_path / "masks.npz").track(frames, mask, someone)
    assert track.resting.tolist() == [place == places[0] for place in places]
    assert track.camera_moves and track.camera is not None
    seen = middles(places) - np.arange(len(places))[:, None] * [pan_px, 0]
    np.testing.assert_allclose(track.centroid_px, seen, atol=1.5)


def test_one_that_stands_still_has_no_motion(tmp_path):
    frames, mask, someone = drawn(LIFTED, HAND)
    np.savez(tmp_path / "masks.npz", masks=red_of(frames))
    assert MaskFiles(tmp_path / "masks.npz").track(frames, mask, someone).camera is None


def test_a_cancel_is_heard(tmp_path):
    frames, mask, person = drawn([(60, 90)] * 3, [(120, 60)] * 3)
    np.save(tmp_path / "a.npy", np.tile(mask, (3, 1, 1)))
    cancel = CancelToken()
    cancel.cancel()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "0.png").write_bytes(b"of thousands, read one after the other")
    for given in ("a.npy", "folder"):
        with pytest.raises(ControlError) as caught:
            MaskFiles(tmp_path / given).track(frames, mask, person, cancel=cancel)
        assert caught.value.code == ErrorCode.CANCELLED
