"""tavid-node: the ROS 2 node."""

import argparse
import os
import sys

from hoi_motion.scripts.command import command_parser, run_command
from tavid_planner.errors import ControlError, ErrorCode

EPILOG = """options after --ros-args:
  -p profile:=NAME                  start from another profile
  -p video.num_inference_steps:=30  change one option; `ros2 param list` shows all
  --params-file FILE                parameters from a file like config/node.yaml
  -r image_raw:=/camera/image_raw   take images from another topic
"""
INTERFACES = "tavid_planner_interfaces"


def main(argv: list[str] | None = None) -> int:
    code = run_command(_node, argv)
    if argv is None and "rclpy" in sys.modules:
        leave(code)
    return code


def leave(code: int) -> None:
    """End the process once everything is closed, skipping the interpreter's shutdown, in which threads of the
    middleware sometimes abort.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _node(argv: list[str]) -> int:
    own, ros = split_ros_arguments(argv)
    parser = command_parser("tavid-node", "Plans interactions over ROS 2: action and service plan_interaction.")
    parser.usage = "tavid-node [-h] [--debug] [--ros-args ...]"
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EPILOG
    arguments = parser.parse_args(own)

    from tavid_planner.cli.quiet import quiet_libraries
    from tavid_planner.worker.supervisor import PLANNER

    quiet_libraries(arguments.debug)
    return _serve()(PLANNER, ros, arguments.debug)


def split_ros_arguments(argv: list[str]) -> tuple[list[str], list[str]]:
    """(our own arguments, ROS arguments); ROS arguments are those from --ros-args to the end or to a lone --."""
    if "--ros-args" not in argv:
        return list(argv), []
    start = argv.index("--ros-args")
    end = argv.index("--", start) if "--" in argv[start:] else len(argv)
    return argv[:start] + argv[end + 1 :], argv[start:end]


def _serve():
    try:
        from tavid_planner.ros.serve import serve
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == INTERFACES:
            raise ControlError(
                ErrorCode.INTERNAL,
                f"the interface package {INTERFACES} is not installed",
                f"run `pip install ./{INTERFACES}`, or build it with colcon and source the workspace",
            ) from error
        raise
    return serve


if __name__ == "__main__":
    sys.exit(main())
