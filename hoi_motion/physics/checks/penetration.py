"""Does the body pass through objects or furniture, does an object pass through furniture?

A part counts only where its skin is inside the obstacle. Its depth is then the shortest shift that separates the
part's convex hull from the obstacle (GJK/EPA in PyBullet), so that a hand through a thin table top is as deep as it
would have to be pulled back, not half the table's thickness. In a concave object the depth is that of the deepest skin
point. Parts are rigid: where a strong bend (a crouch) pulls the skin in, depth in furniture is measured to the skin.
Skin yields: the limit applies to touching hands too and leaves room for that.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hoi_motion.motion import ObjectMotion, SupportBox
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.person import part_words
from hoi_motion.physics.report import CheckResult
from hoi_motion.physics.world import PhysicsWorld
from hoi_motion.rigid import moved_back

UNIT = "m"
Deepest = tuple[float, int | None, str]
"""Depth in metres, the frame (None for no depth), and a sentence in which {depth} is left open."""


@dataclass(frozen=True)
class _Obstacle:
    """What parts of the body may be in.

    Attributes:
        key: its name in the PhysicsWorld; T_world: (T, 4, 4).
        text: the sentence about a part in it, with {part} and {depth} left open.
        skin_depth_m: how deep a joint's part is by its posed skin, from frame and joint; None: its hull alone counts.
    """

    key: tuple[str, str]
    T_world: np.ndarray  # (T, 4, 4)
    text: str
    skin_depth_m: Callable[[int, int], float] | None = None


def penetration_body_object(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """How deep the body is in an object at worst."""
    name = "penetration_body_object"
    if not geometry.motion.objects:
        return CheckResult.not_run(name, geometry.config.penetration_m, UNIT, "the motion has no object")
    deepest = max((_body_in_object(geometry, world, item) for item in geometry.motion.objects), key=lambda d: d[0])
    return _result(name, geometry, deepest)


def penetration_body_scene(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """How deep the body is in furniture at worst."""
    name = "penetration_body_scene"
    if not geometry.supports:
        reason = "the motion has no furniture (the floor is judged by sinking)"
        return CheckResult.not_run(name, geometry.config.penetration_m, UNIT, reason)
    deepest = max((_body_in_support(geometry, world, box) for box in geometry.supports), key=lambda d: d[0])
    return _result(name, geometry, deepest)


def penetration_object_scene(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """How deep an object is in furniture or the floor at worst."""
    name = "penetration_object_scene"
    if not geometry.motion.objects:
        return CheckResult.not_run(name, geometry.config.penetration_m, UNIT, "the motion has no object")
    deepest = (0.0, None, "")
    obstacles = ["floor", *(("support", s.name) for s in geometry.supports)]
    for item in geometry.motion.objects:
        for frame, T_world_object in enumerate(item.T_world_object):
            world.place(("object", item.name), T_world_object)
            for obstacle in obstacles:
                depth = world.depth_m(("object", item.name), obstacle)
                if depth > deepest[0]:
                    what = "floor" if obstacle == "floor" else obstacle[1]
                    deepest = (depth, frame, f"{item.name} passes {{depth}} into the {what}")
    return _result(name, geometry, deepest)


def _body_in_object(geometry: MotionGeometry, world: PhysicsWorld, item: ObjectMotion) -> Deepest:
    near = geometry.near(item)
    inside = near.distances_m < 0
    frames, vertices, distances = near.frames[inside], near.vertices[inside], near.distances_m[inside]
    text = f"{{part}} passes {{depth}} into {item.name}"
    if geometry.surfaces[item.name].is_convex:
        obstacle = _Obstacle(("object", item.name), item.T_world_object, text)
        return _deepest_part(geometry, world, obstacle, frames, vertices)
    if not len(distances):
        return 0.0, None, ""
    worst = distances.argmin()
    part = part_words(geometry.parts.joint_of_vertex[vertices[worst]])
    return -distances[worst], frames[worst], text.replace("{part}", part)


def _body_in_support(geometry: MotionGeometry, world: PhysicsWorld, box: SupportBox) -> Deepest:
    frames, vertices = np.nonzero(geometry.skin_distance(box) < 0)
    T_world_box = np.broadcast_to(box.T_world_box, (geometry.motion.num_frames, 4, 4))
    text = f"{{part}} passes {{depth}} through the {box.name}"

    def skin_depth_m(frame: int, joint: int) -> float:
        """The shortest shift through a face of the box after which the part's skin, as posed, is outside."""
        skin = geometry.vertices_m[frame, geometry.parts.joint_of_vertex == joint]
        local = moved_back(box.T_world_box, skin)
        return float(min((box.size_m / 2 - local.min(axis=0)).min(), (box.size_m / 2 + local.max(axis=0)).min()))

    obstacle = _Obstacle(("support", box.name), T_world_box, text, skin_depth_m)
    return _deepest_part(geometry, world, obstacle, frames, vertices)


def _deepest_part(
    geometry: MotionGeometry, world: PhysicsWorld, obstacle: _Obstacle, frames: np.ndarray, vertices: np.ndarray
) -> Deepest:
    """Over the parts that have skin inside a convex obstacle: `vertices` (N,) in `frames` (N,)."""
    pairs = np.unique(np.stack([frames, geometry.parts.joint_of_vertex[vertices]]), axis=1).T
    deepest, placed = (0.0, None, ""), None
    for frame, joint in pairs.tolist():
        if joint not in geometry.parts.hulls_m:
            continue
        if frame != placed:
            world.place(obstacle.key, obstacle.T_world[frame])
            placed = frame
        world.place(("part", joint), geometry.T_world_part[frame, joint])
        depth = world.depth_m(("part", joint), obstacle.key)
        if obstacle.skin_depth_m is not None and depth > deepest[0]:
            depth = min(depth, obstacle.skin_depth_m(frame, joint))
        if depth > deepest[0]:
            deepest = (depth, frame, obstacle.text.replace("{part}", part_words(joint)))
    return deepest


def _result(name: str, geometry: MotionGeometry, deepest: Deepest) -> CheckResult:
    depth, frame, text = deepest
    reason = "nothing passes through anything"
    if frame is not None:
        reason = f"{text.replace('{depth}', f'{depth * 100:.1f} cm')} {geometry.time_words(frame)}"
    return CheckResult.at_most(name, depth, geometry.config.penetration_m, UNIT, frame, reason)
