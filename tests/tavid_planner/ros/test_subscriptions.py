"""What a parameter says about the QoS of one topic holds for that topic alone."""

import pytest
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import Image

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.ros.subscriptions import subscribe

OF_MASK = "qos_overrides./mask.subscription"


def test_a_parameter_changes_the_qos_of_its_topic_alone(make_node):
    node = make_node(**{f"{OF_MASK}.reliability": "reliable", f"{OF_MASK}.durability": "transient_local"})
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
        subscribe(
            make_node(**{f"{OF_MASK}.{name}": value for name, value in given.items()}),
            Image,
            "mask",
            print,
            qos_profile_sensor_data,
            None,
        )
    assert error.value.code is ErrorCode.CONFIG_INVALID
