"""A point on target_point marks the object where no mask comes with a request."""

import json
import time
from pathlib import Path

import pytest
from geometry_msgs.msg import PointStamped
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hoi_motion.progress import CancelToken
from tavid_planner.errors import ControlError, ErrorCode
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.conversions import image_from_mask
from tavid_planner.ros.inputs import LatestInputs

WAIT_S = 60


def clicked(x: float, y: float) -> PointStamped:
    point = PointStamped(header=Header(frame_id="camera"))
    point.point.x, point.point.y = x, y
    return point


def send(client, kind, topic: str, message) -> None:
    """Publish until the node has it: best effort may lose a message."""
    publisher = client.node.create_publisher(kind, topic, qos_profile_sensor_data)
    deadline = time.monotonic() + WAIT_S
    while publisher.get_subscription_count() == 0:
        assert time.monotonic() < deadline, f"the node does not subscribe to {topic}"
        time.sleep(0.05)
    for _ in range(5):
        publisher.publish(message)
        time.sleep(0.05)


def ask(client, goal, **fields):
    client.send_goal(goal(**fields), WAIT_S)
    return client.result(WAIT_S)


def test_a_cancel_is_heard_while_the_target_is_looked_for(goal, make_request):
    context, cancel = Context(), CancelToken()
    context.init()
    node = Node("inputs", context=context, enable_rosout=False)
    inputs = LatestInputs(node, NodeConfig, None)
    asked = goal(target_mask=Image(), target_point=clicked(66.2, 42.9))
    assert inputs.request(asked, cancel).request.target_mask.any()
    cancel.cancel()
    with pytest.raises(ControlError, match="CANCELLED"):
        inputs.request(asked, cancel)
    node.destroy_node()
    context.try_shutdown()


def test_a_point_marks_the_target_until_a_mask_comes_and_the_answer_says_so(client, goal, make_request):
    send(client, PointStamped, "target_point", clicked(66.2, 42.9))
    result = ask(client, goal, target_mask=Image())
    assert result.error_code == ErrorCode.NONE, result.error_msg
    assert any("click 66,43 by grabcut" in note for note in result.notes)
    asked = json.loads((Path(result.plan_path) / "plan.json").read_text())["request"]
    truth = int(make_request().target_mask.sum())
    assert abs(asked["target_mask_px"] - truth) < 0.1 * truth and asked["target_source"].startswith("click 66,43")

    result = ask(client, goal)
    assert not any("target_point" in note for note in result.notes)

    send(client, PointStamped, "target_point", clicked(500.0, 5.0))
    result = ask(client, goal, target_mask=Image())
    assert result.error_code == ErrorCode.MASK_INVALID and "500,5" in result.error_msg

    send(client, Image, "target_mask", image_from_mask(make_request().target_mask, Header(frame_id="camera")))
    result = ask(client, goal, target_mask=Image())
    assert result.error_code == ErrorCode.NONE and not any("target_point" in note for note in result.notes)
