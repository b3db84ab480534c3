"""A plan for an object whose distance is not known: feel for it, then plan anew from where it was felt.

`execute_felt` does this in physics. A robot does it the same way: it follows the motion of
`hoi_motion.retarget.arm.feel.feeling` until its wrist feels something (`ForceChange`), and `replanned_where_felt` makes
the rest. Where the fingers then close on nothing, it was something else, or it has moved: the arm goes back the way it
came and feels on.
"""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.body.model import BodyModel
from hoi_motion.errors import RetargetError
from hoi_motion.execute.carrying import SETTLE_S, WAIT_S, Carrying
from hoi_motion.execute.execution import Execution
from hoi_motion.execute.feeling.ways import along, back_to_start, between, length_s, on_from
from hoi_motion.execute.feeling.wrist import NOISE_N, ForceChange, WristSensor
from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.arm.feel import EVEN_S, feeling, scale_at
from hoi_motion.retarget.arm.sight import SPREAD, open_sight, scaled
from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.robot_motion import RobotMotion

FELT_SPREAD_M = 0.015  # what is felt moves a little before the arm stops, and the picture's outline is not exact
PRESS_SPEED_M_S = 0.02  # at which what is only touched is pressed: it slides away meanwhile
BACK_M = 0.05  # so far, and half its opening, the gripper withdraws on its own way: then it has room to open
PRESSED_S = 0.3  # how long a touch lasts
UP_M = 0.15  # over what rolls
UP_STEPS = 25  # of inverse kinematics
UP_MOST_RAD = 1.0  # more is another posture
REST_S = 0.2  # between two motions
LEAST_TOLD_CM = 0.5
MOST_TIMES = 4  # that something is felt
SAME_PLACE_M = 0.02  # what is felt again, no farther away than this, is the same thing
PAST_M = 0.06  # behind that, where the object may stand
CLOSED_SPARE_S = 0.1  # after which fingers with nothing between them are shut
NOTHING_M = 0.002  # fingers that come nearer than this, and than half of what they should hold, hold nothing


@dataclass(frozen=True)
class Feeler:
    """What it takes to feel for an object and to plan anew.

    Attributes:
        motion: of the arm, by `feeling`; planned: the scene as it is thought to be; body: BodyModel of that.
        noise_n: of the force sensor in the wrist: standard deviation of a reading, per axis; 240 readings a second.
    """

    motion: RobotMotion
    planned: HoiMotion
    body: BodyModel
    noise_n: float = NOISE_N


@dataclass(frozen=True)
class Felt:
    """Something was met.

    Attributes:
        time_s: of the feeling's motion; scale: how many times as far away as lifted it stands.
        q: (n,) arm joints then.
    """

    time_s: float
    scale: float
    q: np.ndarray


def execute_felt(carrying: Carrying, feeler: Feeler, arm) -> Execution:
    """Feel for the object, plan anew where it was felt, and carry that out; all in one world."""
    return _Search(carrying, feeler, arm).execution()


def replanned_where_felt(feeler: Feeler, arm, scale: float, start_rad: np.ndarray) -> RobotMotion:
    """The plan for where the object was felt, from where the arm is; the base stays.

    Raises:
        RetargetError: UNREACHABLE with the reasons.
    """
    start, way = np.clip(start_rad, arm.lower_rad, arm.upper_rad), feeler.motion
    there = scaled(feeler.planned, way.facts["object"], scale)
    there = there.replace(diagnostics=there.diagnostics | {SPREAD: FELT_SPREAD_M})
    return retarget_arm(there, arm, feeler.body, way.T_world_root(), start_rad=start)


