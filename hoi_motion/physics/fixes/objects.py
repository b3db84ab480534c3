"""Objects that move by themselves, or are in the floor or the furniture."""

import numpy as np

from hoi_motion.frames import runs_of
from hoi_motion.motion import HANDS, HoiMotion, ObjectMotion
from hoi_motion.physics.fixes.change import faded, larger, with_objects
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.world import PhysicsWorld


def rest_objects(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Keep objects in place until something touches them, and where they were put afterwards."""
    changed = {}
    for item in geometry.motion.objects:
        T = item.T_world_object.copy()
        touched = geometry.touched(item) | _said_to_be_held(geometry.motion, item)
        for start, end in runs_of(~touched):
            T[start:end] = T[end - 1] if start == 0 else T[start]
        if not np.array_equal(T, item.T_world_object):
            changed[item.name] = T
    return with_objects(geometry.motion, changed)


def _said_to_be_held(motion: HoiMotion, item: ObjectMotion) -> np.ndarray:  # (T,) bool
    return np.any([motion.contact_mask(hand, item.name) for hand in HANDS], axis=0)


def raise_objects(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Push objects out of the floor and the furniture."""
    limit, changed = geometry.config.penetration_m, {}
    for item in geometry.motion.objects:
        push = np.zeros((geometry.motion.num_frames, 3))
        for frame, T_world_object in enumerate(item.T_world_object):
            world.place(("object", item.name), T_world_object)
            for obstacle in ["floor", *(("support", s.name) for s in geometry.supports)]:
                push[frame] = larger(push[frame], world.separation_m(("object", item.name), obstacle), limit)
        if push.any():
            T = item.T_world_object.copy()
            T[:, :3, 3] += faded(push)
            changed[item.name] = T
    return with_objects(geometry.motion, changed)
