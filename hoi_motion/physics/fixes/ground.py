"""A body that floats or sinks, and feet that skate."""

import numpy as np

from hoi_motion.motion import HoiMotion
from hoi_motion.physics.checks.ground import clearance_m, foot_slide_m, in_flight
from hoi_motion.physics.fixes.change import AIM, STAY, faded, shifted_body, smooth_within
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.limb_ik import move_foot
from hoi_motion.physics.world import PhysicsWorld

SIDES = ("left", "right")
SWINGS_M_S = 1.0
"""A foot that goes so fast swings, however low: of walkers it is two to four times as fast as they are."""


def set_on_ground(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Lower or raise the body where it floats or sinks, without making it sink or float beside that."""
    limit = geometry.config.floating_m
    over, lowest = clearance_m(geometry), geometry.vertices_m[..., 2].min(axis=1)
    floats, sinks = over > limit, lowest < -limit
    least = -lowest - np.where(sinks, AIM, STAY) * limit
    most = np.where(in_flight(geometry), np.inf, np.where(floats, AIM, STAY) * limit - over)
    return shifted_body(geometry.motion, smooth_within(least, most)[:, None] * [0, 0, 1])


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
    return shifted_body(geometry.motion, back.cumsum(axis=0)) if sliding.any() else None


def _raised_feet(geometry: MotionGeometry, swings: np.ndarray) -> HoiMotion:  # (2, T - 1) bool
    """Feet that swing along on the floor lifted clear of it where they do."""
    pose = np.array(geometry.motion.pose_rad)
    for side, swung in zip(SIDES, swings):
        low = geometry.vertices_m[:, geometry.parts.foot_vertices[side], 2].min(axis=1)
        up = np.zeros((len(low), 3))
        up[1:, 2] = np.where(swung, np.maximum(0, (1 + AIM) * geometry.config.floating_m - low[1:]), 0)
        pose = move_foot(pose, geometry.T_world_part, side, faded(up))
    return geometry.motion.replace(pose_rad=pose)
