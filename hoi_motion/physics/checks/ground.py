"""Does the person stand on the ground: not floating, not sinking, no foot skating?"""

import numpy as np

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import CheckResult
from hoi_motion.physics.world import PhysicsWorld
from hoi_motion.rigid import moved_back

REFERENCE_FPS = 30.0
CARRYING_JOINTS = [
    JOINT_NAMES.index(name)
    for name in ("pelvis", *(f"{s}_{n}" for s in ("left", "right") for n in ("hip", "knee", "ankle", "foot")))
]
"""A person sits, kneels or stands on these; a hand on a table does not support a floating body."""


def floating(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Height of the lowest body point over the floor or the support below it; the worst frame."""
    clearance = clearance_m(geometry)
    frame = int(clearance.argmax())
    value = max(0.0, float(clearance[frame]))
    reason = f"lowest body point {value * 100:.1f} cm above the ground {geometry.time_words(frame)}"
    return CheckResult.at_most("floating", value, geometry.config.floating_m, "m", frame, reason)


def clearance_m(geometry: MotionGeometry) -> np.ndarray:  # (T,)
    """Height of the lowest body point over the floor, or over a support if that is nearer; negative below the floor."""
    clearance = geometry.vertices_m[..., 2].min(axis=1)  # (T,)
    carrying = geometry.vertices_m[:, np.isin(geometry.parts.joint_of_vertex, CARRYING_JOINTS)]
    for box in geometry.supports:
        local = moved_back(box.T_world_box, carrying)
        over = (np.abs(local[..., :2]) <= box.size_m[:2] / 2).all(axis=-1) & (local[..., 2] > 0)
        height = np.where(over, local[..., 2] - box.size_m[2] / 2, np.inf).min(axis=1)
        clearance = np.minimum(clearance, np.abs(height))
    return clearance


def sinking(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Depth of the lowest body point under the floor; the worst frame."""
    depth = -geometry.vertices_m[..., 2].min(axis=1)
    frame = int(depth.argmax())
    value = max(0.0, float(depth[frame]))
    reason = f"lowest body point {value * 100:.1f} cm below the floor {geometry.time_words(frame)}"
    return CheckResult.at_most("sinking", value, geometry.config.floating_m, "m", frame, reason)


def foot_skating(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """How far a planted foot slides per frame.

    A foot is planted from one frame to the next when some of its skin stays within the floating limit of the floor. It
    may roll or turn about a point, so the planted point that slides least counts.
    """
    name, limit, unit = "foot_skating", geometry.config.skating_m, "m/frame at 30 fps"
    if geometry.motion.num_frames < 2:
        return CheckResult.not_run(name, limit, unit, "a single frame has no motion")
    worst = (-1.0, 0, "")
    for side in geometry.parts.foot_vertices:
        slide = np.linalg.norm(foot_slide_m(geometry, side), axis=1)
        least = np.where(np.isfinite(slide), slide, -1.0)
        if least.max() > worst[0]:
            worst = (float(least.max()), int(least.argmax()) + 1, side)
    slide_m, frame, side = worst
    if slide_m < 0:
        return CheckResult.not_run(name, limit, unit, "no foot is ever planted on the floor")
    value = slide_m * geometry.motion.fps / REFERENCE_FPS
    reason = f"planted {side} foot slides {slide_m * geometry.motion.fps * 100:.0f} cm/s {geometry.time_words(frame)}"
    return CheckResult.at_most(name, value, limit, unit, frame, reason)


def foot_slide_m(geometry: MotionGeometry, side: str) -> np.ndarray:  # (T - 1, 2)
    """Horizontal step of a foot's planted point that slides least; infinite while the foot is not planted."""
    foot = geometry.vertices_m[:, geometry.parts.foot_vertices[side]]
    low = foot[..., 2] < geometry.config.floating_m
    steps = np.diff(foot[..., :2], axis=0)
    lengths = np.where(low[1:] & low[:-1], np.linalg.norm(steps, axis=-1), np.inf)
    least = lengths.argmin(axis=1)
    slide = np.take_along_axis(steps, least[:, None, None], axis=1)[:, 0]
    return np.where(np.isfinite(lengths.min(axis=1))[:, None], slide, np.inf)
