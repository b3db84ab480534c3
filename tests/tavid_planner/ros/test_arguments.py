"""Parameter files and names that ROS 2 passes over in silence."""

from pathlib import Path

import pytest
import rclpy
from rclpy.action import ActionServer
from rclpy.node import Node
from std_msgs.msg import String

from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.ros.arguments import check_parameter_names, check_params_files, unused_remappings
from tavid_planner_interfaces.action import PlanInteraction

KNOWN = {"max_image_age_s", "video.num_inference_steps"}
GOOD = "{ros__parameters: {max_image_age_s: 5.0, video: {num_inference_steps: 3}}}"


def check(arguments, node="/robot/tavid_planner"):
    check_params_files(arguments)
    check_parameter_names(node, arguments, KNOWN)


@pytest.fixture
def file(tmp_path):
    """A function that gives the arguments for a parameter file with this text."""

    def write(text: str) -> list[str]:
        (tmp_path / "params.yaml").write_text(text)
        return ["--ros-args", "--params-file", str(tmp_path / "params.yaml")]

    return write


@pytest.mark.parametrize(
    "key", ["/**", "/robot/tavid_planner", "/*/tavid_planner", "/**/tavid_planner", "/robot/*", "robot/tavid_planner"]
)
def test_sections_for_this_node_are_found_as_rcl_finds_them(file, key):
    check(file(f"{key}: {GOOD}"))
    check(file(f"other: {GOOD}\n{key}: {GOOD}"))


def test_namespace_may_be_a_level_of_its_own(file):
    check(file(f"robot: {{tavid_planner: {GOOD}}}"))


@pytest.mark.parametrize("key", ["planner", "tavid_planner", "/*", "/other/tavid_planner"])
def test_file_without_a_section_for_this_node_is_named(file, key):
    with pytest.raises(TavidError, match="nothing for /robot/tavid_planner: it speaks of") as error:
        check(file(f"{key}: {GOOD}"))
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    "text, named",
    [
        ("/**: {ros__parameters: {max_image_age: 5.0}}", "did you mean max_image_age_s"),
        ("/**: {ros__parameters: {video.stepz: 3}}", "video.stepz"),
        ("/**: {ros__parameters: {video: {num_inference_step: 3}}}", "did you mean video.num_inference_steps"),
    ],
)
def test_unknown_parameter_is_named_with_what_was_meant(file, text, named):
    with pytest.raises(TavidError, match=named) as error:
        check(file(text))
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_names_on_the_command_line_are_looked_at_too():
    check(["--ros-args", "-p", "max_image_age_s:=5.0", "-p", "use_sim_time:=true", "-p", "other:wrong:=1"])
    with pytest.raises(TavidError, match="unknown parameter max_age in the command line"):
        check(["--ros-args", "-p", "max_age:=1"])


def test_qos_of_a_topic_that_the_node_does_not_have_is_named():
    name = "qos_overrides./image.subscription.reliability"
    with pytest.raises(TavidError, match=f"unknown parameter {name}"):
        check(["--ros-args", "-p", f"{name}:=reliable"])


@pytest.mark.parametrize("text", ["", "just words", "a: [", "/**: {max_image_age_s: 5.0}", "- 1\n- 2", "\x00"])
def test_broken_file_is_named(file, text):
    with pytest.raises(TavidError, match="params.yaml") as error:
        check(file(text))
    assert error.value.exit_code == 2 and "\n" not in str(error.value)


@pytest.mark.parametrize("path", ["/nowhere/params.yaml", "/dev/zero", "."])
def test_what_is_no_file_is_named(path):
    with pytest.raises(TavidError) as error:
        check(["--ros-args", "--params-file", path])
    assert str(Path(path)) in error.value.message


@pytest.mark.parametrize(
    "rule, told",
    [
        ("imag_raw:=/camera/image", "there is no imag_raw here; did you mean /robot/image_raw?"),
        ("/image_raw:=/camera/image", "there is no /image_raw here; did you mean /robot/image_raw?"),
        ("tavid_planner:zzz:=/b", "there is no zzz here; ros2 node info /robot/tavid_planner lists all"),
        ("image_raw:=/camera/image", None),
        ("/robot/image_raw:=/camera/image", None),
        ("tavid_planner:~/markers:=shown", None),
        ("rosservice://plan_interaction:=plan", None),
        ("other_node:imag_raw:=/camera/image", None),
        ("__ns:=/robot", None),
    ],
)
def test_a_remapping_that_renames_nothing_is_told_with_the_nearest_name(rule, told):
    arguments = ["--ros-args", "-r", "__ns:=/robot", "-r", rule]
    context, nodes = rclpy.Context(), []
    rclpy.init(args=arguments, context=context)
    try:
        node = Node("tavid_planner", context=context)
        nodes.append(node)
        node.create_subscription(String, "image_raw", lambda _: None, 1)
        node.create_publisher(String, "~/markers", 1)
        ActionServer(node, PlanInteraction, "plan_interaction", lambda _: None)
        stale = Node("tavid_planner", context=context, use_global_arguments=False, namespace="/robot")
        nodes.append(stale)
        stale.create_publisher(String, "zzz", 1)
        expected = [] if told is None else [f"{rule} renames nothing: {told}"]
        assert unused_remappings(node, arguments) == expected
    finally:
        for one in nodes:
            one.destroy_node()
        context.shutdown()
