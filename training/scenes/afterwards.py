"""What a person does before and after reaching: walk up, put back, carry away, drink, sit down, stand up again, cross
legs, put a foot on a stool, step up and down. Poses, in the world."""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.rigid import minimum_jerk, moved_back
from training.scenes.both_hands import holding_wrists
from training.scenes.foot_off_floor import foot_on_stool, leg_crossed, over_standing_leg
from training.scenes.grasp import RELAXED_CURL, hanging_rotation
from training.scenes.layout import Layout
from training.scenes.limbs import turn_about
from training.scenes.posture import FINGERS, JOINT, SIDES, Skeleton, Trunk, Wrist, pose_body, trunk_joints
from training.scenes.reach import Motion, Reach, Unreachable, hanging_wrist, standing_trunk
from training.scenes.steps import stepping_down
from training.scenes.walking import BENT_M, Walk, in_world, stand, striding, walk

WALKS_UP = "walks up"
PUTS_BACK = "puts back"
CARRIES_AWAY = "carries away"
DRINKS = "drinks"
SITS = "sits down"
STANDS_UP = "sits down and stands up"
CROSSES = "crosses legs"
FOOT_UP = "puts a foot up"
BOTH_HANDS = "takes with both hands"
STEPS_UP = "steps up"
KINDS = (WALKS_UP, PUTS_BACK, CARRIES_AWAY, DRINKS, SITS)
LATER_KINDS = (STANDS_UP, CROSSES, FOOT_UP)
LATEST_KINDS = (BOTH_HANDS, STEPS_UP)
SITTING = (SITS, STANDS_UP, CROSSES)
CARRIED_M = np.array([0.30, 0.0, -0.30])
"""A wrist that carries, from its shoulder: ahead of the chest."""
CLOSE_M = np.array([0.10, 0.02, -0.26])
LAP_M = np.array([0.30, -0.02, -0.26])
SIP_RAD = -0.6
SIP_M = np.array([0.19, 0.0, -0.03])
"""The middle of a rim at the lips, from the head's joint."""
SEAT_BACK_M = 0.40
SOFT_M = 0.09
"""Height of a sitting person's pelvis joint over the seat."""
ARM_SWING = 0.3


@dataclass(frozen=True)
class Acted:
    """What a person has done so far in a scene.

    Attributes:
        pose_rad: (T, 55, 3); transl_m: (T, 3); T_world_target: (T, 4, 4).
        progress: (T,) of the reach, 0..1; path: of the body.
    """

    pose_rad: np.ndarray
    transl_m: np.ndarray
    T_world_target: np.ndarray
    progress: np.ndarray
    path: Walk

    def then(self, other: "Acted") -> "Acted":
        joined = [
            np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("pose_rad", "transl_m", "T_world_target", "progress")
        ]
        return Acted(*joined, self.path.then(other.path))

    def raised(self, height_m: float) -> "Acted":
        """The same on ground that is so much higher, with the target."""
        T = self.T_world_target.copy()
        T[:, 2, 3] += height_m
        transl_m = self.transl_m + [0.0, 0.0, height_m]
        return replace(self, transl_m=transl_m, T_world_target=T, path=self.path.raised(height_m))


def walking_up(skeleton: Skeleton, layout: Layout, target: int, path: Walk) -> Acted:
    """Along a path to the origin, where the person stands before what is reached for."""
    count = len(path)
    thing = layout.objects[target].T_world
    gaze = np.stack([moved_back(T, thing[:3, 3]) for T in path.T_world_body])
    upright = standing_trunk(skeleton, gaze[0])
    trunk = _repeated(upright, count, gaze, path.bent)
    at = trunk_joints(skeleton, trunk)[1]
    wrists = {side: _swinging(skeleton, layout, side, at, path) for side in SIDES}
    pose, transl = _posed(striding(skeleton, path), path, trunk, wrists, _relaxed(count))
    return Acted(pose, transl, np.tile(thing, (count, 1, 1)), np.zeros(count), path)


def reaching(skeleton: Skeleton, motion: Motion) -> Acted:
    """The reach itself, at the origin."""
    path = stand(skeleton, len(motion.progress))
    return Acted(motion.pose_rad, motion.transl_m, motion.T_world_target, motion.progress, path)


