"""A plan for an object whose distance is not known: feel for it, then plan anew from where it was felt.

`execute_felt` does this in physics. A robot does it the same way: it follows the motion of
`hoi_motion.retarget.arm.feel.feeling` until the force on its wrist differs by FELT_N from what it was at the beginning
of the sweep, and `replanned_where_felt` makes the rest.
"""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.body.model import BodyModel
from hoi_motion.errors import RetargetError
from hoi_motion.execute.carrying import SETTLE_S, WAIT_S, Carrying
from hoi_motion.execute.execution import Execution
from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.arm.feel import RAMP_S, SPEED_M_S, scale_at
from hoi_motion.retarget.arm.sight import scaled
from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.rigid import minimum_jerk

FELT_N = 0.3  # change of the force on the wrist: twice what such sensors repeat, and little enough that a cup stands
# of the sweep: when it goes at an even speed, and so long after that the sensor has learnt what nothing feels like
EVEN_S = RAMP_S + 0.05
TARE_S = 0.15
BACK_M = 0.05  # so far, and half its opening, the gripper withdraws on its own way: then it has room to open
PRESSED_S = 0.25  # how long it stays where it felt something
REST_S = 0.2


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
    told = f"felt {abs(way_cm):.0f} cm {'farther' if way_cm > 0 else 'nearer'} than lifted"
    back = _back(feeler.motion, felt, BACK_M + arm.gripper.open_width_m / 2)
    carrying.follow(back, PRESSED_S, REST_S)
    if carrying.kind == "touch":
        return carrying.execution((told,))
    try:
        plan = replanned_where_felt(feeler, arm, felt.scale, back.positions_rad[-1, : len(felt.q)])
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
    robot, sweep_s, tare = carrying.world.robot, feeling.facts["sweep_s"], []

    def is_felt(t: float) -> bool:
        if t < sweep_s + EVEN_S:
            return False
        force = robot.wrist_force_n()
        if t < sweep_s + EVEN_S + TARE_S or not tare:
            tare.append(force)
            return False
        return bool(np.linalg.norm(force - np.mean(tare, axis=0)) > FELT_N)

    time_s = carrying.follow(feeling, SETTLE_S, REST_S, is_felt)
    if time_s is None:
        return None
    q = robot.state()[0]
    return Felt(time_s, scale_at(feeling, feeling.T_world_root() @ arm.forward(q)), q)


def _back(feeling: RobotMotion, felt: Felt, way_m: float) -> RobotMotion:
    """Backwards on the way that it came, from where it is; `way_m` at the speed of the sweep."""
    lasts_s = min(way_m / SPEED_M_S, felt.time_s)
    count = max(2, int(np.ceil(lasts_s * feeling.fps)) + 1)
    at = felt.time_s - lasts_s * minimum_jerk(np.linspace(0, 1, count))
    positions = feeling.spline()(at)
    n = len(felt.q)
    positions[:, :n] += (felt.q - positions[0, :n]) * (1 - minimum_jerk(np.linspace(0, 1, count)))[:, None]
    still = [np.repeat(array[:1], count, axis=0) for array in (feeling.root_pose, feeling.object_pose)]
    return replace(
        feeling,
        positions_rad=positions,
        root_pose=still[0],
        object_pose=still[1],
        source_time_s=np.zeros(count),
        fps=(count - 1) / lasts_s,
    )


def _failed(execution: Execution, told: str) -> Execution:
    """Judged by the object as ever; what stopped the robot is the better reason."""
    return replace(execution, why_not=told) if execution.why_not else execution
