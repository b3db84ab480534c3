import numpy as np
import pytest

from hoi_motion import Clip
from hoi_motion.errors import ErrorCode, TavidError


def fields(**changes) -> dict:
    mask = np.zeros((20, 30), bool)
    mask[5:9, 5:9] = True
    return {"frames": np.zeros((4, 20, 30, 3), np.uint8), "fps": 8, "target_mask": mask} | changes


def test_a_clip_takes_masks_and_depth_as_they_come():
    clip = Clip(**fields(actor_mask=np.eye(20, 30, dtype=np.uint8) * 255, depth_m=np.full((20, 30), -1)))
    assert clip.actor_mask.dtype == bool and (clip.depth_m == 0).all()
    assert (clip.num_frames, clip.size_px, clip.fps) == (4, (20, 30), 8.0)


def test_nobody_writes_through_a_clip_and_its_frames_are_not_copied():
    frames = np.zeros((4, 20, 30, 3), np.uint8)
    clip = Clip(**fields(frames=frames))
    assert np.shares_memory(clip.frames, frames) and frames.flags.writeable
    with pytest.raises(ValueError):
        clip.frames[0] = 1


@pytest.mark.parametrize(
    "change, code",
    [
        ({"frames": np.zeros((1, 20, 30, 3), np.uint8)}, ErrorCode.FILE_INVALID),
        ({"frames": np.zeros((4, 20, 30, 3), np.float32)}, ErrorCode.IMAGE_INVALID),
        ({"fps": 0.0}, ErrorCode.FILE_INVALID),
        ({"fps": np.nan}, ErrorCode.FILE_INVALID),
        ({"target_mask": np.zeros((20, 30), bool)}, ErrorCode.MASK_EMPTY),
        ({"target_mask": np.ones((20, 21), bool)}, ErrorCode.SIZE_MISMATCH),
        ({"actor_mask": np.zeros((20, 30), bool)}, ErrorCode.MASK_EMPTY),
        ({"intrinsics": np.eye(2)}, ErrorCode.CAMERA_INVALID),
        ({"intrinsics": np.array([[1.2, 0, 0.5], [0, 1.6, 0.5], [0, 0, 1]])}, ErrorCode.CAMERA_INVALID),
        ({"depth_m": np.ones((3, 3))}, ErrorCode.SIZE_MISMATCH),
    ],
)
def test_bad_input_is_named_where_the_clip_is_made(change, code):
    with pytest.raises(TavidError) as caught:
        Clip(**fields(**change))
    assert caught.value.code == code
