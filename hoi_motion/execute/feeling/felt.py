"""A plan for an object whose distance is not known, in physics: feel for it, then plan anew from where it was felt."""

from collections.abc import Callable
from dataclasses import replace

from hoi_motion.execute.carrying import SETTLE_S, Carrying
from hoi_motion.execute.execution import Execution
from hoi_motion.execute.feeling.search import Ended, Feeler, Move, Search, Until, least_held_m
from hoi_motion.execute.feeling.ways import length_s
from hoi_motion.execute.feeling.wrist import ForceChange, WristSensor
from hoi_motion.retarget.arm.feel import EVEN_S
from hoi_motion.retarget.robot_motion import RobotMotion

CLOSED_SPARE_S = 0.1  # after which fingers with nothing between them are shut


def execute_felt(carrying: Carrying, feeler: Feeler, arm) -> Execution:
    """Feel for the object, plan anew where it was felt, and carry that out; all in one world.

    Judged by the object as ever; what stopped the robot is the better reason.
    """
    search = Search(feeler, arm, carrying.kind == "touch")
    hand, moves, ended = _Hand(carrying, feeler, arm), search.moves(), None
    while True:
        try:
            ended = hand.follow(moves.send(ended))
        except StopIteration as end:
            why = end.value
            break
    execution = carrying.execution(tuple(search.told))
    return replace(execution, why_not=why) if why and execution.why_not else execution


class _Hand:
    """Carries motions out in a simulation, and looks at what its wrist and its fingers say."""

    def __init__(self, carrying: Carrying, feeler: Feeler, arm):
        self._carrying, self._arm = carrying, arm
        self._robot, self._sensor = carrying.world.robot, WristSensor(feeler.noise_n)
        self._had_it, self._lead_s = False, SETTLE_S  # before the first motion

    def follow(self, move: Move) -> Ended:
        lead_s, self._lead_s = max(move.lead_s, self._lead_s), 0.0
        self._had_it, stop = False, None
        if move.until is Until.FELT:
            stop = self._is_felt(move.motion)
        elif move.until is Until.EMPTY:
            stop = self._is_empty(move.motion)
        time_s = self._carrying.follow(move.motion, lead_s, move.rest_s, stop)
        return Ended(self._robot.state()[0], time_s, self._had_it)

    def _is_felt(self, way: RobotMotion) -> Callable[[float], bool]:
        end_s, change = length_s(way), ForceChange()

        def is_felt(t: float) -> bool:
            if not way.facts["sweep_s"] + EVEN_S <= t <= end_s - EVEN_S:
                return False
            return change.is_felt(self._sensor.reading_n(self._robot.wrist_force_n()))

        return is_felt

    def _is_empty(self, plan: RobotMotion) -> Callable[[float], bool]:
        """Whether the fingers have shut farther than the object would let them, at a time of the plan."""
        share = abs(self._arm.finger_value(plan.facts["width_m"]) - self._arm.finger_value(0.0))
        from_s = plan.facts["closed_s"] + share / self._arm.finger_velocity + CLOSED_SPARE_S
        until_s, least_m = plan.facts["release_s"], least_held_m(plan)

        def is_empty(t: float) -> bool:
            if not from_s <= t < until_s:
                return False
            is_shut = self._robot.width_m() < least_m
            self._had_it |= not is_shut
            return is_shut

        return is_empty
