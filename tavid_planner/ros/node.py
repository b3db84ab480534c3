"""The lifecycle node: `/plan_interaction` as action and service over one planner."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.executors import MultiThreadedExecutor
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.qos import QoSProfile

from hoi_motion.files import check_folder, with_home
from hoi_motion.progress import CancelToken
from tavid_planner.config import PlannerConfig, load_profile, with_operators_options
from tavid_planner.errors import ControlError, ErrorCode, InputError, TavidError
from tavid_planner.partial import sweep_partials
from tavid_planner.ros.answer import Answerer
from tavid_planner.ros.client import QUEUE_DEPTH
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.diagnostics import diagnostics
from tavid_planner.ros.inputs import LatestInputs
from tavid_planner.ros.joint_states import JointStates
from tavid_planner.ros.parameters import declare_options, read_options, refuse_invalid_changes
from tavid_planner.ros.playback import Playback
from tavid_planner.ros.profiles import check_profile_file, requested_profile
from tavid_planner.ros.results import duration
from tavid_planner.ros.stages import StageClock
from tavid_planner.worker.desk import NOT_YET_OPEN, PlannerDesk
from tavid_planner.worker.messages import MadePlan
from tavid_planner.worker.supervisor import PlanWorker
from tavid_planner_interfaces.action import PlanInteraction as PlanAction
from tavid_planner_interfaces.srv import PlanInteraction as PlanService

NODE_NAME = "tavid_planner"
CANCEL_HANDSHAKE_S = 2.0
ANSWERS_S = 2.0
SERVING_THREADS = 6
"""Threads besides those for waiting requests: running plan, refusals, parameters, sensors, diagnostics, lifecycle."""
DOOR_QOS = QoSProfile(depth=QUEUE_DEPTH)
"""Of action and service. With the default of 10 the middleware drops all but the last 10 goals of a burst."""

DEACTIVATED = (
    "the node was deactivated: its models are not loaded",
    "activate it (ros2 lifecycle set NODE activate), then send the request again",
)
FINALIZED = ("the node was shut down (finalized)", "it cannot be activated again: start a new one")
STOPPING = ("the node is stopping", "send the request again after it was restarted")


class PlannerNode(LifecycleNodeMixin, Node):
    """Answers plan requests while active; configure checks the parameters, activate loads the models.

    Args:
        planner: "module:class" of the planner that runs in the planning process.
        debug: show the log output of the libraries in that process.

    Raises:
        InputError: CONFIG_INVALID for a parameter value or profile that does not exist.
    """

    def __init__(self, planner: str, debug: bool = False, **node_options):
        try:
            Node.__init__(self, NODE_NAME, **node_options)
        except InvalidParameterTypeException as error:  # one that every node has, such as use_sim_time
            raise InputError(ErrorCode.CONFIG_INVALID, str(error), "true or false is expected") from error
        # reentrant: the state can be asked for while the models load
        LifecycleNodeMixin.__init__(self, callback_group=ReentrantCallbackGroup())
        declare_options(self, NodeConfig())
        self._profile = _own_profile(self.get_parameter("profile").value)
        declare_options(self, self._profile)
        options = self.node_config()
        refuse_invalid_changes(self, options, self._profile)

        self._transition_error: TavidError | None = None
        self._tokens: dict[bytes, CancelToken] = {}
        self._tokens_lock = threading.Lock()
        self._answering = 0
        self._twins = 0
        self._worker = PlanWorker(planner, options.cancel_grace_s, debug)
        self._desk = PlannerDesk(self._worker, options.max_waiting)
        sensors, showing = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
        self._playback = Playback(self, showing)
        self._answerer = Answerer(
            self._desk,
            LatestInputs(self, self.node_config, sensors),
            JointStates(self, self.node_config, sensors),
            self.node_config,
            self.planner_config,
            self._show_later,
        )
        planning = ReentrantCallbackGroup()
        self.create_service(PlanService, "plan_interaction", self._serve, qos_profile=DOOR_QOS, callback_group=planning)
        self._action_server = ActionServer(
            self,
            PlanAction,
            "plan_interaction",
            self._execute,
            callback_group=planning,
            cancel_callback=self._cancel,
            goal_service_qos_profile=DOOR_QOS,
            result_service_qos_profile=DOOR_QOS,
            cancel_service_qos_profile=DOOR_QOS,
            result_timeout=options.result_timeout_s,
        )
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # a steady clock: diagnostics go on while a simulated clock is stopped
        self.create_timer(
            options.diagnostics_period_s,
            self._diagnose,
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )

    def node_config(self) -> NodeConfig:
        """The node's own options as its parameters are now."""
        return read_options(self, NodeConfig())

    def planner_config(self, profile: str = "") -> PlannerConfig:
        """The node's profile with its current parameters, or the one that a request names with those of them that the
        operator has changed and that are not about the model.

        Raises:
            InputError: CONFIG_INVALID.
        """
        current = read_options(self, self._profile)
        if profile in ("", self._profile.name, self.get_parameter("profile").value):
            return current
        named = requested_profile(profile, self.node_config().profiles_folder)
        return with_operators_options(named, self._profile, current)

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

    def stop_planning(self, why: tuple[str, str] = NOT_YET_OPEN) -> None:
        """End the running plan and the planning process.

        Args:
            why: (message, hint) for requests that are ended or refused.
        """
        self._playback.stop()
        self._desk.close(why)

    def wait_until_answered(self) -> None:
        """Wait briefly until every client that asked for a plan has an answer."""
        deadline = time.monotonic() + ANSWERS_S
        while self._answering and time.monotonic() < deadline:
            time.sleep(0.01)

    # lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        def check() -> None:
            self.planner_config()
            folder = with_home(self.node_config().output_folder)
            check_folder(folder)
            sweep_partials(folder)

        return self._try(check, super().on_configure, state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        def load() -> None:
            start = time.perf_counter()
            self._desk.open(self.planner_config())
            took_s = time.perf_counter() - start
            self.get_logger().info(f"models of profile {self._profile.name} loaded in {took_s:.1f} s")

        return self._try(load, super().on_activate, state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._try(lambda: self.stop_planning(DEACTIVATED), super().on_deactivate, state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._try(lambda: self.stop_planning(FINALIZED), super().on_shutdown, state)

    def _try(self, work, then, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            work()
        except TavidError as error:
            self._transition_error = error
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        return then(state)

    # service and action

    def _serve(self, request, response):
        with self._one_more():
            return self._answerer.answer(request, response, StageClock(), CancelToken())

    def _execute(self, goal: ServerGoalHandle):
        def report(stage: str, fraction: float, elapsed_s: float) -> None:
            message = f"{stage} {fraction:.0%}"
            feedback = PlanAction.Feedback(stage=stage, fraction=fraction, elapsed=duration(elapsed_s), message=message)
            goal.publish_feedback(feedback)

        cancel = self._token(goal)
        with self._one_more():
            try:
                result = self._answerer.answer(goal.request, PlanAction.Result(), StageClock(report), cancel)
            finally:
                with self._tokens_lock:
                    del self._tokens[bytes(goal.goal_id.uuid)]
            self._finish(goal, result)
            return result

    @contextmanager
    def _one_more(self):
        with self._tokens_lock:
            self._answering += 1
        try:
            yield
        finally:
            with self._tokens_lock:
                self._answering -= 1

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

    # diagnostics and topics

    def _diagnose(self) -> None:
        self._worker.cancel_grace_s = self.node_config().cancel_grace_s
        self._look_for_twins()
        state = self._state_machine.current_state[1]
        message = diagnostics(self, state, self._desk, self._answerer, self._profile.name, self._twins)
        self._diagnostics.publish(message)

    def _look_for_twins(self) -> None:
        me = (self.get_name(), self.get_namespace())
        twins = self.get_node_names_and_namespaces().count(me) - 1
        if twins > self._twins:
            self.get_logger().error(
                f"{twins} more nodes are called {self.get_fully_qualified_name()}: every request is planned and "
                "answered more than once. Stop all but one, or give this one another name or namespace"
            )
        self._twins = max(twins, 0)

    def _show_later(self, made: MadePlan, header, place) -> None:
        # later: the client is waiting for its result
        self.executor.create_task(self._show, made, header, place)

    def _show(self, made: MadePlan, header, place) -> None:
        options = self.node_config()
        markers = options.publish_markers and made.joints_world is not None
        # as requested: the option may have changed since
        self._playback.play(made, header, place, options.publish_video and made.video is not None, markers)


def _own_profile(name: str) -> PlannerConfig:
    if Path(name).suffix in (".yaml", ".yml"):
        check_profile_file(with_home(name))
    return load_profile(name)