def putting_back(reached: Acted, count: int) -> Acted:
    """All the way back that the reach took, object and hand."""
    back = np.linspace(len(reached.progress) - 1, 0, count + 1)[1:].round().astype(int)
    path = reached.path
    return Acted(
        reached.pose_rad[back],
        reached.transl_m[back],
        reached.T_world_target[back],
        np.ones(count),
        Walk(
            path.T_world_body[back],
            {side: path.ankles_m[side][back] for side in SIDES},
            {side: path.feet_yaw_rad[side][back] for side in SIDES},
            path.bent[back],
        ),
    )


@dataclass(frozen=True)
class Afterwards:
    """What a person does with the object in the hand, and with what.

    Attributes:
        kind: one of KINDS, LATER_KINDS or LATEST_KINDS.
        away_m: (2,) where it is carried.
        seat_m, stool_m, step_m: heights of a seat behind the person, of a stool, and of the step on which they stand; 0
            for none.
        leg: the one that crosses the other, that goes up on the stool, or that steps down first.
    """

    kind: str
    away_m: np.ndarray | None = None
    seat_m: float = 0.0
    stool_m: float = 0.0
    step_m: float = 0.0
    leg: str = "left"


def having_taken(skeleton: Skeleton, layout: Layout, reach: Reach, after: Afterwards, count: int) -> Acted:
    """With the object in the hand: to a place, to the mouth, down on a seat, with a leg up on a stool, down a step.

    Raises:
        Unreachable: when a limb is too short on the way.
    """
    straight, down, up = _shares(after.kind, (np.arange(count) + 1) / count)
    path, straight = _path_afterwards(skeleton, after, count, straight, up)
    trunk = _straightened(skeleton, reach, straight, path.bent, down, after.seat_m)
    if after.kind == FOOT_UP:
        trunk = over_standing_leg(trunk, after.leg, up)
    at = trunk_joints(skeleton, trunk)[1]
    position, R_tilt = _carrying_wrist(skeleton, layout, reach, after.kind, at, straight, down)
    pole = np.tile([-0.45, 0.62 * SIDES[reach.side], -0.65], (count, 1))
    wrists = {reach.side: Wrist(position, R_tilt @ reach.grasp.rotation, pole)}
    other = next(side for side in SIDES if side != reach.side)
    wrists[other] = _swinging(skeleton, layout, other, at, path, of_sitting=down)
    curls = _relaxed(count) | {reach.side: {f: np.full(count, reach.grasp.curls[f]) for f in FINGERS}}
    legs = striding(skeleton, path)
    if after.kind == CROSSES:
        legs = leg_crossed(legs, trunk, after.leg, up)
    pose, transl = _posed(legs, path, trunk, wrists, curls)
    wrist_m, T_held = _as_taken(layout, reach)
    T = np.tile(np.eye(4), (count, 1, 1))
    T[:, :3, :3] = R_tilt @ T_held[:3, :3]
    T[:, :3, 3] = position + R_tilt @ (T_held[:3, 3] - wrist_m)
    return Acted(pose, transl, path.T_world_body @ T, np.ones(count), path)