class _Search:
    """Feels until something is taken, or nothing is left to be tried."""

    def __init__(self, carrying: Carrying, feeler: Feeler, arm):
        self._carrying, self._feeler, self._arm = carrying, feeler, arm
        self._robot, self._sensor = carrying.world.robot, WristSensor(feeler.noise_n)
        self._told: list[str] = []
        self._had_it = False  # between the fingers, and lost it

    def execution(self) -> Execution:
        """All of it; what is only touched has been touched when it is felt."""
        way = whole = self._feeler.motion
        lead_s, met_m = SETTLE_S, []
        skipped_s, why = 0.0, ""  # what a rest of a sweep leaves out
        for _ in range(MOST_TIMES):
            felt = self._feel(way, lead_s)
            if felt is None:
                near, far = way.facts["range_m"]
                self._told.append(
                    f"nothing is felt from {100 * near:.0f} to {100 * far:+.0f} cm along the line of sight"
                )
                return self._failed(why or self._told[-1])
            place_m = (felt.scale - 1) * way.facts["surface_m"]
            self._tell(place_m)
            if self._carrying.kind == "touch":
                self._press(way, felt)
                self._withdraw(way, felt)
                return self._carrying.execution(tuple(self._told))
            back_s = self._withdraw(way, felt)
            is_same = place_m < max(met_m, default=-np.inf) + SAME_PLACE_M and not self._had_it
            met_m.append(place_m)
            lead_s = REST_S
            if is_same:  # something that stays and is not the object, which is behind it
                self._go_home(whole, skipped_s + back_s)
                try:
                    way = whole = self._behind(max(met_m) + PAST_M)
                except RetargetError as error:
                    return self._failed(error.message)
                skipped_s = 0.0
                continue
            rising = self._rise(way) if way.facts["is_round"] else None
            why = self._take(felt)
            if not why:
                return self._carrying.execution(tuple(self._told))
            if rising:
                sinking = back_to_start(rising, length_s(rising), self._robot.state()[0], way.gripper[0])
                self._carrying.follow(sinking, 0.0, REST_S)
            way, skipped_s = on_from(way, back_s, self._robot.state()[0]), skipped_s + back_s
        return self._failed(why)

    def _go_home(self, whole: RobotMotion, time_s: float) -> None:
        way = back_to_start(whole, time_s, self._robot.state()[0], whole.gripper[0])
        self._carrying.follow(way, 0.0, REST_S)

    def _behind(self, beyond_m: float) -> RobotMotion:
        """A sweep of the rest of the line of sight, which begins farther away.

        Raises:
            RetargetError: UNREACHABLE.
        """
        planned, name = self._feeler.planned, self._feeler.motion.facts["object"]
        sight = open_sight(planned, name)
        assert sight is not None  # or nothing would be felt for
        base, start = self._feeler.motion.T_world_root(), self._robot.state()[0]
        start = np.clip(start, self._arm.lower_rad, self._arm.upper_rad)
        return feeling(planned, self._arm, name, sight, base, start, beyond_m)

    def _feel(self, way: RobotMotion, lead_s: float) -> Felt | None:
        """Follow the motion until something is felt; None when nothing is."""
        end_s, change = (len(way.positions_rad) - 1) / way.fps, ForceChange()

        def is_felt(t: float) -> bool:
            if not way.facts["sweep_s"] + EVEN_S <= t <= end_s - EVEN_S:
                return False
            return change.is_felt(self._sensor.reading_n(self._robot.wrist_force_n()))

        time_s = self._carrying.follow(way, lead_s, REST_S, is_felt)
        if time_s is None:
            return None
        q = self._robot.state()[0]
        return Felt(time_s, scale_at(way, way.T_world_root() @ self._arm.forward(q)), q)

    def _press(self, way: RobotMotion, felt: Felt) -> None:
        q = way.spline()(felt.time_s)[: len(felt.q)]
        pressing = along(way, felt.time_s, q, way.facts["press_m"], PRESS_SPEED_M_S)
        self._carrying.follow(pressing, 0.0, PRESSED_S)

    def _withdraw(self, way: RobotMotion, felt: Felt) -> float:
        """Go back until there is room for open fingers; the motion's time there."""
        back_m = BACK_M + self._arm.gripper.open_width_m / 2
        back = along(way, felt.time_s, self._robot.state()[0], -back_m)
        self._carrying.follow(back, 0.0, REST_S)
        return back.facts["ends_s"]

    def _rise(self, way: RobotMotion) -> RobotMotion | None:
        """Go up before the gripper goes elsewhere: a ball that it grazes rolls away. None where the arm cannot."""
        q = self._robot.state()[0]
        above = self._arm.forward(q)
        above[2, 3] += UP_M  # the base stands upright
        q_above = self._arm.solve(q, above, UP_STEPS)
        if q_above is None or np.abs(q_above - q).max() > UP_MOST_RAD:
            return None
        rising = between(way, q, q_above, self._arm)
        self._carrying.follow(rising, 0.0, REST_S)
        return rising

    def _take(self, felt: Felt) -> str:
        """Take what was felt where it was felt; why not, empty when there is something between the fingers."""
        self._had_it = False
        try:
            plan = replanned_where_felt(self._feeler, self._arm, felt.scale, self._robot.state()[0])
        except RetargetError as error:
            return error.message
        stopped_s = self._carrying.follow(plan, REST_S, WAIT_S, self._closes_on_nothing(plan))
        if stopped_s is None:
            return ""
        self._told.append("it slips out of the fingers" if self._had_it else "the fingers close on nothing there")
        self._carrying.follow(back_to_start(plan, stopped_s, self._robot.state()[0], plan.gripper[0]), REST_S, REST_S)
        return self._told[-1]

    def _closes_on_nothing(self, plan: RobotMotion):
        """A function of the plan's time: whether the fingers have shut farther than the object would let them."""
        if plan.facts["grip"] != "pinch":
            return None
        least_m = min(NOTHING_M, plan.facts["width_m"] / 2)
        share = abs(self._arm.finger_value(plan.facts["width_m"]) - self._arm.finger_value(0.0))
        from_s = plan.facts["closed_s"] + share / self._arm.finger_velocity + CLOSED_SPARE_S
        until_s = plan.facts["release_s"]

        def is_empty(t: float) -> bool:
            if not from_s <= t < until_s:
                return False
            is_shut = self._robot.width_m() < least_m
            self._had_it |= not is_shut
            return is_shut

        return is_empty

    def _tell(self, place_m: float) -> None:
        where = f"{abs(100 * place_m):.0f} cm {'farther' if place_m > 0 else 'nearer'} than lifted"
        self._told.append(f"felt {where if abs(100 * place_m) >= LEAST_TOLD_CM else 'where it was lifted'}")

    def _failed(self, why: str) -> Execution:
        """Judged by the object as ever; what stopped the robot is the better reason."""
        execution = self._carrying.execution(tuple(self._told))
        return replace(execution, why_not=why) if execution.why_not else execution
