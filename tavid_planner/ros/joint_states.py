"""Where a robot's joints stand, by the messages of a JointState topic: where an arm's plan starts."""

import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import JointState

from tavid_planner.errors import ControlError, ErrorCode, InputError
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.history import stamp_of
from tavid_planner.ros.subscriptions import subscribe

MAX_JOINTS = 1000  # of all robots on the topic


@dataclass(frozen=True)
class Reading:
    """What was last said of a joint.

    Attributes:
        position: rad, or metres where it slides.
        stamp_s: of the message, None where that is zero; arrived_s: `time.monotonic()`.
    """

    position: float
    stamp_s: float | None
    arrived_s: float


class JointStates:
    """Keeps the last position of every joint on the topic that the option `joint_states` names.

    An arm and its gripper often publish on one topic, in messages of their own: each joint has its own age.

    Args:
        current: returns the node's current options.
    """

    def __init__(self, node: Node, current: Callable[[], NodeConfig], callback_group):
        self._node, self._current = node, current
        self._lock = threading.Lock()
        self._readings: dict[str, Reading] = {}
        self.topic = current().joint_states
        if self.topic:
            # best effort hears publishers of both kinds
            subscribe(node, JointState, self.topic, self._keep, qos_profile_sensor_data, callback_group)

    def start_rad(self, robot: str, joint_names: Iterable[str]) -> dict[str, float]:
        """Where the joints of an arm stand; what else the topic tells, fingers too, is left out.

        Args:
            robot: name of the arm, for messages.

        Raises:
            ControlError: TIMED_OUT for joints of which nothing was heard.
            InputError: IMAGE_STALE for a position that is too old, CONFIG_INVALID for one that is no number.
        """
        names, limit_s = tuple(joint_names), self._current().max_joint_state_age_s
        with self._lock:
            readings = {name: self._readings[name] for name in names if name in self._readings}
            heard = sorted(self._readings)
        missing = [name for name in names if name not in readings]
        if missing:
            what = f"it tells of {', '.join(heard[:10])}" if heard else "nothing was received"
            raise ControlError(
                ErrorCode.TIMED_OUT,
                f"{self.topic!r} says nothing of {', '.join(missing)} of {robot}: {what}",
                "name the robot's topic in the parameter joint_states, or leave that empty to start at robot.start",
            )
        ages_s = {name: self._age_s(reading) for name, reading in readings.items()}
        oldest = max(ages_s, key=lambda name: abs(ages_s[name]))
        if abs(ages_s[oldest]) > limit_s:
            raise InputError(
                ErrorCode.IMAGE_STALE,
                f"{self.topic!r} told where {oldest} of {robot} stands {ages_s[oldest]:.1f} s ago, allowed are "
                f"{limit_s:g} s",
                "check that it is still published and that the clocks agree, or set max_joint_state_age_s",
            )
        for name, reading in readings.items():
            if not math.isfinite(reading.position):
                raise InputError(
                    ErrorCode.CONFIG_INVALID,
                    f"{self.topic!r} says that {name} of {robot} stands at {reading.position:g}",
                    "check the driver of the robot: a plan starts where the arm stands",
                )
        return {name: reading.position for name, reading in readings.items()}

    def _age_s(self, reading: Reading) -> float:
        """By arrival and by stamp, the worse of the two: either alone can be fooled by a wrong clock."""
        since_arrival_s = time.monotonic() - reading.arrived_s
        if reading.stamp_s is None:
            return since_arrival_s
        by_stamp_s = self._node.get_clock().now().nanoseconds * 1e-9 - reading.stamp_s
        return max(since_arrival_s, by_stamp_s, key=abs)

    def _keep(self, message: JointState) -> None:
        stamp_s, arrived_s = stamp_of(message.header), time.monotonic()
        with self._lock:
            for name, position in zip(message.name, message.position):
                if name in self._readings or len(self._readings) < MAX_JOINTS:
                    self._readings[name] = Reading(position, stamp_s, arrived_s)
