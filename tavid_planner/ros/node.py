"""The lifecycle node: `/plan_interaction` as action and service over one planner."""

import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from hoi_motion.progress import CancelToken
from tavid_planner.config import PlannerConfig, load_profile
from tavid_planner.errors import ControlError, ErrorCode, TavidError
from tavid_planner.plan import InteractionPlan
from tavid_planner.ros.answer import Answerer
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.desk import PlannerDesk
from tavid_planner.ros.diagnostics import diagnostics
from tavid_planner.ros.inputs import LatestInputs
from tavid_planner.ros.parameters import declare_options, read_options, refuse_invalid_changes
from tavid_planner.ros.playback import Playback
from tavid_planner.ros.results import duration
from tavid_planner.ros.stages import StageClock
from tavid_planner_interfaces.action import PlanInteraction as PlanAction
from tavid_planner_interfaces.srv import PlanInteraction as PlanService

NODE_NAME = "tavid_planner"
CANCEL_HANDSHAKE_S = 2.0
SERVING_THREADS = 6
"""Besides those that wait in line: the running plan, its refusals, parameters, sensors, diagnostics, lifecycle."""


class PlannerNode(LifecycleNodeMixin, Node):
    """Answers plan requests while it is active; configure checks the parameters, activate loads the models.

    Args:
        planner_factory: called with a `PlannerConfig`; `tavid_planner.planner.Planner` where nothing else is wanted.

    Raises:
        InputError: CONFIG_INVALID for a parameter value or profile that does not exist.
    """

    def __init__(self, planner_factory, **node_options):
        Node.__init__(self, NODE_NAME, **node_options)
        # reentrant: the state can be asked for while the models load
        LifecycleNodeMixin.__init__(self, callback_group=ReentrantCallbackGroup())
        declare_options(self, NodeConfig())
        self._profile = load_profile(self.get_parameter("profile").value)
        declare_options(self, self._profile)
        options = self.node_config()
        refuse_invalid_changes(self, options, self._profile)

        self._transition_error: TavidError | None = None
        self._tokens: dict[bytes, CancelToken] = {}
        self._tokens_lock = threading.Lock()
        self._desk = PlannerDesk(planner_factory, options.max_waiting)
        sensors, showing = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
        self._playback = Playback(self, showing)
        self._answerer = Answerer(
            self._desk,
            LatestInputs(self, self.node_config, sensors),
            self.node_config,
            self.planner_config,
            self._show_later,
        )
        planning = ReentrantCallbackGroup()
        self.create_service(PlanService, "plan_interaction", self._serve, callback_group=planning)
        self._action_server = ActionServer(
            self,
            PlanAction,
            "plan_interaction",
            self._execute,
            callback_group=planning,
            cancel_callback=self._cancel,
            result_timeout=options.result_timeout_s,
        )
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(options.diagnostics_period_s, self._diagnose, callback_group=MutuallyExclusiveCallbackGroup())

    def node_config(self) -> NodeConfig:
        """The node's own options as its parameters are now."""
        return read_options(self, NodeConfig())

    def planner_config(self, profile: str = "") -> PlannerConfig:
        """The node's profile with its parameters as they are now, or another profile as it is in its file."""
        if profile in ("", self._profile.name, self.get_parameter("profile").value):
            return read_options(self, self._profile)
        return load_profile(profile)

    def make_executor(self) -> MultiThreadedExecutor:
        """An executor with enough threads to answer everything while plans are made and wait."""
        executor = MultiThreadedExecutor(SERVING_THREADS + self.node_config().max_waiting, context=self.context)
        executor.add_node(self)
        return executor

    def autostart(self) -> None:
        """Configure and activate.

        Raises:
            TavidError: why one of them failed.
        """
        for trigger in (self.trigger_configure, self.trigger_activate):
            if trigger() != TransitionCallbackReturn.SUCCESS:
                raise self._transition_error or ControlError(ErrorCode.INTERNAL, "the node could not start")

    def stop_planning(self) -> None:
        """Cancel the running plan, wait for its end and free the models."""
        self._playback.stop()
        self._desk.close()

    # lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._try(lambda: (self.node_config(), self.planner_config()), super().on_configure, state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        def load() -> None:
            start = time.perf_counter()
            self._desk.open(self.planner_config())
            took_s = time.perf_counter() - start
            self.get_logger().info(f"models of profile {self._profile.name} loaded in {took_s:.1f} s")

        return self._try(load, super().on_activate, state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._try(self.stop_planning, super().on_deactivate, state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._try(self.stop_planning, super().on_shutdown, state)

    def _try(self, work, then, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            work()
        except TavidError as error:
            self._transition_error = error
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        return then(state)

    # the two doors

    def _serve(self, request, response):
        return self._answerer.answer(request, response, StageClock(), CancelToken())

    def _execute(self, goal: ServerGoalHandle):
        def report(stage: str, fraction: float, elapsed_s: float) -> None:
            message = f"{stage} {fraction:.0%}"
            feedback = PlanAction.Feedback(stage=stage, fraction=fraction, elapsed=duration(elapsed_s), message=message)
            goal.publish_feedback(feedback)

        cancel = self._token(goal)
        try:
            result = self._answerer.answer(goal.request, PlanAction.Result(), StageClock(report), cancel)
        finally:
            with self._tokens_lock:
                del self._tokens[bytes(goal.goal_id.uuid)]
        self._finish(goal, result)
        return result

    def _finish(self, goal: ServerGoalHandle, result) -> None:
        if result.error_code == ErrorCode.NONE:
            goal.succeed()
        elif result.error_code == ErrorCode.CANCELLED and self._cancel_was_requested(goal):
            goal.canceled()
        else:
            goal.abort()

    def _cancel_was_requested(self, goal: ServerGoalHandle) -> bool:
        # rclpy marks the goal only after the cancel callback has returned, which may be later than the planner's end;
        # a plan that ends with the node is cancelled without any request
        deadline = time.monotonic() + CANCEL_HANDSHAKE_S if self._desk.is_open else 0.0
        while not goal.is_cancel_requested and time.monotonic() < deadline:
            time.sleep(0.005)
        return goal.is_cancel_requested

    def _cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        self._token(goal).cancel()
        return CancelResponse.ACCEPT

    def _token(self, goal: ServerGoalHandle) -> CancelToken:
        with self._tokens_lock:
            return self._tokens.setdefault(bytes(goal.goal_id.uuid), CancelToken())

    # what others see

    def _diagnose(self) -> None:
        state = self._state_machine.current_state[1]
        self._diagnostics.publish(diagnostics(self, state, self._desk, self._answerer, self._profile.name))

    def _show_later(self, plan: InteractionPlan, header) -> None:
        # not now: the client is waiting for its result
        self.executor.create_task(self._show, plan, header)

    def _show(self, plan: InteractionPlan, header) -> None:
        options = self.node_config()
        joints_world = None
        try:
            if options.publish_markers:
                joints_world = plan.posed.keypoints_m[:, :55]
            self._playback.play(plan, header, options.publish_video, options.publish_markers, joints_world)
        except TavidError as error:
            self.get_logger().warning(f"the plan cannot be shown: {error}")
