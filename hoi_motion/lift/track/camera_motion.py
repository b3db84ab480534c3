"""How the picture's background moves, and what rests nearer to the camera against it: one similarity per frame each."""

import cv2
import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.lift.track.similarity import IDENTITY, in_scaled_pictures
from hoi_motion.progress import CancelToken, check_cancelled

WORK_SIDE_PX = 480
MAX_FEATURES = 300
LEAST_FEATURES = 12
# they are looked for in pictures of half the size first, so many times
HALVINGS = 3
# least share of the features that must agree on how the background moves
LEAST_SHARE = 0.4
# the camera stands still if half of the picture moves less than this; features of blurred pictures jitter that much
STILL_PX = 1.5
# that is asked at so many places along each side of the picture
GRID = 7
# the place where the object rests is followed in pictures of this side, by so many features on it and beside it; these
# lie so many pixels off its edge, and within so many object sizes
REST_SIDE_PX = 720
OWN_FEATURES = 60
BESIDE_FEATURES = 120
EDGE_PX = 2
BESIDE = 1.2
# in smaller pictures the background would draw features of a small object along
REST_HALVINGS = 1
# so many of them must agree, to so many pixels; one beside the object stands with it where the two have gone along in
# this share of frames
LEAST_AGREEING = 6
AGREE_PX = 1.5
ALONG_SHARE = 0.5
# in object sizes, a hand nearer than this may take it; and so far, and by so much larger (logarithm), its place may be
# from where it was last
HAND_NEAR = 0.8
MOST_SHIFT = 0.5
MOST_GROWTH = 0.15
# the floor is asked once the object has gone by this share of the person's height, in so many frames at most, where
# the person's way differs from the object's by this share of it at most; a feature of the floor goes along by more than
# that share of the way
ASKED_FROM = 0.1
ASKED_FRAMES = 8
SAME_WAY = 0.25
GOES_ALONG = 0.5
# the floor at somebody's feet: so far to either side, above and below them, as shares of the person's height
FLOOR_BESIDE = 0.3
FLOOR_ABOVE = 0.05
FLOOR_BELOW = 0.1


