"""Do objects move only for a reason: a hand, a support, gravity?"""

import numpy as np

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.frames import runs_of
from hoi_motion.motion import HANDS, ObjectMotion
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import CheckResult
from hoi_motion.physics.world import GRAVITY_M_S2, PhysicsWorld

SETTLE_S = 0.5
"""How long an object may slide or topple after its release."""


def object_support(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Distance of an object that is neither held nor supported from where free fall would have brought it."""
    name, limit = "object_support", geometry.config.support_drift_m
    if not geometry.motion.objects:
        return CheckResult.not_run(name, limit, "m", "the motion has no object")
    worst = (0.0, None, "")
    for item in geometry.motion.objects:
        centre = geometry.centres_world(item)
        for start, end in runs_of(~geometry.touched(item) & ~geometry.supported(item)):
            drift = _drift_from_free_fall(centre, start, end, 1 / geometry.motion.fps)
            if drift.max() > worst[0]:
                worst = (float(drift.max()), start + int(drift.argmax()), item.name)
    drift_m, frame, object_name = worst
    reason = "every object is held, supported or falling"
    if frame is not None:
        reason = (
            f"nothing holds or supports {object_name} {geometry.time_words(frame)}, "
            f"and it is {drift_m * 100:.0f} cm from where it would have fallen to"
        )
    return CheckResult.at_most(name, drift_m, limit, "m", frame, reason)


def _drift_from_free_fall(centre: np.ndarray, start: int, end: int, dt_s: float) -> np.ndarray:  # (end - start,)
    """Distance to the ballistic path; the release is between the last held frame and the first free one."""
    best = None
    for released in (max(start - 1, 0), start):
        velocity = (centre[released] - centre[max(released - 1, 0)]) / dt_s
        t = np.maximum(np.arange(start, end) - released, 0)[:, None] * dt_s
        path = centre[released] + velocity * t - np.array([0, 0, GRAVITY_M_S2 / 2]) * t**2
        drift = np.linalg.norm(centre[start:end] - path, axis=1)
        best = drift if best is None else np.minimum(best, drift)
    return best


def object_rest(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """How far a supported object that nobody touches moves."""
    name, limit = "object_rest", geometry.config.object_still_m
    motion = geometry.motion
    if not motion.objects:
        return CheckResult.not_run(name, limit, "m", "the motion has no object")
    worst = (-1.0, None, "")
    for item in motion.objects:
        centre = geometry.centres_world(item)
        for start, end in runs_of(~geometry.touched(item) & geometry.supported(item)):
            settled = start if start == 0 else start + int(np.ceil(SETTLE_S * motion.fps))
            if settled < end:
                moved = np.linalg.norm(centre[settled:end] - centre[settled], axis=1)
                if moved.max() > worst[0]:
                    worst = (float(moved.max()), settled + int(moved.argmax()), item.name)
    moved_m, frame, object_name = worst
    if frame is None:
        return CheckResult.not_run(name, limit, "m", "every object is touched or in the air all the time")
    reason = f"{object_name} has moved {moved_m * 100:.1f} cm {geometry.time_words(frame)} while nothing touches it"
    return CheckResult.at_most(name, moved_m, limit, "m", frame, reason)


def object_jump(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Speed of an object that neither a touching hand nor gravity explains: a jump."""
    name, limit, unit = "object_jump", geometry.config.object_slip_m_s, "m/s"
    motion = geometry.motion
    if not motion.objects:
        return CheckResult.not_run(name, limit, unit, "the motion has no object")
    if motion.num_frames < 2:
        return CheckResult.not_run(name, limit, unit, "a single frame has no motion")
    worst = (-1.0, 0, "")
    for item in motion.objects:
        left = _unexplained_step(geometry, item)
        if left.max() > worst[0]:
            worst = (float(left.max()), int(left.argmax()) + 1, item.name)
    step_m, frame, object_name = worst
    unexplained = f"{step_m * 100:.1f} cm farther in one frame {geometry.time_words(frame)}"
    reason = f"{object_name} moves {unexplained} than hands and gravity explain"
    return CheckResult.at_most(name, step_m * motion.fps, limit, unit, frame, reason)


def _unexplained_step(geometry: MotionGeometry, item: ObjectMotion) -> np.ndarray:  # (T - 1,)
    """Distance of each step to the nearest explained one: resting, following a touching hand, continuing to fall."""
    centre, dt_s = geometry.centres_world(item), 1 / geometry.motion.fps
    step = np.diff(centre, axis=0)
    falling = np.concatenate([np.zeros((1, 3)), step[:-1]]) - [0, 0, GRAVITY_M_S2 * dt_s**2]
    least = _distance_to_segment(step, falling)
    for hand in HANDS:
        touches = geometry.hand_touches(hand, item)
        wrist = geometry.T_world_part[:, JOINT_NAMES.index(f"{hand.removesuffix('_hand')}_wrist")]
        carried = wrist[1:] @ np.linalg.inv(wrist[:-1])
        follow = np.einsum("tij,tj->ti", carried[:, :3, :3], centre[:-1]) + carried[:, :3, 3] - centre[:-1]
        held = touches[1:] | touches[:-1]
        least = np.where(held, np.minimum(least, _distance_to_segment(step, follow)), least)
    return least


def _distance_to_segment(points: np.ndarray, ends: np.ndarray) -> np.ndarray:  # (N, 3), (N, 3) -> (N,)
    """Distance of each point to the segment from the origin to its end."""
    along = (points * ends).sum(axis=1) / np.maximum((ends**2).sum(axis=1), 1e-18)
    return np.linalg.norm(points - ends * np.clip(along, 0, 1)[:, None], axis=1)
