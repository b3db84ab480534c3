"""tavid-node: the ROS 2 node."""

import argparse
import logging
import signal
import sys
import threading

from hoi_motion.scripts.command import command_parser, run_command
from tavid_planner.errors import ControlError, ErrorCode, InputError

EPILOG = """what may follow --ros-args:
  -p profile:=NAME                  start from another profile
  -p video.num_inference_steps:=30  change one option; `ros2 param list` shows all
  --params-file FILE                parameters from a file like config/node.yaml
  -r image_raw:=/camera/image_raw   take images from another topic
"""
INTERFACES = "tavid_planner_interfaces"
WAKE_PERIOD_S = 1.0

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    return run_command(_node, argv)


def _node(argv: list[str]) -> int:
    own, ros = split_ros_arguments(argv)
    parser = command_parser("tavid-node", "Plans interactions over ROS 2: action and service plan_interaction.")
    parser.usage = "tavid-node [-h] [--debug] [--ros-args ...]"
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EPILOG
    arguments = parser.parse_args(own)

    from tavid_planner.planner import Planner

    return serve(Planner, ros, arguments.debug)


def split_ros_arguments(argv: list[str]) -> tuple[list[str], list[str]]:
    """(our own arguments, ROS arguments); ROS arguments stand between --ros-args and the end or a lone --."""
    if "--ros-args" not in argv:
        return list(argv), []
    start = argv.index("--ros-args")
    end = argv.index("--", start) if "--" in argv[start:] else len(argv)
    return argv[:start] + argv[end + 1 :], argv[start:end]


def serve(planner_factory, ros_arguments: list[str], debug: bool = False) -> int:
    """Run the node until SIGINT (like any command that is interrupted) or SIGTERM (0).

    Args:
        planner_factory: called with a `PlannerConfig`, returns a planner.
        ros_arguments: --ros-args and what follows.

    Raises:
        TavidError: a parameter is invalid, the models cannot be loaded.
        KeyboardInterrupt: after SIGINT, with everything put away.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    rclpy, PlannerNode = _imports(debug)
    context = _start_ros(rclpy, ros_arguments)
    try:
        node = PlannerNode(planner_factory, context=context)
        from tavid_planner.ros.logs import log_through

        log_through(node.get_logger())
        executor = node.make_executor()
        stopping = threading.Event()
        spinner = threading.Thread(target=_spin, args=(executor, stopping), name="spin")
        spinner.start()
        try:
            if node.node_config().autostart:
                node.autostart()
            spinner.join()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C does not wait for anything
            node.stop_planning()
            stopping.set()
            executor.wake()
            spinner.join()
            executor.shutdown()
            node.destroy_node()
    finally:
        context.try_shutdown()
    return 0


def _spin(executor, stopping: threading.Event) -> None:
    # not executor.spin(): shutting that down from another thread destroys what it is waiting on
    while not stopping.is_set():
        try:
            executor.spin_once(timeout_sec=WAKE_PERIOD_S)
        except Exception:  # one bad callback does not end the service
            log.exception("error in a callback")


def _imports(debug: bool):
    from tavid_planner.cli.quiet import quiet_libraries

    quiet_libraries(debug)
    try:
        import rclpy

        from tavid_planner.ros.node import PlannerNode
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == INTERFACES:
            raise ControlError(
                ErrorCode.INTERNAL,
                f"the interface package {INTERFACES} is not installed",
                f"run `pip install ./{INTERFACES}`, or build it with colcon and source the workspace",
            ) from error
        raise
    return rclpy, PlannerNode


def _start_ros(rclpy, ros_arguments: list[str]):
    from rclpy.signals import SignalHandlerOptions

    context = rclpy.Context()
    try:
        rclpy.init(
            args=["tavid-node", *ros_arguments], context=context, signal_handler_options=SignalHandlerOptions.NO
        )
    except Exception as error:  # rclpy has no common class for what it refuses here
        text = str(error).split(", at /")[0]
        if ros_arguments and "arg" in type(error).__name__.lower():
            raise InputError(ErrorCode.CONFIG_INVALID, f"ROS arguments {' '.join(ros_arguments)}: {text}") from error
        raise ControlError(
            ErrorCode.INTERNAL,
            f"ROS 2 does not start: {text}",
            "check that ROS_LOG_DIR (else ~/.ros/log) can be written and RMW_IMPLEMENTATION is installed",
        ) from error
    return context


if __name__ == "__main__":
    sys.exit(main())
