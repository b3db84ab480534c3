"""Runs the node until a signal ends it."""

import logging
import signal
import sys
import threading
import time

import rclpy
from rclpy.executors import Executor
from rclpy.signals import SignalHandlerOptions

from tavid_planner.errors import ControlError, ErrorCode, InputError
from tavid_planner.ros.arguments import check_parameter_names, check_params_files, unused_remappings
from tavid_planner.ros.isolation import check_domain
from tavid_planner.ros.logs import log_through
from tavid_planner.ros.node import STOPPING, PlannerNode

WAKE_PERIOD_S = 1.0
LAST_WORDS_S = 0.4
"""Between the last answer and the end: time for the middleware to send it, and for clients to fetch results."""

log = logging.getLogger(__name__)


def serve(planner: str, ros_arguments: list[str], debug: bool = False) -> int:
    """Serve until SIGINT (exit code 130, like any command) or SIGTERM (0).

    Args:
        planner: "module:class" of the planner, for the process it runs in.
        ros_arguments: --ros-args and what follows.
        debug: show the log output of the libraries in the planning process.

    Raises:
        TavidError: a parameter is invalid or unknown, or the models cannot be loaded.
        KeyboardInterrupt: after SIGINT, when everything is closed.
    """
    check_domain()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    check_params_files(ros_arguments)
    context = _start_ros(ros_arguments)
    try:
        node = PlannerNode(planner, debug, context=context)
        known = set(node.get_parameters_by_prefix(""))
        check_parameter_names(node.get_fully_qualified_name(), ros_arguments, known)
        log_through(node.get_logger())
        for told in unused_remappings(node, ros_arguments):
            log.warning(told)
        executor = node.make_executor()
        stopping = threading.Event()
        spinner = threading.Thread(target=_spin, args=(executor, stopping), name="spin")
        spinner.start()
        try:
            if node.node_config().autostart:
                node.autostart()
            spinner.join()
        finally:
            for again in (signal.SIGINT, signal.SIGTERM):  # a second signal ends the process at once
                signal.signal(again, signal.SIG_DFL)
            node.stop_planning(STOPPING)
            node.wait_until_answered()
            time.sleep(LAST_WORDS_S)
            stopping.set()
            executor.wake()
            spinner.join()
            executor.shutdown()
            node.destroy_node()
    finally:
        context.try_shutdown()
    return 0


def _spin(executor: Executor, stopping: threading.Event) -> None:
    # not executor.spin(): a shutdown from another thread would destroy what it is waiting on
    while not stopping.is_set():
        try:
            executor.spin_once(timeout_sec=WAKE_PERIOD_S)
        except Exception:  # one failing callback must not stop the node
            log.exception("error in a callback")


def _start_ros(ros_arguments: list[str]) -> rclpy.Context:
    context = rclpy.Context()
    arguments = ["tavid-node", *ros_arguments]
    try:
        # the handlers of rclpy would not tell SIGINT from SIGTERM
        rclpy.init(args=arguments, context=context, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy has no common exception class for invalid arguments
        text = str(error).split(", at /")[0]
        if "ROSArgs" in type(error).__name__ or "parameter" in text or "Couldn't parse" in text:
            told = f"ROS arguments {' '.join(ros_arguments)}: {text}"
            hint = "-p NAME:=VALUE sets a parameter, -r FROM:=TO renames a topic"
            raise InputError(ErrorCode.CONFIG_INVALID, told, hint) from error
        raise ControlError(
            ErrorCode.INTERNAL,
            f"ROS 2 does not start: {text}",
            "check that ROS_LOG_DIR (else ~/.ros/log) can be written and RMW_IMPLEMENTATION is installed",
        ) from error
    return context
