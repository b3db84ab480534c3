"""Taking something large with both hands, a palm on either side, and holding it before the chest."""

from dataclasses import replace

import numpy as np

from hoi_motion.rigid import minimum_jerk
from training.scenes.grasp import Grasp, HandModel, plan_grasp
from training.scenes.layout import Layout
from training.scenes.objects import BOX, ObjectModel
from training.scenes.posture import SIDES, Skeleton, Trunk, Wrist, shoulder_of
from training.scenes.reach import ARM_STRETCH, Reach, Timing, Unreachable, standing_trunk

NAMES = ("box", "ball", "bowl", "jar")
LARGER = (1.6, 2.1)
"""Things for two hands are this many times as large as those for one."""
FURTHER_M = 0.07
"""And stand this much further away, so that they are on the table all the same."""
ASIDE_M = 0.16
"""At most, from straight ahead of the person."""
PITCH_RAD = (0.15, 0.4)
FLAT_CURL = {"index": 0.1, "middle": 0.1, "pinky": 0.12, "ring": 0.1, "thumb": -0.4}
"""A palm lies on a wide side with the thumb beside it."""
PALM_DOWN = -0.15
"""Palms face a little upwards: what they hold rests on thumb, palm and little finger."""
HELD_M = np.array([0.22, 0.0, -0.30])
"""The near side of what is held, from between the shoulders."""
LOW_M = 0.14
"""Hands hold tall things at least so much below their upper edge."""


def plan_reach_of_both(
    skeleton: Skeleton, hands: dict[str, HandModel], layout: Layout, target: int, rng: np.random.Generator
) -> Reach:
    """Palms on both sides of an object that is then lifted; the side of the reach is any.

    Raises:
        Unreachable: when it stands aside, or an arm is too short.
    """
    placed = layout.objects[target]
    thing, T_object = placed.model, placed.T_world
    if abs(T_object[1, 3]) > ASIDE_M:
        raise Unreachable("the object is not ahead of both hands")
    pitch, side = rng.uniform(*PITCH_RAD), str(rng.choice(list(SIDES)))
    across = _across(thing, T_object)
    held = replace(thing, palm_down=PALM_DOWN, grasp_height=max(thing.grasp_height, 1 - LOW_M / thing.height_m))
    # the same way of approach for both hands: as from a shoulder right behind the object
    behind = T_object[:3, 3] - across
    grasps = {name: plan_grasp(hands[name], held, T_object, behind, pitch, 0.0, opened=FLAT_CURL) for name in SIDES}
    gaze = T_object[:3, 3] + [0, 0, thing.height_m / 2]
    trunk = _bent_trunk(skeleton, grasps, gaze)
    carry = np.array([-rng.uniform(0.0, 0.06), rng.uniform(-0.03, 0.03), rng.uniform(0.11, 0.20)])
    onset, touch = rng.uniform(0.15, 0.23), rng.uniform(0.50, 0.60)
    grip = touch + rng.uniform(0.07, 0.10)
    timing = Timing(onset, touch, grip, rng.uniform(0.88, 0.95))
    other = next(name for name in SIDES if name != side)
    return Reach(side, "picks up", target, grasps[side], trunk, carry, timing, grasps[other])


def holding_wrists(
    layout: Layout, reach: Reach, shares: np.ndarray, shoulders_m: np.ndarray, before_m: np.ndarray
) -> tuple[dict[str, Wrist], np.ndarray]:
    """Both wrists and the object's place (T, 3), on the way from the end of the reach to before the chest.

    Args:
        shares: (T,) of the way; shoulders_m: (T, 3) between the shoulders; before_m: (3,) the same as the reach ends.
    """
    placed = layout.objects[reach.target]
    start = placed.T_world[:3, 3] + reach.carry_m
    begin = start - before_m
    end = HELD_M + [placed.model.footprint_m, 0.0, -placed.model.height_m / 2]
    # back before down, so that it clears the edge of the table
    way = np.stack([minimum_jerk(shares / 0.7), shares, minimum_jerk((shares - 0.4) / 0.6)], 1)
    place = shoulders_m + (1 - way) * begin + way * end
    wrists = {}
    for own in reach.by_hand().values():
        pole = np.tile([-0.45, 0.62 * SIDES[own.side], -0.65], (len(shares), 1))
        rotation = np.tile(own.grasp.rotation, (len(shares), 1, 1))
        wrists[own.side] = Wrist(place + own.grasp.wrist_m + reach.carry_m - start, rotation, pole)
    return wrists, place


def _across(thing: ObjectModel, T_object: np.ndarray) -> np.ndarray:  # (3,)
    """Level way past the object between its two sides: along a box's own faces, else straight away."""
    if thing.shape != BOX:
        away = T_object[:3, 3] * [1, 1, 0]
        return away / np.linalg.norm(away)
    axes = [T_object[:3, 0], T_object[:3, 1], -T_object[:3, 0], -T_object[:3, 1]]
    return max(axes, key=lambda axis: axis[0])


def _bent_trunk(skeleton: Skeleton, grasps: dict[str, Grasp], gaze_m: np.ndarray) -> Trunk:
    """The smallest bend forwards that brings both wrists within the arms' reach, one frame.

    Raises:
        Unreachable: when the deepest bend is not enough.
    """
    lean = np.linspace(0.06, 0.85, 24)
    none, standing = np.zeros(len(lean)), standing_trunk(skeleton, gaze_m)
    pelvis = np.stack([-0.07 * lean, none, standing.pelvis_m[0, 2] - 0.03 * lean**2], 1)
    trunk = Trunk(lean, none, none, pelvis, np.tile(gaze_m, (len(lean), 1)), np.ones(len(lean)))
    near = [
        np.linalg.norm(grasp.wrist_m - shoulder_of(skeleton, trunk, side), axis=1)
        <= ARM_STRETCH * skeleton.arm_length(side)
        for side, grasp in grasps.items()
    ]
    enough = np.all(near, axis=0)
    if not enough.any():
        raise Unreachable("the object is too far away for both hands")
    return trunk.frame(int(np.argmax(enough)))
