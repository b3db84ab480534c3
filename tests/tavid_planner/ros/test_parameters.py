"""Parameters are the config dataclasses: types, ranges, descriptions, read-only flags."""

import pytest
import yaml
from rclpy.parameter import Parameter

from hoi_motion.options import flat_options
from tavid_planner.config import PlannerConfig, share_folder
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.parameters import declare_options, read_options, refuse_invalid_changes


def test_every_option_is_a_parameter_with_its_default(make_node):
    node = make_node()
    declare_options(node, NodeConfig())
    declare_options(node, PlannerConfig())
    for config in (NodeConfig(), PlannerConfig()):
        for name, value, _ in flat_options(config):
            if name != "name":
                assert node.get_parameter(name).value == value
        assert read_options(node, config) == config


def test_given_value_wins_over_the_profile(make_node):
    node = make_node(**{"video.num_inference_steps": 3})
    declare_options(node, PlannerConfig())
    assert read_options(node, PlannerConfig()).video.num_inference_steps == 3


@pytest.mark.parametrize(
    "given", [{"video.num_inference_steps": 0}, {"video.num_inference_steps": "many"}, {"check.penetration_m": 1}]
)
def test_wrong_type_or_range_is_one_clear_line(make_node, given):
    with pytest.raises(InputError) as error:
        declare_options(make_node(**given), PlannerConfig())
    assert error.value.code is ErrorCode.CONFIG_INVALID
    assert next(iter(given)) in error.value.message


@pytest.mark.parametrize(
    "name, value, accepted",
    [
        ("video.guidance", "released", True),
        ("video.guidance", "loud", False),
        ("video.guidance_scale", 2.5, True),
        ("video.guidance_scale", float("nan"), False),
        ("video.num_inference_steps", 10**6, False),
        ("profile", "other", False),
    ],
)
def test_changes_are_checked(make_node, name, value, accepted):
    node = make_node()
    declare_options(node, NodeConfig())
    declare_options(node, PlannerConfig())
    refuse_invalid_changes(node, NodeConfig(), PlannerConfig())
    result = node.set_parameters([Parameter(name, value=value)])[0]
    assert result.successful is accepted
    assert accepted or result.reason


def test_a_refused_change_says_what_is_right(make_node):
    node = make_node()
    declare_options(node, PlannerConfig())
    refuse_invalid_changes(node, PlannerConfig())
    result = node.set_parameters([Parameter("robot.start", value="0.1")])[0]
    assert not result.successful
    assert result.reason == "option robot.start is '0.1' - as 'panda_joint1=0.1, panda_joint2=-0.8', every joint once"


def test_parameter_file_names_the_node_options_with_their_defaults():
    file = yaml.safe_load((share_folder() / "config" / "node.yaml").read_text())
    assert file["/**"]["ros__parameters"] == {name: value for name, value, _ in flat_options(NodeConfig())}


def test_a_value_of_the_wrong_type_for_what_every_node_has_is_named():
    from rclpy.context import Context

    from tavid_planner.ros.node import PlannerNode

    context = Context()
    context.init(args=["node", "--ros-args", "-p", "use_sim_time:=maybe"])
    with pytest.raises(InputError, match="'use_sim_time' to 'maybe'.* true or false") as failure:
        PlannerNode("no.module:Planner", context=context)
    assert failure.value.code is ErrorCode.CONFIG_INVALID
    context.try_shutdown()


def test_a_folder_for_plans_that_cannot_be_made_is_refused_at_start(tmp_path):
    from rclpy.context import Context

    from tavid_planner.ros.node import PlannerNode

    (tmp_path / "file").write_bytes(b"")
    context = Context()
    context.init()
    given = [Parameter("output_folder", value=str(tmp_path / "file" / "plans"))]
    node = PlannerNode("no.module:Planner", context=context, parameter_overrides=given)
    try:
        with pytest.raises(InputError, match="OUTPUT_INVALID.*cannot make the folder .*file/plans"):
            node.autostart()
    finally:
        node.destroy_node()
        context.try_shutdown()


def test_a_profile_that_a_request_names_runs_on_the_device_that_the_operator_has_set():
    from rclpy.context import Context

    from tavid_planner.ros.node import PlannerNode

    context = Context()
    context.init()
    given = [Parameter("video.device", value="cpu"), Parameter("video.num_inference_steps", value=2)]
    node = PlannerNode("no.module:Planner", context=context, parameter_overrides=given)
    try:
        video = node.planner_config("tavid-5b").video
        assert (video.device, video.num_inference_steps) == ("cpu", 50)
        assert node.planner_config().video.num_inference_steps == 2
    finally:
        node.destroy_node()
        context.try_shutdown()
