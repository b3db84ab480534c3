"""The motion: stand, reach, touch, and perhaps lift or slide, as SMPL-X poses and object poses."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation, Slerp

from training.scenes.grasp import OPEN_CURL, RELAXED_CURL, UP, Grasp, HandModel, hanging_rotation, plan_grasp
from training.scenes.layout import Layout
from training.scenes.posture import FINGERS, JOINT, SIDES, Skeleton, Trunk, Wrist, pose_body, trunk_joints

VERBS = {"touches": 0.25, "picks up": 0.5, "slides": 0.25}
"""What the actor does, and how often."""
ARM_STRETCH = 0.965  # share of the arm's length that a reach may use


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
        timing: see Timing; sway: small numbers that vary how the actor stands.
    """

    side: str
    verb: str
    target: int
    grasp: Grasp
    trunk: Trunk
    carry_m: np.ndarray
    timing: Timing


def minimum_jerk(x: np.ndarray) -> np.ndarray:
    """Smoothest rise from 0 to 1 (Flash and Hogan 1985, equation 3)."""
    x = np.clip(x, 0, 1)
    return x**3 * (10 - 15 * x + 6 * x**2)


def standing_trunk(skeleton: Skeleton, gaze_m: np.ndarray) -> Trunk:
    return Trunk(0.03, 0.0, 0.0, np.array([0, 0, skeleton.standing_height_m]), gaze_m, 0.25)


def reaching_trunk(skeleton: Skeleton, side: str, wrist_m: np.ndarray, gaze_m: np.ndarray) -> Trunk:
    """The smallest bend that brings the wrist within the arm's reach.

    Raises:
        Unreachable: when the deepest bend is not enough.
    """
    sign = SIDES[side]
    for bend in np.linspace(0.06, 0.85, 24):
        pelvis = np.array([-0.07 * bend, 0.03 * sign * bend, skeleton.standing_height_m - 0.03 * bend**2])
        turn, lean_side = -sign * min(0.45 * bend + 0.08, 0.35), sign * min(0.25 * bend, 0.15)
        trunk = Trunk(float(bend), turn, lean_side, pelvis, gaze_m, 1.0)
        shoulder = trunk_joints(skeleton, trunk)[1][JOINT[f"{side}_shoulder"]]
        if np.linalg.norm(wrist_m - shoulder) <= ARM_STRETCH * skeleton.arm_length(side):
            return trunk
    raise Unreachable("the object is too far away")


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
    upright = trunk_joints(skeleton, standing_trunk(skeleton, gaze))[1]
    pitch, yaw = rng.uniform(0.15, 0.4), rng.uniform(-0.1, 0.35)
    grasp = plan_grasp(hands[side], thing, T_object, upright[JOINT[f"{side}_shoulder"]], pitch, yaw)
    trunk = reaching_trunk(skeleton, side, grasp.wrist_m, gaze)
    carry = np.zeros(3)
    if verb == "picks up":
        carry = np.array([-rng.uniform(0.0, 0.08), rng.uniform(-0.03, 0.03), rng.uniform(0.11, 0.20)])
    elif verb == "slides":
        carry = np.array([rng.uniform(-0.08, 0.02), SIDES[side] * rng.uniform(0.09, 0.15), 0.0])
    onset, touch = rng.uniform(0.15, 0.23), rng.uniform(0.50, 0.60)
    grip = touch + rng.uniform(0.07, 0.10)
    return Reach(side, verb, target, grasp, trunk, carry, Timing(onset, touch, grip, rng.uniform(0.88, 0.95)))


def reachable(skeleton: Skeleton, hands: dict[str, HandModel], layout: Layout, index: int) -> None:
    """Raises: Unreachable when the nearer hand cannot get to an object."""
    thing, T_object = layout.objects[index].model, layout.objects[index].T_world
    side = "left" if T_object[1, 3] > 0 else "right"
    upright = trunk_joints(skeleton, standing_trunk(skeleton, T_object[:3, 3]))[1]
    shoulder = upright[JOINT[f"{side}_shoulder"]]
    grasp = plan_grasp(hands[side], thing, T_object, shoulder, 0.25, 0.1, close=False)
    reaching_trunk(skeleton, side, grasp.wrist_m, T_object[:3, 3])


@dataclass(frozen=True)
class Motion:
    """pose_rad (T, 55, 3), transl_m (T, 3), T_world_target (T, 4, 4), progress (T,) of the reach 0..1."""

    pose_rad: np.ndarray
    transl_m: np.ndarray
    T_world_target: np.ndarray
    progress: np.ndarray


