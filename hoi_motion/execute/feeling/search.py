"""The search for an object whose distance is not known, as motions that somebody carries out one after the other.

The arm follows the motion of `hoi_motion.retarget.arm.feel.feeling` until its wrist feels something, withdraws, and
carries out the plan that is made for that place. Where the fingers then close on nothing, it was something else, or it
has moved: the arm goes back the way it came and feels on. `Search.moves` decides, and knows neither a simulation nor a
robot: `execute_felt` carries its motions out in physics, and a client of ROS 2 through a robot's controllers.
"""

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum

import numpy as np

from hoi_motion.body.model import BodyModel
from hoi_motion.errors import RetargetError
from hoi_motion.execute.feeling.ways import along, back_to_start, between, length_s, on_from
from hoi_motion.execute.feeling.wrist import NOISE_N
from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.arm.feel import feeling, scale_at
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
HELD_S = 0.5  # at the end of a plan
LEAST_TOLD_CM = 0.5
MOST_TIMES = 4  # that something is felt
SAME_PLACE_M = 0.02  # what is felt again, no farther away than this, is the same thing
PAST_M = 0.06  # behind that, where the object may stand
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


class Until(Enum):
    """What ends a motion early."""

    FELT = "the wrist feels something, while the arm goes at an even pace"
    EMPTY = "the fingers, closing on the object or carrying it, come nearer than `least_held_m`"


@dataclass(frozen=True)
class Move:
    """One motion of a search.

    Attributes:
        motion: to be carried out from where the arm is; lead_s, rest_s: to wait before it and after it.
        until: what ends it early; None is nothing.
    """

    motion: RobotMotion
    lead_s: float = 0.0
    rest_s: float = REST_S
    until: Until | None = None


@dataclass(frozen=True)
class Ended:
    """How a motion has ended.

    Attributes:
        q: (n,) arm joints now; time_s: of the motion at which it was ended early, None when it was carried out whole.
        had_it: whether there was something between the fingers on the way.
    """

    q: np.ndarray
    time_s: float | None = None
    had_it: bool = False


Moves = Generator[Move, Ended, str]


def least_held_m(plan: RobotMotion) -> float:
    """Fingers of a plan that are nearer to each other than this hold nothing."""
    return min(NOTHING_M, plan.facts["width_m"] / 2)


def replanned_where_felt(feeler: Feeler, arm, scale: float, start_rad: np.ndarray) -> RobotMotion:
    """The plan for where the object was felt, from where the arm is; the base stays.

    Raises:
        RetargetError: UNREACHABLE with the reasons.
    """
    start, way = np.clip(start_rad, arm.lower_rad, arm.upper_rad), feeler.motion
    there = scaled(feeler.planned, way.facts["object"], scale)
    there = there.replace(diagnostics=there.diagnostics | {SPREAD: FELT_SPREAD_M})
    return retarget_arm(there, arm, feeler.body, way.T_world_root(), start_rad=start)


