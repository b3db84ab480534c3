"""PlanClient: send a request to the node, poll whether it is done, read feedback, get the result."""

import time
from collections.abc import Callable, Iterable

import numpy as np
from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, PointStamped
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from hoi_motion.camera import checked_intrinsics
from hoi_motion.lift.known_scene import KnownScene
from tavid_planner.errors import ControlError, ErrorCode, TavidError
from tavid_planner.instances import Instance
from tavid_planner.request import checked_samples, checked_seed
from tavid_planner.ros.controllers import Controllers, Presence
from tavid_planner.ros.conversions import image_from_depth, image_from_mask, image_from_rgb
from tavid_planner.ros.felt_run import FeltRun, feeling_file
from tavid_planner.ros.isolation import check_domain
from tavid_planner.ros.known_scene import fill_known_scene
from tavid_planner.ros.robot_run import LAST_CANCEL_S, RobotRun, wait_until_taken
from tavid_planner.ros.subscriptions import check_name, check_namespace
from tavid_planner_interfaces.action import PlanInteraction
from tavid_planner_interfaces.msg import Instance as InstanceMessage

QUEUE_DEPTH = 512
ASK_PERIOD_S = 0.1
LOOK_AGAIN_S = 0.5
GONE_S = 10.0
"""A node that has been away so long will not answer any more; how often one that is there is asked for the request."""

NO_NODE = "start tavid-node with the same ROS_DOMAIN_ID, or wait longer while it loads its models"

OnFeedback = Callable[[PlanInteraction.Feedback], None]


