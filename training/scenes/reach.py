"""The motion: stand, reach, touch, and perhaps lift or slide, as SMPL-X poses and object poses."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation, Slerp

from hoi_motion.body.anatomy import degrees_over_limits
from hoi_motion.rigid import minimum_jerk
from training.scenes.grasp import (
    RELAXED_CURL,
    UP,
    Grasp,
    HandModel,
    hand_rotation,
    hanging_rotation,
    plan_grasp,
)
from training.scenes.layout import Layout
from training.scenes.posture import (
    FINGERS,
    JOINT,
    SIDES,
    Skeleton,
    Trunk,
    Wrist,
    knee_of,
    pose_body,
    shoulder_of,
    trunk_joints,
)

VERBS = {"touches": 0.25, "picks up": 0.5, "slides": 0.25}
"""What the actor does, and how often."""
CROUCH_BELOW = 0.55  # share of the pelvis' height; wrists are no lower on a table
ARM_STRETCH = 0.965  # share of the arm's length that a reach may use
HAND_TURNED = 0.75  # share of the way after which the hand keeps its orientation
SLIDE_ROOM_M = 0.06  # between the slid object and another one
OPENING_SHARE = 0.06  # of the clip, for fingers that let go
RETREAT_M = 0.12
LOOKING = 0.25  # attention to what is reached for, before the reach begins


class Unreachable(Exception):
    """This arrangement does not work; the caller samples another one."""


@dataclass(frozen=True)
class Timing:
    """Shares of the clip: still until `onset`, hand on the object at `touch`, object moves from `grip` to `done`."""

    onset: float
    touch: float
    grip: float
    done: float


@dataclass(frozen=True)
class Reach:
    """What the actor does.

    Attributes:
        side: "left" or "right"; verb: one of VERBS; target: index into the layout's objects.
        grasp: hand on the object; trunk: posture at the touch; carry_m: (3,) how far the object is moved.
        timing: see Timing; other_grasp: of the other hand, if both take it.
    """

    side: str
    verb: str
    target: int
    grasp: Grasp
    trunk: Trunk
    carry_m: np.ndarray
    timing: Timing
    other_grasp: Grasp | None = None

    def by_hand(self) -> dict[str, "Reach"]:
        """The reach as each of the hands makes it that take part, by side; its own side is first."""
        if self.other_grasp is None:
            return {self.side: self}
        other = next(side for side in SIDES if side != self.side)
        return {self.side: self, other: replace(self, side=other, grasp=self.other_grasp, other_grasp=self.grasp)}


def standing_trunk(skeleton: Skeleton, gaze_m: np.ndarray, looking: float = LOOKING) -> Trunk:  # one frame
    upright = np.array([0.03]), np.zeros(1), np.zeros(1), np.array([[0, 0, skeleton.standing_height_m]])
    return Trunk(*upright, gaze_m[None], np.array([looking]))


def reaching_trunk(skeleton: Skeleton, side: str, wrist_m: np.ndarray, gaze_m: np.ndarray) -> Trunk:
    """The smallest bend that brings the wrist within the arm's reach, one frame; to the floor one has to crouch.

    Raises:
        Unreachable: when the deepest bend is not enough.
    """
    sign, standing = SIDES[side], skeleton.standing_height_m
    if wrist_m[2] > CROUCH_BELOW * standing:
        bend = np.linspace(0.06, 0.85, 24)
        back, height = 0.07 * bend, standing - 0.03 * bend**2
        turn, side_bend = -sign * np.minimum(0.45 * bend + 0.08, 0.35), sign * np.minimum(0.25 * bend, 0.15)
    else:
        # pelvis down to half its height and behind the heels, trunk forwards: knees, hips and spine share the way
        deep = np.linspace(0.5, 1.0, 24)
        bend = 0.2 + 1.55 * deep
        back, height = 0.24 * standing * deep, standing * (1 - 0.54 * deep)
        turn, side_bend = -sign * 0.45 * deep, sign * 0.2 * deep
    pelvis = np.stack([-back, 0.03 * sign * np.minimum(bend, 1), height], 1)
    trunk = Trunk(bend, turn, side_bend, pelvis, np.tile(gaze_m, (len(bend), 1)), np.ones(len(bend)))
    distance = np.linalg.norm(wrist_m - shoulder_of(skeleton, trunk, side), axis=1)
    enough = distance <= ARM_STRETCH * skeleton.arm_length(side)
    if not enough.any():
        raise Unreachable("the object is too far away")
    return trunk.frame(int(np.argmax(enough)))


def plan_reach(
    skeleton: Skeleton, hands: dict[str, HandModel], layout: Layout, target: int, verb: str, rng: np.random.Generator
) -> Reach:
    """Hand, grasp, posture and timing for one object.

    Raises:
        Unreachable: when the arm is too short.
    """
    thing, T_object = layout.objects[target].model, layout.objects[target].T_world
    aside = float(T_object[1, 3])
    side = ("left" if aside > 0 else "right") if abs(aside) > 0.04 else str(rng.choice(["left", "right"]))
    gaze = T_object[:3, 3] + [0, 0, thing.height_m / 2]
    shoulder = shoulder_of(skeleton, standing_trunk(skeleton, gaze), side)[0]
    pitch, yaw = rng.uniform(0.15, 0.4), rng.uniform(-0.1, 0.35)
    if layout.table is None:
        pitch += 0.25  # the arm comes from above
    grasp = plan_grasp(hands[side], thing, T_object, shoulder, pitch, yaw)
    trunk = reaching_trunk(skeleton, side, grasp.wrist_m, gaze)
    carry = np.zeros(3)
    if verb == "picks up":
        carry = np.array([-rng.uniform(0.0, 0.08), rng.uniform(-0.03, 0.03), rng.uniform(0.11, 0.20)])
    elif verb == "slides":
        carry = _free_slide(layout, target, rng)
    onset, touch = rng.uniform(0.15, 0.23), rng.uniform(0.50, 0.60)
    grip = touch + rng.uniform(0.07, 0.10)
    return Reach(side, verb, target, grasp, trunk, carry, Timing(onset, touch, grip, rng.uniform(0.88, 0.95)))


def reachable(skeleton: Skeleton, hands: dict[str, HandModel], layout: Layout, index: int) -> None:
    """Raises: Unreachable when the nearer hand cannot get to an object."""
    thing, T_object = layout.objects[index].model, layout.objects[index].T_world
    side = "left" if T_object[1, 3] > 0 else "right"
    shoulder = shoulder_of(skeleton, standing_trunk(skeleton, T_object[:3, 3]), side)[0]
    grasp = plan_grasp(hands[side], thing, T_object, shoulder, 0.25, 0.1, close=False)
    reaching_trunk(skeleton, side, grasp.wrist_m, T_object[:3, 3])


@dataclass(frozen=True)
class Motion:
    """pose_rad (T, 55, 3), transl_m (T, 3), T_world_target (T, 4, 4), progress (T,) of the reach 0..1."""

    pose_rad: np.ndarray
    transl_m: np.ndarray
    T_world_target: np.ndarray
    progress: np.ndarray


def animate(
    skeleton: Skeleton,
    layout: Layout,
    reach: Reach,
    num_frames: int,
    release: float | None = None,
    looking: float = LOOKING,
) -> Motion:
    """Poses of every frame.

    Args:
        release: share of the clip at which the hand has let go and begins to go back; the target stays where it is
            then. None: it holds on.
        looking: attention to the target in the first frame; with 0 that frame does not tell of the reach.

    Raises:
        Unreachable: when a limb is too short on the way.
    """
    time = np.arange(num_frames) / num_frames
    timing = reach.timing
    progress = minimum_jerk((time - timing.onset) / (timing.touch - timing.onset))
    carried = minimum_jerk((time - timing.grip) / (timing.done - timing.grip))
    attention = minimum_jerk((time - timing.onset + 0.06) / 0.22)
    closing = minimum_jerk((time - timing.touch + 0.03) / 0.08)
    moved = carried[:, None] * reach.carry_m
    back = np.zeros(num_frames)
    if release is not None:
        closing = closing * (1 - minimum_jerk((time - release + OPENING_SHARE) / OPENING_SHARE))
        back = minimum_jerk((time - release) / (1 - release))
    start = standing_trunk(skeleton, reach.trunk.gaze_m[0], looking)
    trunk = _between(start, reach.trunk, progress, attention, moved)
    at = trunk_joints(skeleton, trunk)[1]
    wrists, curls, hands = {}, {}, reach.by_hand()
    for side, sign in SIDES.items():
        hanging = hanging_wrist(skeleton, layout, side, at[:, JOINT[f"{side}_shoulder"]])
        if side not in hands:
            wrists[side] = hanging if layout.table else _hand_to_knee(skeleton, side, trunk, hanging, progress)
            curls[side] = {f: np.full(num_frames, RELAXED_CURL[f]) for f in FINGERS}
            continue
        own = hands[side]
        turn = Slerp([0, 1], Rotation.from_matrix([hanging_rotation(sign), own.grasp.rotation]))
        rotation = turn(minimum_jerk(progress / HAND_TURNED)).as_matrix()
        pole = (1 - progress)[:, None] * hanging.pole + progress[:, None] * np.array([-0.45, 0.62 * sign, -0.65])
        away = back[:, None] * (-RETREAT_M * (own.grasp.palm_normal + 1.5 * own.grasp.azimuth))
        if layout.table:
            position = _wrist_path(skeleton, layout, own, start)(progress) + moved + away
        else:
            position = _wrist_going_down(skeleton, layout, own, start, progress) + moved + away
        wrists[side] = Wrist(position, rotation, pole)
        opened = np.minimum(2 * progress, 1)
        curls[side] = {
            f: (1 - opened) * RELAXED_CURL[f]
            + opened * ((1 - closing) * own.grasp.opened[f] + closing * own.grasp.curls[f])
            for f in FINGERS
        }
    try:
        pose, transl = pose_body(skeleton, trunk, wrists, curls)
    except ValueError as error:
        raise Unreachable("a limb is too short on the way") from error
    if layout.table is None and degrees_over_limits(pose)[0].any():
        raise Unreachable("a joint would bend too far")
    T_target = np.tile(layout.objects[reach.target].T_world, (num_frames, 1, 1))
    T_target[:, :3, 3] += moved
    return Motion(pose, transl, T_target, progress)


def hanging_wrist(skeleton: Skeleton, layout: Layout, side: str, shoulder_m: np.ndarray) -> Wrist:
    """Arm hanging beside the body below the shoulder (T, 3), kept in front of the table."""
    sign = SIDES[side]
    position = shoulder_m + np.array([0.03, 0.11 * sign, -0.955 * skeleton.arm_length(side)])
    position[:, 0] = np.minimum(position[:, 0], layout.near_edge_m - 0.11)
    count = len(position)
    pole = np.tile([-1.0, 0.45 * sign, -0.1], (count, 1))
    return Wrist(position, np.tile(hanging_rotation(sign), (count, 1, 1)), pole)


def _hand_to_knee(skeleton: Skeleton, side: str, trunk: Trunk, hanging: Wrist, progress: np.ndarray) -> Wrist:
    """The idle hand of someone who crouches: from hanging to beside its own knee."""
    knee = knee_of(skeleton, trunk, side)
    resting = knee + np.array([0.02, 0.10 * SIDES[side], -0.06])
    loose = hand_rotation(np.array([0.6, 0.0, -0.8]), np.array([0.0, -1.0 * SIDES[side], 0.0]), SIDES[side])
    rotation = Slerp([0, 1], Rotation.from_matrix([hanging.rotation[0], loose]))(progress).as_matrix()
    pole = (1 - progress)[:, None] * hanging.pole + progress[:, None] * np.array([-0.6, 0.6 * SIDES[side], 0.0])
    # from beside the thigh outwards around the knee
    position = hanging.position_m[:1] * (1 - progress)[:, None] + resting * progress[:, None]
    position = position + 0.06 * np.sin(np.pi * progress)[:, None] * np.array([0, SIDES[side], 0])
    return Wrist(position, rotation, pole)


def _free_slide(layout: Layout, target: int, rng: np.random.Generator) -> np.ndarray:  # (3,)
    """A way over the table top or floor that keeps clear of its edges and of the other objects.

    Raises:
        Unreachable: when none of many tries is free.
    """
    here = layout.objects[target]
    half = layout.area_size_m / 2 - here.model.footprint_m
    for _ in range(40):
        angle = rng.uniform(-np.pi, np.pi)
        carry = rng.uniform(0.09, 0.15) * np.array([0.7 * np.cos(angle), np.sin(angle), 0.0])
        there = here.T_world[:3, 3] + carry
        others = [o for o in layout.objects if o is not here]
        inside = (np.abs(there[:2] - layout.area_centre_m) < half).all()
        if inside and all(
            np.linalg.norm((there - o.T_world[:3, 3])[:2]) > o.model.footprint_m + here.model.footprint_m + SLIDE_ROOM_M
            for o in others
        ):
            return carry
    raise Unreachable("no free way to slide")


def _wrist_path(skeleton: Skeleton, layout: Layout, reach: Reach, start: Trunk) -> PchipInterpolator:
    """Curve (0..1) from the hanging hand up in front of the table, over its edge and down to the object."""
    shoulder = shoulder_of(skeleton, start, reach.side)
    first = hanging_wrist(skeleton, layout, reach.side, shoulder).position_m[0]
    end, sign = reach.grasp.wrist_m, SIDES[reach.side]
    before = end - 0.05 * reach.grasp.palm_normal - 0.10 * reach.grasp.azimuth + 0.10 * UP
    edge = np.array([layout.near_edge_m - 0.10, 0.0, max(layout.surface_m + 0.19, 0.5 * (first[2] + before[2]))])
    edge[1] = 0.6 * first[1] + 0.4 * before[1] + 0.03 * sign
    edge[0] = min(edge[0], before[0] - 0.02)
    return _through(first, edge, before, end)


def _wrist_going_down(
    skeleton: Skeleton, layout: Layout, reach: Reach, start: Trunk, progress: np.ndarray
) -> np.ndarray:
    """Wrist (T, 3) of someone who crouches: a curve relative to the shoulder, which goes down with the body."""
    still = np.zeros((len(progress), 3))
    shoulders = shoulder_of(
        skeleton, _between(start, reach.trunk, progress, np.zeros(len(progress)), still), reach.side
    )
    first = hanging_wrist(skeleton, layout, reach.side, shoulder_of(skeleton, start, reach.side)).position_m[0]
    last = shoulder_of(skeleton, reach.trunk, reach.side)[0]
    end = reach.grasp.wrist_m
    before = end - 0.04 * reach.grasp.palm_normal - 0.05 * reach.grasp.azimuth + 0.06 * UP
    path = _through(first - shoulder_of(skeleton, start, reach.side)[0], before - last, end - last)
    return shoulders + path(progress)


def _through(*points_m: np.ndarray) -> PchipInterpolator:
    knots = np.stack(points_m)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    return PchipInterpolator(length / length[-1], knots)


def _between(start: Trunk, end: Trunk, s: np.ndarray, attention: np.ndarray, moved_m: np.ndarray) -> Trunk:
    """Postures (T,) on the way from standing to reaching; lifting straightens the trunk a little."""
    rise = 1 - np.clip(moved_m[:, 2], 0, 0.2)
    return Trunk(
        start.lean_rad + s * (end.lean_rad * rise - start.lean_rad),
        s * end.turn_rad,
        s * end.side_rad,
        start.pelvis_m + s[:, None] * (end.pelvis_m - start.pelvis_m),
        end.gaze_m + moved_m,
        start.attention + attention * (0.9 - start.attention),
    )
