"""retarget_arm: the acting hand of a motion drives an arm with a gripper."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain, repeat

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, InputError, RetargetError
from hoi_motion.motion import Contact, HoiMotion
from hoi_motion.physics.surface import ObjectSurface
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.attempt import Attempt, JointPath, NotPossible, as_reached, between_m
from hoi_motion.retarget.arm.grasp import (
    acting_contact,
    actor_place,
    grasp_candidates,
    hand_on_object,
    least_width_m,
    place_doubt_m,
)
from hoi_motion.retarget.arm.grip import Grasp
from hoi_motion.retarget.arm.placement import base_candidates
from hoi_motion.retarget.arm.timeline import MIN_RATE_HZ, Course, Timeline, course_of, timeline
from hoi_motion.retarget.arm.world import ArmWorld
from hoi_motion.retarget.retiming import retimed
from hoi_motion.retarget.robot_motion import GripperCommand, RobotMotion
from hoi_motion.rigid import JERK_PEAK

MAX_STRETCH = 4.0
DOWN_RAD = np.radians(35)  # how an arm comes to what stands as high as its base
MAX_BASES = 14
MAX_ATTEMPTS = 600


def retarget_arm(
    motion: HoiMotion,
    arm: Arm,
    body,
    T_world_base: np.ndarray | None = None,
    cancel: CancelToken | None = None,
    start_rad: np.ndarray | None = None,
    obstacles: Sequence[np.ndarray] = (),
) -> RobotMotion:
    """Joint positions of an arm that does to the object what the person's hand did.

    The first grasp and place of the base, in order of likeness to the person, whose whole motion is free of collisions
    is taken. The object goes the person's way; where that jumps or is out of reach, straight and without turning to the
    same place (`path` in the facts). The same input gives the same output. The time is stretched where joints would be
    too fast.

    Args:
        body: BodyModel of the motion, for where the hand is.
        T_world_base: (4, 4) pose of the robot's base; None looks for a place.
        start_rad: (n,) arm joints in which the motion starts; None starts at the robot's home.
        obstacles: vertices (N, 3) of convex bodies beside what the motion has, which the arm avoids, world.

    Raises:
        InputError: FILE_INVALID for a motion with one frame, no object or no contact; CONFIG_INVALID for a start that
            the arm does not have.
        RetargetError: UNREACHABLE with the reasons.
    """
    contact = acting_contact(motion)
    course = course_of(motion, contact)
    start = arm.home_rad if start_rad is None else checked_start(arm, start_rad)
    if T_world_base is None:
        bases = _bases(motion, contact, course, arm, body)
    else:
        bases = [np.asarray(T_world_base, float)]
    grasps = _grasps(motion, contact, course, arm, body, bases)
    thing = motion.object_named(contact.object_name)
    is_round = ObjectSurface(thing.vertices_m, thing.faces, thing.name).is_round
    failures, ways = _Failures(), _Ways(course, arm, grasps, is_round)
    failure = ways.hopeless(bases)
    if failure:
        raise _unreachable(arm, contact, failure, base_is_given=T_world_base is not None)
    with ArmWorld(arm, motion, contact.object_name, obstacles=obstacles) as world:
        for path, grasp, line, places in ways:
            for place in places:
                if cancel:
                    cancel.raise_if_cancelled()
                base = bases[place]
                try:
                    failures.raise_known(grasp, place)
                    here = as_reached(arm, grasp, np.linalg.inv(base) @ course.T_touch)
                    line = line if here is grasp else _timeline(course, arm, here, path, is_round)
                    found = Attempt(arm, world, motion, line, here, base, start).path()
                    result = _robot_motion(found, arm, line, here, base)
                except NotPossible as failure:
                    failures.add(grasp, place, failure)
                    if failure.base_independent:
                        break
                    continue
                facts = {"hand": contact.hand, "object": contact.object_name}
                facts |= {"attempts": failures.count + 1, "path": path} | result.facts
                stretch = max(1.0, (len(result.positions_rad) - 1) / result.fps / course.duration_s)
                return dataclasses.replace(result, stretch=stretch, facts=facts)
            if failures.count > MAX_ATTEMPTS:
                break
    raise _unreachable(arm, contact, failures or "no place for its base", base_is_given=T_world_base is not None)


def _bases(motion: HoiMotion, contact: Contact, course: Course, arm: Arm, body) -> list[np.ndarray]:
    """T_world_base (4, 4) of the places for the robot's base that are tried, best first."""
    thing = motion.object_named(contact.object_name)
    others_m = np.array([o.T_world_object[0, :3, 3] for o in motion.objects if o is not thing]).reshape(-1, 3)
    person_m, robot = actor_place(motion, body), (arm.config.base_height_m, arm.farthest_m, arm.heading_rad)
    return base_candidates(course.T_touch[:3, 3], person_m, motion.supports, others_m, *robot)[:MAX_BASES]


