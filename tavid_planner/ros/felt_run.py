"""FeltRun: controllers carry out a plan that feels for its object first, with a force sensor in the wrist."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from geometry_msgs.msg import WrenchStamped
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.task import Future

from tavid_planner.errors import ControlError, ErrorCode, InputError, TavidError
from tavid_planner.ros.controllers import LOOK_S, WIDTH, Controllers, Wait, joints_now
from tavid_planner.ros.results import gripper_to_messages, trajectory_to_message
from tavid_planner.ros.robot_run import RobotRun
from tavid_planner_interfaces.action import PlanInteraction

READING_S = 1 / 60  # the messages of so long are one reading
SILENT_S = 0.5  # an arm must not go on while nobody tells what it feels


def feeling_file(folder: str) -> Path | None:
    """The motion in a bundle by which an arm feels for its object; None where the distance is known.

    Raises:
        InputError: FILE_INVALID for a bundle that is not on this machine.
    """
    if folder and not Path(folder).is_dir():
        told = f"the plan's bundle {folder!r} is not on this machine, which has to plan anew where the arm feels it"
        raise InputError(ErrorCode.FILE_INVALID, told, "run the client where the node is, or share its output_folder")
    return next(Path(folder).glob("robot/*_feeling.npz"), None) if folder else None


class FeltRun:
    """A plan that feels, while controllers carry it out; made by `PlanClient.execute` and used as a RobotRun.

    The arm goes along the line of sight until its wrist feels something, then back, and carries out the plan that is
    made for the place where it was felt. Where the gripper then closes entirely, it goes back and feels on, as the
    simulation does (`hoi_motion.execute.feeling.search`). Planning anew takes about a second, inside `is_done`.

    Attributes:
        told: what has happened so far, in words.
    """

    def __init__(self, node: Node, wait: Wait, file: Path, controllers: Controllers):
        """Start it.

        Args:
            file: as in `feeling_file`, on this machine.

        Raises:
            InputError: FILE_INVALID for a damaged bundle, or a plan for another body than the free one.
            RetargetError: ROBOT_UNKNOWN for a robot that is not known by its name.
            ControlError: TIMED_OUT where nothing is heard of the wrist; else as in RobotRun.
        """
        from hoi_motion.body import load_body
        from hoi_motion.execute.feeling.search import Feeler, Search
        from hoi_motion.execute.task import task_of
        from hoi_motion.io.formats import read_motion
        from hoi_motion.retarget.arm.arm import Arm
        from hoi_motion.retarget.robot_motion import RobotMotion
        from hoi_motion.retarget.robots.config import load_robot_config

        feeling, planned, body = RobotMotion.load(file), read_motion(planned_file(file)), load_body()
        if planned.body_model != body.name:
            told = f"the plan is of the body {planned.body_model!r}, this client has {body.name!r}"
            raise InputError(ErrorCode.FILE_INVALID, told, "carry it out without Controllers(wrench=...)")
        self._arm = Arm(load_robot_config(feeling.robot))
        is_touch = task_of(planned, feeling.facts["object"]).kind == "touch"
        search = Search(Feeler(feeling, planned, body), self._arm, is_touch)
        self.told, self._moves = search.told, search.moves()
        self._node, self._wait, self._controllers = node, wait, controllers
        self._error: TavidError | None = None
        self._is_over = self._is_ended_early = self._is_lost = self._is_cancelled = False
        self._wrench = _Wrench(node, controllers.wrench)
        self._run: RobotRun | None = None
        try:
            self._wrench.wait(wait, controllers.answer_s)
            self._begin(next(self._moves))
        except BaseException:  # Ctrl-C too: nobody has this run yet, to close it
            self.close()
            raise

    @property
    def feedback(self):
        """The latest feedback of the arm's controller."""
        return self._run.feedback

    def is_done(self, timeout_s: float = 0.0) -> bool:
        """Whether it has ended, successfully or not; waits up to `timeout_s`, and goes from one motion to the next."""
        deadline = time.monotonic() + timeout_s
        while not self._look() and time.monotonic() < deadline:
            self._run.is_done(min(LOOK_S, max(deadline - time.monotonic(), 0.0)))
        return self._look()

    def cancel(self, timeout_s: float = 5.0) -> bool:
        """Stop the arm, and begin nothing more; False if it was too late: all had ended."""
        if self._is_over:
            return False
        deadline = time.monotonic() + timeout_s
        self._is_cancelled, self._is_ended_early = True, False
        self._move = replace(self._move, until=None)
        self._wrench.rest()
        if self._run.cancel(timeout_s):
            return True
        # the latest motion had just ended: whether another would have followed shows when its end is heard
        is_done = self.is_done(max(deadline - time.monotonic(), 0.0))
        return is_done and self._error is not None and self._error.code is ErrorCode.CANCELLED

    def error(self) -> TavidError | None:
        """What went wrong; None after all has succeeded, and while it goes on."""
        return self._error

    def result(self, timeout_s: float = 0.0) -> None:
        """Return after success, raise otherwise.

        Raises:
            ControlError: as in RobotRun.result; ABORTED where nothing was felt, or nothing that could be taken.
        """
        if not self.is_done(timeout_s):
            raise ControlError(ErrorCode.TIMED_OUT, f"the robot is not done after {timeout_s:g} s", "ask is_done first")
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Release what it holds; an arm that is still moving is stopped."""
        self._moves.close()
        self._wrench.close()
        if self._run is not None:
            self._run.close()

    def _look(self) -> bool:
        """Whether all has ended; stops at what is felt or missed, and starts the next motion when one is over."""
        if self._is_over:
            return self._run.is_done()
        if not self._run.is_done():
            if not self._is_ended_early and (self._wrench.is_deaf or self._is_met()):
                self._is_ended_early, self._is_lost = True, self._wrench.is_deaf
                self._run.cancel(self._controllers.answer_s)
            return False
        error = self._run.error()
        if error is None:  # it came in the last moment, or the gripper answered after the arm's end
            self._is_ended_early |= self._is_met()
        try:
            move = self._moves.send(self._heard(error))
            if self._is_cancelled:
                raise ControlError(ErrorCode.CANCELLED, "the arm was told to stop, and begins no further motion")
            self._begin(move)
        except StopIteration as end:
            self._is_over = True
            if end.value:
                hint = "give a depth image, or the camera's pose and the support's"
                self._error = ControlError(ErrorCode.ABORTED, end.value, hint)
        except TavidError as failure:
            self._error, self._is_over = failure, True
        except BaseException:  # Ctrl-C: the next motion has not begun, and must not count as carried out
            self._error = ControlError(ErrorCode.CANCELLED, "interrupted before the arm's next motion")
            self._is_over = True
            raise
        return self._is_over

    def _is_met(self) -> bool:
        """Whether what ends the motion early has come."""
        from hoi_motion.execute.feeling.search import Until

        if self._move.until is Until.FELT:
            return self._wrench.is_felt
        return self._move.until is Until.EMPTY and self._is_empty()

    def _is_empty(self) -> bool:
        """Whether the gripper says that it has closed farther than the object would let it.

        It says so once, when it ends its goal: what slips out later is not noticed.
        """
        from hoi_motion.execute.feeling.search import least_held_m

        ended, plan, arm = self._run.gripper_ended, self._move.motion, self._arm
        if ended is None or ended.told_width_m >= plan.facts["width_m"]:
            return False
        if self._controllers.gripper_told == WIDTH:
            return ended.position < least_held_m(plan)
        shut, least = arm.finger_value(0.0), arm.finger_value(least_held_m(plan))
        return abs(ended.position - shut) < abs(least - shut)

    def _heard(self, error: TavidError | None):
        """How the latest motion has ended. Raises: ControlError: where that was not meant."""
        from hoi_motion.execute.feeling.search import Ended
        from hoi_motion.execute.feeling.ways import time_at

        if self._is_lost:
            told = f"nothing more is heard on {self._controllers.wrench!r}"
            raise ControlError(ErrorCode.TIMED_OUT, told, "check the force sensor; the arm was stopped")
        if error is not None and not self._is_ended_early:
            raise error
        q = self._joints()
        return Ended(q, time_at(self._move.motion, q) if self._is_ended_early else None)

    def _begin(self, move) -> None:
        from hoi_motion.execute.feeling.search import Until
        from hoi_motion.execute.feeling.ways import length_s
        from hoi_motion.retarget.arm.feel import EVEN_S

        motion, self._is_ended_early = move.motion, False
        if self._run is not None:
            self._run.close()
        messages = dict(joint_trajectory=trajectory_to_message(motion), gripper_goals=gripper_to_messages(motion))
        self._wrench.rest()
        self._run = RobotRun(self._node, self._wait, PlanInteraction.Result(**messages), self._controllers)
        self._move = move
        if move.until is Until.FELT:
            now_s = self._wrench.now_s()
            self._wrench.listen(now_s + motion.facts["sweep_s"] + EVEN_S, now_s + length_s(motion) - EVEN_S)

    def _joints(self) -> np.ndarray:  # (n,)
        found = joints_now(self._node, self._wait, self._arm.joint_names, self._controllers)
        return np.array([found[name] for name in self._arm.joint_names])


def planned_file(feeling: Path) -> Path:
    """The scene for which a bundle's feeling motion was made, beside it."""
    return feeling.with_name(feeling.name.replace("_feeling", "_planned"))


