"""How two people move at one table: one acts and one stands by, each acts, or one hands something to the other.

The actor stands at the origin and faces +x, as everywhere. The companion is animated in a frame of their own, in which
they stand just so, and is brought into the world afterwards.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import KDTree

from hoi_motion.body import BodyModel
from hoi_motion.body.change import turned_root
from hoi_motion.rigid import minimum_jerk
from training.scenes.figure import Figure
from training.scenes.grasp import RELAXED_CURL, HandModel
from training.scenes.layout import Layout
from training.scenes.posture import FINGERS, JOINT, SIDES, Skeleton, Trunk, pose_body, standing_skeleton, trunk_joints
from training.scenes.reach import (
    LOOKING,
    Motion,
    Reach,
    Timing,
    Unreachable,
    animate,
    hanging_wrist,
    plan_reach,
    reachable,
    reaching_trunk,
    standing_trunk,
)

PEOPLE_CLEARANCE_M = 0.02  # between two bodies
HANDS_CLEARANCE_M = 0.004  # while one gives to the other
THINGS_CLEARANCE_M = 0.01
HANDED_ABOVE_M = 0.16, 0.25  # over the table
NOTICED = 0.1  # share of the clip after which who was not aware begins to look
NOTICING = 0.4  # share of the clip that this takes


@dataclass(frozen=True)
class Person:
    """A figure and where they stand: T_world (4, 4) of a frame at their feet, x the way they face."""

    figure: Figure
    skeleton: Skeleton
    hands: dict[str, HandModel]
    T_world: np.ndarray

    @classmethod
    def standing(cls, body: BodyModel, figure: Figure, T_world: np.ndarray, rng: np.random.Generator) -> "Person":
        skeleton = standing_skeleton(figure.body, rng.uniform(0.09, 0.13))
        return cls(figure, skeleton, {s: HandModel(body, figure.body, skeleton, s) for s in SIDES}, T_world)

    def seen(self, layout: Layout) -> Layout:
        """The layout in this person's frame, which is turned by nothing or by half a turn against the world's."""
        T = np.linalg.inv(self.T_world)
        objects = tuple(replace(o, T_world=T @ o.T_world) for o in layout.objects)
        area = T[:2, :2] @ layout.area_centre_m + T[:2, 3]
        table = layout.table and replace(layout.table, centre_m=T[:3, :3] @ layout.table.centre_m + T[:3, 3])
        return replace(layout, objects=objects, area_centre_m=area, table=table)

    def in_world(self, pose_rad: np.ndarray, transl_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A motion (T, 55, 3), (T, 3) of this person's frame, in the world."""
        return self.moved(self.T_world, pose_rad, transl_m)

    def moved(self, T: np.ndarray, pose_rad: np.ndarray, transl_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A motion (T, 55, 3), (T, 3), brought elsewhere by a pose (4, 4)."""
        pose = pose_rad.copy()
        pose[:, 0], transl = turned_root(pose_rad[:, 0], transl_m, self.skeleton.rest[0], T[:3, :3])
        return pose, transl + T[:3, 3]

    def surfaces(self, pose_rad: np.ndarray, transl_m: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Joint transforms (T, 55, 4, 4) and bare surfaces, (V, 3) a frame, of a motion in the world."""
        transforms = self.figure.body.joint_transforms(pose_rad, transl_m)
        return transforms, [self.figure.body.vertices(T) for T in transforms]


@dataclass(frozen=True)
class Part:
    """What one person does: pose_rad (T, 55, 3), transl_m (T, 3) in the world; reach: None for a bystander."""

    pose_rad: np.ndarray
    transl_m: np.ndarray
    reach: Reach | None


@dataclass(frozen=True)
class Play:
    """The parts of actor and companion, and poses (T, 4, 4) of the objects that move, by index, in the world."""

    actor: Part
    companion: Part
    moving: dict[int, np.ndarray]


def one_acts(
    actor: Person,
    companion: Person,
    layout: Layout,
    target: int,
    verb: str,
    num_frames: int,
    rng: np.random.Generator,
    looking: float = LOOKING,
) -> Play:
    """Both could reach the target; the actor does.

    Args:
        looking: attention of the first frame, here and below; with 0 who stands by begins to look and to sway later.

    Raises:
        Unreachable.
    """
    there = companion.seen(layout)
    reachable(companion.skeleton, companion.hands, there, target)
    reach = plan_reach(actor.skeleton, actor.hands, layout, target, verb, rng)
    motion = animate(actor.skeleton, layout, reach, num_frames, looking=looking)
    return Play(
        Part(motion.pose_rad, motion.transl_m, reach),
        _standing_by(companion, there, target, num_frames, rng, aware=looking > 0),
        {target: motion.T_world_target},
    )


def both_act(
    actor: Person,
    companion: Person,
    layout: Layout,
    targets: tuple[int, int],
    verbs: tuple[str, str],
    num_frames: int,
    rng: np.random.Generator,
    looking: float = LOOKING,
) -> Play:
    """Each does something to a thing of their own.

    Raises:
        Unreachable.
    """
    parts, moving = [], {}
    for person, target, verb in zip((actor, companion), targets, verbs):
        part, motion = _acting(person, layout, target, verb, num_frames, rng, looking)
        parts.append(part)
        moving[target] = person.T_world @ motion.T_world_target
    return Play(*parts, moving)


def hand_over(
    actor: Person, companion: Person, layout: Layout, target: int, num_frames: int, rng: np.random.Generator
) -> Play:
    """The actor picks the target up and gives it to the companion, who stands across the table.

    Raises:
        Unreachable.
    """
    thing = layout.objects[target]
    reach = plan_reach(actor.skeleton, actor.hands, layout, target, "picks up", rng)
    meeting = np.array(
        [companion.T_world[0, 3] / 2 + rng.uniform(-0.04, 0.04), 0.0, layout.surface_m + rng.uniform(*HANDED_ABOVE_M)]
    )
    meeting[1] = 0.5 * (thing.T_world[1, 3] + companion.T_world[1, 3])
    carry = meeting - thing.T_world[:3, 3]
    onset, touch = rng.uniform(0.06, 0.10), rng.uniform(0.32, 0.36)
    timing = Timing(onset, touch, touch + 0.05, rng.uniform(0.60, 0.64))
    trunk = reaching_trunk(actor.skeleton, reach.side, reach.grasp.wrist_m + carry, reach.trunk.gaze_m[0])
    reach = replace(reach, carry_m=carry, timing=timing, trunk=trunk)
    taken, release = rng.uniform(0.68, 0.71), rng.uniform(0.80, 0.83)
    gives = animate(actor.skeleton, layout, reach, num_frames, release)

    handed = thing.T_world.copy()
    handed[:3, 3] = meeting
    objects = tuple(replace(o, T_world=handed) if i == target else o for i, o in enumerate(layout.objects))
    there = companion.seen(replace(layout, objects=objects))
    takes = plan_reach(companion.skeleton, companion.hands, there, target, "picks up", rng)
    if takes.side != reach.side:
        raise Unreachable("two hands would be on the same side of the object")
    # the object goes on only when the giver has let go
    takes = replace(takes, timing=Timing(rng.uniform(0.34, 0.40), taken, release, rng.uniform(0.97, 1.0)))
    gets = animate(companion.skeleton, there, takes, num_frames)

    later = np.arange(num_frames) / num_frames >= release
    poses = np.where(later[:, None, None], companion.T_world @ gets.T_world_target, gives.T_world_target)
    return Play(
        Part(gives.pose_rad, gives.transl_m, reach),
        Part(*companion.in_world(gets.pose_rad, gets.transl_m), takes),
        {target: poses},
    )


def check_apart(layout: Layout, play: Play, surfaces: tuple[list[np.ndarray], list[np.ndarray]], touching) -> None:
    """Nothing that moves hits another thing, and the two people keep out of each other.

    Args:
        surfaces: (V, 3) a frame, of actor and companion; touching: (T,) bool of each.

    Raises:
        Unreachable.
    """
    things = layout.objects
    for i, T in play.moving.items():
        for j, other in enumerate(things):
            if j == i or (j in play.moving and j < i):
                continue
            T_other = play.moving.get(j, other.T_world[None])
            gap = np.linalg.norm(T[:, :2, 3] - T_other[:, :2, 3], axis=1)
            near = gap < things[i].model.footprint_m + other.model.footprint_m + THINGS_CLEARANCE_M
            over = T[:, 2, 3] - T_other[:, 2, 3] > other.model.height_m + THINGS_CLEARANCE_M
            if (near & ~over).any():
                raise Unreachable("an object hits another one")
    for t, (first, second) in enumerate(zip(*surfaces)):
        least = HANDS_CLEARANCE_M if touching[0][t] and touching[1][t] else PEOPLE_CLEARANCE_M
        if KDTree(first[::2]).query(second[::2], distance_upper_bound=least)[0].min() < least:
            raise Unreachable("one body enters the other")


def _acting(person, layout, target, verb, num_frames, rng, looking) -> tuple[Part, Motion]:
    there = person.seen(layout)
    reach = plan_reach(person.skeleton, person.hands, there, target, verb, rng)
    motion = animate(person.skeleton, there, reach, num_frames, looking=looking)
    return Part(*person.in_world(motion.pose_rad, motion.transl_m), reach), motion


def _standing_by(
    person: Person, there: Layout, target: int, num_frames: int, rng: np.random.Generator, aware: bool
) -> Part:
    """Arms down, swaying a little, looking at what goes on; who is not `aware` begins with both after a while."""
    thing = there.objects[target]
    still = standing_trunk(person.skeleton, thing.T_world[:3, 3] + [0, 0, thing.model.height_m])
    time = np.linspace(0, 1, num_frames)
    swaying, phase = rng.uniform(0.3, 0.8), rng.random()
    begun = np.ones(num_frames) if aware else minimum_jerk((time - NOTICED) / NOTICING)
    sway = begun * np.sin(2 * np.pi * (swaying * time + phase))
    repeated = [np.repeat(value, num_frames, axis=0) for value in vars(still).values()]
    trunk = replace(Trunk(*repeated), turn_rad=0.05 * sway, attention=begun * rng.uniform(0.2, 0.8))
    at = trunk_joints(person.skeleton, trunk)[1]
    wrists = {s: hanging_wrist(person.skeleton, there, s, at[:, JOINT[f"{s}_shoulder"]]) for s in SIDES}
    curls = {s: {f: np.full(num_frames, RELAXED_CURL[f]) for f in FINGERS} for s in SIDES}
    try:
        pose, transl = pose_body(person.skeleton, trunk, wrists, curls)
    except ValueError as error:
        raise Unreachable("a limb is too short") from error
    return Part(*person.in_world(pose, transl), None)
