"""A camera that rolls: what it saw, as one that stands upright in the same place would have seen it.

The lift knows cameras that look up or down, and none that lean to a side. About the line of sight a camera's turn moves
nothing in depth: in the picture it is an affine map, of square pixels a turn about the principal point.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from hoi_motion.camera import Camera
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.clip import Clip
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.person.lifter import lift_keypoints
from hoi_motion.lift.person.measured_room import MeasuredRoom
from hoi_motion.lift.straight_lines import StraightLines, upright
from hoi_motion.lift.track.similarity import homogeneous
from hoi_motion.lift.track.track import ObjectTrack, Outline
from hoi_motion.media.depth_pictures import depth_seen_at

# a smaller roll is not worth resampling the picture; a larger one would leave too little of the upright picture
LEAST_DEG, MOST_DEG = 0.2, 20.0
# a roll that is left in is noted from here on, unless the camera looks nearly straight down, where roll means nothing
NOTED_DEG, LEAST_ACROSS = 3.0, 0.3
# so much of a mask must stay in the picture
KEPT_SHARE = 0.9


@dataclass(frozen=True)
class UprightCamera:
    """The camera that stands upright, of the same intrinsics.

    Attributes:
        K: (3, 3) px; size_px: height, width.
        roll_rad: of the real one, positive when what is upright leans to the right in its picture.
    """

    K: np.ndarray
    size_px: tuple[int, int]
    roll_rad: float

    @classmethod
    def of(cls, up: np.ndarray, K: np.ndarray, clip: Clip) -> "UprightCamera | None":
        """The one of a camera that sees upwards as `up` (3,); None where the roll is too small or too large to be taken
        out, or the clip's object would leave the picture."""
        roll_rad = float(np.arctan2(up[0], -up[1]))
        if not LEAST_DEG <= abs(np.rad2deg(roll_rad)) <= MOST_DEG:
            return None
        camera = cls(K, clip.size_px, roll_rad)
        kept = camera._picture(clip.target_mask).sum() / clip.target_mask.sum()
        return camera if kept >= KEPT_SHARE else None

    @property
    def R_upright_camera(self) -> np.ndarray:  # (3, 3)
        """From the real camera's axes to the upright one's."""
        c, s = np.cos(self.roll_rad), np.sin(self.roll_rad)
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    @property
    def to_upright(self) -> np.ndarray:  # (3, 3)
        """From the real camera's pixels to the upright one's; its last row is 0, 0, 1."""
        return self.K @ self.R_upright_camera @ np.linalg.inv(self.K)

    def keypoints(self, track: KeypointTrack) -> KeypointTrack:
        there = {name: self._points(getattr(track, name)) for name in ("body_px", "left_hand_px", "right_hand_px")}
        return replace(track, **there, body_hint_m=track.body_hint_m @ self.R_upright_camera.T)

    def object(self, track: ObjectTrack) -> ObjectTrack:
        outlines = {
            t: Outline.of(self._picture(outline.in_picture(self.size_px))) for t, outline in track.outlines.items()
        }
        return replace(
            track,
            mask=self._picture(track.mask),
            similarity=self._moves(track.similarity),
            outlines={t: outline for t, outline in outlines.items() if outline is not None},
            camera=None if track.camera is None else self._moves(track.camera),
        )

    def lines(self, lines: StraightLines) -> StraightLines:
        ends = self._points(lines.ends_px.reshape(-1, 2)).reshape(-1, 4)
        return StraightLines(ends, lines.K, lines.height_px)

    def first_frame(self, clip: Clip) -> Clip:
        """The clip with masks and depth image as the upright camera sees them; its frames are still the real one's."""
        depth = None if clip.depth_m is None else self._depth(clip.depth_m)
        actor = None if clip.actor_mask is None else self._picture(clip.actor_mask)
        return replace(
            clip,
            target_mask=self._picture(clip.target_mask),
            actor_mask=actor if actor is not None and actor.any() else None,
            others_mask=None if clip.others_mask is None else self._picture(clip.others_mask),
            depth_m=depth,
        )

    def known(self, known: KnownScene) -> KnownScene:
        """What is known of the real camera, of the upright one."""
        if known.T_world_camera is not None:
            return replace(known, T_world_camera=known.T_world_camera @ np.linalg.inv(self._T_upright_camera))
        if known.gravity_camera is not None:
            return replace(known, gravity_camera=self.R_upright_camera @ known.gravity_camera)
        return known

    def real(self, camera: Camera) -> Camera:
        """The real camera, in the world of the upright one's."""
        return replace(camera, T_world_camera=camera.T_world_camera @ self._T_upright_camera)

    @property
    def _T_upright_camera(self) -> np.ndarray:  # (4, 4)
        T = np.eye(4)
        T[:3, :3] = self.R_upright_camera
        return T

    def _points(self, points_px: np.ndarray) -> np.ndarray:  # (..., 2 and more) -> the same
        moved = points_px.copy()
        moved[..., :2] = points_px[..., :2] @ self.to_upright[:2, :2].T + self.to_upright[:2, 2]
        return moved

    def _moves(self, moves: np.ndarray) -> np.ndarray:  # (T, 2, 3) -> (T, 2, 3)
        """Maps from one real picture to another, as maps between upright ones."""
        return (self.to_upright @ homogeneous(moves) @ np.linalg.inv(self.to_upright))[:, :2]

    def _picture(self, mask: np.ndarray) -> np.ndarray:  # (H, W) bool
        marked = np.ascontiguousarray(mask, np.uint8) * 255
        return cv2.warpAffine(marked, self.to_upright[:2], mask.shape[::-1], flags=cv2.INTER_LINEAR) > 127

    def _depth(self, depth_m: np.ndarray) -> np.ndarray:  # (H, W), 0 where unknown -> the same
        """Planes stay planes, or they would seem to lean as before."""
        rows, columns = np.indices(depth_m.shape)
        back = np.linalg.inv(self.to_upright)[:2]
        columns, rows = back @ np.stack([columns.ravel(), rows.ravel(), np.ones(depth_m.size)])
        return depth_seen_at(depth_m, *(at.reshape(depth_m.shape) for at in (columns, rows)))


def roll_notes(up: np.ndarray, upright_camera: UprightCamera | None) -> tuple[str, ...]:
    """Notes on a roll that is left in.

    Args:
        up: (3,) as in `UprightCamera.of`; upright_camera: what that returned for it.
    """
    roll_deg = float(np.rad2deg(np.arctan2(up[0], -up[1])))
    if upright_camera is not None or abs(roll_deg) < NOTED_DEG or np.hypot(up[0], up[1]) < LEAST_ACROSS:
        return ()
    return (
        f"the camera leans by {abs(roll_deg):.0f} degrees to a side, which the lift leaves out: turn the clip upright",
    )


def seen_up(
    clip: Clip, track: KeypointTrack, K: np.ndarray, known: KnownScene, lines: StraightLines, min_confidence: float
) -> np.ndarray:  # (3,)
    """Unit vector upwards in the camera frame: given, else by level surfaces of the depth image, else by edges.

    Args:
        K: (3, 3) px; lines: of the first frame.
        min_confidence: from which a keypoint is believed.
    """
    if known.up_camera is not None:
        return known.up_camera
    pitch_rad = lift_keypoints(track, K, clip.fps, min_confidence).pitch_rad
    if clip.depth_m is not None:
        up = MeasuredRoom(clip.depth_m, K).up(lines.pitch(pitch_rad)[0])
        if up is not None:
            return up
    return upright(pitch_rad, lines.roll(pitch_rad))
