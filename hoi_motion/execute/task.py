"""Task: what should happen to an object, and when it counts as done. Every reported success is judged here.

Judged by the true object's motion alone, not by what the robot was planned to do:

- `touch`: the gripper presses on it, and it stands where it stood. A touch that pushes it away or over is another act.
- `slide`: it ends where the person moved it, and did not fall over. It may be held or pushed.
- `lift`: it ends where the person carried it, off everything but the gripper for a while, and not turned over.

The end may miss its place by a third of the way to go, at most PLACE_M: two thirds of a short slide count as one,
while a far goal missed by a hand's breadth is missed.
"""

from dataclasses import dataclass

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.motion import HoiMotion

MOVED_M = 0.02  # less is a touch: people nudge what they touch
PLACE_M = 0.05
PLACE_SHARE = 1 / 3
TOUCH_STAYS_M = 0.03
TOUCH_TILT_RAD = np.radians(15)
TURNED_OVER_RAD = np.radians(45)
PRESSED_S = 0.1  # a touch lasts at least this long
CARRIED_S = 0.2


@dataclass(frozen=True)
class Task:
    """What should become of an object.

    Attributes:
        object_name: what it is about; kind: "touch", "slide" or "lift".
        T_start, T_goal: (4, 4) pose of the object before and after, world.
    """

    object_name: str
    kind: str
    T_start: np.ndarray
    T_goal: np.ndarray

    @property
    def way_m(self) -> float:
        return float(np.linalg.norm(self.T_goal[:3, 3] - self.T_start[:3, 3]))

    @property
    def T_end(self) -> np.ndarray:  # (4, 4)
        """Where it should be in the end: for a touch, where it was."""
        return self.T_start if self.kind == "touch" else self.T_goal

    @property
    def place_m(self) -> float:
        """How far from the goal the object may end."""
        return TOUCH_STAYS_M if self.kind == "touch" else min(PLACE_M, PLACE_SHARE * max(self.way_m, MOVED_M))


@dataclass(frozen=True)
class Happened:
    """What the object went through.

    Attributes:
        T_start, T_end: (4, 4) its pose before and after, world.
        centre_m: (3,) its centre of mass, object frame, which is what counts for a rolling ball.
        pressed_s: how long the gripper pressed on it; carried_s: how long it was off everything but the robot.
        is_round: a ball, whose rotation does not matter.
    """

    T_start: np.ndarray
    T_end: np.ndarray
    centre_m: np.ndarray
    pressed_s: float
    carried_s: float
    is_round: bool

    @property
    def moved_m(self) -> np.ndarray:  # (3,)
        """Displacement of its centre, world."""
        return _moved(self.T_start, self.T_end, self.centre_m)


def task_of(motion: HoiMotion, object_name: str) -> Task:
    """What a person did to an object.

    Raises:
        InputError: FILE_INVALID when the motion has no such object.
    """
    thing = next((o for o in motion.objects if o.name == object_name), None)
    if thing is None:
        known = ", ".join(o.name for o in motion.objects) or "none"
        raise InputError(ErrorCode.FILE_INVALID, f"no object {object_name!r} in this motion", f"objects: {known}")
    T = thing.T_world_object
    away = T[:, :3, 3] - T[0, :3, 3]
    kind = "touch"
    if away[:, 2].max() > MOVED_M:
        kind = "lift"
    elif np.linalg.norm(away[-1]) > MOVED_M:
        kind = "slide"
    return Task(object_name, kind, T[0], T[-1])


def _moved(T_before: np.ndarray, T_after: np.ndarray, centre_m: np.ndarray) -> np.ndarray:  # (3,)
    return (T_after - T_before)[:3] @ np.append(centre_m, 1.0)


def place_error(task: Task, happened: Happened) -> np.ndarray:  # (3,)
    """How far the object's middle ended from where it should be, world.

    A scene need not start where the task was seen: the displacement counts.
    """
    return happened.moved_m - _moved(task.T_start, task.T_end, happened.centre_m)


def why_not(task: Task, happened: Happened) -> str:
    """Why a task was not done, in words; empty when it was."""
    wanted, moved = _moved(task.T_start, task.T_end, happened.centre_m), happened.moved_m
    off_m = float(np.linalg.norm(place_error(task, happened)))
    up = (task.T_end[:3, :3] @ task.T_start[:3, :3].T)[:, 2]
    is_up = (happened.T_end[:3, :3] @ happened.T_start[:3, :3].T)[:, 2]
    tilt = 0.0 if happened.is_round else float(np.arccos(np.clip(up @ is_up, -1, 1)))
    if happened.pressed_s < PRESSED_S:
        return "the gripper does not touch it"
    if tilt > (TOUCH_TILT_RAD if task.kind == "touch" else TURNED_OVER_RAD):
        return "it falls over"
    if task.kind == "lift" and happened.carried_s < CARRIED_S:
        return "it is not lifted"
    if off_m > task.place_m:
        if task.kind == "touch":
            return "it is pushed away"
        if task.kind == "lift" and moved[2] < wanted[2] / 2:
            return "it slips out of the gripper"
        along = moved @ wanted / max(np.linalg.norm(wanted), 1e-9) ** 2
        return "it is left behind" if along < 1 - PLACE_SHARE else "it goes elsewhere"
    return ""
