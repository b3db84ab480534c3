"""Keypoints in a file: to use them again, or from any detector (docs/lifting.md has the keys)."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from hoi_motion.arrays import LONGEST_WAY_M, checked_array, checked_text
from hoi_motion.camera import LARGEST_SIZE_PX
from hoi_motion.errors import ErrorCode, InputError, counted
from hoi_motion.files import write_whole
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.coco import NUM_COCO_BODY, NUM_COCO_WHOLE_BODY, track_from_coco
from hoi_motion.progress import silent
from hoi_motion.reading.npz import NpzFile

FARTHEST_PX = 1e6
_KEYS = (
    "size_px",
    "body_px",
    "left_hand_px",
    "right_hand_px",
    "body_hint_m",
    "coco_px",
    "seen",
    "gaps_filled",
    "detector",
)
_POINTS = {"body_px": kp.NUM_BODY, "left_hand_px": kp.NUM_HAND, "right_hand_px": kp.NUM_HAND}


def write_keypoints(track: kp.KeypointTrack, size_px, path, *, gaps_filled: bool = False) -> None:
    """Write a track and the size (height, width) of the pictures it is of.

    Args:
        gaps_filled: whether frames without the person hold what a source has put there (`track.completed`).

    Raises:
        InputError: OUTPUT_INVALID when the place cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, size_px=np.array(size_px), gaps_filled=np.array(gaps_filled), **vars(track))
    write_whole(path, buffer.getvalue())


def read_keypoints(path) -> tuple[kp.KeypointTrack, tuple[int, int], bool]:
    """The track of a file, the size (height, width) of its pictures, and whether its gaps are filled.

    Raises:
        InputError: FILE_INVALID when the file is missing, damaged, or holds something else.
    """
    file = NpzFile(path, "a readable keypoint file")
    data = {name: file.read(name) for name in _KEYS if name in file}
    if "size_px" not in data or ("body_px" in data) == ("coco_px" in data):
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} holds {', '.join(sorted(file.names)[:10]) or 'nothing'}",
            "a keypoint file holds size_px and either body_px or coco_px",
        )
    height, width = (int(v) for v in checked_array(data["size_px"], f"{path} size_px", (2,), np.int64))
    size_px = height, width
    if not 1 <= min(size_px) <= max(size_px) <= LARGEST_SIZE_PX:
        raise InputError(ErrorCode.FILE_INVALID, f"{path} size_px is {size_px}, expected height and width")
    if "coco_px" in data:
        points = _checked_points(data["coco_px"], f"{path} coco_px", "keypoints")
        if points.shape[1] not in (NUM_COCO_BODY, NUM_COCO_WHOLE_BODY):
            raise InputError(
                ErrorCode.FILE_INVALID, f"{path} coco_px has {points.shape[1]} keypoints, expected 17 or 133"
            )
        track = track_from_coco(points)
    else:
        T = len(_checked_points(data["body_px"], f"{path} body_px", kp.NUM_BODY))
        nothing = {name: np.zeros((T, count, 3)) for name, count in _POINTS.items()}
        found = {
            name: _checked_points(data.get(name, nothing[name]), f"{path} {name}", count)
            for name, count in _POINTS.items()
        }
        for name, points in found.items():
            if len(points) != T:
                raise InputError(
                    ErrorCode.FILE_INVALID, f"{path} {name} has {counted(len(points), 'frame')}, body_px {T}"
                )
        hint = data.get("body_hint_m", nothing["body_px"])
        hint = checked_array(hint, f"{path} body_hint_m", (T, kp.NUM_BODY, 3), float, within=LONGEST_WAY_M)
        detector = str(checked_array(data.get("detector", ""), f"{path} detector", (), np.str_))
        if detector:
            checked_text(detector, f"{path} detector")
        track = kp.KeypointTrack(
            **found, body_hint_m=hint, seen=(found["body_px"][..., 2] > 0).any(1), detector=detector
        )
    if "seen" in data:
        track = replace(track, seen=checked_array(data["seen"], f"{path} seen", (track.num_frames,), bool))
    gaps_filled = checked_array(data.get("gaps_filled", False), f"{path} gaps_filled", (), bool)
    return track, size_px, bool(gaps_filled)


def _checked_points(value, field: str, count: int | str) -> np.ndarray:
    points = checked_array(value, field, ("T", count, 3), float, within=FARTHEST_PX)
    if not len(points):
        raise InputError(ErrorCode.FILE_INVALID, f"{field} has no frames")
    if points.size and not (points[..., 2].min() >= 0 and points[..., 2].max() <= 1):
        low, high = points[..., 2].min(), points[..., 2].max()
        raise InputError(ErrorCode.FILE_INVALID, f"{field} has confidences {low:g} to {high:g}, expected 0 to 1")
    return points


class KeypointFile:
    """Keypoints of a file as a source: taken as they are, scaled to the pictures; the file decides who the actor is."""

    def __init__(self, path):
        """Raises: InputError FILE_INVALID."""
        self.path = Path(path)
        self.track, self.size_px, self.gaps_filled = read_keypoints(path)

    def detect(self, frames, *, near_px=None, actor_mask=None, on_progress=silent, cancel=None) -> kp.KeypointTrack:
        """Raises: InputError SIZE_MISMATCH for another clip than the file's."""
        if self.track.num_frames != len(frames):
            raise InputError(
                ErrorCode.SIZE_MISMATCH,
                f"{self.path} has {counted(self.track.num_frames, 'frame')}, the video {len(frames)}",
                "give the keypoints of this very video, of each of its frames",
            )
        size_px = frames.shape[1:3]
        scale = np.array(size_px[::-1]) / self.size_px[::-1]
        # rounding to whole pixels changes the ratio of the sides by little
        if abs(scale[0] / scale[1] - 1) > 0.02:
            (h, w), (height, width) = self.size_px, size_px
            raise InputError(
                ErrorCode.SIZE_MISMATCH, f"{self.path} is of pictures of {w}x{h}, the video has {width}x{height}"
            )
        track = self.track
        if (scale != 1).any():
            # pixel centres lie at whole numbers
            moved = {name: getattr(track, name) * [*scale, 1] + [*(scale - 1) / 2, 0] for name in _POINTS}
            track = replace(track, **moved)
        on_progress("keypoints", 1.0)
        completed = kp.completed(track, size_px)  # also says where the person is seen too seldom
        # filling gaps again would interpolate between frames that have been mended since
        return kp.within_image(track, size_px) if self.gaps_filled else completed


class SavedKeypoints:
    """Another source whose keypoints are also written to a file."""

    def __init__(self, source: kp.KeypointSource, path):
        self.source, self.path = source, path

    def detect(self, frames, **how) -> kp.KeypointTrack:
        track = self.source.detect(frames, **how)
        write_keypoints(track, frames.shape[1:3], self.path, gaps_filled=True)
        return track
