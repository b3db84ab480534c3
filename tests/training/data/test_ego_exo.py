"""A folder in Ego-Exo4D's layout; the mask's text was made with lz-string and pycocotools."""

import json

import cv2
import numpy as np
import pytest

from tavid_planner.errors import InputError
from training.data.ego_exo import EgoExoClips
from training.data.sources import open_source

NAME = "fair_cooking_05_2/cam01/stainless_bowl_0"
UID = "0a1b"
MASK = "FoSwDAJpYweg8ggfAIzAIWWz9Ua-rtgTnqcUYWSTZeVRdXQQCwzseccBqAPEA"
VIDEO_FPS = 16
COUNT = 60


def write_dataset(root, hand_x=((0, 5), (16, 5), (32, 30), (48, 30)), mask=MASK):
    """The hand is at (x, 20) px of the annotated 60x40 picture in some frames; the video has twice that size."""
    (root / "takes.json").write_text(
        json.dumps([{"take_uid": UID, "take_name": "fair_cooking_05_2", "root_dir": "takes/fair_cooking_05_2"}])
    )
    masks = {str(t): {"height": 40, "width": 60, "encodedMask": mask} for t in (0, 16, 32, 48)}
    annotation = {"annotation": masks, "annotated_frames": [0, 16, 32, 48]}
    cameras = {"cam01": annotation, "aria01_214-1": annotation}
    (root / "annotations").mkdir()
    (root / "annotations" / "relations_train.json").write_text(
        json.dumps({"annotations": {UID: {"object_masks": {"stainless_bowl_0": cameras}}}})
    )
    hands = root / "annotations" / "ego_pose" / "train" / "hand" / "annotation"
    hands.mkdir(parents=True)
    joints = {str(t): [{"annotation2D": {"cam01": {"right_wrist": {"x": x, "y": 20.0}}}}] for t, x in hand_x}
    (hands / f"{UID}.json").write_text(json.dumps(joints))
    folder = root / "takes" / "fair_cooking_05_2" / "frame_aligned_videos"
    folder.mkdir(parents=True)
    video = cv2.VideoWriter(str(folder / "cam01.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), VIDEO_FPS, (120, 80))
    for t in range(COUNT):
        video.write(np.full((80, 120, 3), 4 * t, np.uint8))
    video.release()


def drawn_mask():
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:50] = True
    mask[12:14, 22:40] = False
    return mask


def reason(root, num_frames=17):
    with pytest.raises(InputError) as caught:
        EgoExoClips(root, num_frames).load(NAME)
    return caught.value.message


def test_clip_begins_with_the_hand_away_and_has_the_models_rate(tmp_path):
    write_dataset(tmp_path)
    source = open_source(tmp_path, 17)
    assert isinstance(source, EgoExoClips) and source.names() == [NAME]  # none from the camera on the head
    clip = source.load(NAME)
    assert clip.frames.shape == (17, 80, 120, 3)
    assert np.allclose(clip.frames[:, 0, 0, 0], 4 * (16 + 2 * np.arange(17)), atol=6)
    assert np.array_equal(clip.mask, drawn_mask().repeat(2, 0).repeat(2, 1))
    assert clip.caption == "A person interacts with the [TGT] stainless bowl."


def test_clip_has_the_rate_that_is_asked_for(tmp_path):
    write_dataset(tmp_path)
    clip = open_source(tmp_path, 17, 16.0).load(NAME)
    assert np.allclose(clip.frames[:, 0, 0, 0], 4 * (16 + np.arange(17)), atol=6)


def test_a_rate_that_is_no_whole_part_of_the_videos_is_kept_and_a_higher_one_refused(tmp_path):
    write_dataset(tmp_path)
    clip = open_source(tmp_path, 13, 12.0).load(NAME)
    assert np.allclose(clip.frames[:, 0, 0, 0], 4 * (16 + np.rint(np.arange(13) * 16 / 12)), atol=6)
    with pytest.raises(InputError, match="has 16 frames a second, 24 are needed"):
        EgoExoClips(tmp_path, 13, 24.0).load(NAME)


def test_downscaled_video_serves_too(tmp_path):
    write_dataset(tmp_path)
    folder = tmp_path / "takes" / "fair_cooking_05_2" / "frame_aligned_videos"
    (folder / "downscaled" / "448").mkdir(parents=True)
    (folder / "cam01.mp4").rename(folder / "downscaled" / "448" / "cam01.mp4")
    assert EgoExoClips(tmp_path, 17).load(NAME).frames.shape == (17, 80, 120, 3)


def test_hand_on_the_object_from_the_start_is_no_clip(tmp_path):
    write_dataset(tmp_path, hand_x=((0, 30), (16, 30)))
    assert "from the first frame on" in reason(tmp_path)


def test_take_without_hand_annotations_is_no_clip(tmp_path):
    write_dataset(tmp_path, hand_x=())
    assert "never seen together" in reason(tmp_path)


def test_missing_video_and_damaged_mask_are_named(tmp_path):
    write_dataset(tmp_path, mask=MASK[:9])
    assert "mask of frame 0 is damaged" in reason(tmp_path)
    (tmp_path / "takes" / "fair_cooking_05_2" / "frame_aligned_videos" / "cam01.mp4").unlink()
    assert "cam01.mp4 is missing" in reason(tmp_path)
