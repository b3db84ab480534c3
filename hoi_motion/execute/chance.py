"""Chance: a plan tried with the object where it may stand instead. One that works at a single place is a poor bet."""

from dataclasses import replace

import numpy as np

from hoi_motion.execute.execute import execute
from hoi_motion.execute.feeling.search import Feeler
from hoi_motion.execute.task import Task
from hoi_motion.motion import HoiMotion
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.arm.grasp import place_doubt_m
from hoi_motion.retarget.arm.sight import open_sight, scaled
from hoi_motion.retarget.robot_motion import RobotMotion

PLACES = (-0.52, 0.52, -1.28, 1.28)
"""In standard deviations: with 0, the medians of five equally likely parts of a normal distribution."""
CLEAR = 3  # of five: whatever comes of the others, most places agree
LEAST_DOUBT_M = 0.002  # a smaller shift does not count as another place


def tried_beside(
    plan: RobotMotion,
    arm,
    scene: HoiMotion,
    done: bool,
    task: Task | None = None,
    noun: str = "",
    cancel: CancelToken | None = None,
    feeler: Feeler | None = None,
) -> tuple[bool, ...]:
    """Whether a plan works where its object stands nearer or farther along the line of sight than it was planned for.

    That is the direction in which a lift is unsure, by its own estimate. These places and the planned one are equally
    likely. It ends when most of them agree.

    Args:
        plan, arm, task, noun, feeler: as in `execute`; scene: what the plan was made of.
        done: whether it works where it was planned for.

    Returns:
        One answer per place that was tried; none where the scene does not say how sure it is, as ground truth does not.
    """
    name, answers = plan.facts["object"], [done]
    if not _is_unsure(scene, name):
        return ()
    for share in PLACES:
        if max(sum(answers), len(answers) - sum(answers)) >= CLEAR:
            break
        if cancel:
            cancel.raise_if_cancelled()
        answers.append(execute(plan, arm, elsewhere(scene, name, share), task, noun, feeler=feeler).done)
    return tuple(answers[1:])


def _is_unsure(scene: HoiMotion, name: str) -> bool:
    """Whether the scene's doubt is another place."""
    doubt_m = place_doubt_m(scene, scene.object_named(name).T_world_object[0])
    return bool(np.linalg.norm(doubt_m) >= LEAST_DOUBT_M)


def elsewhere(scene: HoiMotion, object_name: str, spreads: float) -> HoiMotion:
    """The scene with its object so many standard deviations farther away.

    Where nothing but the picture is known, it looks the same from the camera; else it stands at the same height.
    """
    sight = open_sight(scene, object_name)
    if sight is not None:
        return scaled(scene, object_name, 1 + spreads * sight.spread_m / sight.distance_m)
    doubt_m = place_doubt_m(scene, scene.object_named(object_name).T_world_object[0])
    return displaced(scene, object_name, spreads * doubt_m)


def displaced(scene: HoiMotion, object_name: str, shift_m: np.ndarray) -> HoiMotion:  # (3,)
    """The scene with an object and what may carry it moved; the others stay."""
    thing = scene.object_named(object_name)
    T = thing.T_world_object.copy()
    T[:, :3, 3] += shift_m
    objects = tuple(replace(o, T_world_object=T) if o is thing else o for o in scene.objects)
    supports = []
    for support in scene.supports:
        T_box = support.T_world_box.copy()
        T_box[:3, 3] += shift_m
        supports.append(replace(support, T_world_box=T_box))
    return scene.replace(objects=objects, supports=tuple(supports))
