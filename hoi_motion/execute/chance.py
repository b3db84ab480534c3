"""Chance: a plan tried with the object where it may stand instead. One that works at a single place is a poor bet."""

from dataclasses import replace

import numpy as np

from hoi_motion.execute.execute import execute
from hoi_motion.execute.task import Task
from hoi_motion.motion import HoiMotion
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.arm.grasp import place_doubt_m
from hoi_motion.retarget.robot_motion import RobotMotion

PLACES = (-1.28, -0.52, 0.52, 1.28)
"""In standard deviations: with 0, the medians of five equally likely parts of a normal distribution."""
LEAST_DOUBT_M = 0.002  # a smaller shift does not count as another place


def tried_beside(
    plan: RobotMotion,
    arm,
    scene: HoiMotion,
    task: Task | None = None,
    noun: str = "",
    cancel: CancelToken | None = None,
) -> tuple[bool, ...]:
    """Whether a plan works where its object stands nearer or farther along the line of sight than it was planned for.

    That is the direction in which a lift is unsure, by its own estimate. These places and the planned one are equally
    likely.

    Args:
        plan, arm, task, noun: as of `execute`; scene: what the plan was made of.

    Returns:
        One answer per place; none where the scene does not say how sure it is, as ground truth does not.
    """
    name = plan.facts["object"]
    doubt_m = place_doubt_m(scene, scene.object_named(name).T_world_object[0])
    if np.linalg.norm(doubt_m) < LEAST_DOUBT_M:
        return ()
    works = []
    for share in PLACES:
        if cancel:
            cancel.raise_if_cancelled()
        works.append(execute(plan, arm, displaced(scene, name, share * doubt_m), task, noun).done)
    return tuple(works)


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
