"""Clips that go wrong in one way each: a named error, or a motion of the right length."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError, LiftError
from hoi_motion.keypoints.track import KeypointTrack, fill_gaps
from hoi_motion.lift import Clip, LiftConfig, lift_video

QUICK = LiftConfig(iterations=15)
T = 8
SIZE_PX = (240, 360)


@dataclass(frozen=True)
class Known:
    """A keypoint source that knows the answer."""

    track: KeypointTrack

    def detect(self, frames, **_):
        return self.track


def _room(num_frames: int, places_px, size_px=SIZE_PX) -> tuple[np.ndarray, np.ndarray]:
    """A patterned box that is at `places_px[t]` (x, y) in frame t, before a slightly uneven wall, and its mask."""
    rng = np.random.default_rng(0)
    wall = np.clip(rng.normal(150, 1.5, (*size_px, 3)), 0, 255).astype(np.uint8)
    box = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    frames = np.repeat(wall[None], num_frames, axis=0)
    for frame, (x, y) in zip(frames, places_px):
        part = frame[max(y, 0) : y + 24, max(x, 0) : x + 24]
        part[:] = box[: part.shape[0], : part.shape[1]]
    mask = np.zeros(size_px, bool)
    x, y = places_px[0]
    mask[y : y + 24, x : x + 24] = True
    return frames, mask


def test_a_target_that_leaves_the_picture_ends_in_a_motion_that_says_it_is_unseen(acted):
    frames, mask = _room(T, [(300 + 12 * t, 60) for t in range(T)])
    motion = lift_video(Clip(frames, 8.0, mask), keypoints=Known(acted(T).track), config=QUICK)
    assert motion.num_frames == T and np.isfinite(motion.target.T_world_object).all()
    assert motion.diagnostics["target_visibility_mean"] < 0.9
    assert not motion.contacts


def test_a_mask_on_a_bare_wall_is_named(acted):
    frames, mask = _room(T, [(300, 60)] * T)
    with pytest.raises(LiftError) as caught:
        lift_video(Clip(frames, 8.0, np.roll(mask, (-30, -250), (0, 1))), keypoints=Known(acted(T).track), config=QUICK)
    assert caught.value.code == ErrorCode.NO_TARGET_TRACK


def test_a_person_missing_in_some_frames_is_carried_through_them(acted):
    track = acted(T).track
    seen = np.ones(T, bool)
    seen[[0, 4]] = False
    frames, mask = _room(T, [(300, 60)] * T)
    whole = lift_video(Clip(frames, 8.0, mask), keypoints=Known(track), config=QUICK)
    gappy = lift_video(Clip(frames, 8.0, mask), keypoints=Known(fill_gaps(replace(track, seen=seen))), config=QUICK)
    assert np.isfinite(gappy.pose_rad).all()
    assert np.linalg.norm(gappy.transl_m - whole.transl_m, axis=1).max() < 0.3


def test_two_frames_are_lifted(acted):
    frames, mask = _room(2, [(300, 60)] * 2)
    motion = lift_video(Clip(frames, 8.0, mask), keypoints=Known(acted(2).track), config=QUICK)
    assert motion.num_frames == 2 and np.isfinite(motion.pose_rad).all()


@pytest.mark.parametrize(
    "depth, code",
    [(np.ones((10, 10)), ErrorCode.SIZE_MISMATCH), (np.ones((*SIZE_PX, 3)), ErrorCode.IMAGE_INVALID)],
)
def test_a_depth_image_that_is_none_of_the_clip_is_named(acted, depth, code):
    frames, mask = _room(2, [(300, 60)] * 2)
    with pytest.raises(InputError) as caught:
        lift_video(Clip(frames, 8.0, mask, depth_m=depth), keypoints=Known(acted(2).track), config=QUICK)
    assert caught.value.code == code
