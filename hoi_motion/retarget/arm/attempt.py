"""Attempt: the joint path of one grasp from one base, or why there is none."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from hoi_motion.retarget.arm.grip import Grasp, GripperPose
from hoi_motion.retarget.arm.push import PRESS_M
from hoi_motion.retarget.arm.timeline import Timeline
from hoi_motion.rigid import minimum_jerk

APPROACH_M = 0.10  # straight approach to the object, at least
CLEAR_M = 0.06  # from the object's nearest point, where that begins: elsewhere the fingers may come from any side
RETREAT_M = 0.08
APPROACH_SHARE = 0.35  # of the time before the touch
MAX_GAP_M = 0.015
MAX_JUMP_RAD = 0.3  # between two samples; more is a flip of the arm
CLEAR_UP_M = (0.10, 0.20)  # detours above the start of the straight approach
BERTH_M = 0.02  # given to the object before that, if there is such a way: fingers would come down on what is taller
SELF_STRIDE = 4
PINCH_GIVE_M = 0.002  # fingers may be this deep in what they hold
AS_WANTED_RAD = np.radians(3)
PUSH_ASIDE_RAD = np.radians(30)  # from where a push goes: finger tips that come from beside slide off
TOUCH_OUT_OF_REACH = "the touch is out of its reach"
PRESS_GIVE_M = PRESS_M + 0.003  # and this deep in what they press on


class NotPossible(Exception):
    """One grasp from one base does not work.

    Attributes:
        base_independent: nor from any other base; path_independent: however the object goes from there.
    """

    def __init__(self, reason: str, base_independent: bool = False, path_independent: bool = False):
        self.reason, self.base_independent, self.path_independent = reason, base_independent, path_independent


@dataclass(frozen=True)
class JointPath:
    """An arm's motion that an attempt has found.

    Attributes:
        positions: (N, n) arm joints, rad or m; fingers: (N,) value that the fingers' joints follow.
        gap_m: largest distance of the fingers from the object while they hold it.
        before: sample at which the straight way to the object starts.
    """

    positions: np.ndarray  # (N, n)
    fingers: np.ndarray  # (N,)
    gap_m: float
    before: int


def as_reached(arm, grasp: Grasp, T_base_object: np.ndarray) -> Grasp:
    """A grasp as the arm gets to it: with fewer than six axes its gripper is turned, and taken hold with as it then is.

    Args:
        T_base_object: (4, 4) at the touch.

    Raises:
        NotPossible: out of reach, or the object does not fit between the fingers as the arm turns them.
    """
    if arm.has_all_axes:
        return grasp
    for as_it_comes in (False, False, True):
        T = T_base_object @ grasp.T_object_tool
        at_m = between_m(arm, grasp, arm.finger_value(grasp.open_m))
        q = arm.nearest_posture(T, 40, at_m) if arm.beyond_m(T[None], at_m)[0] <= 0 else None
        if q is None:
            raise NotPossible(TOUCH_OUT_OF_REACH, path_independent=True)
        R_object_tool = T_base_object[:3, :3].T @ arm.forward(q)[:3, :3]
        cosine = (np.trace(R_object_tool.T @ grasp.T_object_tool[:3, :3]) - 1) / 2
        if cosine > np.cos(AS_WANTED_RAD):
            return grasp
        if grasp.grip == "push" and R_object_tool[:, 2] @ grasp.T_object_tool[:3, 2] < np.cos(PUSH_ASIDE_RAD):
            raise NotPossible("it cannot turn its gripper behind it", path_independent=True)
        pose = GripperPose(grasp.T_object_tool[:3, 3], R_object_tool[:, 1], R_object_tool[:, 2])
        assert grasp.again is not None
        found = grasp.again(pose, as_it_comes)
        if not found:
            raise NotPossible("its fingers do not fit around it as it can turn them", path_independent=True)
        grasp = found[0]
    return grasp


def between_m(arm, grasp: Grasp, values) -> np.ndarray:  # (...) -> (..., 3)
    """The middle between the pads in the grasp frame, at values of the gripper: what is held stays there.

    Where one finger stands still, the arm brings it along to the object as the other one closes.
    """
    middles_m = arm.opening.middle_m(np.asarray(values, float))
    tip_m = arm.opening.tip_m(arm.finger_value(grasp.width_m)) if grasp.grip == "pinch" else 0.0
    return np.stack([np.zeros_like(middles_m), middles_m, np.full_like(middles_m, tip_m)], axis=-1)


class Attempt:
    """One grasp from one base: numbered steps in `path`."""

    def __init__(self, arm, world, motion, line: Timeline, grasp: Grasp, base, start: np.ndarray):
        self.arm, self.world, self.motion, self.line, self.start = arm, world, motion, line, start
        self.T_base_world = np.linalg.inv(base)
        self.T_pads = self.T_base_world @ line.T_world_object @ grasp.T_object_tool  # (N, 4, 4) while held
        self.base, self.presses = base, grasp.grip != "pinch"
        self.approach_m = max(APPROACH_M, grasp.depth_m + CLEAR_M)
        self.open, self.shut = arm.finger_value(grasp.open_m), arm.finger_value(grasp.width_m)
        self.fingers = self._fingers()
        self.at_m = between_m(arm, grasp, self.fingers)  # (N, 3)

    def path(self) -> JointPath:
        """Raises: NotPossible with the reason."""
        line, arm, world = self.line, self.arm, self.world
        # 1. the touch itself; what is surely out of reach is not solved for, which takes long and finds nothing
        beyond_m = arm.beyond_m(self.T_pads[line.touch : line.release + 1], self.at_m[line.release])
        touch = None
        if beyond_m[0] <= 0:
            touch = arm.posture(self.T_pads[line.touch], 40, self.at_m[line.touch])
        if touch is None:
            raise NotPossible(TOUCH_OUT_OF_REACH, path_independent=True)
        world.set_base(self.base)
        try:
            self._check(touch, self.open, line.touch, True, "at the touch", True)
        except NotPossible as failure:
            failure.path_independent = True
            raise
        # 2. along with the object from the touch on
        positions = np.zeros((line.count, len(touch)))
        if beyond_m.max() > 0:
            raise NotPossible(_out_of_reach("following the object"))
        self._follow(positions, touch, range(line.touch, line.release + 1), self.T_pads, "following the object")
        # 3. the straight approach to the object, solved backwards from the touch
        straight = max(1, int(APPROACH_SHARE * line.touch))
        before = line.touch - straight
        away = self.approach_m * (1 - minimum_jerk(np.arange(straight + 1) / straight))
        poses = {before + i: _back(self.T_pads[line.touch], d) for i, d in enumerate(away)}
        self._follow(positions, touch, range(line.touch, before - 1, -1), poses, "approaching the object")
        # 4. away from it when the contact ends before the motion does
        fingers = self.fingers
        self._retreat(positions)
        # 5. from where it is to where the straight approach starts, by a detour if need be
        self._check_samples(positions, fingers, range(before, line.count), True)
        self._from_start(positions, fingers, before)
        jump = np.abs(np.diff(positions, axis=0)).max(initial=0.0)
        if jump > MAX_JUMP_RAD:
            raise NotPossible("the arm would have to flip")
        # 6. is the gripper at the object?
        gap = self._gap(positions, fingers)
        if gap > MAX_GAP_M:
            raise NotPossible("the gripper stays away from the object")
        return JointPath(positions, fingers, gap, before)

    def _follow(self, positions, q, samples, poses, doing: str) -> None:
        for i in samples:
            q = self.arm.solve(q, poses[i], 6, self.at_m[i])
            if q is None:
                raise NotPossible(_out_of_reach(doing))
            positions[i] = q

    def _fingers(self) -> np.ndarray:  # (N,)
        line = self.line
        at = np.arange(line.count)
        closing = minimum_jerk((at - line.touch) / max(1, line.closed - line.touch))
        opening = minimum_jerk((at - line.release) / max(1, line.opened - line.release))
        return self.open + (self.shut - self.open) * closing * (1 - opening)

    def _retreat(self, positions) -> None:
        line = self.line
        rest = np.arange(line.release + 1, line.count)
        if not len(rest):
            return
        leaving = max(1, line.count - 1 - line.opened)
        away = RETREAT_M * minimum_jerk((rest - line.opened) / leaving)
        poses = {int(i): _back(self.T_pads[line.release], d) for i, d in zip(rest, away)}
        self._follow(positions, positions[line.release], poses, poses, "leaving the object")

    def _from_start(self, positions, fingers, before: int) -> None:
        arm, reason = self.arm, ""
        share, found = minimum_jerk(np.arange(before + 1) / before), list(ways(self.arm, self.start, positions[before]))
        for clear_m in (BERTH_M, 0.0):
            for way in found:
                positions[: before + 1] = np.clip(way(share), arm.lower_rad, arm.upper_rad)  # beyond by rounding only
                try:
                    self._check_samples(positions, fingers, range(before + 1), False, clear_m)
                except NotPossible as failure:
                    reason = failure.reason
                    continue
                return
        raise NotPossible(reason)

    def _check_samples(self, positions, fingers, samples, by_grasp: bool, clear_m: float = 0.0) -> None:
        for i in samples:
            self._check(positions[i], fingers[i], i, i % SELF_STRIDE == 0, "on the way", by_grasp, clear_m)

    def _check(
        self, q, finger: float, sample: int, with_self: bool, when: str, by_grasp: bool, clear_m: float = 0.0
    ) -> None:
        """by_grasp: the gripper is where the grasp wants it, from whatever base; clear_m: as in `collision`."""
        line, world = self.line, self.world
        world.place_at(line.source_time_s[sample] * self.motion.fps, line.T_world_object[sample])
        world.pose(q, self.arm.fingers.values(finger))
        give = PINCH_GIVE_M if line.touch <= sample <= line.opened else 0.0
        hit = world.collision(PRESS_GIVE_M if self.presses else give, with_self, clear_m)
        if hit:
            raise NotPossible(f"{when} {hit[0]}", hit[1] and by_grasp)

    def _gap(self, positions, fingers) -> float:
        line, worst = self.line, 0.0
        for i in range(line.closed, line.release + 1):
            self.world.place_target(line.T_world_object[i])
            self.world.pose(positions[i], self.arm.fingers.values(fingers[i]))
            worst = max(worst, self.world.gap_m())
        return worst


def ways(arm, start: np.ndarray, end: np.ndarray) -> Iterator[PchipInterpolator]:
    """Joint paths over 0 to 1 from one configuration to another: the straight one, then detours above the end."""
    yield PchipInterpolator([0, 1], [start, end])
    for up_m in CLEAR_UP_M:
        above = arm.forward(end)
        above[2, 3] += up_m  # the base stands upright
        via = arm.solve(end, above, 25)
        if via is not None:
            yield PchipInterpolator([0, 0.6, 1], [start, via, end])


def _out_of_reach(doing: str) -> str:
    return f"{doing} leads out of its reach"


def _back(T_base_tool: np.ndarray, distance_m: float) -> np.ndarray:
    T = T_base_tool.copy()
    T[:3, 3] -= T[:3, 2] * distance_m
    return T