def animate(skeleton: Skeleton, layout: Layout, reach: Reach, num_frames: int) -> Motion:
    """Poses of every frame.

    Raises:
        Unreachable: when a limb is too short on the way.
    """
    time = np.arange(num_frames) / num_frames
    timing = reach.timing
    progress = minimum_jerk((time - timing.onset) / (timing.touch - timing.onset))
    carried = minimum_jerk((time - timing.grip) / (timing.done - timing.grip))
    attention = minimum_jerk((time - timing.onset + 0.06) / 0.22)
    closing = minimum_jerk((time - timing.touch + 0.03) / 0.08)
    thing = layout.objects[reach.target]
    path = _wrist_path(skeleton, layout, reach)
    turn = Slerp([0, 1], Rotation.from_matrix([hanging_rotation(SIDES[reach.side]), reach.grasp.rotation]))
    poses, translations, objects = [], [], []
    for t in range(num_frames):
        s, moved = progress[t], carried[t] * reach.carry_m
        trunk = _between(standing_trunk(skeleton, reach.trunk.gaze_m), reach.trunk, s, attention[t], moved)
        at = trunk_joints(skeleton, trunk)[1]
        wrists, curls = {}, {}
        for side, sign in SIDES.items():
            hanging = hanging_wrist(skeleton, layout, side, at[JOINT[f"{side}_shoulder"]])
            if side != reach.side:
                wrists[side], curls[side] = hanging, RELAXED_CURL
                continue
            rotation = turn(minimum_jerk(np.array(s / 0.75))).as_matrix()
            rotation = reach.grasp.rotation if s >= 0.75 else rotation
            towards = np.array([-0.45, 0.62 * sign, -0.65])
            pole = (1 - s) * hanging.pole + s * towards
            wrists[side] = Wrist(path(s) + moved, rotation, pole)
            curls[side] = {
                f: (1 - min(2 * s, 1)) * RELAXED_CURL[f]
                + min(2 * s, 1) * ((1 - closing[t]) * OPEN_CURL[f] + closing[t] * reach.grasp.curls[f])
                for f in FINGERS
            }
        try:
            pose, transl = pose_body(skeleton, trunk, wrists, curls)
        except ValueError as error:
            raise Unreachable(str(error)) from error
        T_object = thing.T_world.copy()
        T_object[:3, 3] += moved
        poses.append(pose)
        translations.append(transl)
        objects.append(T_object)
    return Motion(np.stack(poses), np.stack(translations), np.stack(objects), progress)


def hanging_wrist(skeleton: Skeleton, layout: Layout, side: str, shoulder_m: np.ndarray) -> Wrist:
    """Arm hanging beside the body, kept in front of the table."""
    sign = SIDES[side]
    position = shoulder_m + np.array([0.0, 0.11 * sign, -0.955 * skeleton.arm_length(side)])
    position[0] = min(position[0] + 0.03, layout.near_edge_m - 0.11)
    return Wrist(position, hanging_rotation(sign), np.array([-1.0, 0.45 * sign, -0.1]))


def _wrist_path(skeleton: Skeleton, layout: Layout, reach: Reach) -> PchipInterpolator:
    """Curve (0..1) from the hanging hand up in front of the table, over its edge and to the object from outside."""
    at = trunk_joints(skeleton, standing_trunk(skeleton, reach.trunk.gaze_m))[1]
    start = hanging_wrist(skeleton, layout, reach.side, at[JOINT[f"{reach.side}_shoulder"]]).position_m
    end, sign = reach.grasp.wrist_m, SIDES[reach.side]
    before = end - 0.07 * reach.grasp.palm_normal - 0.11 * reach.grasp.azimuth + 0.05 * UP
    edge = np.array([layout.near_edge_m - 0.10, 0.0, max(layout.surface_m + 0.17, 0.5 * (start[2] + before[2]))])
    edge[1] = 0.6 * start[1] + 0.4 * before[1] + 0.03 * sign
    edge[0] = min(edge[0], before[0] - 0.02)
    knots = np.stack([start, edge, before, end])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    return PchipInterpolator(length / length[-1], knots)


def _between(start: Trunk, end: Trunk, s: float, attention: float, moved_m: np.ndarray) -> Trunk:
    # Lifting straightens the trunk a little.
    rise = 1 - 0.5 * min(max(moved_m[2], 0) / 0.2, 1) * 0.4
    return Trunk(
        start.lean_rad + s * (end.lean_rad * rise - start.lean_rad), s * end.turn_rad, s * end.side_rad,
        start.pelvis_m + s * (end.pelvis_m - start.pelvis_m), end.gaze_m + moved_m,
        start.attention + attention * (0.9 - start.attention),
    )  # fmt: skip
