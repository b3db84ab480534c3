"""Does the person stand on the ground: not floating, not sinking, no foot skating?"""

import numpy as np
from scipy.ndimage import minimum_filter1d

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.frames import runs_of
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import CheckResult
from hoi_motion.physics.world import GRAVITY_M_S2, PhysicsWorld
from hoi_motion.rigid import moved_back

REFERENCE_FPS = 30.0
LIFT_M = 0.01
STANCE_S = 1.0
FRAMES_OF_A_PARABOLA = 3
FREE_FALL_SHARE = 0.5
"""An acceleration this near gravity, as a share of it, is a fall: over a few frames it is known no better."""
CARRYING_JOINTS = [
    JOINT_NAMES.index(name)
    for name in ("pelvis", *(f"{s}_{n}" for s in ("left", "right") for n in ("hip", "knee", "ankle", "foot")))
]
"""A person sits, kneels or stands on these; a hand on a table does not support a floating body."""


def floating(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Height of the lowest body point over the floor or the support below it; the worst frame that is not of a jump."""
    clearance = np.where(in_flight(geometry), 0.0, clearance_m(geometry))
    frame = int(clearance.argmax())
    value = max(0.0, float(clearance[frame]))
    reason = f"lowest body point {value * 100:.1f} cm above the ground {geometry.time_words(frame)}"
    return CheckResult.at_most("floating", value, geometry.config.floating_m, "m", frame, reason)


def in_flight(geometry: MotionGeometry) -> np.ndarray:  # (T,) bool
    """Frames in the air in which the centre of mass falls freely, as when somebody jumps or runs.

    Measured by the parabola through its heights in a run of such frames; a short run needs the frames before and after
    it, which are partly in the air. Who was not seen to leave the ground and to land does not fly.
    """
    flies = np.zeros(geometry.motion.num_frames, bool)
    height = geometry.parts.centre_of_mass(geometry.T_world_part)[:, 2]
    for start, end in runs_of(clearance_m(geometry) > geometry.config.floating_m):
        if start > 0 and end < len(flies):
            beside = end - start < FRAMES_OF_A_PARABOLA
            frames = np.arange(start - beside, end + beside)
            falls = -2 * np.polyfit(frames / geometry.motion.fps, height[frames], 2)[0] / GRAVITY_M_S2
            flies[start:end] = abs(falls - 1) < FREE_FALL_SHARE
    return flies


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

    A planted foot may roll or turn about a point, so the planted point that slides least counts.
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
    """Horizontal step of a foot's planted point that slides least; infinite while the foot is not planted.

    A foot is down in a frame when some of its skin is within the floating limit of the floor and LIFT_M of how low it
    gets about then: a walker's toes pass the floor at 1 to 2 cm (Winter, Phys. Ther. 72, 1992). It is planted from one
    frame to the next when it is down in both and does not land or lift off there: at few frames a second the foot is in
    the air for part of that time.
    """
    foot = geometry.vertices_m[:, geometry.parts.foot_vertices[side]]
    frames = 1 + 2 * round(STANCE_S / 2 * geometry.motion.fps)
    ground = minimum_filter1d(foot[..., 2].min(axis=1), frames, mode="nearest")
    low = foot[..., 2] < np.minimum(geometry.config.floating_m, ground + LIFT_M)[:, None]
    down = np.pad(low.any(axis=1), 1, mode="edge")
    planted = down[:-3] & down[1:-2] & down[2:-1] & down[3:]
    steps = np.diff(foot[..., :2], axis=0)
    there = low[1:] & low[:-1] & planted[:, None]
    lengths = np.where(there, np.linalg.norm(steps, axis=-1), np.inf)
    least = lengths.argmin(axis=1)
    slide = np.take_along_axis(steps, least[:, None, None], axis=1)[:, 0]
    return np.where(np.isfinite(lengths.min(axis=1))[:, None], slide, np.inf)
