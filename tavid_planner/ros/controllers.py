"""The controllers of a robot: what their actions are called, whether they are there, and where the arm stands."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from tavid_planner.errors import ControlError, ErrorCode, InputError

ARM_ACTION = "joint_trajectory_controller/follow_joint_trajectory"
GRIPPER_ACTION = "gripper_controller/gripper_cmd"
JOINT = "joint"
WIDTH = "width"
LOOK_S = 0.02  # from one look to the next while something is waited for that no future tells

Wait = Callable[[Future, float], Any]
"""Of a client: spins until a future is done or so many seconds have passed; what it holds, or None."""


@dataclass(frozen=True)
class Controllers:
    """Who is told, and how.

    Attributes:
        arm, gripper: names of their actions; with a slash in front they do not live in the client's namespace.
        gripper_told: "joint" sends the value of the first finger joint, "width" the distance of the fingers in metres.
        joint_states: topic on which the arm says where it is before it starts; empty starts without looking.
        start_tolerance_rad: how far each joint may be from the first point (m for one that slides).
        answer_s: how long a controller may take to answer.
    """

    arm: str = ARM_ACTION
    gripper: str = GRIPPER_ACTION
    gripper_told: str = JOINT
    joint_states: str = "joint_states"
    start_tolerance_rad: float = 0.05
    answer_s: float = 5.0

    def __post_init__(self):
        if self.gripper_told not in (JOINT, WIDTH):
            raise InputError(ErrorCode.CONFIG_INVALID, f"gripper_told is {self.gripper_told!r}", f"{JOINT} or {WIDTH}")
        for name in ("start_tolerance_rad", "answer_s"):
            if not getattr(self, name) > 0:
                raise InputError(ErrorCode.CONFIG_INVALID, f"{name} is {getattr(self, name)!r}", "more than 0")


def wait_for_controllers(clients: Iterable[tuple[str, ActionClient]], wait: Wait, answer_s: float) -> None:
    """Wait until somebody takes goals on every action.

    Raises:
        ControlError: TIMED_OUT with the name of the one that is missing.
    """
    deadline = time.monotonic() + answer_s
    for name, client in clients:
        while not client.server_is_ready():
            if time.monotonic() > deadline:
                raise ControlError(
                    ErrorCode.TIMED_OUT,
                    f"no controller takes goals on {name!r} after {answer_s:g} s",
                    "start it, or name its action: Controllers(arm=..., gripper=...)",
                )
            wait(Future(), LOOK_S)


def check_start(node: Node, wait: Wait, trajectory: JointTrajectory, controllers: Controllers) -> None:
    """Whether the arm stands where its motion begins: a controller would else jump there.

    Raises:
        ControlError: TIMED_OUT when the topic says nothing of a joint, BUSY for one that stands elsewhere.
    """
    if not controllers.joint_states:
        return
    found: dict[str, float] = {}
    complete = Future()

    def hear(message: JointState) -> None:
        found.update(zip(message.name, message.position))
        if not complete.done() and found.keys() >= set(trajectory.joint_names):
            complete.set_result(True)

    heard = node.create_subscription(JointState, controllers.joint_states, hear, 10)
    wait(complete, controllers.answer_s)
    node.destroy_subscription(heard)
    missing = ", ".join(name for name in trajectory.joint_names if name not in found)
    if missing:
        raise ControlError(
            ErrorCode.TIMED_OUT,
            f"{controllers.joint_states!r} says nothing of {missing} in {controllers.answer_s:g} s",
            "name its topic, or joint_states='' to start without looking",
        )
    for name, wanted in zip(trajectory.joint_names, trajectory.points[0].positions):
        # a joint that is not a number is nowhere
        if not abs(found[name] - wanted) <= controllers.start_tolerance_rad:
            raise ControlError(
                ErrorCode.BUSY,
                f"{name} stands at {found[name]:.3f}, the motion begins at {wanted:.3f}",
                "bring the arm there first",
            )