class Search:
    """Feels until something is taken, or nothing is left to be tried.

    Attributes:
        told: what has happened so far, in words.
    """

    def __init__(self, feeler: Feeler, arm, is_touch: bool):
        """is_touch: the object is only touched, which it has been when it is felt."""
        self.told: list[str] = []
        self._feeler, self._arm, self._is_touch = feeler, arm, is_touch
        self._had_it = False  # between the fingers, and lost it

    def moves(self) -> Moves:
        """Every motion in turn, each worked out when the one before has ended; send what has become of that.

        Returns:
            Why it has failed, in a sentence; empty when the object was taken, or touched.
        """
        way = whole = self._feeler.motion
        met_m: list[float] = []
        skipped_s, why = 0.0, ""  # what a rest of a sweep leaves out
        for _ in range(MOST_TIMES):
            ended = yield Move(way, REST_S, until=Until.FELT)
            if ended.time_s is None:
                self._tell_nothing(way)
                return why or self.told[-1]
            scale = scale_at(way, way.T_world_root() @ self._arm.forward(ended.q))
            place_m = (scale - 1) * way.facts["surface_m"]
            self._tell(place_m)
            if self._is_touch:
                yield from self._press(way, ended.time_s, len(ended.q))
                return ""
            back = self._back(way, ended.time_s, ended.q)
            ended, back_s = (yield Move(back)), back.facts["ends_s"]
            is_same = place_m < max(met_m, default=-np.inf) + SAME_PLACE_M and not self._had_it
            met_m.append(place_m)
            if is_same:  # something that stays and is not the object, which is behind it
                ended = yield Move(back_to_start(whole, skipped_s + back_s, ended.q, whole.gripper[0]))
                try:
                    way = whole = self._behind(max(met_m) + PAST_M, ended.q)
                except RetargetError as error:
                    return error.message
                skipped_s = 0.0
                continue
            why, ended = yield from self._take(way, scale, ended)
            if not why:
                return ""
            way, skipped_s = on_from(way, back_s, ended.q), skipped_s + back_s
        return why

    def _press(self, way: RobotMotion, felt_s: float, joints: int) -> Generator[Move, Ended, None]:
        """Press on what was felt at a time of the sweep, then let it be; joints: of the arm."""
        q = way.spline()(felt_s)[:joints]
        pressed = yield Move(along(way, felt_s, q, way.facts["press_m"], PRESS_SPEED_M_S), rest_s=PRESSED_S)
        yield Move(self._back(way, felt_s, pressed.q))

    def _take(self, way: RobotMotion, scale: float, ended: Ended) -> Generator[Move, Ended, tuple[str, Ended]]:
        """Take what was felt, a ball from above; why not, empty when it was taken."""
        rising = self._rising(way, ended.q) if way.facts["is_round"] else None
        if rising:
            ended = yield Move(rising)
        why, ended = yield from self._close_on(scale, ended)
        if why and rising:
            ended = yield Move(back_to_start(rising, length_s(rising), ended.q, way.gripper[0]))
        return why, ended

    def _close_on(self, scale: float, ended: Ended) -> Generator[Move, Ended, tuple[str, Ended]]:
        """Carry out the plan for where it was felt; why not, empty when there is something between the fingers."""
        self._had_it = False
        try:
            plan = replanned_where_felt(self._feeler, self._arm, scale, ended.q)
        except RetargetError as error:
            return error.message, ended
        ended = yield Move(plan, REST_S, HELD_S, Until.EMPTY if plan.facts["grip"] == "pinch" else None)
        if ended.time_s is None:
            return "", ended
        self._had_it = ended.had_it
        self.told.append("it slips out of the fingers" if ended.had_it else "the fingers close on nothing there")
        ended = yield Move(back_to_start(plan, ended.time_s, ended.q, plan.gripper[0]), REST_S)
        return self.told[-1], ended

    def _behind(self, beyond_m: float, q: np.ndarray) -> RobotMotion:
        """A sweep of the rest of the line of sight, which begins farther away.

        Raises:
            RetargetError: UNREACHABLE.
        """
        planned, name = self._feeler.planned, self._feeler.motion.facts["object"]
        sight = open_sight(planned, name)
        assert sight is not None  # or nothing would be felt for
        base, start = self._feeler.motion.T_world_root(), np.clip(q, self._arm.lower_rad, self._arm.upper_rad)
        return feeling(planned, self._arm, name, sight, base, start, beyond_m)

    def _back(self, way: RobotMotion, time_s: float, q: np.ndarray) -> RobotMotion:
        """Back along the sweep until there is room for open fingers."""
        return along(way, time_s, q, -BACK_M - self._arm.gripper.open_width_m / 2)

    def _rising(self, way: RobotMotion, q: np.ndarray) -> RobotMotion | None:
        """Up, before the gripper goes elsewhere: a ball that it grazes rolls away. None where the arm cannot."""
        above = self._arm.forward(q)
        above[2, 3] += UP_M  # the base stands upright
        q_above = self._arm.solve(q, above, UP_STEPS)
        if q_above is None or np.abs(q_above - q).max() > UP_MOST_RAD:
            return None
        return between(way, q, q_above, self._arm)

    def _tell_nothing(self, way: RobotMotion) -> None:
        near, far = way.facts["range_m"]
        self.told.append(f"nothing is felt from {100 * near:.0f} to {100 * far:+.0f} cm along the line of sight")

    def _tell(self, place_m: float) -> None:
        if abs(100 * place_m) < LEAST_TOLD_CM:
            self.told.append("felt at the distance that the video tells")
        else:
            self.told.append(f"felt {abs(100 * place_m):.0f} cm {'farther' if place_m > 0 else 'nearer'} than lifted")
