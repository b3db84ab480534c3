"""The order of the frames, and of several objects the one that is meant."""

import json

import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.lift.track.coco_masks import read_coco, run_lengths_to_mask

NUM_FRAMES = 3


def _mask(place: int) -> np.ndarray:  # (4, 6)
    mask = np.zeros((4, 6), bool)
    mask[:, place] = True
    return mask


def _rle(place: int) -> dict:
    """A column of four pixels."""
    return {"size": [4, 6], "counts": [4 * place, 4, 20 - 4 * place]}


def _annotation(image_id, place: int, **known) -> dict:
    return {"image_id": image_id, "segmentation": _rle(place)} | known


def _places(tmp_path, entries, num_frames=NUM_FRAMES, at: int = 0) -> list[int | None]:
    """In which column the object that is first in column `at` is seen."""
    (tmp_path / "masks.json").write_text(json.dumps(entries))
    masks = read_coco(tmp_path / "masks.json", num_frames, lambda mask: (mask & _mask(at)).sum())
    return [int(np.argwhere(mask)[0, 1]) if mask.any() else None for mask in masks]


def test_the_column_is_the_run_lengths():
    assert np.array_equal(run_lengths_to_mask(_rle(2)["counts"], (4, 6)), _mask(2))


def test_frames_are_in_the_order_of_file_names_and_image_ids_are_only_keys(tmp_path):
    images = [{"id": 7, "file_name": "f10.png"}, {"id": 8, "file_name": "f11.png"}, {"id": 9, "file_name": "f9.png"}]
    entries = {"images": images, "annotations": [_annotation(7, 1), _annotation(8, 2), _annotation(9, 0)]}
    assert _places(tmp_path, entries) == [0, 1, 2]


def test_an_image_without_an_annotation_is_a_frame_in_which_nothing_is_seen(tmp_path):
    images = [{"id": k, "file_name": f"{k}.png"} for k in range(NUM_FRAMES)]
    entries = {"images": images, "annotations": [_annotation(0, 0), _annotation(2, 2)]}
    assert _places(tmp_path, entries) == [0, None, 2]


@pytest.mark.parametrize("ids", [("9", "10", "11"), ("f9.png", "f10.png", "f11.png"), (9, 10, 11)])
def test_image_ids_without_images_are_in_the_order_of_their_numbers(tmp_path, ids):
    annotations = [_annotation(name, place) for place, name in enumerate(ids)]
    assert _places(tmp_path, {"annotations": annotations[::-1]}) == [0, 1, 2]


@pytest.mark.parametrize("as_dictionary", [True, False])
def test_numbers_that_are_left_out_are_frames_in_which_nothing_is_seen(tmp_path, as_dictionary):
    places = {10: 0, 12: 2, 13: 3}
    if as_dictionary:
        entries = {str(number): _rle(place) for number, place in places.items()}
    else:
        entries = {"annotations": [_annotation(number, place) for number, place in places.items()]}
    assert _places(tmp_path, entries, num_frames=5) == [0, None, 2, 3, None]


@pytest.mark.parametrize(
    "name", [{"category_id": 1}, {"category_id": 3, "track_id": 1}, {"attributes": {"track_id": 1}}]
)
def test_of_several_objects_it_is_the_one_under_the_target(tmp_path, name):
    other = {"category_id": 3, "track_id": 2} if "category_id" not in name or "track_id" in name else {"category_id": 2}
    annotations = [_annotation(t, 5, **other) for t in range(NUM_FRAMES)]
    annotations += [_annotation(0, 0, **name), _annotation(2, 2, **name)]
    assert _places(tmp_path, {"annotations": annotations}) == [0, None, 2]
    assert _places(tmp_path, {"annotations": annotations}, at=5) == [5, 5, 5]


def test_two_masks_of_the_object_in_one_frame_are_refused_and_of_another_they_do_not_matter(tmp_path):
    annotations = [_annotation(t, place, category_id=1) for t, place in ((0, 0), (1, 1), (2, 2), (2, 3))]
    annotations += [_annotation(t, 5, category_id=2) for t in range(NUM_FRAMES)]
    with pytest.raises(InputError, match=r"2 masks of the object .*\(category_id 1\) in frame 2.*track_id"):
        _places(tmp_path, {"annotations": annotations})
    assert _places(tmp_path, {"annotations": annotations}, at=5) == [5, 5, 5]


@pytest.mark.parametrize(
    "entries, words",
    [
        ([_rle(0)] * 2, "2 masks, the clip 3 frames"),
        ({"0": _rle(0), "5": _rle(0)}, "up to number 5, the clip 3 frames"),
        ({"images": [{"id": 1}], "annotations": [_annotation(1, 0)]}, "1 mask, the clip 3 frames"),
        ({"annotations": [{"image_id": t, "segmentation": [[0, 0, 3, 0, 3, 3]]} for t in range(3)]}, "polygons"),
    ],
)
def test_a_file_for_another_clip_or_of_another_kind_is_refused(tmp_path, entries, words):
    with pytest.raises(InputError, match=words):
        _places(tmp_path, entries)


@pytest.mark.parametrize("size", [(10**6, 10**6), (10**9, 1), (-4, -6), (0, 8)])
def test_few_characters_that_stand_for_very_many_pixels_are_refused(size):
    with pytest.raises(ValueError, match="its size is"):
        run_lengths_to_mask([size[0] * size[1]], size)


def test_a_packed_run_length_that_does_not_end_is_refused():
    with pytest.raises(ValueError, match="more than 60 bits"):
        run_lengths_to_mask("o" * 13 + "0", (4, 6))
