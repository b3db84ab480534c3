"""Timeline: when the hand comes, closes, moves the object, opens and leaves, and where the object is meanwhile."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation, Slerp

from hoi_motion.motion import Contact, HoiMotion
from hoi_motion.rigid import minimum_jerk

MIN_RATE_HZ = 50.0  # samples a second: fine enough for differences to be accelerations
LEAD_S = 1.0  # at least, from the start to the touch
LEAVE_S = 0.8  # at least, to open and withdraw where the person lets go
SETTLE_S = 0.1  # fingers press this long before anything moves
# an object that moves less over STILL_FRAMES is at rest
STILL_M = 0.005
STILL_RAD = 0.05
STILL_FRAMES = 3
JUMP_SIGMA_S = 0.12
JUMP_M = 0.04
JUMP_RAD = np.radians(30)
"""A held object's path that differs by more from what is left of it after smoothing is none that a hand made."""
STRAIGHT_M = 0.02
BALL_SPEED_M_S = 0.04  # at which what is pushed and rolls stops soon enough
LIFTED_M = 0.02
MOVED_M = 0.02


@dataclass(frozen=True)
class Course:
    """What happens to the object in the source motion.

    Attributes:
        kind: "lift", "slide" or "touch".
        touch_s, release_s: source times of the last moment of rest before, and of the end of the contact.
        lets_go: the contact ends before the motion does.
        jumps: no hand can have made the path between.
        frames_s: (T,) and T_world_object: (T, 4, 4) of the source; duration_s: of all of it.
    """

    kind: str
    touch_s: float
    release_s: float
    lets_go: bool
    jumps: bool
    frames_s: np.ndarray
    T_world_object: np.ndarray

    @property
    def duration_s(self) -> float:
        return float(self.frames_s[-1])

    @property
    def T_touch(self) -> np.ndarray:  # (4, 4)
        return self.poses(np.array([self.touch_s]))[0]

    @property
    def way_m(self) -> np.ndarray:  # (3,)
        """From the touch to the release, world."""
        return self.poses(np.array([self.release_s]))[0, :3, 3] - self.T_touch[:3, 3]

    @property
    def is_straight(self) -> bool:
        """Whether the object moves on a line, as far as matters for a push."""
        inside = (self.frames_s >= self.touch_s) & (self.frames_s <= self.release_s)
        moved = self.T_world_object[inside, :3, 3] - self.T_touch[:3, 3]
        along = self.way_m / max(np.linalg.norm(self.way_m), 1e-9)
        beside = np.linalg.norm(moved - np.outer(moved @ along, along), axis=1)
        return bool(self.jumps or beside.max(initial=0.0) < STRAIGHT_M)

    def poses(self, at_s: np.ndarray) -> np.ndarray:  # (N,) -> (N, 4, 4)
        """The object between the source's frames."""
        T = np.tile(np.eye(4), (len(at_s), 1, 1))
        T[:, :3, 3] = PchipInterpolator(self.frames_s, self.T_world_object[:, :3, 3])(at_s)
        T[:, :3, :3] = Slerp(self.frames_s, Rotation.from_matrix(self.T_world_object[:, :3, :3]))(at_s).as_matrix()
        return T


@dataclass(frozen=True)
class Timeline:
    """The robot's time, before joints that are too fast stretch it.

    Attributes:
        rate_hz: samples a second; source_time_s: (N,) of the source motion, which waits while fingers close and open.
        T_world_object: (N, 4, 4) where the object should be.
        touch, closed, release, opened: samples at which the fingers are there, hold, begin to open, are open.
    """

    rate_hz: float
    source_time_s: np.ndarray
    T_world_object: np.ndarray
    touch: int
    closed: int
    release: int
    opened: int

    @property
    def count(self) -> int:
        return len(self.source_time_s)


