"""The masked object's track: where it is in every frame, how surely, and whether it still rests where it was."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.similarity import IDENTITY, moved_mask
from hoi_motion.progress import CancelToken, OnProgress


@dataclass(frozen=True)
class Outline:
    """What is seen of the object in one frame: `pixels` (h, w) bool at column `x`, row `y` of the picture."""

    pixels: np.ndarray
    x: int
    y: int

    @classmethod
    def of(cls, mask: np.ndarray) -> "Outline | None":
        """What is true in a mask (H, W) bool; None where nothing is."""
        if not mask.any():
            return None
        rows, columns = np.nonzero(mask)
        x, y = int(columns.min()), int(rows.min())
        return cls(mask[y : rows.max() + 1, x : columns.max() + 1], x, y)

    def in_picture(self, size_px: tuple[int, int]) -> np.ndarray:  # (H, W) bool
        whole = np.zeros(size_px, bool)
        rows, columns = self.pixels.shape
        whole[self.y : self.y + rows, self.x : self.x + columns] = self.pixels
        return whole


@dataclass(frozen=True)
class ObjectTrack:
    """Track of one object.

    Attributes:
        mask: (H, W) bool, the object in the first frame.
        similarity: (T, 2, 3), maps first-frame pixels of the object to frame t.
        visibility: (T,) 0..1, how sure it is that the object is seen where it is said to be.
        resting: (T,) bool, the object is where it was in the first frame, in the room if the camera moves.
        outlines: frame -> what is seen of it, where that was found by itself; elsewhere it is the mask, moved.
        camera: (T, 2, 3), maps the first frame's background to frame t; None where the camera stands still.
    """

    mask: np.ndarray  # (H, W) bool
    similarity: np.ndarray  # (T, 2, 3)
    visibility: np.ndarray  # (T,)
    resting: np.ndarray  # (T,) bool
    outlines: dict[int, Outline] = field(default_factory=dict)
    camera: np.ndarray | None = None  # (T, 2, 3)

    @property
    def num_frames(self) -> int:
        return len(self.similarity)

    @property
    def centroid_px(self) -> np.ndarray:  # (T, 2)
        rows, columns = np.nonzero(self.mask)
        centre = np.array([columns.mean(), rows.mean(), 1.0])
        return self.similarity @ centre

    @property
    def moved(self) -> bool:
        return not self.resting.all()

    @property
    def camera_moves(self) -> bool:
        """Whether what rests moves in the picture."""
        return bool(self.resting.any()) and not np.allclose(self.similarity[self.resting], IDENTITY)

    def mask_at(self, t: int) -> np.ndarray:  # (H, W) bool
        """The object's outline in frame t; carried there from the first one, occluded parts included, if not found."""
        if t in self.outlines:
            return self.outlines[t].in_picture((self.mask.shape[0], self.mask.shape[1]))
        return moved_mask(self.mask, self.similarity[t])


def without_camera(points_px: np.ndarray, camera: np.ndarray | None) -> np.ndarray:  # (T, 2) -> (T, 2)
    """One point in each frame, where it is against the first frame's background.

    Args:
        camera: `ObjectTrack.camera`; None stands still.
    """
    if camera is None:
        return points_px
    return np.einsum("tij,tj->ti", np.linalg.inv(camera[:, :, :2]), points_px - camera[:, :, 2])


class TrackSource(Protocol):
    """Where object tracks come from."""

    def track(
        self,
        frames: np.ndarray,  # (T, H, W, 3) u8
        mask: np.ndarray,  # (H, W) bool
        person: KeypointTrack,
        *,
        on_progress: OnProgress,
        cancel: CancelToken | None,
    ) -> ObjectTrack: ...


def no_track(message: str, hint: str) -> LiftError:
    return LiftError(ErrorCode.NO_TARGET_TRACK, message, hint)
