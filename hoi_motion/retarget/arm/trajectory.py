"""retarget_arm: the acting hand of a motion drives an arm with a gripper."""

from collections import Counter
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation, Slerp

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.motion import Contact, HoiMotion
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.grasp import Grasp, acting_contact, grasp_candidates, hand_on_object, least_width_m
from hoi_motion.retarget.arm.placement import base_candidates
from hoi_motion.retarget.arm.world import ArmWorld
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.rigid import minimum_jerk

MIN_RATE_HZ = 50.0  # samples a second of source time: fine enough for differences to be accelerations
APPROACH_M = 0.10  # straight way to the object
RETREAT_M = 0.08
APPROACH_SHARE = 0.35  # of the time before the touch
CLOSE_S = 0.2
LIFTED_M = 0.02
MAX_STRETCH = 4.0
MAX_GAP_M = 0.015
MAX_JUMP_RAD = 0.3  # between two samples; more is a flip of the arm
CLEAR_UP_M = (0.0, 0.10, 0.20)  # detours above the start of the straight approach
MAX_BASES, MAX_ATTEMPTS = 14, 600
SELF_STRIDE = 4


@dataclass(frozen=True)
class Timeline:
    """The source motion on a finer grid.

    Attributes:
        rate_hz: samples per second of source time; count: samples.
        T_world_object: (count, 4, 4); touch, release: first and last sample of the contact.
    """

    rate_hz: float
    count: int
    T_world_object: np.ndarray
    touch: int
    release: int


def retarget_arm(
    motion: HoiMotion, arm: Arm, body, T_world_base: np.ndarray | None = None, cancel: CancelToken | None = None
) -> RobotMotion:
    """Joint positions of an arm that does to the object what the person's hand did.

    The first grasp and place of the base, in order of likeness to the person, whose whole motion is free of collisions
    is taken. The same input gives the same output. The time is stretched where joints would be too fast.

    Args:
        body: BodyModel of the motion, for where the hand is.
        T_world_base: (4, 4) pose of the robot's base; None looks for a place.

    Raises:
        InputError: FILE_INVALID for a motion with one frame, no object or no contact.
        RetargetError: UNREACHABLE with the reasons.
    """
    contact = acting_contact(motion)
    line = timeline(motion, contact)
    thing = motion.object_named(contact.object_name)
    T_touch = line.T_world_object[line.touch]
    held = line.T_world_object[line.touch : line.release + 1]
    lifted = bool(held[:, 2, 3].max() - T_touch[2, 3] > LIFTED_M)
    hand_m, approach = hand_on_object(motion, contact, body)
    grasps = grasp_candidates(thing, T_touch[2, :3], hand_m, approach, arm.gripper, lifted)
    first = next(grasps, None)
    if first is None:
        raise RetargetError(
            ErrorCode.UNREACHABLE,
            f"{contact.object_name!r} is lifted and {1000 * least_width_m(thing, T_touch[2, :3]):.0f} mm wide, "
            f"without a rim, a neck or a handle for the gripper of {arm.config.name}, which opens "
            f"{1000 * arm.gripper.open_width_m:.0f} mm",
            "take a robot with a wider gripper, as panda_wide",
        )
    others = np.array([o.T_world_object[0, :3, 3] for o in motion.objects if o is not thing]).reshape(-1, 3)
    bases = [np.asarray(T_world_base, float)] if T_world_base is not None else []
    bases = bases or base_candidates(T_touch[:3, 3], np.zeros(3), motion.supports, others)[:MAX_BASES]
    reasons, attempts = Counter(), 0
    with ArmWorld(arm, motion, contact.object_name) as world:
        for grasp in chain([first], grasps):
            for base in bases:
                if cancel:
                    cancel.raise_if_cancelled()
                attempts += 1
                if attempts > MAX_ATTEMPTS:
                    break
                try:
                    path = _Attempt(arm, world, motion, line, grasp, base).path()
                    result = _robot_motion(path, arm, line, grasp, base, contact, attempts)
                    if result.stretch > MAX_STRETCH:
                        raise _NotPossible(f"it would take more than {MAX_STRETCH:g} times as long as the person")
                except _NotPossible as failure:
                    reasons[failure.reason] += 1
                    if failure.base_independent:
                        break
                    continue
                return result
    told = "; ".join(f"{reason} ({count}x)" for reason, count in reasons.most_common(3))
    raise RetargetError(
        ErrorCode.UNREACHABLE,
        f"{arm.config.name} cannot take {contact.object_name!r}: {told or 'no place for its base'}",
        "give a base pose, or take another robot",
    )