def course_of(motion: HoiMotion, contact: Contact) -> Course:
    """What the acting hand does to its object.

    A contact is often seen late, when the object moves already: the touch is at the last frame in which it rests. It is
    held until it rests again, unless another hand has it by then.
    """
    thing = motion.object_named(contact.object_name)
    T, last = thing.T_world_object, motion.num_frames - 1
    touch = contact.start_frame
    while touch > 0 and not _rests(T, max(0, touch - STILL_FRAMES + 1), touch):
        touch -= 1
    release = contact.end_frame - 1
    later = [c.start_frame for c in motion.contacts if c.object_name == thing.name and c.start_frame > release]
    end = min(later, default=last)
    while release < end and not _rests(T, release, min(end, release + STILL_FRAMES - 1)):
        release += 1
    held = T[touch : release + 1, :3, 3] - T[touch, :3, 3]
    kind = "touch"
    if held[:, 2].max() > LIFTED_M:
        kind = "lift"
    elif np.linalg.norm(held[-1]) > MOVED_M:
        kind = "slide"
    frames_s = np.arange(motion.num_frames) / motion.fps
    jumps = kind != "touch" and _jumps(T[touch : release + 1], motion.fps)
    return Course(kind, touch / motion.fps, release / motion.fps, release < last, jumps, frames_s, T)


def _rests(T: np.ndarray, first: int, last: int) -> bool:
    """Whether an object stays where it is over some frames."""
    away = np.linalg.norm(T[first : last + 1, :3, 3] - T[last, :3, 3], axis=1).max()
    turn = Rotation.from_matrix(T[first : last + 1, :3, :3]) * Rotation.from_matrix(T[last, :3, :3]).inv()
    return bool(away < STILL_M and turn.magnitude().max() < STILL_RAD)


def _jumps(T: np.ndarray, fps: float) -> bool:
    """Whether a path has jumps that no hand makes."""
    if len(T) < 3:
        return False
    sigma = JUMP_SIGMA_S * fps
    smooth = gaussian_filter1d(T[:, :3, 3], sigma, axis=0, mode="nearest")
    turned = gaussian_filter1d(T[:, :3, :3], sigma, axis=0, mode="nearest")
    cosines = (np.einsum("tij,tij->t", turned, T[:, :3, :3]) - 1) / 2
    off = np.linalg.norm(smooth - T[:, :3, 3], axis=1).max()
    return bool(off > JUMP_M or np.arccos(np.clip(cosines, -1, 1)).max() > JUMP_RAD)


def timeline(course: Course, closing_s: float, opening_s: float, path: str, is_slow: bool = False) -> Timeline:
    """The robot's time for one way of doing it.

    Args:
        closing_s, opening_s: how long the fingers take; nothing else moves meanwhile.
        path: "person", or "straight" from touch to release without turning.
        is_slow: the object would roll away.
    """
    rate = MIN_RATE_HZ
    held_s = course.release_s - course.touch_s
    if is_slow:
        held_s = max(held_s, float(np.linalg.norm(course.way_m)) / BALL_SPEED_M_S)
    rest_s = course.duration_s - course.release_s
    parts = [(max(course.touch_s, LEAD_S), course.touch_s), (closing_s + SETTLE_S, 0.0)]
    parts.append((held_s, course.release_s - course.touch_s))
    if course.lets_go:
        parts += [(opening_s + SETTLE_S, 0.0), (max(rest_s, LEAVE_S), rest_s)]
    marks, source = [0], [np.zeros(1)]
    for lasts_s, source_s in parts:
        count = max(1, int(np.ceil(lasts_s * rate)))
        marks.append(marks[-1] + count)
        source.append(source[-1][-1] + source_s * np.arange(1, count + 1) / count)
    times = np.minimum(np.concatenate(source), course.duration_s)
    T = course.poses(times)
    touch, closed, release = marks[1:4]
    if path == "straight":
        share = minimum_jerk(np.arange(release - closed + 1) / (release - closed))
        T[: closed + 1] = course.T_touch
        T[closed : release + 1] = course.T_touch
        T[closed : release + 1, :3, 3] += share[:, None] * course.way_m
        T[release:] = T[release]
    return Timeline(rate, times, T, touch, closed, release, marks[4] if course.lets_go else marks[-1])
