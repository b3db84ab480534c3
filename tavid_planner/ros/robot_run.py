"""RobotRun: a plan carried out by a robot's controllers through FollowJointTrajectory and GripperCommand actions."""

import time
from dataclasses import dataclass

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.task import Future

from tavid_planner.errors import ControlError, ErrorCode, RetargetError, TavidError, VideoError
from tavid_planner.ros.controllers import JOINT, LOOK_S, Controllers, Presence, Wait, check_start, wait_for_controllers

LATE_S = 1.0  # how late the arm may be at its last point
LAST_CANCEL_S = 2.0  # how long an interrupted client waits for the answer to its last word
ARM_ERRORS = (
    "INVALID_GOAL",
    "INVALID_JOINTS",
    "OLD_HEADER_TIMESTAMP",
    "PATH_TOLERANCE_VIOLATED",
    "GOAL_TOLERANCE_VIOLATED",
)


class RobotRun:
    """A plan that a robot's controllers are carrying out; made by `PlanClient.execute`.

    Gripper goals are sent at their times after the arm's start, by the clock of the client's node, which follows /clock
    with `use_sim_time`. This happens inside `is_done`, so call it continually.

    Attributes:
        feedback: the latest control_msgs FollowJointTrajectory.Feedback of the arm; None before the first.
    """

    def __init__(self, node: Node, wait: Wait, answer, controllers: Controllers):
        """Start it.

        Args:
            answer: a PlanInteraction.Result.

        Raises:
            RetargetError: ROBOT_UNKNOWN for an answer without a robot's motion.
            VideoError: MODEL_MISSING without control_msgs.
            ControlError: TIMED_OUT for a controller that is missing or does not answer, BUSY for one that rejects the
                goal and for an arm that is not at the start of the motion.
        """
        if not answer.joint_trajectory.points:
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN, "the answer has no motion of a robot", "name an arm in the request: robot=..."
            )
        try:
            from control_msgs.action import FollowJointTrajectory
        except ImportError:
            hint = "install that package of ROS 2"
            raise VideoError(ErrorCode.MODEL_MISSING, "control_msgs is not installed", hint) from None
        self._node, self._wait, self._controllers = node, wait, controllers
        self._arm = ActionClient(node, FollowJointTrajectory, controllers.arm)
        self._gripper = _Gripper(node, answer.gripper_goals, controllers) if answer.gripper_goals else None
        self._error: TavidError | None = None
        self._end: Future | None = None
        self._ended_at: float | None = None
        self._asked: Future | None = None
        self._gone = False
        self.feedback = None
        try:
            self._start(answer.joint_trajectory)
        except BaseException:  # Ctrl-C too: nobody has this run yet, to close it
            self.close()
            raise

    def is_done(self, timeout_s: float = 0.0) -> bool:
        """Whether it has ended, successfully or not; waits up to `timeout_s` and sends gripper goals that are due."""
        deadline = time.monotonic() + timeout_s
        while not self._look() and time.monotonic() < deadline:
            # the arm's end wakes the wait at once; due gripper goals do not
            pause_s = min(LOOK_S, deadline - time.monotonic())
            self._wait(Future() if self._end.done() else self._end, max(pause_s, 0.0))
        return self._look()

    def cancel(self, timeout_s: float = 5.0) -> bool:
        """Stop the arm; False if it was too late.

        The gripper gets no further goals: it keeps what it holds.
        """
        if self._gripper:
            self._gripper.coming.clear()
        if self._end.done() or self._gone:
            return False
        answer = self._wait(self._goal.cancel_goal_async(), timeout_s)
        return answer is not None and bool(answer.goals_canceling)

    @property
    def gripper_ended(self) -> "GripperEnded | None":
        """The latest goal of the gripper that has ended; None before the first."""
        return self._gripper.ended if self._gripper else None

    def error(self) -> TavidError | None:
        """What went wrong; None after both controllers have succeeded, and while they are running."""
        return self._error

    def result(self, timeout_s: float = 0.0) -> None:
        """Return after success, raise otherwise.

        Raises:
            ControlError: TIMED_OUT when it has not ended, or its controller is gone; CANCELLED; ABORTED by a controller
                that gave up, or whose clock differs from the client's; BUSY for a gripper that rejects a goal.
        """
        if not self.is_done(timeout_s):
            raise ControlError(ErrorCode.TIMED_OUT, f"the robot is not done after {timeout_s:g} s", "ask is_done first")
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Release the action clients; an arm that is still moving is stopped."""
        if self._end is not None and not self._end.done():
            self.cancel(self._controllers.answer_s)
        if self._asked is None or self._asked.done():  # a goal that is accepted late is cancelled by its client
            self._arm.destroy()
        if self._gripper:
            self._gripper.client.destroy()

    def _start(self, trajectory) -> None:
        from control_msgs.action import FollowJointTrajectory

        name, answer_s = self._controllers.arm, self._controllers.answer_s
        clients: list[tuple[str, type, ActionClient]] = [(name, FollowJointTrajectory, self._arm)]
        if self._gripper:
            clients.append((self._controllers.gripper, self._gripper.action, self._gripper.client))
        wait_for_controllers(self._node, clients, self._wait, answer_s)
        check_start(self._node, self._wait, trajectory, self._controllers)
        goal = FollowJointTrajectory.Goal(trajectory=trajectory)
        goal.goal_time_tolerance = Duration(seconds=LATE_S).to_msg()

        def keep(message) -> None:
            self.feedback = message.feedback

        self._asked = self._arm.send_goal_async(goal, feedback_callback=keep)
        handle = wait_until_taken(self._asked, self._wait, answer_s)
        if handle is None:
            raise ControlError(ErrorCode.TIMED_OUT, f"{name!r} has not answered for {answer_s:g} s")
        if not handle.accepted:
            hint = f"it has to be active and to move {', '.join(trajectory.joint_names)}"
            raise ControlError(ErrorCode.BUSY, f"{name!r} rejects the goal", hint)
        self._goal, self._end = handle, handle.get_result_async()
        self._presence = Presence(self._arm, handle, answer_s)
        self._begun = self._node.get_clock().now()

    def _look(self) -> bool:
        """Send due gripper goals and collect results; returns whether the run has ended."""
        try:
            if self._gripper and self._error is None:
                self._gripper.look(None if self._end.done() else self._node.get_clock().now() - self._begun)
            if self._end.done() and self._ended_at is None:
                self._ended_at = time.monotonic()
                self._hear_arm(self._end.result())
            elif self._ended_at is None and (gone := self._presence.why_gone()):
                self._gone, self._ended_at = True, time.monotonic()
                raise ControlError(
                    ErrorCode.TIMED_OUT,
                    f"{self._controllers.arm!r} {gone}",
                    "its controller has ended or cannot be reached: look where the arm stands",
                )
        except ControlError as error:
            self._error = self._error or error
            if not (self._end.done() or self._gone):
                self._goal.cancel_goal_async()
        if self._ended_at is None:
            return False
        # the last goal of a gripper ends when the object stops it, or never while it presses
        waits = self._gripper and self._error is None and self._gripper.is_busy
        return not waits or time.monotonic() > self._ended_at + self._controllers.answer_s

    def _hear_arm(self, answer) -> None:
        name, told = self._controllers.arm, answer.result
        if answer.status == GoalStatus.STATUS_CANCELED:
            raise ControlError(ErrorCode.CANCELLED, f"{name!r} was told to stop")
        if answer.status != GoalStatus.STATUS_SUCCEEDED or told.error_code:
            code = next((word for word in ARM_ERRORS if getattr(told, word) == told.error_code), "error")
            why = f": {told.error_string}" if told.error_string else ""
            raise ControlError(ErrorCode.ABORTED, f"{name!r} gave up with {code} {told.error_code}{why}")
        left = len(self._gripper.coming) if self._gripper else 0
        if left:
            raise ControlError(
                ErrorCode.ABORTED,
                f"{name!r} was at its end with {left} goals of the gripper to come",
                "call is_done continually, and use one clock for both (use_sim_time)",
            )


def wait_until_taken(asked: Future, wait: Wait, timeout_s: float) -> ClientGoalHandle | None:
    """The handle of a goal that was sent, None where it is not answered in time.

    A goal that is taken after nobody waits for it any more is cancelled: too late, or after Ctrl-C. Nobody would
    supervise an arm that starts to move after all, and a planner would refuse the next request as BUSY.
    """
    try:
        handle = wait(asked, timeout_s)
    except BaseException:
        handle = wait(asked, LAST_CANCEL_S)
        if handle is None:
            asked.add_done_callback(cancel_late)
        elif handle.accepted:
            wait(handle.cancel_goal_async(), LAST_CANCEL_S)
        raise
    if handle is None:
        asked.add_done_callback(cancel_late)
    return handle


def cancel_late(asked: Future) -> None:
    """Cancel a goal that was accepted after nobody waited for it any more."""
    handle = asked.result()
    if handle is not None and handle.accepted:
        handle.cancel_goal_async()


@dataclass(frozen=True)
class GripperEnded:
    """A goal of the gripper that has ended: told_width_m, and where the fingers are, in what `gripper_told` says."""

    told_width_m: float
    position: float


class _Gripper:
    """Sends gripper goals at their times; a later goal replaces the previous one.

    Attributes:
        coming: GripperGoal messages that have not been sent yet, in order of time.
        ended: the latest goal that has ended.
    """

    def __init__(self, node: Node, goals, controllers: Controllers):
        from control_msgs.action import GripperCommand

        self.action, self.client = GripperCommand, ActionClient(node, GripperCommand, controllers.gripper)
        self.coming = sorted(goals, key=lambda goal: _seconds(goal.time_from_start))
        self._controllers = controllers
        self.ended: GripperEnded | None = None
        self._told_m, self._words = 0.0, ""
        self._sent_at = 0.0
        self._answer: Future | None = None  # whether it accepts the latest goal
        self._end: Future | None = None  # the result of that goal

    @property
    def is_busy(self) -> bool:
        """Whether the latest goal's result is still missing."""
        return self._answer is not None or self._end is not None

    def look(self, since_start) -> None:
        """Send due goals and collect the latest goal's result.

        Args:
            since_start: rclpy Duration since the arm started; None once the arm has ended: no more goals are sent.

        Raises:
            ControlError: TIMED_OUT when a goal is not answered, BUSY when it is rejected, ABORTED when it failed.
        """
        if since_start is not None:
            while self.coming and _seconds(self.coming[0].time_from_start) <= since_start.nanoseconds * 1e-9:
                self._tell(self.coming.pop(0))
        name = self._controllers.gripper
        if self._answer is not None and self._answer.done():
            handle, self._answer = self._answer.result(), None
            if not handle.accepted:
                raise ControlError(ErrorCode.BUSY, f"{name!r} rejects the goal {self._words}")
            self._end = handle.get_result_async()
        elif self._answer is not None and time.monotonic() > self._sent_at + self._controllers.answer_s:
            raise ControlError(ErrorCode.TIMED_OUT, f"{name!r} has not answered for {self._controllers.answer_s:g} s")
        if self._end is not None and self._end.done():
            answer, self._end = self._end.result(), None
            self.ended = GripperEnded(self._told_m, answer.result.position)
            # fingers that an object stops have gripped it, though some controllers report that as aborted
            if answer.status != GoalStatus.STATUS_SUCCEEDED and not answer.result.stalled:
                raise ControlError(
                    ErrorCode.ABORTED, f"{name!r} gave up the goal {self._words} at {answer.result.position:.3f}"
                )

    def _tell(self, told) -> None:
        goal = self.action.Goal()
        goal.command.position = told.position if self._controllers.gripper_told == JOINT else told.width_m
        goal.command.max_effort = told.force_n
        self._told_m, self._words = told.width_m, f"{goal.command.position:.3f} with a force of {told.force_n:g}"
        self._sent_at = time.monotonic()
        self._answer, self._end = self.client.send_goal_async(goal), None


def _seconds(duration) -> float:
    return duration.sec + duration.nanosec * 1e-9
