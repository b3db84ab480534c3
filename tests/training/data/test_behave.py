"""A folder in BEHAVE's layout: a person of one box, whose hand (its right side) comes nearer to a backpack."""

import json

import cv2
import numpy as np
import pytest
import trimesh

from tavid_planner.errors import InputError
from training.data.behave import BehaveClips
from training.data.sources import fitted, open_source

FRAMES = 8
TOUCH = 4


def write_sequence(root, name="Date01_Sub01_backpack_hand", kind="backpack", touch=TOUCH, folder=None, camera=1):
    sequence = root / "sequences" / name
    for t in range(FRAMES):
        moment = sequence / f"t{t + 3:04d}.000"
        for part, fit, x in (("person", "fit02", -0.9 if t < touch else -0.51), (folder or kind, "fit01", 0.0)):
            place = moment / part / fit
            place.mkdir(parents=True)
            trimesh.creation.box((0.5, 0.5, 0.5), trimesh.transformations.translation_matrix((x, 0, 2))).export(
                place / f"{part}_fit.ply"
            )
        person, thing = np.zeros((2, 48, 64), np.uint8)
        person[8:40, 10:24] = 255
        thing[20:32, 40:56] = 255
        cv2.imwrite(str(moment / f"k{camera}.color.jpg"), np.full((48, 64, 3), 20 * t, np.uint8))
        cv2.imwrite(str(moment / f"k{camera}.person_mask.jpg"), person)
        cv2.imwrite(str(moment / f"k{camera}.obj_rend_mask.jpg"), thing)
    (sequence / "info.json").write_text(json.dumps({"cat": kind, "kinects": [camera]}))
    return sequence


def reason(root, name="Date01_Sub01_backpack_hand/k1", num_frames=5):
    with pytest.raises(InputError) as caught:
        BehaveClips(root, num_frames).load(name)
    return caught.value.message


def test_clip_begins_before_the_touch_with_the_objects_mask(tmp_path):
    write_sequence(tmp_path)
    source = open_source(tmp_path, 5)
    assert isinstance(source, BehaveClips) and source.names() == ["Date01_Sub01_backpack_hand/k1"]
    clip = source.load(source.names()[0])
    assert clip.frames.shape == (5, 48, 64, 3)
    assert np.allclose(
        clip.frames[:, 0, 0, 0], 20 * np.arange(2, 7), atol=2
    )  # the touch at frame 4 is the third of five
    assert clip.mask[26, 48] and not clip.mask[26, 16]
    assert clip.caption == "A person interacts with the [TGT] backpack."
    assert fitted(clip, 32, 48, 5).mask.any()


def test_a_caption_that_reads_otherwise_in_the_encoding_that_is_named_changes_the_fingerprint(tmp_path):
    sequence, name = write_sequence(tmp_path), "Date01_Sub01_backpack_hand/k1"
    told = [BehaveClips(tmp_path, 5, encoding).fingerprint(name) for encoding in ("utf-8", "cp1252")]
    assert told[0] == told[1]  # there is no caption
    (sequence / "caption.txt").write_text("The [TGT] backpack of the caf\u00e9.", encoding="utf-8")
    told = [BehaveClips(tmp_path, 5, encoding).fingerprint(name) for encoding in ("utf-8", "cp1252")]
    assert told[0] != told[1]


def test_chair_of_another_folder_name_and_given_caption(tmp_path):
    sequence = write_sequence(tmp_path, "Date01_Sub01_chairwood_sit", "chairwood", folder="chair")
    source = BehaveClips(tmp_path / "sequences", 5)
    assert source.load("Date01_Sub01_chairwood_sit/k1").caption == "A person interacts with the [TGT] wooden chair."
    (sequence / "caption.txt").write_text("A man sits down on the [TGT] chair.")
    assert source.load("Date01_Sub01_chairwood_sit/k1").caption == "A man sits down on the [TGT] chair."


def test_touching_from_the_start_is_no_clip(tmp_path):
    write_sequence(tmp_path, touch=0)
    assert "from the first frame on" in reason(tmp_path)


def test_never_touching_is_no_clip(tmp_path):
    write_sequence(tmp_path, touch=FRAMES)
    assert "never touches" in reason(tmp_path)


def test_missing_parts_are_named(tmp_path):
    sequence = write_sequence(tmp_path)
    (sequence / "t0006.000" / "k1.color.jpg").write_bytes(b"no picture")
    assert "t0006.000/k1.color.jpg is not a readable image" in reason(tmp_path)
    for moment in sequence.glob("t*"):
        (moment / "k1.person_mask.jpg").unlink()
    assert "never seen together" in reason(tmp_path)
    (sequence / "info.json").write_text("{}")
    assert "info.json" in reason(tmp_path)


def test_gap_in_time_is_named(tmp_path):
    sequence = write_sequence(tmp_path)
    (sequence / "t0010.000").rename(sequence / "t0020.000")
    for early in ("t0003.000", "t0004.000", "t0005.000"):
        for file in (sequence / early).glob("k1.obj_rend_mask.jpg"):
            file.unlink()
    assert "frames are missing after t0009.000" in reason(tmp_path)
