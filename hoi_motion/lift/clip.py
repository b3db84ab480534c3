"""Clip: the video to lift and all that is known of its first frame, checked on construction."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.camera import GIVEN, checked_source, intrinsics_of_picture
from hoi_motion.errors import ErrorCode, InputError, LiftError, counted
from hoi_motion.masks import checked_depth, checked_mask


@dataclass(frozen=True, eq=False)
class Clip:
    """A video of a person and one masked object. Masks and depth belong to the first frame.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB, at least two; fps: their rate.
        target_mask: (H, W) bool, true on the object.
        actor_mask: (H, W) bool, true on the acting person; None when there is only one, or nobody says who.
        others_mask: (H, W) bool, true on people who are not the actor; None when nobody says. Edges in there tell
            nothing of the camera.
        intrinsics: (3, 3) pixels; None takes a focal length from straight edges, or assumes one.
        depth_m: (H, W) float32, metres along the optical axis, 0 where unknown; None without a depth image.
        target_noun: what the object is called ("mug"), for its shape; empty when nobody says.
        intrinsics_source: where given intrinsics are from, `camera.GIVEN` or `camera.OF_PHOTO`.

    Raises:
        LiftError: IMAGE_INVALID for frames of another kind, FILE_INVALID for a single frame or a frame rate that is
            not positive.
        InputError: a 1xx code for masks, intrinsics or depth that do not fit.
    """

    frames: np.ndarray  # (T, H, W, 3)
    fps: float
    target_mask: np.ndarray  # (H, W)
    actor_mask: np.ndarray | None = None  # (H, W)
    intrinsics: np.ndarray | None = None  # (3, 3)
    depth_m: np.ndarray | None = None  # (H, W)
    target_noun: str = ""
    others_mask: np.ndarray | None = None  # (H, W)
    intrinsics_source: str = GIVEN

    def __post_init__(self):
        frames = np.asarray(self.frames)
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
            raise LiftError(
                ErrorCode.IMAGE_INVALID,
                f"frames are {frames.dtype} of shape {frames.shape}, expected uint8 (T, H, W, 3)",
            )
        if len(frames) < 2:
            raise LiftError(ErrorCode.FILE_INVALID, f"the clip has {counted(len(frames), 'frame')}, expected 2 or more")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise LiftError(ErrorCode.FILE_INVALID, f"fps is {self.fps}, expected a positive number")
        self._set("frames", frames)
        object.__setattr__(self, "fps", float(self.fps))
        self._set("target_mask", checked_mask(self.target_mask, self.size_px, "target mask"))
        if self.actor_mask is not None:
            self._set("actor_mask", checked_mask(self.actor_mask, self.size_px, "actor mask"))
        if self.others_mask is not None:
            # of several things together: it may cover what the mask of one thing may not
            if np.shape(self.others_mask) != self.size_px:
                raise InputError(
                    ErrorCode.SIZE_MISMATCH,
                    f"mask of others is of shape {np.shape(self.others_mask)}, the frames {self.size_px}",
                    "mask and frames must show the same pixels",
                )
            self._set("others_mask", np.asarray(self.others_mask, bool))
        if self.intrinsics is not None:
            self._set("intrinsics", intrinsics_of_picture(self.intrinsics, self.size_px))
        checked_source(self.intrinsics_source)
        if self.depth_m is not None:
            self._set("depth_m", checked_depth(self.depth_m, self.size_px))

    def _set(self, name: str, array: np.ndarray) -> None:
        view = array.view()  # frames can be large: no copy, but no writing through the clip either
        view.setflags(write=False)
        object.__setattr__(self, name, view)

    def __repr__(self) -> str:
        height, width = self.size_px
        return f"Clip({self.num_frames} frames of {width}x{height} px at {self.fps:g} fps)"

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width)."""
        return self.frames.shape[1:3]

    @property
    def num_frames(self) -> int:
        return len(self.frames)
