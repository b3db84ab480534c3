"""A body that passes through objects or furniture."""

import numpy as np

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.motion import HoiMotion, SupportBox
from hoi_motion.physics.fixes.change import AIM, faded, larger, moved_hands, shifted_body, way_to_surface
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.person import part_words
from hoi_motion.physics.world import PhysicsWorld
from hoi_motion.rigid import moved_back

ARM_WORDS = ("forearm", "hand")


def leave_furniture(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Pull hands and forearms out of furniture with the arm, everything else with the body as a whole."""
    pushes: dict[str, np.ndarray] = {}
    for box in geometry.supports:
        frames, vertices = np.nonzero(geometry.skin_distance(box) < 0)
        T_world_box = np.broadcast_to(box.T_world_box, (geometry.motion.num_frames, 4, 4))
        found: dict[str, np.ndarray] = {}
        _add_pushes(found, geometry, world, ("support", box.name), T_world_box, frames, vertices)
        for mover, push in found.items():
            if mover != "body" and push.any():
                push = _out_of_one_face(geometry, box, mover, push.any(axis=1))
            pushes[mover] = pushes.get(mover, 0) + push
    return _pushed(geometry, pushes)


def leave_objects(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Pull hands and forearms out of objects with the arm, everything else with the body as a whole."""
    pushes: dict[str, np.ndarray] = {}
    for item in geometry.motion.objects:
        near = geometry.near(item)
        inside = near.distances_m < 0
        frames, vertices = near.frames[inside], near.vertices[inside]
        if geometry.surfaces[item.name].is_convex:
            _add_pushes(pushes, geometry, world, ("object", item.name), item.T_world_object, frames, vertices)
            continue
        for frame in np.unique(frames):
            vertex = vertices[frames == frame][near.distances_m[inside][frames == frame].argmin()]
            way = way_to_surface(geometry, item, frame, geometry.vertices_m[[frame], vertex])[0]
            _note(pushes, geometry, frame, int(geometry.parts.joint_of_vertex[vertex]), way)
    return _pushed(geometry, pushes)


def _add_pushes(pushes, geometry, world, obstacle, T_world_obstacle, frames, vertices) -> None:
    """Record the shift by which every part with skin inside a convex obstacle leaves it."""
    pairs = np.unique(np.stack([frames, geometry.parts.joint_of_vertex[vertices]]), axis=1).T
    for frame, joint in pairs.tolist():
        if joint in geometry.parts.hulls_m:
            world.place(obstacle, T_world_obstacle[frame])
            world.place(("part", joint), geometry.T_world_part[frame, joint])
            _note(pushes, geometry, frame, joint, world.separation_m(("part", joint), obstacle))


def _note(pushes: dict, geometry: MotionGeometry, frame: int, joint: int, separation_m: np.ndarray) -> None:
    side, _, what = part_words(joint).partition(" ")
    mover = side if what in ARM_WORDS else "body"
    push = pushes.setdefault(mover, np.zeros((geometry.motion.num_frames, 3)))
    push[frame] = larger(push[frame], separation_m, geometry.config.penetration_m)


def _out_of_one_face(
    geometry: MotionGeometry, box: SupportBox, side: str, at_fault: np.ndarray
) -> np.ndarray:  # (T, 3)
    """The shift of hand and forearm out of a box through the same face in all frames: a table top is so thin that the
    shortest way out of it changes from frame to frame."""
    words = np.array([part_words(joint) for joint in range(len(JOINT_NAMES))])
    arm = np.isin(words[geometry.parts.joint_of_vertex], [f"{side} {word}" for word in ARM_WORDS])
    frames = np.flatnonzero(at_fault)
    local = moved_back(box.T_world_box, geometry.vertices_m[frames][:, arm])
    within = np.abs(local) < box.size_m / 2
    ways = []
    for axis in range(3):
        column = within[..., (axis + 1) % 3] & within[..., (axis + 2) % 3]
        for sign in (-1, 1):
            depth = np.where(column, box.size_m[axis] / 2 - sign * local[..., axis], 0).max(axis=1)
            ways.append((depth.max(), sign * box.T_world_box[:3, axis], depth))
    _, direction, depth = min(ways, key=lambda way: way[0])
    push = np.zeros((len(at_fault), 3))
    push[frames] = (depth - AIM * geometry.config.penetration_m).clip(0)[:, None] * direction
    return push


def _pushed(geometry: MotionGeometry, pushes: dict[str, np.ndarray]) -> HoiMotion | None:
    """Shift the body and its hands; the body only sideways and no faster than planted feet may slide."""
    pushes = {mover: push for mover, push in pushes.items() if push.any()}
    if not pushes:
        return None
    if "body" not in pushes:
        return moved_hands(geometry, {side: faded(push) for side, push in pushes.items()}, fade=False)
    push = pushes["body"] * [1, 1, 0]
    way = push.sum(axis=0)
    if np.linalg.norm(way) < 1e-9:
        return None
    way = way / np.linalg.norm(way)
    need = np.maximum(push @ way, 0)
    step = 0.5 * geometry.config.skating_m * 30 / geometry.motion.fps
    frames = np.arange(len(need))
    amount = (need[None] - step * np.abs(frames[:, None] - frames[None])).max(axis=1).clip(0)  # smallest that is slow
    if need[0] == 0:
        amount = np.minimum(amount, step * frames)
    return shifted_body(geometry.motion, amount[:, None] * way)
