"""A clip as the first frame's camera would have seen it, if it had stood still."""

from dataclasses import dataclass

import cv2
import numpy as np

from hoi_motion.keypoints.hands import hand_centres_px
from hoi_motion.keypoints.persons import hand_masks, head_masks, person_masks
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.camera_motion import camera_motion, carried_along, rest_motion
from hoi_motion.lift.track.similarity import IDENTITY, homogeneous
from hoi_motion.lift.track.track import ObjectTrack, Outline
from hoi_motion.progress import CancelToken, check_cancelled


@dataclass(frozen=True)
class StillClip:
    """Pictures of a still camera, the marked object, and where people are in them.

    Attributes:
        frames: (T, H, W, 3) u8 RGB; mask: (H, W) bool, the object in the first one.
        persons, heads: (T, H, W) bool, where persons and their heads are.
        hands: (N, H, W) bool, hands in the first frame; hands_px: (T, 2, 2) their centres, NaN where unknown.
        home: (T, 2, 3), maps the place where the object rests from the first frame to frame t: what is nearer than the
            background goes another way before a camera that drifts.
        camera: (T, 2, 3), maps the first frame's background to the real camera's frame t.
    """

    frames: np.ndarray
    mask: np.ndarray
    persons: np.ndarray
    heads: np.ndarray
    hands: np.ndarray
    hands_px: np.ndarray
    home: np.ndarray
    camera: np.ndarray

    @classmethod
    def of(
        cls, frames: np.ndarray, mask: np.ndarray, person: KeypointTrack, cancel: CancelToken | None = None
    ) -> "StillClip":
        """That of a clip whose camera may move, beside the person and the object under `mask`.

        Raises:
            ControlError: CANCELLED.
        """
        persons, heads = person_masks(person, mask.shape), head_masks(person, mask.shape)
        hands_px = hand_centres_px(person)
        moving = persons.copy()
        moving[0] |= mask
        home = camera = camera_motion(frames, moving, cancel)
        if not _stands(camera):
            frames = np.stack([stilled_image(f, c) for f, c in zip(frames, camera)])
            hands_px = stilled_points(hands_px, camera)
            home = rest_motion(frames, mask, hands_px, camera, cancel)
            check_cancelled(cancel)
            persons, heads = (
                np.stack([stilled_image(m.astype(np.uint8), c) > 0 for m, c in zip(masks, camera)])
                for masks in (persons, heads)
            )
            body_px = person.body_px.copy()
            body_px[..., :2] = stilled_points(body_px[..., :2], camera)
            if carried_along(frames, mask, home, persons[0], body_px, person.person_height_px()):
                home = np.tile(IDENTITY, (len(frames), 1, 1))
        return cls(frames, mask, persons, heads, hand_masks(person, mask.shape), hands_px, home, camera)

    @property
    def camera_moves(self) -> bool:
        return not _stands(self.camera)

    @property
    def rest_stands(self) -> bool:
        """Whether what rests where the object does stays where it is in these pictures."""
        return _stands(self.home)

    def frames_with_rest_still(self) -> np.ndarray:  # (T, H, W, 3)
        """The frames, moved so that what rests where the object does stays where it is."""
        return np.stack([stilled_image(f, h) for f, h in zip(self.frames, self.home)])

    def in_real_frames(self, track: ObjectTrack) -> ObjectTrack:
        """A track in these pictures, in those of the camera that moves."""
        if not self.camera_moves:
            return track
        outlines = {}
        for t in track.outlines:
            moved = cv2.warpAffine(track.mask_at(t).astype(np.uint8), self.camera[t], track.mask.shape[::-1]) > 0
            outline = Outline.of(moved)
            if outline is not None:
                outlines[t] = outline
        similarity = self.camera @ homogeneous(track.similarity)
        return ObjectTrack(track.mask, similarity, track.visibility, track.resting, outlines, self.camera)


def stilled_points(points_px: np.ndarray, camera: np.ndarray) -> np.ndarray:  # (T, N, 2), (T, 2, 3) -> (T, N, 2)
    """Points where a still camera would have seen them."""
    away = points_px - camera[:, None, :, 2]
    return np.einsum("tij,tnj->tni", np.linalg.inv(camera[:, :, :2]), away)


def stilled_image(image: np.ndarray, camera: np.ndarray) -> np.ndarray:  # (H, W, ...), (2, 3) -> the same
    """A picture as a still camera would have seen it."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, camera, image.shape[1::-1], flags=how, borderMode=cv2.BORDER_REPLICATE)


def _stands(camera: np.ndarray) -> bool:
    return np.array_equal(camera, np.tile(IDENTITY, (len(camera), 1, 1)))
