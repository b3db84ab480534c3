"""Where the person is in the picture, roughly, from keypoints; and a picture of one person alone."""

import cv2
import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.actor import box_of
from hoi_motion.keypoints.hands import BODY_HAND, hand_points_px
from hoi_motion.motion import HANDS

LEAST_CONFIDENCE = 0.3
# the crown is this many times as far from the shoulders as the nose; clothes and hair stand off the points by this
# share of the person's height
CROWN = 1.7
THICKNESS = 0.03
# half of a head with its hair, as a share of the person's height
HEAD = 0.075
# half of a wrist's width, likewise
WRIST = 0.012
# points lie within clothes and hair: so much room around them, as a share of the person's size
BESIDE = 0.12
# the points that show one
FACE = (kp.NOSE, kp.L_EYE, kp.R_EYE, kp.L_EAR, kp.R_EAR)
LEAST_FACE_POINTS = 3


def person_masks(track: kp.KeypointTrack, size_px: tuple[int, int]) -> np.ndarray:  # (T, H, W) bool
    """The hull of the points that are seen, with the crown of the head, and a margin."""
    masks = np.zeros((track.num_frames, *size_px), np.uint8)
    side = 2 * max(1, round(THICKNESS * track.person_height_px())) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    for image, body in zip(masks, track.body_px):
        points = body[body[:, 2] > LEAST_CONFIDENCE, :2]
        if body[[kp.NOSE, kp.L_SHOULDER, kp.R_SHOULDER], 2].min() > LEAST_CONFIDENCE:
            shoulders = body[[kp.L_SHOULDER, kp.R_SHOULDER], :2].mean(0)
            points = np.vstack([points, shoulders + CROWN * (body[kp.NOSE, :2] - shoulders)])
        if len(points) >= 3:
            cv2.fillConvexPoly(image, cv2.convexHull(points.astype(np.float32)).astype(np.int32), 1)
            image[:] = cv2.dilate(image, kernel)
    return masks > 0


def head_masks(track: kp.KeypointTrack, size_px: tuple[int, int]) -> np.ndarray:  # (T, H, W) bool
    """A disc about the middle of the face where that is seen, from any side."""
    masks = np.zeros((track.num_frames, *size_px), np.uint8)
    radius = max(1, round(HEAD * track.person_height_px()))
    for image, body in zip(masks, track.body_px):
        face = body[list(FACE)]
        face = face[face[:, 2] > LEAST_CONFIDENCE, :2]
        if len(face) >= LEAST_FACE_POINTS:
            x, y = face.mean(0)
            cv2.circle(image, (round(x), round(y)), radius, 1, -1)
    return masks > 0


def hand_masks(track: kp.KeypointTrack, size_px: tuple[int, int]) -> np.ndarray:  # (2, H, W) bool
    """Left and right hand in the first frame: discs about its points and the wrist, where they are seen."""
    masks = np.zeros((2, *size_px), np.uint8)
    radius = max(1, round(WRIST * track.person_height_px()))
    for image, hand in zip(masks, HANDS):
        for x, y, confidence in [track.body_px[0, BODY_HAND[hand][0]], *hand_points_px(track, hand)[0]]:
            if confidence > LEAST_CONFIDENCE:
                cv2.circle(image, (round(x), round(y)), radius, 1, -1)
    return masks > 0


def only_on(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:  # (H, W, 3) u8
    """A frame in which all but what is on and near a person's mask (H, W) is black."""
    rows = np.nonzero(mask.any(1))[0]
    room = 2 * max(1, round(BESIDE / 2 * (rows[-1] - rows[0]))) + 1
    near = cv2.dilate(mask.astype(np.uint8), np.ones((room, room), np.uint8)) > 0
    return np.where(near[..., None], frame, 0).astype(np.uint8)


def painted_over(frame: np.ndarray, other: np.ndarray, body: np.ndarray) -> np.ndarray:  # (H, W, 3) u8
    """A frame in which somebody else's box (their body, (33, 3)) is black, except where the actor's box is."""
    painted, size_px = frame.copy(), frame.shape[1::-1]
    (x0, y0, x1, y1), (u0, v0, u1, v1) = (_roomy(box_of(points), size_px) for points in (other, body))
    painted[y0:y1, x0:x1] = 0
    painted[v0:v1, u0:u1] = frame[v0:v1, u0:u1]
    return painted


def _roomy(box: np.ndarray, size_px) -> list[int]:
    """A box (x0, y0, x1, y1) with room around it, within a picture of this width and height."""
    room = BESIDE * (box[2:] - box[:2]).max()
    grown = np.concatenate([box[:2] - room, box[2:] + room])
    return np.clip(grown, 0, [*size_px, *size_px]).round().astype(int).tolist()
