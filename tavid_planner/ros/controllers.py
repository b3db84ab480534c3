"""The controllers of a robot: names of their actions, whether they are available, and where the arm is."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.task import Future
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from tavid_planner.errors import ControlError, ErrorCode, InputError
from tavid_planner.ros.subscriptions import check_name

ARM_ACTION = "joint_trajectory_controller/follow_joint_trajectory"
GRIPPER_ACTION = "gripper_controller/gripper_cmd"
JOINT = "joint"
WIDTH = "width"
LOOK_S = 0.02  # polling period for what no future signals

Wait = Callable[[Future, float], Any]
"""A client's function: spins until a future is done or the timeout has passed; returns its result, or None."""


@dataclass(frozen=True)
class Controllers:
    """Which controllers are used, and how.

    Attributes:
        arm, gripper: names of their actions; absolute with a leading slash, else in the client's namespace.
        gripper_told: "joint" sends the value of the first finger joint, "width" the distance of the fingers in metres.
        joint_states: topic with the arm's position, checked before the start; empty starts without a check.
        wrench: topic with the force on the wrist (WrenchStamped, in a frame that moves with it), for plans that feel
            for their object; empty carries them out without feeling.
        start_tolerance_rad: how far each joint may be from the first point (metres for prismatic joints).
        answer_s: how long a controller may take to answer.
    """

    arm: str = ARM_ACTION
    gripper: str = GRIPPER_ACTION
    gripper_told: str = JOINT
    joint_states: str = "joint_states"
    wrench: str = ""
    start_tolerance_rad: float = 0.05
    answer_s: float = 5.0

    def __post_init__(self):
        if self.gripper_told not in (JOINT, WIDTH):
            raise InputError(ErrorCode.CONFIG_INVALID, f"gripper_told is {self.gripper_told!r}", f"{JOINT} or {WIDTH}")
        for name in (self.arm, self.gripper, *filter(None, (self.joint_states, self.wrench))):
            check_name(name)
        for name in ("start_tolerance_rad", "answer_s"):
            if not getattr(self, name) > 0:
                raise InputError(ErrorCode.CONFIG_INVALID, f"{name} is {getattr(self, name)!r}", "more than 0")
        if self.wrench and not self.joint_states:
            raise InputError(
                ErrorCode.CONFIG_INVALID, "wrench without joint_states", "where it felt is where it stands"
            )


def wait_for_controllers(
    node: Node, clients: Iterable[tuple[str, type, ActionClient]], wait: Wait, answer_s: float
) -> None:
    """Wait until every action has a server.

    Args:
        clients: name, type and client of each.

    Raises:
        ControlError: TIMED_OUT naming the missing one, and the type of one that takes other goals.
    """
    deadline = time.monotonic() + answer_s
    for name, kind, client in clients:
        while not client.server_is_ready():
            if time.monotonic() > deadline:
                raise ControlError(
                    ErrorCode.TIMED_OUT,
                    f"no controller takes goals on {name!r} after {answer_s:g} s{_other_kinds(node, name, kind)}",
                    "start it, or name its action: Controllers(arm=..., gripper=...)",
                )
            wait(Future(), LOOK_S)


def _other_kinds(node: Node, name: str, kind: type) -> str:
    """The types in which that action is served or used, other than the needed one, as part of a sentence."""
    service, own = node.resolve_service_name(f"{name}/_action/send_goal"), kind.__name__
    types = dict(node.get_service_names_and_types()).get(service, ())
    others = [kind.removesuffix("_SendGoal") for kind in types if not kind.endswith(f"/{own}_SendGoal")]
    return f": its type is {' and '.join(others)}, needed is {own}" if others else ""


class Presence:
    """Notices that the server of an action no longer works on a goal: its result would be waited for for ever.

    A server that is away is missed; one that was started anew may never be away, but does not know the goal.

    Args:
        limit_s: how long it may be away, since discovery has its moments, and how often it is asked for the goal.
    """

    def __init__(self, client: ActionClient, goal: ClientGoalHandle, limit_s: float):
        self._client, self._goal, self._limit_s = client, goal, limit_s
        self._missed_at: float | None = None
        self._asked_at, self._again = time.monotonic(), Future()

    def why_gone(self) -> str:
        """What has become of it as the end of a sentence, "" while it is there."""
        now = time.monotonic()
        if not self._client.server_is_ready():
            self._missed_at = self._missed_at or now
            return f"has been gone for {self._limit_s:g} s" if now - self._missed_at > self._limit_s else ""
        self._missed_at = None
        if self._again.done() and self._again.result().status == GoalStatus.STATUS_UNKNOWN:
            return "was started anew, or has forgotten this goal"
        if now - self._asked_at > self._limit_s:
            self._asked_at, self._again = now, self._goal.get_result_async()
        return ""


def check_start(node: Node, wait: Wait, trajectory: JointTrajectory, controllers: Controllers) -> None:
    """Check that the arm is where its motion begins; otherwise a controller would jump there.

    Raises:
        ControlError: TIMED_OUT when the topic does not report a joint, BUSY when one is elsewhere.
    """
    if not controllers.joint_states:
        return
    found = joints_now(node, wait, trajectory.joint_names, controllers)
    for name, wanted in zip(trajectory.joint_names, trajectory.points[0].positions):
        # NaN compares as far away
        if not abs(found[name] - wanted) <= controllers.start_tolerance_rad:
            raise ControlError(
                ErrorCode.BUSY,
                f"{name} stands at {found[name]:.3f}, the motion begins at {wanted:.3f}",
                "move the arm there first",
            )


def joints_now(node: Node, wait: Wait, names: Iterable[str], controllers: Controllers) -> dict[str, float]:
    """Where joints stand by the next messages that tell of them.

    Raises:
        ControlError: TIMED_OUT when the topic does not report a joint.
    """
    found: dict[str, float] = {}
    names, complete = tuple(names), Future()

    def hear(message: JointState) -> None:
        found.update(zip(message.name, message.position))
        if not complete.done() and found.keys() >= set(names):
            complete.set_result(True)

    # best effort hears publishers of both kinds
    heard = node.create_subscription(JointState, controllers.joint_states, hear, qos_profile_sensor_data)
    wait(complete, controllers.answer_s)
    node.destroy_subscription(heard)
    missing = ", ".join(name for name in names if name not in found)
    if missing:
        raise ControlError(
            ErrorCode.TIMED_OUT,
            f"{controllers.joint_states!r} says nothing of {missing} in {controllers.answer_s:g} s",
            "name its topic, or joint_states='' to start without looking",
        )
    return found
