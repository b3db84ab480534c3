"""FeltRun: controllers carry out a plan that feels for its object first, with a force sensor in the wrist."""

import time
from pathlib import Path

import numpy as np
from geometry_msgs.msg import WrenchStamped
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.task import Future

from tavid_planner.errors import ControlError, ErrorCode, InputError, TavidError
from tavid_planner.ros.controllers import LOOK_S, Controllers, Wait, joints_now
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
    made for the place where it was felt. Making it takes about a second, inside `is_done`.

    Attributes:
        told: what has happened so far, in words.
    """

    def __init__(self, node: Node, wait: Wait, file: Path, controllers: Controllers):
        """Start it.

        Args:
            file: as of `feeling_file`, on this machine.

        Raises:
            InputError: FILE_INVALID for a damaged bundle, or a plan for another body than the free one.
            RetargetError: ROBOT_UNKNOWN for a robot that is not known by its name.
            ControlError: TIMED_OUT where nothing is heard of the wrist; as of RobotRun.
        """
        from hoi_motion.body import load_body
        from hoi_motion.execute.feeling.felt import Feeler
        from hoi_motion.execute.task import task_of
        from hoi_motion.io.formats import read_motion
        from hoi_motion.retarget.arm.arm import Arm
        from hoi_motion.retarget.arm.feel import EVEN_S
        from hoi_motion.retarget.robot_motion import RobotMotion
        from hoi_motion.retarget.robots.config import load_robot_config

        feeling, planned, body = RobotMotion.load(file), read_motion(planned_file(file)), load_body()
        if planned.body_model != body.name:
            told = f"the plan is of the body {planned.body_model!r}, this client has {body.name!r}"
            raise InputError(ErrorCode.FILE_INVALID, told, "carry it out without Controllers(wrench=...)")
        self._arm, self._feeler = Arm(load_robot_config(feeling.robot)), Feeler(feeling, planned, body)
        self._is_touch = task_of(planned, feeling.facts["object"]).kind == "touch"
        self._node, self._wait, self._controllers = node, wait, controllers
        self.told: list[str] = []
        self._error: TavidError | None = None
        self._scale: float | None = None  # where it was felt
        self._coming = [self._feel, self._press] if self._is_touch else [self._feel, self._withdraw, self._take]
        self._wrench = _Wrench(node, controllers.wrench)
        self._run: RobotRun | None = None
        try:
            self._wrench.wait(wait, controllers.answer_s)
            self._next()
            self._wrench.from_s = self._wrench.now_s() + feeling.facts["sweep_s"] + EVEN_S
        except TavidError:
            self._wrench.close()
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
        """Stop the arm, and begin nothing more; False if it was too late."""
        self._coming, self._wrench.from_s = [], np.inf
        return self._run.cancel(timeout_s)

    def error(self) -> TavidError | None:
        """What went wrong; None after all has succeeded, and while it goes on."""
        return self._error

    def result(self, timeout_s: float = 0.0) -> None:
        """Return after success, raise otherwise. Raises: as of RobotRun.result; ABORTED where nothing was felt."""
        if not self.is_done(timeout_s):
            raise ControlError(ErrorCode.TIMED_OUT, f"the robot is not done after {timeout_s:g} s", "ask is_done first")
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Release what it holds; an arm that is still moving is stopped."""
        self._coming = []
        self._wrench.close()
        if self._run is not None:
            self._run.close()

    def _look(self) -> bool:
        """Whether all has ended; stops at what is felt, and starts the next motion when one is over."""
        if self._error is not None:
            return self._run.is_done()
        is_feeling = self._scale is None
        if is_feeling and not self._run.is_done():
            if self._wrench.is_felt or self._wrench.is_silent:
                self._run.cancel(self._controllers.answer_s)
            return False
        if not self._run.is_done():
            return False
        error = self._run.error()
        try:
            if is_feeling:
                self._hear_feeling(error)
            elif error is not None:
                raise error
            if self._coming:
                self._next()
                return False
        except TavidError as failure:
            self._error, self._coming = failure, []
        return True

    def _hear_feeling(self, error: TavidError | None) -> None:
        """What the end of the sweep means. Raises: ControlError."""
        from hoi_motion.retarget.arm.feel import scale_at

        feeling = self._feeler.motion
        if not self._wrench.is_felt:
            near, far = feeling.facts["range_m"]
            if error is None:
                told = f"nothing is felt from {100 * near:.0f} to {100 * far:+.0f} cm along the line of sight"
                raise ControlError(
                    ErrorCode.ABORTED, told, "give a depth image, or the camera's pose and the support's"
                )
            told = f"nothing more is heard on {self._controllers.wrench!r}"
            lost = ControlError(ErrorCode.TIMED_OUT, told, "check the force sensor; the arm was stopped")
            raise lost if self._wrench.is_silent else error
        T_world_tool = feeling.T_world_root() @ self._arm.forward(self._joints())
        self._scale = scale_at(feeling, T_world_tool)
        way_cm = 100 * (self._scale - 1) * feeling.facts["surface_m"]
        self.told.append(f"felt {abs(way_cm):.0f} cm {'farther' if way_cm > 0 else 'nearer'} than lifted")
        self._wrench.close()

    def _next(self) -> None:
        motion = self._coming.pop(0)()
        if self._run is not None:
            self._run.close()
        messages = dict(joint_trajectory=trajectory_to_message(motion), gripper_goals=gripper_to_messages(motion))
        self._run = RobotRun(self._node, self._wait, PlanInteraction.Result(**messages), self._controllers)

    def _feel(self):
        return self._feeler.motion

    def _press(self):
        return self._along(self._feeler.motion.facts["press_m"])

    def _withdraw(self):
        from hoi_motion.execute.feeling.felt import BACK_M

        return self._along(-BACK_M - self._arm.gripper.open_width_m / 2)

    def _take(self):
        from hoi_motion.execute.feeling.felt import replanned_where_felt

        return replanned_where_felt(self._feeler, self._arm, self._scale, self._joints())

    def _along(self, way_m: float):
        from hoi_motion.execute.feeling.ways import along, time_at

        feeling, q = self._feeler.motion, self._joints()
        return along(feeling, time_at(feeling, q), q, way_m)

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
        from hoi_motion.execute.feeling.wrist import ForceChange

        self._node, self._topic, self._change = node, topic, ForceChange()
        self._forces, self._since_s, self._heard_s = [], 0.0, -np.inf
        self.is_felt, self.from_s = False, np.inf
        self._subscription = node.create_subscription(WrenchStamped, topic, self._hear, qos_profile_sensor_data)

    @property
    def is_silent(self) -> bool:
        """Whether it has not been heard lately."""
        return time.monotonic() > self._heard_s + SILENT_S

    def now_s(self) -> float:
        return self._node.get_clock().now().nanoseconds * 1e-9

    def wait(self, wait: Wait, answer_s: float) -> None:
        """Wait for a message. Raises: ControlError: TIMED_OUT."""
        deadline = time.monotonic() + answer_s
        while self.is_silent:
            if time.monotonic() > deadline:
                told = f"{self._topic!r} says nothing of the force on the wrist in {answer_s:g} s"
                raise ControlError(ErrorCode.TIMED_OUT, told, "name the sensor's topic: Controllers(wrench=...)")
            wait(Future(), LOOK_S)

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)

    def _hear(self, message: WrenchStamped) -> None:
        force, self._heard_s = message.wrench.force, time.monotonic()
        now_s = self.now_s()
        if now_s < self.from_s or self.is_felt:
            return
        self._forces.append([force.x, force.y, force.z])
        if now_s - self._since_s >= READING_S:
            self.is_felt = self._change.is_felt(np.mean(self._forces, axis=0))
            self._forces, self._since_s = [], now_s