def camera_motion(frames: np.ndarray, moving: np.ndarray, cancel: CancelToken | None = None) -> np.ndarray:
    """(T, 2, 3) similarities that map the first frame's background to frame t, in pixels.

    Args:
        frames: (T, H, W, 3) u8 RGB.
        moving: (T, H, W) bool, what may move by itself: persons, the object.

    Raises:
        ControlError: CANCELLED.
    """
    check_cancelled(cancel)
    grey, scale = _small_grey(frames, WORK_SIDE_PX)
    size = grey[0].shape[::-1]
    own = [cv2.resize(m.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0 for m in moving]
    free = cv2.dilate(own[0].astype(np.uint8), np.ones((7, 7))) == 0
    first = cv2.goodFeaturesToTrack(grey[0], MAX_FEATURES, 0.01, 5, mask=free.astype(np.uint8) * 255)
    result = np.tile(IDENTITY, (len(frames), 1, 1))
    if first is None or len(first) < LEAST_FEATURES:
        return result
    for t in range(1, len(frames)):
        check_cancelled(cancel)
        found = _moved(grey[0], grey[t], first, result[t - 1], own[t])
        result[t] = result[t - 1] if found is None else found
    places = np.array([[x, y, 1.0] for x in np.linspace(0, size[0], GRID) for y in np.linspace(0, size[1], GRID)])
    moved_px = np.linalg.norm((result - IDENTITY) @ places.T, axis=1)  # (T, GRID^2)
    if np.median(moved_px, axis=1).max() < STILL_PX:
        return np.tile(IDENTITY, (len(frames), 1, 1))
    return in_scaled_pictures(result, 1 / scale)


def rest_motion(
    frames: np.ndarray, mask: np.ndarray, hands_px: np.ndarray, camera: np.ndarray, cancel: CancelToken | None = None
) -> np.ndarray:
    """(T, 2, 3) similarities that map the place where the object rests from the first frame to frame t, in pixels.

    The background stands still; what is nearer to a camera that drifts goes another way (parallax). While no hand is
    near, the object's own features tell; else those beside it that have gone along with them. Without either it stays
    against the background, or in the picture where the background is lost.

    Args:
        frames: (T, H, W, 3) u8 RGB, the background's motion taken out; mask: (H, W) bool, the object in the first one.
        hands_px: (T, 2, 2) centres of the hands, NaN where unknown.
        camera: (T, 2, 3) of `camera_motion`; where it is lost, it stays as it was before.

    Raises:
        ControlError: CANCELLED.
    """
    check_cancelled(cancel)
    grey, scale = _small_grey(frames, REST_SIDE_PX)
    place = cv2.resize(mask.astype(np.uint8) * 255, grey[0].shape[::-1], interpolation=cv2.INTER_AREA) > 127
    result = np.tile(IDENTITY, (len(frames), 1, 1))
    if not place.any():
        return result
    object_px, centre = float(np.sqrt(place.sum())), np.append(np.argwhere(place).mean(0)[::-1], 1.0)
    off_px = cv2.distanceTransform((~place).astype(np.uint8), cv2.DIST_L2, 5)
    own = _features(grey[0], place, OWN_FEATURES)
    beside = _features(grey[0], (off_px > EDGE_PX) & (off_px < BESIDE * object_px), BESIDE_FEATURES)
    along, asked = np.zeros(len(beside)), np.zeros(len(beside))
    against_background = IDENTITY
    for t in range(1, len(frames)):
        check_cancelled(cancel)
        known = not np.array_equal(camera[t], camera[t - 1])
        # what it went by while the background was lost was the camera's own
        before = result[t] = against_background if known else result[t - 1]
        hand_px = np.linalg.norm((hands_px[t] + 0.5) * scale - 0.5 - before @ centre, axis=1)
        untouched = not (hand_px < HAND_NEAR * object_px).any()
        found = _agreed(own, *_followed(grey[0], grey[t], own, before, REST_HALVINGS)) if untouched else None
        now, good = _followed(grey[0], grey[t], beside, before, REST_HALVINGS)
        if found is not None:
            along += good & (np.linalg.norm(cv2.transform(beside, found) - now, axis=-1)[:, 0] < AGREE_PX)
            asked += good
        else:
            stands = along > ALONG_SHARE * np.maximum(asked, 1)
            found = _agreed(beside[stands & good], now[stands & good], good[stands & good])
        if found is not None and _near(found, before, centre, MOST_SHIFT * object_px):
            result[t] = found
        if known:
            against_background = result[t].copy()
    return in_scaled_pictures(result, 1 / scale)


def carried_along(
    frames: np.ndarray,
    mask: np.ndarray,
    home: np.ndarray,
    person: np.ndarray,
    body_px: np.ndarray,
    height_px: float,
) -> bool:
    """Whether what `rest_motion` took for rest is carried by somebody who walks, such as a backpack.

    A camera that follows somebody shows both at their place in the picture and the background going by, as one that
    drifts around somebody who stands does. The floor at their feet tells: it goes by with the background, or stays with
    them. Where no feet or no floor are seen nothing is known, and the object rests.

    Args:
        frames: (T, H, W, 3) u8 RGB, the background's motion taken out; mask: (H, W) bool, the object in the first one.
        home: (T, 2, 3) of `rest_motion`.
        person: (H, W) bool, where the person is in the first frame.
        body_px: (T, 33, 3) of `KeypointTrack`, the background's motion taken out; height_px: the person's.
    """
    if not mask.any():
        return False
    centre = np.append(np.argwhere(mask).mean(0)[::-1], 1.0)
    way = home @ centre - centre[:2]
    trunk = body_px[:, kp.TORSO, :2].mean(1)
    known = (body_px[:, kp.TORSO, 2] >= kp.SURE).all(1)
    asked = np.flatnonzero(known & (np.linalg.norm(way, axis=1) > ASKED_FROM * height_px))
    feet = body_px[0, kp.L_ANKLE :]
    feet = feet[feet[:, 2] >= kp.SURE, :2]
    if not known[0] or not len(asked) or not len(feet):
        return False
    asked = asked[np.unique(np.linspace(0, len(asked) - 1, ASKED_FRAMES).round().astype(int))]
    beside = np.linalg.norm(way[asked] - (trunk[asked] - trunk[0]), axis=1)
    if np.median(beside / np.linalg.norm(way[asked], axis=1)) > SAME_WAY:
        return False
    low = np.array([feet[:, 0].min() - FLOOR_BESIDE * height_px, feet[:, 1].max() - FLOOR_ABOVE * height_px])
    high = feet.max(0) + height_px * np.array([FLOOR_BESIDE, FLOOR_BELOW])
    (x0, y0), (x1, y1) = (np.maximum(corner.round().astype(int), 0) for corner in (low, high))
    floor = np.zeros(mask.shape, bool)
    floor[y0:y1, x0:x1] = True
    return _stays_behind(frames, floor & ~person & ~mask, home, way, asked)


def _stays_behind(frames, floor: np.ndarray, home: np.ndarray, way: np.ndarray, asked: np.ndarray) -> bool:
    """Whether most features of the floor (H, W) bool stay where they are while the object goes its way, (T, 2)."""
    grey, scale = _small_grey(frames[np.append(0, asked)], REST_SIDE_PX)
    size = grey[0].shape[::-1]
    small = cv2.resize(floor.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 254
    points = _features(grey[0], small, BESIDE_FEATURES)
    stay = go = 0
    for image, t in zip(grey[1:], asked):
        to = way[t] * scale
        stay += _agreeing(points, *_followed(grey[0], image, points, IDENTITY, REST_HALVINGS), to, go_along=False)
        guess = in_scaled_pictures(home[t], scale)
        go += _agreeing(points, *_followed(grey[0], image, points, guess, REST_HALVINGS), to, go_along=True)
    return bool(stay > go and stay >= LEAST_AGREEING * len(asked))


def _agreeing(first: np.ndarray, now: np.ndarray, good: np.ndarray, to: np.ndarray, go_along: bool) -> int:
    """How many of the features (N, 1, 2) that go along in a direction (2,), or do not, agree on how they move."""
    good = good & (((now - first)[:, 0] @ to > GOES_ALONG * (to @ to)) == go_along)
    if good.sum() < LEAST_AGREEING:
        return 0
    cv2.setRNGSeed(0)
    matrix, inliers = cv2.estimateAffinePartial2D(first[good], now[good], ransacReprojThreshold=AGREE_PX)
    return 0 if matrix is None else int(inliers.sum())


def _small_grey(frames: np.ndarray, side_px: int) -> tuple[list[np.ndarray], np.ndarray]:  # T of (h, w) u8, (2,)
    """Grey pictures whose longer side is this at most, and how many of their pixels are one of the frames' pixels."""
    height, width = frames.shape[1:3]
    ratio = min(1.0, side_px / max(height, width))
    size = (round(width * ratio), round(height * ratio))
    grey = [cv2.cvtColor(cv2.resize(f, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY) for f in frames]
    return grey, np.array(size) / [width, height]


def _near(found: np.ndarray, before: np.ndarray, centre: np.ndarray, most_px: float) -> bool:
    """Whether a place goes on from where it was, neither much farther away than so many pixels nor of another size."""
    growth = np.hypot(*found[:, 0]) / np.hypot(*before[:, 0])
    return abs(np.log(growth)) < MOST_GROWTH and bool(np.linalg.norm((found - before) @ centre) < most_px)


def _features(image: np.ndarray, where: np.ndarray, most: int) -> np.ndarray:  # (N, 1, 2) f32
    """Corners (Shi and Tomasi 1994) of a grey picture where a mask allows them."""
    points = cv2.goodFeaturesToTrack(image, most, 0.01, 3, mask=where.astype(np.uint8) * 255)
    return np.zeros((0, 1, 2), np.float32) if points is None else points


def _agreed(first: np.ndarray, now: np.ndarray, good: np.ndarray) -> np.ndarray | None:  # (2, 3)
    """The similarity on which enough of the features (N, 1, 2) agree."""
    least = max(LEAST_AGREEING, LEAST_SHARE * len(first))
    if good.sum() < least:
        return None
    cv2.setRNGSeed(0)
    matrix, inliers = cv2.estimateAffinePartial2D(first[good], now[good], ransacReprojThreshold=AGREE_PX)
    return None if matrix is None or inliers.sum() < least else matrix


def _followed(first_image, image, first: np.ndarray, guess: np.ndarray, halvings: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1, 2) where features are by Lucas-Kanade, (N,) whether they return from there to where they were."""
    if not len(first):
        return first, np.zeros(0, bool)
    start = cv2.transform(first, guess).astype(np.float32)
    how = dict(winSize=(15, 15), maxLevel=halvings)
    now, found, _ = cv2.calcOpticalFlowPyrLK(first_image, image, first, start.copy(), flags=4, **how)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(image, first_image, now, first.copy(), flags=4, **how)
    return now, (found[:, 0] > 0) & (returned[:, 0] > 0) & (np.linalg.norm(back - first, axis=-1)[:, 0] < 1.0)


def _moved(first_image, image, first: np.ndarray, guess: np.ndarray, own: np.ndarray) -> np.ndarray | None:  # (2, 3)
    """How the background has moved since the first picture; None where too few features tell, or they disagree.

    Args:
        first: (N, 1, 2) features of the first picture; guess: (2, 3) about how they have moved.
        own: (h, w) bool, what moves by itself in the new one.
    """
    now, good = _followed(first_image, image, first, guess, HALVINGS)
    xy = np.clip(np.round(now[:, 0]), 0, np.array(image.shape[::-1]) - 1).astype(int)
    good &= ~own[xy[:, 1], xy[:, 0]]
    if good.sum() < LEAST_FEATURES:
        return None
    cv2.setRNGSeed(0)
    matrix, inliers = cv2.estimateAffinePartial2D(first[good], now[good], ransacReprojThreshold=1.5)
    return None if matrix is None or inliers.mean() < LEAST_SHARE else matrix