def _unreachable(arm: Arm, contact: Contact, why, base_is_given: bool) -> RetargetError:
    """UNREACHABLE with why, in words or as the commonest failures, and what may help."""
    hints = ["give a base pose, or take another robot"]
    if arm.config.base_height_m is None and not base_is_given:
        hints.append("one that stands on the floor has base_height_m in its file")
    if not arm.has_all_axes:
        hints.append(f"with {len(arm.joint_names)} axes this one reaches a place in few orientations")
    return RetargetError(
        ErrorCode.UNREACHABLE,
        f"{arm.config.name} cannot take {contact.object_name!r}: {why}",
        "; ".join(hints),
    )


Placed = tuple[Grasp, Sequence[int]]
"""A grasp, and the numbers of the places for the base from which it is tried."""


def _grasps(
    motion: HoiMotion, contact: Contact, course: Course, arm: Arm, body, bases: list[np.ndarray]
) -> Iterator[Placed]:
    """Grasps in order of likeness to the person's, at least one if there is a place for the base.

    An arm that cannot turn its gripper in all ways comes from where its base stands rather than as the person did.
    """
    thing = motion.object_named(contact.object_name)
    R_world_object, up = course.T_touch[:3, :3], course.T_touch[2, :3]
    hand_m, approach = hand_on_object(motion, contact, body)

    def coming(approach: np.ndarray) -> Iterator[Grasp]:
        return grasp_candidates(
            thing,
            up,
            hand_m,
            approach,
            arm.gripper,
            course.kind,
            along=course.way_m @ R_world_object,
            is_straight=course.is_straight,
            doubt_m=place_doubt_m(motion, course.T_touch) @ R_world_object,
        )

    if arm.has_all_axes:
        everywhere = range(len(bases))
        found = ((grasp, everywhere) for grasp in coming(approach))
    else:
        ahead = [_ahead(base, course.T_touch[:3, 3]) @ R_world_object for base in bases]
        each = [zip(coming(along), repeat((place,))) for place, along in enumerate(ahead)]
        found = merge(*each, key=lambda placed: placed[0].cost)
    first = next(found, None)
    if first is None and bases:
        raise RetargetError(
            ErrorCode.UNREACHABLE,
            f"{contact.object_name!r} is lifted and {1000 * least_width_m(thing, up):.0f} mm wide, without a rim, "
            f"a neck or a handle for the gripper of {arm.config.name}, which opens "
            f"{1000 * arm.gripper.open_width_m:.0f} mm",
            "if it has a rim or a handle, lift it with its name (hoi-lift --noun mug); "
            "else take a robot with a wider gripper",
        )
    return chain([] if first is None else [first], found)


def _ahead(T_world_base: np.ndarray, object_m: np.ndarray) -> np.ndarray:  # (4, 4), (3,) -> (3,)
    """From above a base to an object, downwards by DOWN_RAD."""
    level = (object_m - T_world_base[:3, 3]) * [1.0, 1.0, 0.0]
    level /= max(float(np.linalg.norm(level)), 1e-9)
    return np.cos(DOWN_RAD) * level - [0.0, 0.0, np.sin(DOWN_RAD)]


