"""A camera that turns: what it saw, as one that stands still would have seen it; so the lift knows a still world."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.similarity import IDENTITY, nearest_similarity
from hoi_motion.lift.track.track import ObjectTrack, Outline

# lines of sight at so many places a side of the picture tell how the camera has turned
GRID = 7


@dataclass(frozen=True)
class TurningCamera:
    """Where each frame's camera is in the frame of the first one's, if it only turns.

    A far background moves in the picture as the camera turns, x' ~ K R K^-1 x (Hartley and Zisserman, Multiple View
    Geometry, section 8.4.2). What the camera drifts meanwhile is left in.

    Attributes:
        K: (3, 3) px; T_first_camera: (T, 4, 4).
    """

    K: np.ndarray
    T_first_camera: np.ndarray

    @classmethod
    def of(cls, background: np.ndarray, K: np.ndarray, size_px: tuple[int, int]) -> "TurningCamera":
        """The rotations that bring lines of sight all over the picture nearest to where the background is seen (Kabsch
        1976).

        Args:
            background: (T, 2, 3) of `track.camera_motion`; size_px: height, width.
        """
        x, y = np.meshgrid(np.linspace(0, size_px[1], GRID), np.linspace(0, size_px[0], GRID))
        places = np.stack([x.ravel(), y.ravel(), np.ones(GRID**2)])
        then, path = _sight(K, places), np.tile(np.eye(4), (len(background), 1, 1))
        for t, moved in enumerate(background):
            now = _sight(K, np.vstack([moved @ places, places[2:]]))
            u, _, vt = np.linalg.svd(then @ now.T)
            path[t, :3, :3] = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
        return cls(K, path)

    def note(self) -> str:
        away_rad = Rotation.from_matrix(self.T_first_camera[:, :3, :3]).magnitude()
        return (
            f"the camera turns by up to {np.rad2deg(away_rad.max()):.1f} degrees, and the motion with it; check and "
            "robots take that out, and hoi-lift --still-world"
        )

    def to_still(self, t: int) -> np.ndarray:  # (3, 3)
        """Homography from frame t's pixels to those in which the first frame's camera would have seen it."""
        return self.K @ self.T_first_camera[t, :3, :3] @ np.linalg.inv(self.K)

    def keypoints(self, track: KeypointTrack) -> KeypointTrack:
        """The keypoints where a still camera would have seen them, some of them beside its picture."""
        turned = {
            name: np.stack([_moved(self.to_still(t), points) for t, points in enumerate(getattr(track, name))])
            for name in ("body_px", "left_hand_px", "right_hand_px")
        }
        hint_m = np.einsum("tij,tnj->tni", self.T_first_camera[:, :3, :3], track.body_hint_m)
        return replace(track, **turned, body_hint_m=hint_m)

    def object(self, track: ObjectTrack) -> ObjectTrack:
        """The object's track as a still camera would have seen it: what rests stays where it is."""
        similarity, outlines = np.tile(IDENTITY, (track.num_frames, 1, 1)), {}
        rows, columns = np.nonzero(track.mask)
        x, y = np.meshgrid([columns.min(), columns.max()], [rows.min(), rows.max()])
        corners = np.column_stack([x.ravel(), y.ravel(), np.ones(4)])
        for t in np.flatnonzero(~track.resting):
            seen = corners @ track.similarity[t].T
            similarity[t] = nearest_similarity(corners[:, :2], _moved(self.to_still(t), seen))
            if t in track.outlines:
                size_px = track.mask.shape[::-1]
                still = cv2.warpPerspective(track.mask_at(t).astype(np.uint8), self.to_still(t), size_px)
                outline = Outline.of(still > 0)
                outlines |= {int(t): outline} if outline else {}
        return replace(track, similarity=similarity, outlines=outlines, camera=None)


def _sight(K: np.ndarray, places_px: np.ndarray) -> np.ndarray:  # (3, 3), (3, N) -> (3, N)
    rays = np.linalg.solve(K, places_px)
    return rays / np.linalg.norm(rays, axis=0)


def _moved(homography: np.ndarray, points_px: np.ndarray) -> np.ndarray:  # (3, 3), (N, 2 and more) -> the same
    ends = np.column_stack([points_px[:, :2], np.ones(len(points_px))]) @ homography.T
    return np.column_stack([ends[:, :2] / ends[:, 2:], points_px[:, 2:]])