def timeline(motion: HoiMotion, contact: Contact) -> Timeline:
    """The object's poses at MIN_RATE_HZ or more, through the source frames."""
    fine = max(1, int(np.ceil(MIN_RATE_HZ / motion.fps)))
    frames = np.arange(motion.num_frames)
    count = (motion.num_frames - 1) * fine + 1
    at = np.arange(count) / fine
    thing = motion.object_named(contact.object_name)
    T = np.tile(np.eye(4), (count, 1, 1))
    T[:, :3, 3] = PchipInterpolator(frames, thing.T_world_object[:, :3, 3])(at)
    T[:, :3, :3] = Slerp(frames, Rotation.from_matrix(thing.T_world_object[:, :3, :3]))(at).as_matrix()
    release = count - 1 if contact.end_frame == motion.num_frames else (contact.end_frame - 1) * fine
    return Timeline(motion.fps * fine, count, T, contact.start_frame * fine, release)


class _NotPossible(Exception):
    """One grasp from one base does not work."""

    def __init__(self, reason: str, base_independent: bool = False):
        self.reason, self.base_independent = reason, base_independent


@dataclass(frozen=True)
class _Path:
    positions: np.ndarray  # (N, n) arm joints
    fingers: np.ndarray  # (N,)
    gap_m: float


class _Attempt:
    """One grasp from one base: numbered steps in `path`."""

    def __init__(self, arm, world, motion, line: Timeline, grasp: Grasp, base):
        self.arm, self.world, self.motion, self.line = arm, world, motion, line
        self.T_base_world = np.linalg.inv(base)
        self.T_tool = self.T_base_world @ line.T_world_object @ grasp.T_object_tool  # (N, 4, 4) while held
        self.base = base
        gripper = arm.gripper
        self.open = gripper.open if grasp.grip == "pinch" else gripper.closed
        self.shut = arm.finger_value(grasp.width_m)

    def path(self) -> _Path:
        """Raises: _NotPossible with the reason."""
        line, arm, world = self.line, self.arm, self.world
        # 1. the touch itself
        touch = arm.solve(arm.home_rad, self.T_tool[line.touch], 40)
        if touch is None:
            raise _NotPossible("the touch is out of its reach")
        world.set_base(self.base)
        self._check(touch, self.open, line.touch, False, "at the touch", True)
        # 2. along with the object while it is held
        positions = np.zeros((line.count, len(touch)))
        self._follow(positions, touch, range(line.touch, line.release + 1), self.T_tool, "following the object")
        # 3. the straight way to the object, solved backwards from the touch
        straight = max(1, int(APPROACH_SHARE * line.touch)) if line.touch else 0
        before = line.touch - straight
        if straight:
            away = APPROACH_M * (1 - minimum_jerk(np.arange(straight + 1) / straight))
            poses = {before + i: _back(self.T_tool[line.touch], d) for i, d in enumerate(away)}
            self._follow(positions, touch, range(line.touch, before - 1, -1), poses, "approaching the object")
        # 4. away from it when the contact ends before the motion does
        fingers = self._fingers()
        self._retreat(positions)
        # 5. from home to where the straight way starts, over a detour if need be
        self._check_samples(positions, fingers, range(before, line.count), True)
        self._from_home(positions, fingers, before)
        jump = np.abs(np.diff(positions, axis=0)).max(initial=0.0)
        if jump > MAX_JUMP_RAD:
            raise _NotPossible("the arm would have to flip")
        # 6. is the gripper at the object?
        gap = self._gap(positions, fingers)
        if gap > MAX_GAP_M:
            raise _NotPossible("the gripper stays away from the object")
        return _Path(positions, fingers, gap)

    def _follow(self, positions, q, samples, poses, doing: str) -> None:
        for i in samples:
            q = self.arm.solve(q, poses[i], 6)
            if q is None:
                raise _NotPossible(f"{doing} leads out of its reach")
            positions[i] = q

    def _fingers(self) -> np.ndarray:  # (N,)
        line = self.line
        at = np.arange(line.count)
        closing = max(1.0, min(CLOSE_S * line.rate_hz, line.release - line.touch))
        share = minimum_jerk((at - line.touch) / closing)
        opening = minimum_jerk((at - line.release) / max(1.0, CLOSE_S * line.rate_hz))
        return self.open + (self.shut - self.open) * share * (1 - opening)

    def _retreat(self, positions) -> None:
        line = self.line
        rest = np.arange(line.release + 1, line.count)
        if not len(rest):
            return
        wait = CLOSE_S * line.rate_hz
        away = RETREAT_M * minimum_jerk((rest - line.release - wait) / (0.6 * line.rate_hz))
        poses = {int(i): _back(self.T_tool[line.release], d) for i, d in zip(rest, away)}
        self._follow(positions, positions[line.release], poses, poses, "leaving the object")

    def _from_home(self, positions, fingers, before: int) -> None:
        arm, start = self.arm, positions[before]
        if not before:
            return
        share = minimum_jerk(np.arange(before + 1) / before)
        for up_m in CLEAR_UP_M:
            if up_m:
                above = arm.forward(start)
                above[2, 3] += up_m  # the base stands upright
                via = arm.solve(start, above, 25)
                if via is None:
                    continue
                way = PchipInterpolator([0, 0.6, 1], [arm.home_rad, via, start])
            else:
                way = PchipInterpolator([0, 1], [arm.home_rad, start])
            positions[: before + 1] = np.clip(way(share), arm.lower_rad, arm.upper_rad)  # beyond by rounding only
            try:
                self._check_samples(positions, fingers, range(before + 1), False)
            except _NotPossible as failure:
                reason = failure.reason
                continue
            return
        raise _NotPossible(reason)

    def _check_samples(self, positions, fingers, samples, by_grasp: bool) -> None:
        for i in samples:
            self._check(positions[i], fingers[i], i, i % SELF_STRIDE == 0, "on the way", by_grasp)

    def _check(self, q, finger: float, sample: int, with_self: bool, when: str, by_grasp: bool) -> None:
        """by_grasp: the gripper is where the grasp wants it, from whatever base."""
        line, world = self.line, self.world
        world.place_at(sample / line.rate_hz * self.motion.fps, line.T_world_object[sample])
        world.pose(q, finger)
        settled = line.touch <= sample <= line.release + CLOSE_S * line.rate_hz
        hit = world.collision(holding=settled, with_self=with_self)
        if hit:
            raise _NotPossible(f"{when} {hit[0]}", hit[1] and by_grasp)

    def _gap(self, positions, fingers) -> float:
        line, worst = self.line, 0.0
        first = min(line.touch + int(np.ceil(CLOSE_S * line.rate_hz)), line.release)
        for i in range(first, line.release + 1):
            self.world.place_target(line.T_world_object[i])
            self.world.pose(positions[i], fingers[i])
            worst = max(worst, self.world.gap_m())
        return worst


