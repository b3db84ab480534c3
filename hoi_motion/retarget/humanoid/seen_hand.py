"""The hand's visible shape: its distance from what it touches, and touch points moved until it lies on the surface."""

import numpy as np

from hoi_motion.motion import HoiMotion
from hoi_motion.physics.surface import ObjectSurface
from hoi_motion.retarget.humanoid.humanoid import BodyTask, Humanoid, WholeBodyIK
from hoi_motion.retarget.humanoid.targets import Targets, Touch

FEW = 10  # the nearest of every tenth point is looked for first,
NEAR_M = 0.02  # then those this near to it
ROUNDS = 3  # of moving a touch
STEPS = 40  # of IK in each round
CLOSED_M = 0.0005


class SeenHands:
    """Hands of a humanoid beside the objects of its scaled scene."""

    def __init__(self, robot: Humanoid, motion: HoiMotion, scene_scale: float):
        self._points = robot.seen_hands_m
        self._surfaces = {
            thing.name: ObjectSurface(thing.vertices_m * scene_scale, thing.faces, thing.name)
            for thing in motion.objects
        }
        self._motion, self._scale = motion, scene_scale

    def gap_m(self, touch: Touch, frame: int, T_world_hand: np.ndarray) -> float:
        """Signed distance of the hand from the object in a frame; negative inside, NaN for a hand without a shape."""
        points = self._points[touch.hand]
        if not len(points):
            return float("nan")
        T = self._motion.object_named(touch.object_name).T_world_object[frame]
        world = points @ T_world_hand[:3, :3].T + T_world_hand[:3, 3]
        local = (world - self._scale * T[:3, 3]) @ T[:3, :3]
        surface, few = self._surfaces[touch.object_name], local[::FEW]
        nearest = few[surface.signed_distance(few).argmin()]
        near = local[np.linalg.norm(local - nearest, axis=1) < NEAR_M]
        return float(surface.signed_distance(near).min())


def closed(hands: SeenHands, robot: Humanoid, targets: Targets, task: BodyTask, solver: WholeBodyIK) -> Targets:
    """Targets whose touches are moved in or out until the hand lies on the surface in the middle of the contact."""
    for number, touch in enumerate(targets.touches):
        frame = (touch.first + touch.last) // 2
        for _ in range(ROUNDS):
            targets.give(task, frame)
            solver.start_at(robot.home)
            solver.place_root(targets.points_m[frame, 0], targets.rotations[frame, 0])
            pose = robot.placements(solver.solve(task, STEPS))
            gap = hands.gap_m(touch, frame, pose[touch.hand])
            if not np.isfinite(gap) or abs(gap) < CLOSED_M:
                break
            targets = targets.pressed(number, -gap)
    solver.start_at(robot.home)
    return targets


def seen_gaps_m(hands: SeenHands, robot: Humanoid, targets: Targets, path: np.ndarray) -> dict[str, float]:
    """Hand -> the largest distance from its object, outside or inside, over all frames of contact."""
    found = {}
    for touch in targets.touches:
        frames = range(touch.first, touch.last + 1)
        gaps = [abs(hands.gap_m(touch, t, robot.placements(path[t])[touch.hand])) for t in frames]
        if np.isfinite(gaps).all():
            found[touch.hand] = max(found.get(touch.hand, 0.0), max(gaps))
    return found
