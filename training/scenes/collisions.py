"""Where a person's surface touches things, and where it may not."""

from functools import lru_cache

import numpy as np

from hoi_motion.body import BodyModel
from training.scenes.layout import Layout, Table
from training.scenes.objects import BOX, least_distance
from training.scenes.posture import SIDES
from training.scenes.reach import Motion, Reach, Unreachable

CONTACT_M = 0.01  # a hand this close touches
TABLE_CLEARANCE_M = 0.003
OBJECT_CLEARANCE_M = 0.01  # to what is not the target
FLOOR_DEPTH_M = 0.005  # soles give way a little
GRIP_DEPTH_M = 0.008  # soft skin may sink this deep into the target


def check_collisions(
    body: BodyModel, layout: Layout, reach: Reach, motion: Motion, vertices: list[np.ndarray]
) -> np.ndarray:
    """Frames in which the reaching hand touches the target, (T,) bool.

    Raises:
        Unreachable: when the body enters the table or an object, or the moved target hits another one.
    """
    target = layout.objects[reach.target]
    for thing in layout.objects:
        gap = np.linalg.norm(motion.T_world_target[:, :2, 3] - thing.T_world[:2, 3], axis=1).min()
        if thing is not target and gap < thing.model.footprint_m + target.model.footprint_m + 0.01:
            raise Unreachable("the target hits another object")
    touching = touching_frames(body, layout, reach, {reach.target: motion.T_world_target}, vertices)
    if not touching[-1]:
        raise Unreachable("the hand does not hold on to the target")
    if touching[motion.progress < 0.5].any():
        raise Unreachable("the hand touches too early")
    return touching


def touching_frames(
    body: BodyModel, layout: Layout, reach: Reach, moving: dict[int, np.ndarray], vertices: list[np.ndarray]
) -> np.ndarray:  # (T,) bool
    """Frames in which the reaching hand touches the target.

    Args:
        moving: poses (T, 4, 4) of what moves, by index of the object; the rest stays; vertices: (V, 3) a frame.

    Raises:
        Unreachable: when the body enters the table or an object.
    """
    hand_ids, body_ids = body.part_vertices[f"{reach.side}_hand"], _collision_ids(body)
    touching = np.zeros(len(vertices), bool)
    for t, surface in enumerate(vertices):
        if layout.table and _table_distance(surface, body_ids, layout.table) < TABLE_CLEARANCE_M:
            raise Unreachable("the body enters the table")
        if surface[body_ids, 2].min() < -FLOOR_DEPTH_M:
            raise Unreachable("the body enters the floor")
        for index, thing in enumerate(layout.objects):
            T_world = moving[index][t] if index in moving else thing.T_world
            if index != reach.target:
                if thing.model.least_distance(surface, body_ids, T_world) < OBJECT_CLEARANCE_M:
                    raise Unreachable("the body enters another object")
                continue
            if thing.model.least_distance(surface, body_ids, T_world) < -GRIP_DEPTH_M:
                raise Unreachable("the body enters the target")
            touching[t] = thing.model.least_distance(surface, hand_ids, T_world) < CONTACT_M
    return touching


def _table_distance(surface: np.ndarray, ids: np.ndarray, table: Table) -> float:
    half = table.size_m / 2
    return least_distance(surface, ids, np.eye(3), table.centre_m - [0, 0, half[2]], BOX, half)


@lru_cache(maxsize=1)
def _collision_ids(body: BodyModel) -> np.ndarray:
    """Vertices to test: all of the hands and forearms, every third of the rest."""
    arms = [body.part_vertices[f"{side}_{part}"] for side in SIDES for part in ("hand", "elbow")]
    return np.unique(np.concatenate([*arms, np.arange(0, len(body.vertex_joint), 3)]))
