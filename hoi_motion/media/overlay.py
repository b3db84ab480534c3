"""The lift drawn into the video: skeleton with the left in blue and the right in red, object, contacts."""

import cv2
import numpy as np

from hoi_motion.body.joints import JOINT_NAMES, PARENTS, index_of, side_rgb
from hoi_motion.motion import HANDS, SIDE_OF_HAND, HoiMotion

TARGET = (60, 230, 90)
TOUCHED = (255, 150, 0)
OUTLINE = (20, 20, 20)
# lines are this many times thinner than the picture's shorter side, and than the person
PICTURE_LINES = 240
PERSON_LINES = 100
# eyeballs and jaw are not limbs
_HIDDEN = {22, 23, 24}
_GRIP = {hand: index_of(f"{SIDE_OF_HAND[hand]}_middle1") for hand in HANDS}


def draw_overlay(frames: np.ndarray, motion: HoiMotion, target_mask: np.ndarray, keypoints_m: np.ndarray) -> np.ndarray:
    """The clip with the lifted motion drawn in.

    Args:
        frames: (T, H, W, 3) uint8, the pixels of `motion.camera`.
        target_mask: (H, W) bool, drawn as an outline into the first frame.
        keypoints_m: (T, 76, 3) of the motion's body in the world, as `PosedBody.keypoints_m` gives them.

    Returns:
        (T, H, W, 3) uint8.
    """
    joints_px = motion.camera.project(keypoints_m)
    thickness = _line_px(frames.shape[1:3], joints_px[:, :22])
    drawn = np.array(frames)
    for t, image in enumerate(drawn):
        if t == 0:
            contours, _ = cv2.findContours(target_mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(image, contours, -1, TARGET, thickness)
        for thing in motion.objects:
            touched = any(c.object_name == thing.name and c.start_frame <= t < c.end_frame for c in motion.contacts)
            _draw_hull(image, motion.camera.project(thing.vertices_world(t)), TOUCHED if touched else TARGET, thickness)
        _draw_skeleton(image, joints_px[t], thickness)
        for contact in motion.contacts:
            if contact.start_frame <= t < contact.end_frame:
                _draw_ring(image, joints_px[t, _GRIP[contact.hand]], 6 * thickness, TOUCHED, thickness)
    return drawn


def _line_px(size_px: tuple[int, int], body_px: np.ndarray) -> int:  # (T, 22, 2)
    """Lines that are seen in the picture and do not hide somebody who is small in it."""
    person_px = np.median(np.ptp(np.nan_to_num(body_px), axis=1).max(1))
    return max(1, round(min(min(size_px) / PICTURE_LINES, person_px / PERSON_LINES)))


def _draw_skeleton(image: np.ndarray, joints_px: np.ndarray, thickness: int) -> None:
    for j, parent in enumerate(PARENTS):
        if parent < 0 or j in _HIDDEN:
            continue
        width = thickness if j < 22 else max(1, thickness // 2)
        _draw_line(image, joints_px[parent], joints_px[j], side_rgb(JOINT_NAMES[j]), width)


def _draw_hull(image: np.ndarray, points_px: np.ndarray, colour, thickness: int) -> None:
    if np.isfinite(points_px).all() and np.abs(points_px).max() < 1e5:
        hull = cv2.convexHull(np.round(points_px * 8).astype(np.int32))
        cv2.polylines(image, [hull], True, OUTLINE, thickness + 2, cv2.LINE_AA, shift=3)
        cv2.polylines(image, [hull], True, colour, thickness, cv2.LINE_AA, shift=3)


def _draw_line(image: np.ndarray, start_px, end_px, colour, thickness: int) -> None:
    ends = np.array([start_px, end_px])
    if np.isfinite(ends).all() and np.abs(ends).max() < 1e5:
        start, end = (tuple(int(v) for v in np.round(p * 8)) for p in ends)
        cv2.line(image, start, end, colour, thickness, cv2.LINE_AA, shift=3)


def _draw_ring(image: np.ndarray, centre_px, radius: int, colour, thickness: int) -> None:
    if np.isfinite(centre_px).all() and np.abs(centre_px).max() < 1e5:
        cv2.circle(image, tuple(int(v) for v in np.round(centre_px)), radius, colour, thickness + 1, cv2.LINE_AA)