def _robot_motion(path: _Path, arm: Arm, line: Timeline, grasp: Grasp, base, contact, attempts: int) -> RobotMotion:
    """The path in a time in which no joint is too fast."""
    fingers = np.repeat(path.fingers[:, None], len(arm.gripper.joints), axis=1)
    root = np.concatenate([base[:3, 3], Rotation.from_matrix(base[:3, :3]).as_quat()])
    facts = {
        "hand": contact.hand,
        "object": contact.object_name,
        "grip": grasp.grip,
        "gap_m": path.gap_m,
        "width_m": grasp.width_m,
        "touch_sample": line.touch,
        "release_sample": line.release,
        "attempts": attempts,
        "T_object_tool": grasp.T_object_tool.tolist(),
    }
    names = (*arm.joint_names, *arm.gripper.joints)
    positions = np.concatenate([path.positions, fingers], axis=1)
    source_time = np.arange(line.count) / line.rate_hz
    as_fast = RobotMotion(arm.config.name, names, positions, np.tile(root, (line.count, 1)), line.rate_hz, source_time)
    velocity, acceleration = (np.abs(a).max(axis=0) for a in as_fast.rates())
    n = len(arm.joint_names)
    stretch = max(
        1.0,
        (velocity[:n] / arm.velocity_rad_s).max(),
        (velocity[n:] / arm.gripper_velocity).max(),
        np.sqrt((acceleration[:n] / arm.acceleration_rad_s2).max()),
    )
    stretch = float(stretch * (1 + 1e-9)) if stretch > 1 else 1.0
    return RobotMotion(
        as_fast.robot, names, positions, as_fast.root_pose, line.rate_hz / stretch, source_time, stretch, facts
    )


def _back(T_base_tool: np.ndarray, distance_m: float) -> np.ndarray:
    T = T_base_tool.copy()
    T[:3, 3] -= T[:3, 2] * distance_m
    return T