class _Failures:
    """Attempts that failed and why, as text; some need not be made again with another path of the object."""

    def __init__(self):
        self.count = 0
        self._reasons = Counter()
        self._hopeless: dict[tuple[int, int], tuple[Grasp, NotPossible]] = {}  # the grasp is kept: its id stays its own

    def raise_known(self, grasp: Grasp, place: int) -> None:
        """Raises: NotPossible when this grasp is known to fail from this base whatever the object's path."""
        if (id(grasp), place) in self._hopeless:
            raise self._hopeless[id(grasp), place][1]

    def add(self, grasp: Grasp, place: int, failure: NotPossible) -> None:
        self.count += 1
        self._reasons[failure.reason] += 1
        if failure.path_independent:
            self._hopeless[id(grasp), place] = grasp, failure

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        common = self._reasons.most_common(3)
        return "; ".join(f"{reason} ({count} of {self.count} attempts)" for reason, count in common)


def checked_start(arm: Arm, start_rad) -> np.ndarray:  # (n,)
    """Arm joints within their limits.

    Raises:
        InputError: CONFIG_INVALID naming the joint and its limits.
    """
    start = np.asarray(start_rad, float)
    names = ", ".join(arm.joint_names)
    if start.shape != arm.home_rad.shape:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"the start has {start.size} joint values", f"{arm.config.name} has {names}"
        )
    for name, value, low, high in zip(arm.joint_names, start, arm.lower_rad, arm.upper_rad):
        if not low <= value <= high:
            raise InputError(
                ErrorCode.CONFIG_INVALID, f"start of {name} is {value:g}", f"its limits are {low:g}..{high:g}"
            )
    return start


class _Ways:
    """Path, grasp, timeline and places for the base of all ways to do it, in the order in which they are tried."""

    def __init__(self, course: Course, arm: Arm, grasps: Iterator[Placed], is_round: bool):
        self._arm = arm
        self._ways = (
            (path, grasp, _timeline(course, arm, grasp, path, is_round), places)
            for path, (grasp, places) in _ways(course, grasps)
        )

    def __iter__(self) -> Iterator[tuple[str, Grasp, Timeline, Sequence[int]]]:
        return self._ways

    def hopeless(self, bases: list[np.ndarray]) -> str:
        """What is out of reach on all ways from all bases, whatever the joints do; empty where anything may be reached.

        Only what every attempt needs is looked at: the gripper on the object, from the touch to the release.
        """
        looked, nearest = [], (np.inf, 0.0)
        for way in self._ways if bases else ():
            looked.append(way)
            _, grasp, line, places = way
            held = line.T_world_object[line.touch : line.release + 1] @ grasp.T_object_tool
            for place in places:
                beyond_m = self._arm.beyond_m(np.linalg.inv(bases[place]) @ held)
                worst = int(beyond_m.argmax())
                if beyond_m[worst] <= 0:
                    self._ways = chain(looked, self._ways)
                    return ""
                nearest = min(nearest, (float(beyond_m[worst]), float(line.source_time_s[line.touch + worst])))
        if not looked:
            return ""
        where = "the nearest place for its base" if len(bases) > 1 else "its base"
        return f"at {nearest[1]:.1f} s the object is {100 * nearest[0]:.0f} cm or more out of its reach from {where}"


def _ways(course: Course, grasps: Iterator[Placed]) -> Iterator[tuple[str, Placed]]:
    """Path and grasp: on the person's way with all grasps, then straight with them. Pushes and touches have one."""
    kept = []
    for placed in grasps:
        if placed[0].grip == "pinch" and course.kind != "touch":
            kept.append(placed)
            if not course.jumps:
                yield "person", placed
        else:
            yield "straight", placed
    for placed in kept:
        yield "straight", placed


def _timeline(course: Course, arm: Arm, grasp: Grasp, path: str, is_round: bool) -> Timeline:
    opened, come, shut = (arm.finger_value(w) for w in (arm.gripper.open_width_m, grasp.open_m, grasp.width_m))
    closing_s, opening_s = (JERK_PEAK * abs(value - shut) / arm.finger_velocity for value in (come, opened))
    return timeline(course, closing_s, opening_s, path, grasp.grip == "push" and is_round)


