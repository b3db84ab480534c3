"""Objects that leave the hand which holds them."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.motion import SIDE_OF_HAND, HoiMotion, ObjectMotion
from hoi_motion.physics.fixes.change import AIM, moved_hands, way_to_surface, with_objects
from hoi_motion.physics.fixes.objects import rest_objects
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.world import PhysicsWorld


def steady_objects(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Put an object that jumps out of the hand back into it; leave one that nobody holds where it is."""
    return with_objects(geometry.motion, _regripped(geometry)) or rest_objects(geometry, world)


def close_grip(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Restore lost contact: the hand reaches for the object; one in the air comes half of the way."""
    motion, shifts, met = geometry.motion, {}, {}
    followed = _regripped(geometry)
    for item in motion.objects:
        if item.name in followed:
            met[item.name] = _midway(item.T_world_object, followed[item.name])
        there = replace(item, T_world_object=met.get(item.name, item.T_world_object))
        for hand in sorted({c.hand for c in motion.contacts if c.object_name == item.name}):
            lost = motion.contact_mask(hand, item.name) & ~geometry.hand_touches(hand, item)
            shift = shifts.setdefault(SIDE_OF_HAND[hand], np.zeros((motion.num_frames, 3)))
            for frame in np.flatnonzero(lost):
                skin = geometry.vertices_m[frame, geometry.parts.hand_vertices[hand]]
                ways = way_to_surface(geometry, there, frame, skin)
                way = ways[np.linalg.norm(ways, axis=1).argmin()]
                shift[frame] = way * (1 - AIM * geometry.config.contact_distance_m / np.linalg.norm(way))
    shifts = {side: shift for side, shift in shifts.items() if shift.any()}
    if not shifts:
        return with_objects(motion, met)
    moved = moved_hands(geometry, shifts)
    return with_objects(moved, met) or moved


def _midway(T_before: np.ndarray, T_after: np.ndarray) -> np.ndarray:  # (T, 4, 4)
    """Poses halfway between two motions, in place and turn."""
    T = T_before.copy()
    turn = Rotation.from_matrix(T_after[:, :3, :3]) * Rotation.from_matrix(T_before[:, :3, :3]).inv()
    half = Rotation.from_rotvec(turn.as_rotvec() / 2) * Rotation.from_matrix(T_before[:, :3, :3])
    T[:, :3, :3] = half.as_matrix()
    T[:, :3, 3] = (T_before[:, :3, 3] + T_after[:, :3, 3]) / 2
    return T


def _regripped(geometry: MotionGeometry) -> dict[str, np.ndarray]:
    """Poses, as if they had stayed in it, of objects that leave a hand which is labelled as holding them."""
    motion, poses = geometry.motion, {}
    for item in motion.objects:
        for hand in sorted({c.hand for c in motion.contacts if c.object_name == item.name}):
            said = motion.contact_mask(hand, item.name)
            touching = said & geometry.hand_touches(hand, item)
            lost = said & ~touching & ~geometry.supported(item)
            if lost.any() and touching.any():
                wrist = JOINT_NAMES.index(f"{SIDE_OF_HAND[hand]}_wrist")
                poses[item.name] = _carried(item, geometry.T_world_part[:, wrist], touching, lost)
    return poses


def _carried(item: ObjectMotion, T_world_wrist: np.ndarray, touching: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Object poses that keep their pose in the hand during the lost frames, blended between the frames around a gap."""
    T = item.T_world_object.copy()
    in_hand = np.linalg.inv(T_world_wrist) @ T
    good = np.flatnonzero(touching)
    for frame in np.flatnonzero(lost):
        before, after = good[good < frame][-1:], good[good > frame][:1]
        known = np.concatenate([before, after])
        if len(known) == 1:
            T[frame] = T_world_wrist[frame] @ in_hand[known[0]]
            continue
        share = (frame - known[0]) / (known[1] - known[0])
        between = np.eye(4)
        between[:3, :3] = Slerp([0, 1], Rotation.from_matrix(in_hand[known, :3, :3]))(share).as_matrix()
        between[:3, 3] = (1 - share) * in_hand[known[0], :3, 3] + share * in_hand[known[1], :3, 3]
        T[frame] = T_world_wrist[frame] @ between
    return T
