"""Pieces of an arm's motion: along it from where the arm is, back to where it began, and on from a time."""

from dataclasses import replace

import numpy as np

from hoi_motion.retarget.arm.feel import RAMP_S, SPEED_M_S
from hoi_motion.retarget.robot_motion import GripperCommand, RobotMotion
from hoi_motion.rigid import JERK_PEAK, JERK_PEAK_RISE, minimum_jerk

SPARE = 1.1  # over the least time


def along(feeling: RobotMotion, time_s: float, q: np.ndarray, way_m: float, speed_m_s: float = SPEED_M_S):
    """From where the arm is along the sweep, or back where `way_m` is negative; at rest at both ends.

    `ends_s` in the facts is the time of the sweep at its end.

    Args:
        time_s: of the sweep where the arm is, about; q: (n,) its joints; way_m: of the gripper.
    """
    end_s = length_s(feeling)
    ends_s = float(np.clip(time_s + way_m / SPEED_M_S, 0.0, end_s))
    lasts_s = max(abs(ends_s - time_s) * SPEED_M_S / speed_m_s, 1 / feeling.fps)
    count = max(2, int(np.ceil(lasts_s * feeling.fps)) + 1)
    share = minimum_jerk(np.linspace(0, 1, count))
    positions = feeling.spline()(time_s + (ends_s - time_s) * share)
    positions[:, : len(q)] += (q - positions[0, : len(q)]) * (1 - share)[:, None]
    return replace(_with(feeling, positions, lasts_s), facts=feeling.facts | {"ends_s": ends_s})


def time_at(feeling: RobotMotion, q: np.ndarray) -> float:
    """The time at which a motion is nearest to a configuration; q: (n,) arm joints."""
    off = feeling.positions_rad[:, : len(q)] - q
    return float(np.argmin(np.linalg.norm(off, axis=1))) / feeling.fps


def on_from(feeling: RobotMotion, time_s: float, q: np.ndarray) -> RobotMotion:
    """The rest of the sweep from where the arm is, at its own pace after a ramp.

    Args:
        time_s: of the sweep where the arm is, about; q: (n,) its joints.
    """
    rest_s = length_s(feeling) - time_s
    lasts_s = rest_s + RAMP_S / 2
    t = np.linspace(0, lasts_s, max(2, int(np.ceil(lasts_s * feeling.fps)) + 1))
    gone_s = np.where(t < RAMP_S, t**2 / (2 * RAMP_S), t - RAMP_S / 2)
    positions = feeling.spline()(time_s + np.minimum(gone_s, rest_s))
    fades = 1 - minimum_jerk(t / RAMP_S)
    positions[:, : len(q)] += (q - positions[0, : len(q)]) * fades[:, None]
    return replace(_with(feeling, positions, lasts_s), facts=feeling.facts | {"sweep_s": 0.0})


def back_to_start(plan: RobotMotion, time_s: float, q: np.ndarray, command: GripperCommand) -> RobotMotion:
    """The way that an arm has come, backwards from where it is, with the fingers at a command.

    Args:
        time_s: of the plan where the arm is, about; q: (n,) its joints.
    """
    count = max(2, int(np.ceil(time_s * plan.fps)) + 1)
    share = minimum_jerk(np.linspace(0, 1, count))
    lasts_s = max(SPARE * JERK_PEAK * time_s, 1 / plan.fps)  # the plan may be at its limits
    positions = plan.spline()(time_s * (1 - share))
    positions[:, : len(q)] += (q - positions[0, : len(q)]) * (1 - share)[:, None]
    return _with(replace(plan, gripper=(command,)), positions, lasts_s)


def between(motion: RobotMotion, start: np.ndarray, end: np.ndarray, arm) -> RobotMotion:  # (n,), (n,)
    """The straight way between two configurations, as fast as the arm may; the rest is the motion's."""
    way = np.abs(end - start)
    by_velocity_s = (JERK_PEAK * way / arm.velocity_rad_s).max()
    by_acceleration_s = np.sqrt(JERK_PEAK_RISE * way / arm.acceleration_rad_s2).max()
    lasts_s = max(SPARE * float(max(by_velocity_s, by_acceleration_s)), 1 / motion.fps)
    share = minimum_jerk(np.linspace(0, 1, max(2, int(np.ceil(lasts_s * motion.fps)) + 1)))
    positions = np.repeat(motion.positions_rad[:1], len(share), axis=0)
    positions[:, : len(start)] = start + share[:, None] * (end - start)
    return _with(motion, positions, lasts_s)


def length_s(motion: RobotMotion) -> float:
    """Seconds."""
    return (len(motion.positions_rad) - 1) / motion.fps


def _with(motion: RobotMotion, positions: np.ndarray, lasts_s: float) -> RobotMotion:
    """Other positions that last so long; what the motion says of the scene stays as at its first sample."""
    count = len(positions)
    still = {name: np.repeat(getattr(motion, name)[:1], count, axis=0) for name in ("root_pose", "object_pose")}
    source_s = np.repeat(motion.source_time_s[:1], count)
    return replace(motion, positions_rad=positions, source_time_s=source_s, fps=(count - 1) / lasts_s, **still)
