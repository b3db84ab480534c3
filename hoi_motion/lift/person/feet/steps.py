"""Steps of feet that nobody sees: which foot stands when, while the body travels.

A fit knows nothing of such feet but that they stay under the body, and lets both glide along. People step: as often as
the speed asks for, one foot at a time, and each foot stands where the body is in the middle of its stand.
"""

from dataclasses import dataclass

import numpy as np

from hoi_motion.frames import closed, runs_of
from hoi_motion.rigid import minimum_jerk

GLIDES_M_S = 0.2
"""Slower than this, a foot counts as standing."""
CALM_S = 0.3
"""Shorter rests within a glide are part of it."""
WALK_RATIO_M_S = 0.4
"""Length of a step over steps a second, the same at all speeds: 0.0065 m a step per minute (Sekiya & Nagasaki, Gait
Posture 7, 1998), so that a step's length is the root of this times the speed."""
TURN_RAD = np.deg2rad(60)
"""Nor does a standing foot stay behind a body that turns farther than this."""
SWING_S = 0.35
"""The shortest time of a step."""
STANDS_SHARE = 0.1
"""Of a step's time at each end both feet stand."""
RISE_M = (0.03, 0.1, 0.10)
"""A swinging foot rises by the first, and by the second share of its way, at most by the third."""


@dataclass(frozen=True)
class Swing:
    """One step.

    Attributes:
        side: 0 is left, 1 is right; start, end: frames between which the foot is in the air.
        before, after: frames in which the foot is where it stands before and after.
    """

    side: int
    start: float
    end: float
    before: float
    after: float


def glides(ankles_m: np.ndarray, hidden: np.ndarray, fps: float) -> list[tuple[int, int]]:  # (T, 2, 3), (T, 2) bool
    """First and last frame of every time in which a hidden foot moves, long enough for a step of each foot."""
    speed = np.linalg.norm(np.diff(ankles_m[..., :2], axis=0), axis=-1) * fps  # (T - 1, 2)
    moves = ((speed > GLIDES_M_S) & hidden[1:] & hidden[:-1]).any(1)
    found = []
    for start, end in runs_of(closed(moves, round(CALM_S * fps))):
        short = max(0, int(np.ceil(2 * SWING_S * fps)) - (end - start))
        start, end = max(0, start - short // 2), min(len(ankles_m) - 1, end + short - short // 2)
        if found and start < found[-1][1]:
            start = found.pop()[0]
        found.append((start, end))
    return found


def swings_of(ankles_m: np.ndarray, yaw_rad: np.ndarray, start: int, end: int, fps: float) -> list[Swing]:
    """The steps of one glide; which foot goes first is what agrees better with how the fit has the feet.

    Args:
        ankles_m: (T, 2, 3) of the fit, left and right; yaw_rad: (T,) where the body turns to, without leaps.
    """
    landings = _landings(ankles_m[start : end + 1].mean(1)[:, :2], yaw_rad[start : end + 1], start, fps)
    both = [_swings(landings, first) for first in (0, 1)]
    return min(both, key=lambda swings: _disagreement(ankles_m, swings, start, end))


def _landings(body_m: np.ndarray, yaw_rad: np.ndarray, start: int, fps: float) -> np.ndarray:  # (T, 2), (T,)
    """When one step ends and the next begins, as frames between the first one, `start`, and the last one.

    The body's way tells how many steps there are and when they land, its turn how many at least.
    """
    frames = np.arange(start, start + len(body_m))
    way_m = np.r_[0, np.linalg.norm(np.diff(body_m, axis=0), axis=1).cumsum()]
    seconds = (len(body_m) - 1) / fps
    steps = max(np.sqrt(way_m[-1] * seconds / WALK_RATIO_M_S), np.ptp(yaw_rad) / TURN_RAD)
    count = int(np.clip(np.ceil(steps), 1, max(1, int(seconds / SWING_S))))
    # a foot lands when the body is between it and the other; the first and the last step are halves
    landed = np.r_[0, (np.arange(1, count + 1) - 0.5) / count, 1]
    # where the body hardly moves, time tells when
    progress = way_m / max(way_m[-1], 1e-6) + np.linspace(0, 0.5, len(frames))
    return np.interp(landed * 1.5, progress, frames)


def _swings(landings: np.ndarray, first: int) -> list[Swing]:
    """Swings of one foot after the other, of which each ends at a landing; the last two stand until the end.

    Args:
        first: the side of the first.
    """
    start, end, middle = landings[0], landings[-1], (landings[1:] + landings[:-1]) / 2
    swings, stands = [], [float(start), float(start)]
    for step, (lifts, lands) in enumerate(zip(landings, landings[1:])):
        side = (first + step) % 2
        after = float(end) if step >= len(middle) - 2 else float(middle[step + 1])
        wait = STANDS_SHARE * (lands - lifts)
        swings.append(Swing(side, lifts + wait, lands - wait, stands[side], after))
        stands[side] = after
    return swings


def _disagreement(ankles_m, swings: list[Swing], start: int, end: int) -> float:
    planned = np.stack([stepped(ankles_m[:, side], swings, side, start, end) for side in (0, 1)], axis=1)
    apart, fitted = (m[:, 0, :2] - m[:, 1, :2] for m in (planned, ankles_m[start : end + 1]))
    return float(((apart - fitted) ** 2).sum())


def stepped(places_m: np.ndarray, swings: list[Swing], side: int, start: int, end: int) -> np.ndarray:
    """Places (T, 3) of a foot that takes these steps, in the frames from start to end: (end - start + 1, 3)."""
    before, after, share = stands(swings, side, np.arange(start, end + 1))
    origin, goal = at(places_m, before), at(places_m, after)
    way = np.linalg.norm(goal - origin, axis=1)
    least, ratio, most = RISE_M
    height = np.minimum(least + ratio * way, most) * 16 * share**2 * (1 - share) ** 2
    moved = origin + minimum_jerk(share)[:, None] * (goal - origin)
    return moved + height[:, None] * [0, 0, 1.0]


def stands(swings: list[Swing], side: int, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per frame the frames of the stand before and after, and the share of the swing between them that is over."""
    mine = [swing for swing in swings if swing.side == side]
    now = [next((s for s in mine if f < s.end), mine[-1]) for f in frames]
    share = np.clip([(f - s.start) / (s.end - s.start) for f, s in zip(frames, now)], 0, 1)
    return np.array([s.before for s in now]), np.array([s.after for s in now]), share


def at(values: np.ndarray, frames: np.ndarray) -> np.ndarray:  # (T, C), (N,) -> (N, C)
    """Values at frames between frames."""
    return np.stack([np.interp(frames, np.arange(len(values)), column) for column in values.T], axis=1)
