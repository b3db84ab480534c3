"""Clips of moving coloured shapes: the VAE's first data, before it sees people."""

import cv2
import numpy as np

from hoi_motion.rigid import minimum_jerk


def moving_shapes(rng: np.random.Generator, num_frames: int, height: int, width: int) -> np.ndarray:  # (T, H, W, 3) u8
    """One clip: a shaded background, resting shapes, and a few limbs and blobs that move smoothly."""
    scale = 2  # supersampling
    H, W = height * scale, width * scale
    background = _background(rng, H, W)
    for _ in range(rng.integers(2, 7)):
        _draw_blob(
            background,
            rng.uniform([0, 0], [W, H]),
            rng.uniform(0.03, 0.3, 2) * H,
            rng.uniform(0, 180),
            _colour(rng),
            rng,
        )
    movers = [_mover(rng, H, W) for _ in range(rng.integers(1, 5))]
    frames = np.empty((num_frames, height, width, 3), np.uint8)
    for t in range(num_frames):
        picture = background.copy()
        phase = t / max(num_frames - 1, 1)
        for draw in movers:
            draw(picture, phase)
        frames[t] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return frames


def _colour(rng) -> tuple[float, ...]:
    return tuple(float(c) for c in rng.uniform(0, 255, 3))


def _background(rng, H: int, W: int) -> np.ndarray:
    corners = np.clip(rng.uniform(30, 240, 3) + rng.normal(0, 25, (2, 2, 3)), 0, 255)
    picture = cv2.resize(corners.astype(np.float32), (W, H), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.7:  # a floor or a table edge
        y = int(rng.uniform(0.3, 0.9) * H)
        shade = np.clip(rng.uniform(30, 240, 3) + rng.normal(0, 15, (2, 2, 3)), 0, 255).astype(np.float32)
        picture[y:] = cv2.resize(shade, (W, H - y), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(np.clip(picture, 0, 255).astype(np.uint8))


def _draw_blob(picture, centre_px, radii_px, angle_deg, colour, rng) -> None:
    box = (tuple(map(float, centre_px)), tuple(float(2 * r) for r in radii_px), float(angle_deg))
    if rng.random() < 0.5:
        cv2.ellipse(picture, box, colour, -1)
    else:
        cv2.fillConvexPoly(picture, cv2.boxPoints(box).astype(np.int32), colour)


def _mover(rng, H: int, W: int):
    """A limb of two capsules or a blob, moving from one place to another with minimum-jerk timing."""
    start, end = rng.uniform([0, 0], [W, H]), rng.uniform([0, 0], [W, H])
    t0, t1 = np.sort(rng.uniform(-0.2, 1.2, 2))
    colour, second, radius = _colour(rng), _colour(rng), float(rng.uniform(0.02, 0.08) * H)
    anchor, bend = rng.uniform([0, 0], [W, H]), rng.normal(0, 0.15 * H, 2)
    kind, turn, blob = rng.random(), rng.uniform(-90, 90), np.random.default_rng(rng.integers(2**32))
    blob_state = blob.bit_generator.state

    def draw(picture, phase: float) -> None:
        s = minimum_jerk((phase - t0) / max(t1 - t0, 1e-3))
        tip = start + (end - start) * s
        if kind < 0.65:
            elbow = (anchor + tip) / 2 + bend
            for a, b, c in ((anchor, elbow, colour), (elbow, tip, second)):
                cv2.line(picture, tuple(a.astype(int)), tuple(b.astype(int)), c, max(int(2 * radius), 1), cv2.LINE_AA)
            cv2.circle(picture, tuple(tip.astype(int)), max(int(1.4 * radius), 1), second, -1, cv2.LINE_AA)
        else:
            blob.bit_generator.state = blob_state  # the same shape in every frame
            _draw_blob(picture, tip, (radius * 2, radius * 3), turn * s, colour, blob)

    return draw