class PlanClient:
    """Sends one request at a time to a planner node; no call blocks longer than its timeout.

        with PlanClient() as client:
            client.wait_until_ready(timeout_s=60)
            client.send("picks up the [TGT] mug", rgb, mask)
            while not client.is_done(timeout_s=0.2):
                print(client.feedback)
            print(client.result().plan_path)

    An error or Ctrl-C that leaves the block cancels the request; leaving it otherwise lets the plan go on to its end.

    Attributes:
        node: the client's own node; actions: its action client.
        feedback: the latest feedback of the running request, None before the first.

    Args:
        planner: name of the planner node; namespace: its namespace.
        context: an initialised rclpy context; None creates one.

    Raises:
        InputError: CONFIG_INVALID for a ROS_DOMAIN_ID that is none, a name or namespace that ROS does not allow.
    """

    def __init__(self, planner: str = "tavid_planner", namespace: str = "", context: Context | None = None):
        check_name(planner)
        check_namespace(namespace)
        self._own_context = context is None
        if context is None:
            check_domain()
            context = Context()
            context.init()
        self._context = context
        self.node = Node("tavid_plan_client", namespace=namespace, context=context, enable_rosout=False)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        # as deep as the node's queues: with the default of 10 the middleware drops all but the last answers of a burst
        deep = QoSProfile(depth=QUEUE_DEPTH)
        self.actions = ActionClient(
            self.node,
            PlanInteraction,
            "plan_interaction",
            goal_service_qos_profile=deep,
            result_service_qos_profile=deep,
            cancel_service_qos_profile=deep,
        )
        self._state = self.node.create_client(GetState, f"{planner}/get_state")
        self._goal = self._result_future = self._request = None
        self._presence: Presence | None = None
        self._run: RobotRun | FeltRun | None = None
        self.feedback: PlanInteraction.Feedback | None = None

    def is_ready(self, timeout_s: float = 1.0) -> bool:
        """Whether the node is running, active and accepts goals."""
        if not (self._state.service_is_ready() and self.actions.server_is_ready()):
            return False
        answer = self.wait(self._state.call_async(GetState.Request()), timeout_s)
        return answer is not None and answer.current_state.id == State.PRIMARY_STATE_ACTIVE

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait for an active node.

        Raises:
            ControlError: TIMED_OUT.
        """
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise ControlError(
                    ErrorCode.TIMED_OUT,
                    f"no active planner node after {timeout_s:g} s",
                    NO_NODE,
                )
            # a future that never completes: pauses between two looks at a node that loads its models
            self.wait(Future(), ASK_PERIOD_S)

    def send(
        self,
        instruction: str,
        rgb: np.ndarray | None = None,  # (H, W, 3)
        target_mask: np.ndarray | None = None,  # (H, W)
        *,
        target_point_px: tuple[float, float] | None = None,
        actor_mask: np.ndarray | None = None,  # (H, W)
        instances: Iterable[Instance] = (),
        intrinsics: np.ndarray | None = None,  # (3, 3)
        depth_m: np.ndarray | None = None,  # (H, W)
        known: KnownScene | None = None,
        world_frame: str = "",
        frame_id: str = "",
        stamp: Time | None = None,
        seed: int = 0,
        samples: int = 1,
        profile: str = "",
        robot: str = "",
        timeout_s: float = 10.0,
        on_feedback: OnFeedback | None = None,
    ) -> None:
        """Send a request; without an image or a mask the node uses the latest one from its topics.

        Args:
            target_point_px: (x, y) of a pixel on the target, instead of its mask.
            instances: marked objects and people with names and roles, instead of masks and point.
            known: pose of the camera, heights of support and floor.
            world_frame: frame in which the node looks up the camera's pose, or the frame of `known`'s pose.
            stamp: when the image was taken; None: now. A camera that moves is looked up in TF at this time.
            on_feedback: called with every feedback message.

        Raises:
            InputError: for what no message can carry as it is meant: an image that is not RGB of 8 bits, a mask that
                marks nothing clearly, intrinsics without a focal length, a negative seed.
            ControlError: TIMED_OUT when the node does not answer, BUSY when it rejects the goal.
        """
        header = Header(stamp=stamp or self.node.get_clock().now().to_msg(), frame_id=frame_id)
        named = {"profile": profile, "robot": robot, "seed": checked_seed(seed), "samples": checked_samples(samples)}
        goal = PlanInteraction.Goal(instruction=instruction, **named)
        if rgb is not None:
            goal.image = image_from_rgb(rgb, header)
        if target_mask is not None:
            goal.target_mask = image_from_mask(target_mask, header, "target mask")
        if actor_mask is not None:
            goal.actor_mask = image_from_mask(actor_mask, header, "actor mask")
        goal.instances = [
            InstanceMessage(name=i.name, role=i.role, mask=image_from_mask(i.mask, header, f"mask of {i.name!r}"))
            for i in instances
        ]
        if target_point_px is not None:
            x, y = map(float, target_point_px)
            goal.target_point = PointStamped(header=header, point=Point(x=x, y=y))
        if depth_m is not None:
            goal.depth = image_from_depth(depth_m, header)
        fill_known_scene(goal, known, world_frame)
        if intrinsics is not None:
            goal.camera_info = CameraInfo(header=header, k=checked_intrinsics(intrinsics).ravel())
        self.send_goal(goal, timeout_s, on_feedback)

    def send_goal(
        self, goal: PlanInteraction.Goal, timeout_s: float = 10.0, on_feedback: OnFeedback | None = None
    ) -> None:
        """Like `send`, for a goal message of one's own."""
        self.feedback = self._goal = self._result_future = None
        self._request = request = object()

        def keep(message) -> None:
            if self._request is request:  # one that was sent before may still be planned
                self.feedback = message.feedback
            if on_feedback is not None:
                on_feedback(message.feedback)

        deadline = time.monotonic() + timeout_s
        # what is sent to a node that is not discovered yet is lost
        if not self.actions.wait_for_server(timeout_s):
            raise ControlError(ErrorCode.TIMED_OUT, f"no planner node after {timeout_s:g} s", NO_NODE)
        asked = self.actions.send_goal_async(goal, feedback_callback=keep)
        handle = wait_until_taken(asked, self.wait, max(0.0, deadline - time.monotonic()))
        if handle is None:
            raise ControlError(ErrorCode.TIMED_OUT, f"the planner node has not answered for {timeout_s:g} s")
        if not handle.accepted:
            raise ControlError(ErrorCode.BUSY, "the planner node rejected the goal")
        self._goal, self._result_future = handle, handle.get_result_async()
        self._presence = Presence(self.actions, handle, GONE_S)

    def is_done(self, timeout_s: float = 0.0) -> bool:
        """Whether the result is available; waits up to `timeout_s` for it.

        Raises:
            ControlError: TIMED_OUT when the node has gone, or was started anew, without an answer.
        """
        deadline = time.monotonic() + timeout_s
        while self.wait(self._sent(), min(LOOK_AGAIN_S, max(deadline - time.monotonic(), 0.0))) is None:
            if self._presence and (gone := self._presence.why_gone()):
                raise ControlError(
                    ErrorCode.TIMED_OUT,
                    f"the planner node {gone}, and has not answered",
                    "look at its log, see that it runs, and send the request again",
                )
            if time.monotonic() >= deadline:
                return False
        return True

    def cancel(self, timeout_s: float = 5.0) -> bool:
        """Ask the node to stop; the result then says CANCELLED. False when it was too late."""
        self._sent()
        answer = self.wait(self._goal.cancel_goal_async(), timeout_s)
        return answer is not None and bool(answer.goals_canceling)

    @property
    def status(self) -> int:
        """How the request ended, an `action_msgs/GoalStatus` constant; STATUS_UNKNOWN while it has not."""
        future = self._sent()
        return future.result().status if future.done() else GoalStatus.STATUS_UNKNOWN

    def result(self, timeout_s: float = 0.0) -> PlanInteraction.Result:
        """The result, successful or not.

        Raises:
            ControlError: TIMED_OUT when it is not available yet.
        """
        if not self.is_done(timeout_s):
            raise ControlError(ErrorCode.TIMED_OUT, f"no result after {timeout_s:g} s", "ask is_done first")
        return self._sent().result().result

    def error(self) -> TavidError | None:
        """What went wrong, None for a plan that passed."""
        result = self.result()
        return TavidError(ErrorCode(result.error_code), result.error_msg) if result.error_code else None

    def execute(
        self,
        answer: PlanInteraction.Result | None = None,
        controllers: Controllers = Controllers(),
        even_if_failed: bool = False,
    ) -> RobotRun | FeltRun:
        """Have a robot's controllers carry out a plan; poll the returned RobotRun until it is done.

        With `Controllers(wrench=...)`, an arm that does not know the distance of its object feels for it first; the
        plan's bundle must be readable on this machine.

        Args:
            answer: the result of a request that named an arm; None takes the current request's.
            even_if_failed: also carry out a plan that did not pass its check.

        Raises:
            TavidError: with the answer's code, when it has no plan that passed its check.
            RetargetError, VideoError, ControlError: as in `RobotRun`; BUSY while another plan is carried out.
        """
        answer = self.result() if answer is None else answer
        failed_check = answer.error_code in (ErrorCode.CHECK_FAILED, ErrorCode.CHECK_NOT_RUN)
        if answer.error_code and not (even_if_failed and failed_check):
            hint = "even_if_failed=True carries it out all the same" if failed_check else ""
            raise TavidError(ErrorCode(answer.error_code), f"not carried out: {answer.error_msg}", hint)
        if self._run is not None:
            if not self._run.is_done():
                raise ControlError(
                    ErrorCode.BUSY, "the robot is still carrying out a plan", "cancel it, or wait until it is done"
                )
            self._run.close()
            self._run = None
        felt = feeling_file(answer.plan_path) if controllers.wrench else None
        self._run = FeltRun(self.node, self.wait, felt, controllers) if felt else None
        self._run = self._run or RobotRun(self.node, self.wait, answer, controllers)
        return self._run

    def wait(self, future, timeout_s: float):
        """The result of a future of this client's node, None if it is not done in time."""
        self._executor.spin_until_future_complete(future, timeout_sec=timeout_s)
        return future.result() if future.done() else None

    def close(self) -> None:
        """Leave the graph; a robot that is still carrying out a plan is stopped."""
        if self._run is not None:
            self._run.close()
        self._executor.shutdown()
        self.actions.destroy()
        self.node.destroy_node()
        if self._own_context:
            self._context.try_shutdown()

    def __enter__(self) -> "PlanClient":
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            # after an error or Ctrl-C nobody waits for the plan, and the node would refuse others as BUSY until its end
            if kind is not None and self._result_future is not None and not self._result_future.done():
                self.cancel(LAST_CANCEL_S)
        finally:
            self.close()

    def _sent(self):
        if self._result_future is None:
            raise ControlError(ErrorCode.INTERNAL, "nothing was sent yet", "call send first")
        return self._result_future