def _robot_motion(path: JointPath, arm: Arm, line: Timeline, grasp: Grasp, base) -> RobotMotion:
    """The path, stretched until no joint is too fast.

    Raises:
        NotPossible: when that is far longer than the person takes.
    """
    n = len(arm.joint_names)
    positions = np.concatenate([path.positions, arm.fingers.values(path.fingers)], axis=1)
    velocity = np.r_[arm.velocity_rad_s, arm.finger_velocity * np.abs(arm.fingers.multipliers)]
    acceleration = np.r_[arm.acceleration_rad_s2, np.full(len(velocity) - n, np.inf)]  # fingers have no path to keep
    marks = [0, line.touch, line.closed, line.release, line.opened, line.count - 1]
    times = retimed(positions, line.rate_hz, marks, velocity, acceleration)
    if times[-1] > MAX_STRETCH * (line.count - 1) / line.rate_hz:
        raise NotPossible(f"it would take more than {MAX_STRETCH:g} times as long as the person")
    count = int(np.ceil(times[-1] * MIN_RATE_HZ)) + 1
    at = np.linspace(0, times[-1], count)
    positions = CubicSpline(times, positions, bc_type="clamped")(at)
    positions[:, :n] = np.clip(positions[:, :n], arm.lower_rad, arm.upper_rad)
    source = np.interp(at, times, line.source_time_s)
    samples = np.interp(at, times, np.arange(line.count))
    T = line.T_world_object[np.round(samples).astype(int)]
    T_object_tool = grasp.T_object_tool.copy()
    T_object_tool[:3, 3] -= T_object_tool[:3, :3] @ between_m(arm, grasp, arm.finger_value(grasp.width_m))
    if not arm.has_all_axes and grasp.grip == "pinch":
        T = _as_held(T, samples, line, [base @ arm.forward(q[:n]) for q in positions] @ np.linalg.inv(T_object_tool))
    root = np.concatenate([base[:3, 3], Rotation.from_matrix(base[:3, :3]).as_quat()])
    result = RobotMotion(
        arm.config.name,
        (*arm.joint_names, *arm.fingers.names),
        positions,
        np.tile(root, (count, 1)),
        (count - 1) / times[-1],
        source,
        object_pose=np.concatenate([T[:, :3, 3], Rotation.from_matrix(T[:, :3, :3]).as_quat()], axis=1),
        finger_names=arm.fingers.names,
        facts={
            "grip": grasp.grip,
            "gap_m": path.gap_m,
            "width_m": grasp.width_m,
            "T_object_tool": T_object_tool.tolist(),
            "touch_s": float(times[line.touch]),
            "closed_s": float(times[line.closed]),
            "release_s": float(times[line.release]),
        },
    )
    over_speed, over_rise = (peak / limit for peak, limit in zip(result.peaks(), (velocity, acceleration)))
    slower = max(1.0, over_speed.max(), np.sqrt(over_rise.max()))  # what resampling has added
    slower = slower * (1 + 1e-9) if slower > 1 else 1.0
    facts = result.facts | {name: slower * value for name, value in result.facts.items() if name.endswith("_s")}
    return dataclasses.replace(
        result,
        fps=result.fps / slower,
        facts=facts,
        gripper=_commands(arm, grasp, facts, line.release < line.count - 1),
    )


def _as_held(T: np.ndarray, samples: np.ndarray, line: Timeline, T_in_hand: np.ndarray) -> np.ndarray:  # (S, 4, 4)
    """The object's path where a gripper that cannot be turned in all ways turns what it holds; it stays so.

    Args:
        T: (S, 4, 4) as wanted; samples: (S,) of the timeline; T_in_hand: (S, 4, 4) where the gripper has it.
    """
    held = (samples >= line.closed) & (samples <= line.release)
    T = np.where(held[:, None, None], T_in_hand, T)
    if (samples > line.release).any():
        T[samples > line.release] = T[np.flatnonzero(held)[-1]]
    return T


def _commands(arm: Arm, grasp: Grasp, facts: dict, lets_go: bool) -> tuple[GripperCommand, ...]:
    """Open as it comes; a pinch closes until the object stops the fingers, with the gripper's force."""
    told = [(0.0, grasp.open_m)]
    if grasp.grip == "pinch":
        told.append((facts["touch_s"], 0.0))
        if lets_go:
            told.append((facts["release_s"], arm.gripper.open_width_m))
    first = arm.fingers.values([arm.finger_value(width) for _, width in told])[:, 0]
    return tuple(GripperCommand(*when, value, arm.gripper.force_n) for when, value in zip(told, first))
