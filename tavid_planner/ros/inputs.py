"""From a goal and the latest messages on the input topics to an InteractionRequest."""

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import InteractionRequest
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.conversions import (
    depth_from_image,
    intrinsics_from_camera_info,
    is_empty,
    mask_from_image,
    rgb_from_image,
)

INPUT_QOS_PROFILES = {
    "sensor_data": qos_profile_sensor_data,
    "reliable": QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE),
    "latched": QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL),
}


class LatestInputs:
    """Remembers the latest message on image_raw, target_mask and camera_info.

    Args:
        current: gives the node's options as they are now.
    """

    def __init__(self, node: Node, current: Callable[[], NodeConfig], callback_group):
        self._node = node
        self._current = current
        self._latest: dict[str, tuple[Any, Time]] = {}
        for topic, kind in (("image_raw", Image), ("target_mask", Image), ("camera_info", CameraInfo)):
            self._subscribe(topic, kind, callback_group)

    def request(self, goal) -> tuple[InteractionRequest, Header]:
        """The request a goal (or a service request) stands for, and the header of its image.

        Raises:
            InputError: NO_IMAGE, IMAGE_STALE, or what is wrong with a field.
        """
        options = self._current()
        image, mask = goal.image, goal.target_mask
        if is_empty(image):
            image = self._fresh("image_raw", options.max_image_age_s)
        if is_empty(mask):
            mask = self._fresh("target_mask", options.max_mask_age_s)
        rgb = rgb_from_image(image)
        size_px = rgb.shape[:2]
        request = InteractionRequest(
            rgb=rgb,
            target_mask=mask_from_image(mask),
            instruction=goal.instruction,
            actor_mask=None if is_empty(goal.actor_mask) else mask_from_image(goal.actor_mask, "actor mask"),
            intrinsics=self._intrinsics(goal, image.header, size_px),
            depth_m=None if is_empty(goal.depth) else depth_from_image(goal.depth),
            seed=goal.seed,
            samples=goal.samples or 1,
        )
        return request, image.header

    def _intrinsics(self, goal, header: Header, size_px: tuple[int, int]):
        if any(goal.camera_info.k):
            return intrinsics_from_camera_info(goal.camera_info, size_px)
        if "camera_info" not in self._latest:
            return None
        message, _ = self._latest["camera_info"]
        if not is_empty(goal.image) and message.header.frame_id != header.frame_id:
            self._node.get_logger().info(
                f"camera_info is from frame {message.header.frame_id!r}, the image in the request from "
                f"{header.frame_id!r}: the focal length is assumed"
            )
            return None
        return intrinsics_from_camera_info(message, size_px)

    def _subscribe(self, topic: str, kind, callback_group) -> None:
        def keep(message) -> None:
            self._latest[topic] = (message, self._node.get_clock().now())

        def incompatible(event) -> None:
            self._node.get_logger().warning(
                f"a publisher of {topic} offers a QoS that does not fit (policy {event.last_policy_kind}): "
                "its messages are not received; set the parameter input_qos"
            )

        self._node.create_subscription(
            kind,
            topic,
            keep,
            INPUT_QOS_PROFILES[self._current().input_qos],
            callback_group=callback_group,
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=incompatible),
        )

    def _fresh(self, topic: str, max_age_s: float) -> Image:
        if topic not in self._latest:
            name = self._node.resolve_topic_name(topic)
            raise InputError(
                ErrorCode.NO_IMAGE,
                f"the request has no {_FIELDS[topic]} and nothing was received on {name}",
                f"send it in the request, publish it on {name} or remap the topic; input_qos must fit the publisher's",
            )
        message, received = self._latest[topic]
        stamp = Time.from_msg(message.header.stamp, clock_type=received.clock_type)
        # drivers without a clock leave the stamp at zero
        taken = stamp if stamp.nanoseconds else received
        age_s = (self._node.get_clock().now() - taken).nanoseconds * 1e-9
        if age_s > max_age_s:
            raise InputError(
                ErrorCode.IMAGE_STALE,
                f"the latest {_FIELDS[topic]} on {topic} is {age_s:.1f} s old, allowed are {max_age_s:g} s",
                f"check that {topic} is still published and the clocks agree, or set max_{_AGES[topic]}_age_s",
            )
        return message


_FIELDS = {"image_raw": "image", "target_mask": "target mask"}
_AGES = {"image_raw": "image", "target_mask": "mask"}
