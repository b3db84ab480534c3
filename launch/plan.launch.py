"""Starts the planner node, and RViz on request: ros2 launch tavid_planner plan.launch.py profile:=mini."""

import difflib
import sys
from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

FROM_PARAMS_FILE = ""
# launch argument, parameter and its type
OVERRIDES = (
    ("profile", "profile", str),
    ("device", "video.device", str),
    ("use_sim_time", "use_sim_time", bool),
    ("autostart", "autostart", bool),
)
# what launch itself reads, whatever is launched
OF_EVERY_LAUNCH = ("launch-prefix", "launch-prefix-filter", "sigterm_timeout", "sigkill_timeout", "emulate_tty")


def generate_launch_description() -> LaunchDescription:
    share = FindPackageShare("tavid_planner")
    arguments = [
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node and its topics."),
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution([share, "config", "node.yaml"]),
            description="YAML file with the node's parameters.",
        ),
        DeclareLaunchArgument(
            "profile",
            default_value=FROM_PARAMS_FILE,
            description="Profile: a name in config/profiles, or a YAML file; empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "device",
            default_value=FROM_PARAMS_FILE,
            choices=[FROM_PARAMS_FILE, "auto", "cpu", "cuda", "mps"],
            description="Device of the video model; empty: as in params_file or the profile.",
        ),
        DeclareLaunchArgument(
            "use_sim_time",
            default_value=FROM_PARAMS_FILE,
            choices=[FROM_PARAMS_FILE, "true", "false"],
            description="Take time from /clock; empty: as in params_file, or as an including launch file sets it.",
        ),
        DeclareLaunchArgument(
            "rviz", default_value="false", choices=["true", "false"], description="Show plans in RViz."
        ),
        DeclareLaunchArgument(
            "autostart",
            default_value=FROM_PARAMS_FILE,
            choices=[FROM_PARAMS_FILE, "true", "false"],
            description="Configure and activate the node; false leaves that to a lifecycle manager; empty: as in "
            "params_file.",
        ),
        DeclareLaunchArgument(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error", "fatal"],
            description="Minimum severity of logged messages.",
        ),
    ]
    check = OpaqueFunction(function=_check_names, args=[[argument.name for argument in arguments]])
    return LaunchDescription([*arguments, check, OpaqueFunction(function=_nodes)])


def _check_names(context, known: list[str]) -> None:
    """Refuse an argument that nobody declares, which launch passes over: a misspelt one would change nothing.

    Only where this very file is launched: a launch file that includes it has arguments of its own.
    """
    if not _is_launched_itself():
        return
    given = [argument.split(":=")[0] for argument in context.argv]
    for name in given:
        if name not in (*known, *OF_EVERY_LAUNCH):
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else "parameters of the node go into a file, params_file:=FILE"
            raise RuntimeError(f"unknown launch argument {name!r}, known are {', '.join(known)}; {hint}")


def _is_launched_itself() -> bool:
    """Whether the command line is `ros2 launch tavid_planner THIS_FILE ...` or `ros2 launch PATH_OF_THIS_FILE ...`."""
    here = Path(__file__).resolve()
    packages = zip(sys.argv, sys.argv[1:])
    if any((package, name) == ("tavid_planner", here.name) for package, name in packages):
        return True
    return any(Path(word).name == here.name and Path(word).resolve() == here for word in sys.argv[1:])


def _nodes(context) -> list:
    """Planner and RViz; a launch argument overrides the parameter file unless it is empty."""
    overrides = {}
    for argument, parameter, value_type in OVERRIDES:
        value = LaunchConfiguration(argument).perform(context)
        if value != FROM_PARAMS_FILE:
            overrides[parameter] = ParameterValue(value, value_type=value_type)
    planner = LifecycleNode(
        package="tavid_planner",
        executable="tavid-node",
        name="tavid_planner",
        namespace=LaunchConfiguration("namespace"),
        parameters=[LaunchConfiguration("params_file"), *_some(overrides)],
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
        output="screen",
    )
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=["-d", PathJoinSubstitution([FindPackageShare("tavid_planner"), "config", "plan.rviz"])],
        # what the file says of every node, such as use_sim_time
        parameters=[
            LaunchConfiguration("params_file"),
            *_some({name: value for name, value in overrides.items() if name == "use_sim_time"}),
        ],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return [planner, rviz]


def _some(parameters: dict) -> list[dict]:
    # an empty dictionary would become a parameter file without parameters, which rcl does not read
    return [parameters] if parameters else []
