"""What a parameter says about the QoS of one topic holds for that topic alone."""

import pytest
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import Image

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.ros.subscriptions import subscribe


@pytest.fixture
def make_node():
    """A function that makes a node with these parameters."""
    context = Context()
    context.init()
    nodes = []

    def make(**given) -> Node:
        overrides = [Parameter(f"qos_overrides./mask.subscription.{name}", value=v) for name, v in given.items()]
        nodes.append(Node("subscriptions", context=context, parameter_overrides=overrides, enable_rosout=False))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    context.try_shutdown()


def test_a_parameter_changes_the_qos_of_its_topic_alone(make_node):
    node = make_node(reliability="reliable", durability="transient_local")
    for topic in ("mask", "image"):
        subscribe(node, Image, topic, print, qos_profile_sensor_data, None)
    qos = {s.topic_name: s.qos_profile for s in node.subscriptions}
    assert qos["/mask"].reliability == ReliabilityPolicy.RELIABLE
    assert qos["/mask"].durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert qos["/image"].reliability == qos_profile_sensor_data.reliability == ReliabilityPolicy.BEST_EFFORT


@pytest.mark.parametrize("topic", ["bad-topic", "/a//b", "with space"])
def test_a_topic_that_cannot_be_is_named_in_one_line(make_node, topic):
    with pytest.raises(InputError, match=topic) as error:
        subscribe(make_node(), Image, topic, print, qos_profile_sensor_data, None)
    assert error.value.code is ErrorCode.CONFIG_INVALID and "\n" not in str(error.value)


@pytest.mark.parametrize("given", [{"reliability": "sure"}, {"reliability": 3}, {"depth": -1}, {"depth": "deep"}])
def test_a_policy_that_there_is_not_is_named(make_node, given):
    with pytest.raises(InputError, match="/mask") as error:
        subscribe(make_node(**given), Image, "mask", print, qos_profile_sensor_data, None)
    assert error.value.code is ErrorCode.CONFIG_INVALID