class _Wrench:
    """Hears a change of the force on a topic.

    Attributes:
        from_s: time of the node's clock from which it counts; is_felt: whether a change was heard.
    """

    def __init__(self, node: Node, topic: str):
        self._node, self._topic = node, topic
        self._heard_s = -np.inf
        self.rest()
        self._subscription = node.create_subscription(WrenchStamped, topic, self._hear, qos_profile_sensor_data)

    @property
    def is_deaf(self) -> bool:
        """Whether it should hear something, and has not lately."""
        return self.from_s < np.inf and not self.is_felt and self._is_silent()

    def now_s(self) -> float:
        return self._node.get_clock().now().nanoseconds * 1e-9

    def rest(self) -> None:
        """Hear nothing."""
        self.is_felt, self.from_s, self._until_s = False, np.inf, np.inf

    def listen(self, from_s: float, until_s: float) -> None:
        """Hear a change between two times of the node's clock; how much it changes anyhow is learned at the first."""
        from hoi_motion.execute.feeling.wrist import ForceChange

        self._change, self._forces, self._since_s = ForceChange(), [], 0.0
        self.is_felt, self.from_s, self._until_s = False, from_s, until_s

    def wait(self, wait: Wait, answer_s: float) -> None:
        """Wait for a message. Raises: ControlError: TIMED_OUT."""
        deadline = time.monotonic() + answer_s
        while self._is_silent():
            if time.monotonic() > deadline:
                told = f"{self._topic!r} says nothing of the force on the wrist in {answer_s:g} s"
                raise ControlError(ErrorCode.TIMED_OUT, told, "name the sensor's topic: Controllers(wrench=...)")
            wait(Future(), LOOK_S)

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)

    def _is_silent(self) -> bool:
        return time.monotonic() > self._heard_s + SILENT_S

    def _hear(self, message: WrenchStamped) -> None:
        force, self._heard_s = message.wrench.force, time.monotonic()
        now_s = self.now_s()
        if not self.from_s <= now_s <= self._until_s or self.is_felt:
            return
        self._forces.append([force.x, force.y, force.z])
        if now_s - self._since_s >= READING_S:
            self.is_felt = self._change.is_felt(np.mean(self._forces, axis=0))
            self._forces, self._since_s = [], now_s
