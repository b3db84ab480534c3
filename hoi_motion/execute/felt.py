"""A plan for an object whose distance is not known: feel for it, then plan anew from where it was felt.

`execute_felt` does this in physics. A robot does it the same way: it follows the motion of
`hoi_motion.retarget.arm.feel.feeling` until the force on its wrist differs by FELT_N from what it was a moment before,
and `replanned_where_felt` makes the rest.
"""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.body.model import BodyModel
from hoi_motion.errors import RetargetError
from hoi_motion.execute.carrying import SETTLE_S, WAIT_S, Carrying
from hoi_motion.execute.execution import Execution
from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.arm.feel import EVEN_S, SPEED_M_S, scale_at
from hoi_motion.retarget.arm.sight import scaled
from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.rigid import minimum_jerk

FELT_N = 0.3  # change of the force on the wrist: twice what such sensors repeat, and little enough that a cup stands
# what nothing feels like, in looks: the mean of so many, of which the last ones may have felt something already; the
# weight of a hand that turns a little changes slowly, and what it meets mostly at once
SLOWLY_FELT_N = 2 * FELT_N
QUIET_LOOKS = 20
LATEST_LOOKS = 4
PRESS_SPEED_M_S = 0.02  # at which what is only touched is pressed: it slides away meanwhile
BACK_M = 0.05  # so far, and half its opening, the gripper withdraws on its own way: then it has room to open
PRESSED_S = 0.3  # how long a touch lasts
REST_S = 0.2  # between two motions
LEAST_TOLD_CM = 0.5


@dataclass(frozen=True)
class Feeler:
    """What it takes to feel for an object and to plan anew.

    Attributes:
        motion: of the arm, by `feeling`; planned: the scene as it is thought to be; body: BodyModel of that.
    """

    motion: RobotMotion
    planned: HoiMotion
    body: BodyModel


@dataclass(frozen=True)
class Felt:
    """The object was met.

    Attributes:
        time_s: of the feeling's motion; scale: how many times as far away as lifted it stands.
        q: (n,) arm joints then.
    """

    time_s: float
    scale: float
    q: np.ndarray


def execute_felt(carrying: Carrying, feeler: Feeler, arm) -> Execution:
    """Feel for the object, plan anew where it was felt, and carry that out; all in one world.

    What is only touched has been touched then.
    """
    felt = _feel(carrying, feeler.motion, arm)
    if felt is None:
        near, far = feeler.motion.facts["range_m"]
        told = f"nothing is felt from {100 * near:.0f} to {100 * far:+.0f} cm along the line of sight"
        return _failed(carrying.execution((told,)), told)
    way_cm = 100 * (felt.scale - 1) * feeler.motion.facts["surface_m"]
    where = f"{abs(way_cm):.0f} cm {'farther' if way_cm > 0 else 'nearer'} than lifted"
    told = f"felt {where if abs(way_cm) >= LEAST_TOLD_CM else 'where it was lifted'}"
    if carrying.kind == "touch":
        told_q = feeler.motion.spline()(felt.time_s)[: len(felt.q)]
        press_m = feeler.motion.facts["press_m"]
        pressing = _along(feeler.motion, replace(felt, q=told_q), press_m, PRESS_SPEED_M_S)
        carrying.follow(pressing, 0.0, PRESSED_S)
    back_m = BACK_M + arm.gripper.open_width_m / 2
    felt = replace(felt, q=carrying.world.robot.state()[0])
    carrying.follow(_along(feeler.motion, felt, -back_m), 0.0, REST_S)
    if carrying.kind == "touch":
        return carrying.execution((told,))
    start_rad = carrying.world.robot.state()[0]
    try:
        plan = replanned_where_felt(feeler, arm, felt.scale, start_rad)
    except RetargetError as error:
        return _failed(carrying.execution((told,)), error.message)
    carrying.follow(plan, REST_S, WAIT_S)
    return carrying.execution((told,))


def replanned_where_felt(feeler: Feeler, arm, scale: float, start_rad: np.ndarray) -> RobotMotion:
    """The plan for where the object was felt, from where the arm is; the base stays.

    Raises:
        RetargetError: UNREACHABLE with the reasons.
    """
    start, feeling = np.clip(start_rad, arm.lower_rad, arm.upper_rad), feeler.motion
    there = scaled(feeler.planned, feeling.facts["object"], scale)
    there = there.replace(diagnostics={k: v for k, v in there.diagnostics.items() if not k.startswith("target_dist")})
    return retarget_arm(there, arm, feeler.body, feeling.T_world_root(), start_rad=start)


def _feel(carrying: Carrying, feeling: RobotMotion, arm) -> Felt | None:
    """Follow the motion until something is felt; None when nothing is."""
    robot, sweep_s, forces = carrying.world.robot, feeling.facts["sweep_s"], []
    end_s = (len(feeling.positions_rad) - 1) / feeling.fps

    def is_felt(t: float) -> bool:
        if not sweep_s + EVEN_S <= t <= end_s - EVEN_S:
            return False
        forces.append(robot.wrist_force_n())
        before = forces[-QUIET_LOOKS - LATEST_LOOKS : -LATEST_LOOKS]
        if len(before) < LATEST_LOOKS:
            return False
        at_once, all_in_all = (np.linalg.norm(forces[-1] - np.mean(f, axis=0)) for f in (before, forces[:LATEST_LOOKS]))
        return bool(at_once > FELT_N or all_in_all > SLOWLY_FELT_N)

    time_s = carrying.follow(feeling, SETTLE_S, REST_S, is_felt)
    if time_s is None:
        return None
    q = robot.state()[0]
    return Felt(time_s, scale_at(feeling, feeling.T_world_root() @ arm.forward(q)), q)


def _along(feeling: RobotMotion, felt: Felt, way_m: float, speed_m_s: float = SPEED_M_S) -> RobotMotion:
    """From where it is on along its own way, or back where `way_m` is negative."""
    end_s = (len(feeling.positions_rad) - 1) / feeling.fps
    ends_s = float(np.clip(felt.time_s + way_m / SPEED_M_S, 0.0, end_s))
    lasts_s = max(abs(ends_s - felt.time_s) * SPEED_M_S / speed_m_s, 1 / feeling.fps)
    count = max(2, int(np.ceil(lasts_s * feeling.fps)) + 1)
    share = minimum_jerk(np.linspace(0, 1, count))
    positions = feeling.spline()(felt.time_s + (ends_s - felt.time_s) * share)
    n = len(felt.q)
    positions[:, :n] += (felt.q - positions[0, :n]) * (1 - share)[:, None]
    still = {name: np.repeat(getattr(feeling, name)[:1], count, axis=0) for name in ("root_pose", "object_pose")}
    source_s = np.zeros(count)
    return replace(feeling, positions_rad=positions, source_time_s=source_s, fps=(count - 1) / lasts_s, **still)


def _failed(execution: Execution, told: str) -> Execution:
    """Judged by the object as ever; what stopped the robot is the better reason."""
    return replace(execution, why_not=told) if execution.why_not else execution