def _path_afterwards(
    skeleton: Skeleton, after: Afterwards, count: int, straight: np.ndarray, up: np.ndarray
) -> tuple[Walk, np.ndarray]:
    """Where feet and body go, and how far the trunk has straightened, (T,): sooner where the person goes away.

    Args:
        straight, up: shares (T,) by which the trunk would straighten, and by which a leg is up.
    """
    if after.kind == FOOT_UP:
        return foot_on_stool(stand(skeleton, count), after.leg, after.stool_m, up), straight
    # the object is off the table before the body turns or goes back
    still = max(2, count // 4)
    if after.kind == CARRIES_AWAY:
        leaving = going_away(skeleton, count - still, after.away_m)
    elif after.kind == STEPS_UP and after.step_m > 0:
        leaving = stepping_down(skeleton, count - still, after.step_m, after.leg)
    else:
        return stand(skeleton, count), straight
    return stand(skeleton, still).then(leaving), minimum_jerk((np.arange(count) + 1) / still)


def _carrying_wrist(
    skeleton: Skeleton,
    layout: Layout,
    reach: Reach,
    kind: str,
    at: np.ndarray,
    straight: np.ndarray,
    down: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (T, 3) of the wrist that has the object, and rotations (T, 3, 3) by which it tilts that.

    Args:
        at: (T, J, 3) joints of the trunk; straight, down: shares (T,) of straightening and of sitting down.
    """
    count, sign, shoulder = len(straight), SIDES[reach.side], at[:, JOINT[f"{reach.side}_shoulder"]]
    first_shoulder = trunk_joints(skeleton, _at_the_end(reach))[1][0, JOINT[f"{reach.side}_shoulder"]]
    wrist_m, T_held = _as_taken(layout, reach)
    begin, tilt = wrist_m - first_shoulder, np.zeros(count)
    carried = CLOSE_M if kind in SITTING else CARRIED_M
    end = (carried + np.outer(down, LAP_M - carried)) * [1, sign, 1]
    if kind == DRINKS:
        tilt = SIP_RAD * straight
        rim = at[:, JOINT["head"]] + SIP_M
        centre = T_held[:3, 3] + [0, 0, 0.8 * layout.objects[reach.target].model.height_m]
        end = rim + turn_about(1, np.full(count, SIP_RAD)) @ (wrist_m - centre) - shoulder
    # back before down, so that it clears the edge of the table
    way = np.stack([minimum_jerk(straight / 0.7), straight, minimum_jerk((straight - 0.4) / 0.6)], 1)
    return shoulder + (1 - way) * begin + way * end, turn_about(1, tilt)


def _as_taken(layout: Layout, reach: Reach) -> tuple[np.ndarray, np.ndarray]:  # (3,), (4, 4)
    """Wrist and pose of the object at the end of the reach, in the air."""
    T_held = layout.objects[reach.target].T_world.copy()
    T_held[:3, 3] += reach.carry_m
    return reach.grasp.wrist_m + reach.carry_m, T_held


def going_away(skeleton: Skeleton, count: int, away_m: np.ndarray) -> Walk:
    """From the origin to a place (2,)."""
    heading = float(np.arctan2(away_m[1], away_m[0]))
    return walk(skeleton, count, (0.0, 0.0), 0.0, away_m, heading, "left" if away_m[1] > 0 else "right")


def having_taken_with_both(
    skeleton: Skeleton, layout: Layout, reach: Reach, count: int, away_m: np.ndarray | None
) -> Acted:
    """With the object between both hands, before the chest; then to a place (2,), if one is given.

    Raises:
        Unreachable: when a limb is too short on the way.
    """
    still = count if away_m is None else max(2, count // 3)
    path = stand(skeleton, still)
    if away_m is not None:
        path = path.then(going_away(skeleton, count - still, away_m))
    straight = minimum_jerk((np.arange(count) + 1) / (0.6 * still if away_m is None else still))
    trunk = _straightened(skeleton, reach, straight, path.bent, np.zeros(count), 0.0)
    before, after = (_between_shoulders(trunk_joints(skeleton, t)[1]) for t in (_at_the_end(reach), trunk))
    wrists, place = holding_wrists(layout, reach, straight, after, before[0])
    curls = {side: {f: np.full(count, own.grasp.curls[f]) for f in FINGERS} for side, own in reach.by_hand().items()}
    pose, transl = _posed(striding(skeleton, path), path, trunk, wrists, curls)
    T = np.tile(layout.objects[reach.target].T_world, (count, 1, 1))
    T[:, :3, 3] = place
    return Acted(pose, transl, path.T_world_body @ T, np.ones(count), path)


def standing_by(skeleton: Skeleton, layout: Layout, place_m: np.ndarray, heading_rad: float) -> Acted:
    """A person standing at a place (2,), one frame."""
    path = stand(skeleton, 1, place_m, heading_rad)
    trunk = standing_trunk(skeleton, np.array([2.0, 0.0, 1.4]))
    at = trunk_joints(skeleton, trunk)[1]
    wrists = {side: hanging_wrist(skeleton, layout, side, at[:, JOINT[f"{side}_shoulder"]]) for side in SIDES}
    pose, transl = _posed(striding(skeleton, path), path, trunk, wrists, _relaxed(1))
    return Acted(pose, transl, np.eye(4)[None], np.zeros(1), path)


def _shares(kind: str, time: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far, in shares (T,), the trunk has straightened, the body has sat down, and a leg is up."""
    nothing = np.zeros(len(time))
    if kind == STANDS_UP:
        down = minimum_jerk((time - 0.2) / 0.35) * (1 - minimum_jerk((time - 0.65) / 0.35))
        return minimum_jerk(time / 0.25), down, nothing
    if kind == CROSSES:
        return minimum_jerk(time / 0.25), minimum_jerk((time - 0.2) / 0.35), minimum_jerk((time - 0.5) / 0.3)
    if kind == FOOT_UP:
        return minimum_jerk(time / 0.4), nothing, np.clip((time - 0.35) / 0.3, 0, 1)
    # who sits down has straightened before
    if kind == SITS:
        return minimum_jerk(time / 0.45), minimum_jerk((time - 0.4) / 0.6), nothing
    return minimum_jerk(time / 0.6), nothing, nothing


def _posed(legs: Skeleton, path: Walk, trunk: Trunk, wrists, curls) -> tuple[np.ndarray, np.ndarray]:
    try:
        pose, transl = pose_body(legs, trunk, wrists, curls)
    except ValueError as error:
        raise Unreachable("a limb is too short on the way") from error
    return in_world(pose, transl, legs.rest[0], path.T_world_body)


def _between_shoulders(at: np.ndarray) -> np.ndarray:  # (T, 55, 3) -> (T, 3)
    return np.mean([at[:, JOINT[f"{side}_shoulder"]] for side in SIDES], axis=0)


def _repeated(one: Trunk, count: int, gaze_m: np.ndarray, bent: np.ndarray) -> Trunk:
    pelvis = np.tile(one.pelvis_m, (count, 1)) - np.outer(bent, [0.0, 0.0, BENT_M])
    bends = (np.repeat(value, count) for value in (one.lean_rad, one.turn_rad, one.side_rad))
    return Trunk(*bends, pelvis, gaze_m, np.repeat(one.attention, count))


def _at_the_end(reach: Reach) -> Trunk:
    """As `animate` leaves it: lifting has straightened the trunk a little."""
    rise = 1 - np.clip(reach.carry_m[2], 0, 0.2)
    end = reach.trunk
    return Trunk(
        end.lean_rad * rise, end.turn_rad, end.side_rad, end.pelvis_m, end.gaze_m + reach.carry_m, end.attention
    )


def _straightened(
    skeleton: Skeleton, reach: Reach, s: np.ndarray, bent: np.ndarray, down: np.ndarray, seat_m: float
) -> Trunk:
    """From the end of the reach to upright, by shares (T,), and down on a seat, by others."""
    first = _at_the_end(reach)
    upright = standing_trunk(skeleton, first.gaze_m[0])
    way, sits = s[:, None], down[:, None]
    lean_rad = (1 - s) * first.lean_rad + s * upright.lean_rad + 0.5 * np.sin(np.pi * down)
    pelvis_m = (1 - way) * first.pelvis_m + way * upright.pelvis_m - np.outer(bent, [0.0, 0.0, BENT_M])
    # the hips go back before they go down
    sits = sits * [0, 1, 1] + minimum_jerk(1.6 * sits) * [1, 0, 0]
    pelvis_m = (1 - sits) * pelvis_m + sits * [-SEAT_BACK_M, 0.0, seat_m + SOFT_M]
    gaze_m = (1 - way) * first.gaze_m + way * (upright.pelvis_m + [1.5, 0.0, 0.4])
    return Trunk(lean_rad, (1 - s) * first.turn_rad, (1 - s) * first.side_rad, pelvis_m, gaze_m, np.full(len(s), 0.4))


def _swinging(
    skeleton: Skeleton, layout: Layout, side: str, at: np.ndarray, path: Walk, of_sitting: np.ndarray | None = None
) -> Wrist:
    """An idle arm: it hangs, swings against its leg, or lies on the thigh, by shares (T,) of sitting down."""
    hanging = hanging_wrist(skeleton, layout, side, at[:, JOINT[f"{side}_shoulder"]])
    position, rotation = hanging.position_m, hanging.rotation
    feet = np.stack([moved_back(T, p)[0] for T, p in zip(path.T_world_body, path.ankles_m[side])])
    position = position - np.outer(ARM_SWING * path.bent * feet, [1.0, 0.0, 0.0])
    if of_sitting is not None and of_sitting.any():
        lap = at[:, 0] + np.array([0.30, 0.13 * SIDES[side], 0.09])
        way = of_sitting[:, None]
        position = (1 - way) * position + way * lap
        flat = turn_about(1, -1.2 * of_sitting)
        rotation = flat @ np.tile(hanging_rotation(SIDES[side]), (len(at), 1, 1))
    return Wrist(position, rotation, hanging.pole)


def _relaxed(count: int) -> dict[str, dict[str, np.ndarray]]:
    return {side: {f: np.full(count, RELAXED_CURL[f]) for f in FINGERS} for side in SIDES}
