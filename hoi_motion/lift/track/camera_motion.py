"""How the picture's background moves: one similarity per frame, from features that no person and no object covers."""

import cv2
import numpy as np

from hoi_motion.lift.track.track import IDENTITY

WORK_SIDE_PX = 480
MAX_FEATURES = 300
LEAST_FEATURES = 12
# least share of the features that must agree on how the background moves
LEAST_SHARE = 0.4
# the camera stands still if half of the picture moves less than this; features of blurred pictures jitter that much
STILL_PX = 1.5
# that is asked at so many places along each side of the picture
GRID = 7


def camera_motion(frames: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """(T, 2, 3) similarities that map the first frame's background to frame t, in pixels.

    Args:
        frames: (T, H, W, 3) u8 RGB.
        moving: (T, H, W) bool, what may move by itself: persons, the object.
    """
    scale = min(1.0, WORK_SIDE_PX / max(frames.shape[1:3]))
    size = (round(frames.shape[2] * scale), round(frames.shape[1] * scale))
    grey = [cv2.cvtColor(cv2.resize(f, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY) for f in frames]
    own = [cv2.resize(m.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0 for m in moving]
    free = cv2.dilate(own[0].astype(np.uint8), np.ones((7, 7))) == 0
    first = cv2.goodFeaturesToTrack(grey[0], MAX_FEATURES, 0.01, 5, mask=free.astype(np.uint8) * 255)
    result = np.tile(IDENTITY, (len(frames), 1, 1))
    if first is None or len(first) < LEAST_FEATURES:
        return result
    for t in range(1, len(frames)):
        found = _moved(grey[0], grey[t], first, result[t - 1], own[t])
        result[t] = result[t - 1] if found is None else found
    places = np.array([[x, y, 1.0] for x in np.linspace(0, size[0], GRID) for y in np.linspace(0, size[1], GRID)])
    moved_px = np.linalg.norm((result - IDENTITY) @ places.T, axis=1)  # (T, GRID^2)
    if np.median(moved_px, axis=1).max() < STILL_PX:
        return np.tile(IDENTITY, (len(frames), 1, 1))
    result[:, :, 2] /= scale
    return result


def _moved(first_image, image, first: np.ndarray, guess: np.ndarray, own: np.ndarray) -> np.ndarray | None:  # (2, 3)
    start = (first[:, 0] @ guess[:, :2].T + guess[:, 2])[:, None].astype(np.float32)
    how = dict(winSize=(15, 15), maxLevel=3)
    now, found, _ = cv2.calcOpticalFlowPyrLK(first_image, image, first, start.copy(), flags=4, **how)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(image, first_image, now, first.copy(), flags=4, **how)
    xy = np.clip(np.round(now[:, 0]), 0, np.array(image.shape[::-1]) - 1).astype(int)
    good = (found[:, 0] > 0) & (returned[:, 0] > 0) & (np.linalg.norm(back - first, axis=-1)[:, 0] < 1.0)
    good &= ~own[xy[:, 1], xy[:, 0]]
    if good.sum() < LEAST_FEATURES:
        return None
    cv2.setRNGSeed(0)
    matrix, inliers = cv2.estimateAffinePartial2D(first[good], now[good], ransacReprojThreshold=1.5)
    return None if matrix is None or inliers.mean() < LEAST_SHARE else matrix
