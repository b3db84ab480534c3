"""What is drawn outside the picture: where it is nobody sees, but not inside of that edge."""

from dataclasses import dataclass

import numpy as np
import torch

from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp


@dataclass(frozen=True)
class PictureEdges:
    """The edges of a clip's pictures.

    Attributes:
        size_px: height, width.
        to_picture: (T, 3, 3) homographies into each frame's pixels from those of the camera that the fit thinks of,
            which stands still and upright.
    """

    size_px: tuple[int, int]
    to_picture: np.ndarray

    def beyond(self, track: kp.KeypointTrack) -> "BeyondEdges":
        """The arms' keypoints that MediaPipe draws outside, in frames with a person.

        Other detectors have their own signs for what they miss, which may lie outside: all zeros, turned back into the
        picture or scaled, or -1. Legs are left out: below the picture they are where the floor and the lifter say,
        whatever the detector guesses.
        """
        rows = list(km.BODY_KEYPOINTS)
        ends = np.insert(track.body_px[:, rows, :2], 2, 1.0, axis=-1) @ np.swapaxes(self.to_picture, 1, 2)
        px, last = ends[..., :2] / ends[..., 2:], np.array(self.size_px[::-1]) - 1
        there = track.seen[:, None, None] & np.isin(rows, kp.ARMS)[:, None] & (track.detector == km.MEDIAPIPE)
        return BeyondEdges(
            torch.tensor(there & (px < 0)),
            torch.tensor(there & (px > last)),
            torch.tensor(last, dtype=torch.float32),
            torch.tensor(self.to_picture, dtype=torch.float32),
        )


@dataclass(frozen=True)
class BeyondEdges:
    """Keypoints outside the picture.

    Attributes:
        before, after: (T, N, 2) bool: left of it or above; right of it or below.
        last_px: (2,) its last column and row.
        to_picture: (T, 3, 3), as in PictureEdges.
    """

    before: torch.Tensor
    after: torch.Tensor
    last_px: torch.Tensor
    to_picture: torch.Tensor

    def inside_px(self, xy_px: torch.Tensor) -> torch.Tensor:  # (T, N, 2) -> (T, N, 2)
        """How far inside of the edges that they should be beyond these points are, 0 for all others."""
        ends = torch.cat([xy_px, torch.ones_like(xy_px[..., :1])], -1) @ self.to_picture.transpose(1, 2)
        px = ends[..., :2] / ends[..., 2:]
        return self.before * torch.relu(px) + self.after * torch.relu(self.last_px - px)
