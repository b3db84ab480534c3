"""Starts the planner node, and RViz on request: ros2 launch tavid_planner plan.launch.py profile:=mini."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

FROM_PARAMS_FILE = ""


def generate_launch_description() -> LaunchDescription:
    share = FindPackageShare("tavid_planner")
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node and its topics."),
            DeclareLaunchArgument(
                "params_file",
                default_value=PathJoinSubstitution([share, "config", "node.yaml"]),
                description="YAML file with the node's parameters.",
            ),
            DeclareLaunchArgument(
                "profile",
                default_value=FROM_PARAMS_FILE,
                description="Profile: mini, tavid-5b, wan-5b, custom or a YAML file; empty: as in params_file.",
            ),
            DeclareLaunchArgument(
                "device",
                default_value=FROM_PARAMS_FILE,
                choices=[FROM_PARAMS_FILE, "auto", "cpu", "cuda", "mps"],
                description="Device of the video model; empty: as in params_file or the profile.",
            ),
            DeclareLaunchArgument(
                "use_sim_time", default_value="false", choices=["true", "false"], description="Take time from /clock."
            ),
            DeclareLaunchArgument(
                "rviz", default_value="false", choices=["true", "false"], description="Show plans in RViz."
            ),
            DeclareLaunchArgument(
                "autostart",
                default_value="true",
                choices=["true", "false"],
                description="Configure and activate the node; false leaves that to a lifecycle manager.",
            ),
            DeclareLaunchArgument(
                "log_level",
                default_value="info",
                choices=["debug", "info", "warn", "error", "fatal"],
                description="Minimum severity of logged messages.",
            ),
            OpaqueFunction(function=_planner),
            Node(
                package="rviz2",
                executable="rviz2",
                namespace=LaunchConfiguration("namespace"),
                arguments=["-d", PathJoinSubstitution([share, "config", "plan.rviz"])],
                parameters=[{"use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool)}],
                condition=IfCondition(LaunchConfiguration("rviz")),
            ),
        ]
    )


def _planner(context) -> list:
    """The planner node; a launch argument overrides the parameter file unless it is empty."""
    overrides = {
        "use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool),
        "autostart": ParameterValue(LaunchConfiguration("autostart"), value_type=bool),
    }
    for argument, parameter in (("profile", "profile"), ("device", "video.device")):
        value = LaunchConfiguration(argument).perform(context)
        if value != FROM_PARAMS_FILE:
            overrides[parameter] = ParameterValue(value, value_type=str)
    node = LifecycleNode(
        package="tavid_planner",
        executable="tavid-node",
        name="tavid_planner",
        namespace=LaunchConfiguration("namespace"),
        parameters=[LaunchConfiguration("params_file"), overrides],
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
        output="screen",
    )
    return [node]
