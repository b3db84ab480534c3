"""Fixes for failed checks: each takes the motion's geometry and returns a changed motion.

Frames that exceed a limit are brought to `AIM` of it; the change fades out over the neighbouring frames. The first
frame is left alone unless it exceeds the limit itself. A fix that cannot help returns None.
"""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.frames import runs_of
from hoi_motion.motion import HANDS, SIDE_OF_HAND, HoiMotion, ObjectMotion, SupportBox
from hoi_motion.physics.checks.ground import clearance_m, foot_slide_m, in_flight
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.limb_ik import move_foot, move_hand
from hoi_motion.physics.person import part_words
from hoi_motion.physics.world import PhysicsWorld
from hoi_motion.rigid import moved_back

AIM = 0.25
"""Share of the limit to which a frame is repaired, so that rounding and skinning do not bring the fault back."""
STAY = 0.9
"""Share of the limit up to which a repair nearby may bring a frame that was within it."""
STIFFNESS = 4.0
"""Weight of a change's second differences against its size: it fades out over about two frames."""
CALMING = 0.25
SIDES = ("left", "right")
SWINGS_M_S = 1.0
"""A foot that goes so fast swings, however low: of walkers it is two to four times as fast as they are."""
ARM_WORDS = ("forearm", "hand")


def calm_joints(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Slow down joints that turn too fast.

    In order of time, a frame whose steps before and after are both too fast is moved midway between its neighbours;
    what is still too fast is averaged with its neighbours until it is not.
    """
    motion, limit_rad = geometry.motion, geometry.config.joint_velocity_rad_s / geometry.motion.fps
    pose = np.array(motion.pose_rad, np.float64)
    for joint in range(pose.shape[1]):
        for t in range(1, len(pose) - 1):
            before, at, after = Rotation.from_rotvec(pose[t - 1 : t + 2, joint])
            if min((before.inv() * at).magnitude(), (at.inv() * after).magnitude()) > limit_rad * 0.95:
                middle = before * Rotation.from_rotvec((before.inv() * after).as_rotvec() / 2)
                pose[t, joint] = middle.as_rotvec()
        rotations = Rotation.from_rotvec(pose[:, joint])
        for _ in range(100):
            fast = (rotations[:-1].inv() * rotations[1:]).magnitude() > limit_rad * 0.95
            if not fast.any():
                break
            near = np.convolve(np.r_[fast, False] | np.r_[False, fast], np.ones(3), "same") > 0
            near[0] &= fast[0]
            before = rotations[np.r_[0, : len(near) - 1]]
            after = rotations[np.r_[1 : len(near), len(near) - 1]]
            pull = ((rotations.inv() * before).as_rotvec() + (rotations.inv() * after).as_rotvec()) / 2
            rotations = rotations * Rotation.from_rotvec(pull * CALMING * near[:, None])
            pose[near, joint] = rotations.as_rotvec()[near]
    return motion.replace(pose_rad=pose)


def set_on_ground(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Lower or raise the body where it floats or sinks, without making it sink or float beside that."""
    limit = geometry.config.floating_m
    over, lowest = clearance_m(geometry), geometry.vertices_m[..., 2].min(axis=1)
    floats, sinks = (over > limit) & ~in_flight(geometry), lowest < -limit
    least = -lowest - np.where(sinks, AIM, STAY) * limit
    most = np.where(in_flight(geometry), np.inf, np.where(floats, AIM, STAY) * limit - over)
    return _shifted_body(geometry.motion, _smooth_within(least, most)[:, None] * [0, 0, 1])


def stop_feet(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Remove the skating of planted feet: those that a step takes along are raised, the others stopped by moving the
    body as a whole."""
    limit = geometry.config.skating_m * 30 / geometry.motion.fps
    back = np.zeros((geometry.motion.num_frames, 3))
    slides = np.stack([foot_slide_m(geometry, side) for side in SIDES])  # (2, T - 1, 2)
    length = np.linalg.norm(slides, axis=2)
    swings = np.isfinite(length) & (length * geometry.motion.fps > SWINGS_M_S)
    if swings.any():
        return _raised_feet(geometry, swings)
    steadiest = length.argmin(axis=0)  # moving the body to stop one foot moves the other
    sliding = np.isfinite(length.min(axis=0)) & (length.min(axis=0) > limit)
    steps = np.take_along_axis(slides, steadiest[None, :, None], axis=0)[0]
    back[1:, :2][sliding] = -steps[sliding]
    return _shifted_body(geometry.motion, back.cumsum(axis=0)) if sliding.any() else None


def _raised_feet(geometry: MotionGeometry, swings: np.ndarray) -> HoiMotion:  # (2, T - 1) bool
    """Feet that swing along on the floor lifted clear of it where they do."""
    pose = np.array(geometry.motion.pose_rad)
    for side, swung in zip(SIDES, swings):
        low = geometry.vertices_m[:, geometry.parts.foot_vertices[side], 2].min(axis=1)
        up = np.zeros((len(low), 3))
        up[1:, 2] = np.where(swung, np.maximum(0, (1 + AIM) * geometry.config.floating_m - low[1:]), 0)
        pose = move_foot(pose, geometry.T_world_part, side, faded(up))
    return geometry.motion.replace(pose_rad=pose)


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
    return _with_objects(geometry.motion, changed)


def raise_objects(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Push objects out of the floor and the furniture."""
    limit, changed = geometry.config.penetration_m, {}
    for item in geometry.motion.objects:
        push = np.zeros((geometry.motion.num_frames, 3))
        for frame, T_world_object in enumerate(item.T_world_object):
            world.place(("object", item.name), T_world_object)
            for obstacle in ["floor", *(("support", s.name) for s in geometry.supports)]:
                push[frame] = _larger(push[frame], world.separation_m(("object", item.name), obstacle), limit)
        if push.any():
            T = item.T_world_object.copy()
            T[:, :3, 3] += faded(push)
            changed[item.name] = T
    return _with_objects(geometry.motion, changed)


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
            way = _way_to_surface(geometry, item, frame, geometry.vertices_m[[frame], vertex])[0]
            _note(pushes, geometry, frame, int(geometry.parts.joint_of_vertex[vertex]), way)
    return _pushed(geometry, pushes)


def steady_objects(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Put an object that jumps out of the hand back into it; leave one that nobody holds where it is."""
    return _with_objects(geometry.motion, _regripped(geometry)) or rest_objects(geometry, world)


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
                ways = _way_to_surface(geometry, there, frame, skin)
                way = ways[np.linalg.norm(ways, axis=1).argmin()]
                shift[frame] = way * (1 - AIM * geometry.config.contact_distance_m / np.linalg.norm(way))
    shifts = {side: shift for side, shift in shifts.items() if shift.any()}
    if not shifts:
        return _with_objects(motion, met)
    moved = _moved_hands(geometry, shifts)
    return _with_objects(moved, met) or moved


def _midway(T_before: np.ndarray, T_after: np.ndarray) -> np.ndarray:  # (T, 4, 4)
    """Poses halfway between two motions, in place and turn."""
    T = T_before.copy()
    turn = Rotation.from_matrix(T_after[:, :3, :3]) * Rotation.from_matrix(T_before[:, :3, :3]).inv()
    half = Rotation.from_rotvec(turn.as_rotvec() / 2) * Rotation.from_matrix(T_before[:, :3, :3])
    T[:, :3, :3] = half.as_matrix()
    T[:, :3, 3] = (T_before[:, :3, 3] + T_after[:, :3, 3]) / 2
    return T


def _said_to_be_held(motion: HoiMotion, item: ObjectMotion) -> np.ndarray:  # (T,) bool
    return np.any([motion.contact_mask(hand, item.name) for hand in HANDS], axis=0)


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


def faded(need_m: np.ndarray, fixed: np.ndarray | None = None) -> np.ndarray:  # (T, 3), (T,) -> (T, 3)
    """A change over time that meets the need of each frame that has one and fades out smoothly over the others.

    Args:
        fixed: bool, the frames that have one; None are those whose need is not nothing.
    """
    needed = np.linalg.norm(need_m, axis=1) > 0 if fixed is None else fixed
    weight = np.where(needed, 1e6, 1.0)
    weight[0] = 1e9
    second = np.diff(np.eye(len(need_m)), n=2, axis=0)
    change = np.linalg.solve(np.diag(weight) + STIFFNESS * second.T @ second, weight[:, None] * need_m)
    return np.where(np.linalg.norm(change, axis=1, keepdims=True) > 1e-4, change, 0.0)


def _smooth_within(least: np.ndarray, most: np.ndarray) -> np.ndarray:  # (T,) each -> (T,)
    """A small change over time between two bounds: fades out, and is held where its fading would pass a bound."""
    need = np.clip(0.0, least, most)
    fixed = need != 0
    while True:
        change = faded(need[:, None], fixed)[:, 0]
        beyond = ~fixed & (change != np.clip(change, least, most))
        if not beyond.any():
            return change
        need[beyond], fixed = np.clip(change, least, most)[beyond], fixed | beyond


def _larger(known: np.ndarray, separation_m: np.ndarray, limit_m: float) -> np.ndarray:
    """The larger of a known push and the one needed for a penetration beyond the limit."""
    depth = np.linalg.norm(separation_m)
    if depth <= limit_m:
        return known
    push = separation_m * (1 - AIM * limit_m / depth)
    return push if np.linalg.norm(push) > np.linalg.norm(known) else known


def _note(pushes: dict, geometry: MotionGeometry, frame: int, joint: int, separation_m: np.ndarray) -> None:
    side, _, what = part_words(joint).partition(" ")
    mover = side if what in ARM_WORDS else "body"
    push = pushes.setdefault(mover, np.zeros((geometry.motion.num_frames, 3)))
    push[frame] = _larger(push[frame], separation_m, geometry.config.penetration_m)


def _add_pushes(pushes, geometry, world, obstacle, T_world_obstacle, frames, vertices) -> None:
    """Record the shift by which every part with skin inside a convex obstacle leaves it."""
    pairs = np.unique(np.stack([frames, geometry.parts.joint_of_vertex[vertices]]), axis=1).T
    for frame, joint in pairs.tolist():
        if joint in geometry.parts.hulls_m:
            world.place(obstacle, T_world_obstacle[frame])
            world.place(("part", joint), geometry.T_world_part[frame, joint])
            _note(pushes, geometry, frame, joint, world.separation_m(("part", joint), obstacle))


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
        return _moved_hands(geometry, {side: faded(push) for side, push in pushes.items()}, fade=False)
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
    return _shifted_body(geometry.motion, amount[:, None] * way)


def _moved_hands(geometry: MotionGeometry, shifts: dict[str, np.ndarray], fade: bool = True) -> HoiMotion:
    pose = np.array(geometry.motion.pose_rad)
    for side, shift in shifts.items():  # the arms have no joint in common
        pose = move_hand(pose, geometry.T_world_part, side, faded(shift) if fade else shift)
    return geometry.motion.replace(pose_rad=pose)


def _way_to_surface(geometry: MotionGeometry, item: ObjectMotion, frame: int, points_m: np.ndarray) -> np.ndarray:
    """From points (P, 3) to the object's surface along the gradient of its signed distance, world, (P, 3)."""
    distance = geometry.surfaces[item.name].signed_distance(moved_back(item.T_world_object[frame], points_m))
    return -distance[:, None] * geometry.outward(item, frame, points_m)


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


def _shifted_body(motion: HoiMotion, shift_m: np.ndarray) -> HoiMotion:  # (T, 3)
    return motion.replace(transl_m=motion.transl_m + shift_m.astype(np.float32))


def _with_objects(motion: HoiMotion, T_world_object: dict[str, np.ndarray]) -> HoiMotion | None:
    """The motion with new poses of some objects; None when there are none."""
    if not T_world_object:
        return None
    objects = (replace(o, T_world_object=T_world_object.get(o.name, o.T_world_object)) for o in motion.objects)
    return motion.replace(objects=tuple(objects))


FIXES = {
    "joint_velocity": calm_joints,
    "floating": set_on_ground,
    "sinking": set_on_ground,
    "foot_skating": stop_feet,
    "object_rest": rest_objects,
    "object_jump": steady_objects,
    "object_support": rest_objects,
    "penetration_object_scene": raise_objects,
    "penetration_body_scene": leave_furniture,
    "contact_kept": close_grip,
    "penetration_body_object": leave_objects,
}
"""Name of a check -> its fix, causes before their consequences."""
