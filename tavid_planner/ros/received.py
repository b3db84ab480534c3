"""Recent messages on the input topics: kept, searched by stamp, refused when too old."""

from collections.abc import Callable
from dataclasses import dataclass

from geometry_msgs.msg import PointStamped
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
    qos_profile_sensor_data,
)
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.ros.compressed import decompressed
from tavid_planner.ros.compressed_depth import decompressed_depth
from tavid_planner.ros.config import DEPTH_TRANSPORTS, IMAGE_TRANSPORTS, NodeConfig
from tavid_planner.ros.history import History, Received, stamp_of
from tavid_planner.ros.subscriptions import subscribe
from tavid_planner.ros.transforms import TransformListener

INPUT_QOS_PROFILES = {
    "sensor_data": qos_profile_sensor_data,
    "reliable": QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE),
    "latched": QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL),
}
MB = 10**6
ASSUMED = "the focal length is estimated from the picture, or assumed"
CAMERA_INFO = "camera_info"
RAW = "raw"
TRANSPORTS = {"image_transport": IMAGE_TRANSPORTS, "depth_transport": DEPTH_TRANSPORTS}


@dataclass(frozen=True)
class InputTopic:
    """An input topic with images, or with a point in an image.

    Attributes:
        topic: its name before remapping; field: its content, for messages.
        age_option: the node's option with its maximum age.
        transport_option: the node's option with its transport, "" where there is only one.
    """

    topic: str
    field: str
    age_option: str
    transport_option: str = ""


IMAGE = InputTopic("image_raw", "image", "max_image_age_s", "image_transport")
MASK = InputTopic("target_mask", "target mask", "max_mask_age_s", "image_transport")
DEPTH = InputTopic("depth", "depth image", "max_image_age_s", "depth_transport")
POINT = InputTopic("target_point", "target point", "max_mask_age_s")
"""A pixel of the target instead of its mask: x and y in `point`, as published by a click in an image viewer."""
INPUTS = (IMAGE, MASK, DEPTH, POINT)


class ReceivedInputs:
    """Keeps recent messages on image_raw, target_mask, target_point, depth and camera_info, and listens to TF.

    Attributes:
        transforms: TF.

    Args:
        current: returns the node's current options.
    """

    def __init__(self, node: Node, current: Callable[[], NodeConfig], callback_group):
        self._node = node
        self._current = current
        self._group = callback_group
        self._histories = {name: History() for name in (*(source.topic for source in INPUTS), CAMERA_INFO)}
        for source in INPUTS:
            kind = Image if self._transport(source) == RAW else CompressedImage
            kind = PointStamped if source is POINT else kind
            self._subscribe(source.topic, kind, lambda s=source: getattr(self._current(), s.age_option))
        self._subscribe(CAMERA_INFO, CameraInfo, lambda: self._current().max_camera_info_age_s)
        self.transforms = TransformListener(node, callback_group, current().listen_tf)
        # a recording that restarts, or a switch to simulated time: earlier messages are void
        jump = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self._jumps = node.get_clock().create_jump_callback(jump, post_callback=self._forget)

    def has(self, source: InputTopic) -> bool:
        """Whether any message of a topic is kept."""
        return bool(self._histories[source.topic].newest_first())

    def is_fresh(self, source: InputTopic) -> bool:
        """Whether the last message of a topic may be used."""
        try:
            self.newest(source)
        except InputError:
            return False
        return True

    def newest(self, source: InputTopic) -> Received:
        """The last message of a topic.

        Raises:
            InputError: NO_IMAGE when there is none, IMAGE_STALE when it is too old.
        """
        found = self.all_of(source)[0]
        self.check_fresh(found, source)
        return found

    def all_of(self, source: InputTopic) -> list[Received]:
        """The messages of a topic, the newest first.

        Raises:
            InputError: NO_IMAGE when there is none.
        """
        received = self._histories[source.topic].newest_first()
        if not received:
            name = self.name(source.topic)
            nobody = (
                f"send it in the request, publish it on {name} or remap the topic; input_qos must fit the publisher's"
            )
            raise InputError(
                ErrorCode.NO_IMAGE,
                f"the request has no {source.field} and nothing was received on {name}",
                self.why_unheard(source) or nobody,
            )
        return received

    def partner(self, source: InputTopic, other) -> Received:
        """The received message of a topic that matches `other` by stamp; the newest one if either has no stamp.

        Raises:
            InputError: NO_IMAGE, or IMAGE_STALE when none matches.
        """
        options = self._current()
        received = self.all_of(source)
        stamp_s = stamp_of(other.header)
        found = received[0] if stamp_s is None else self._histories[source.topic].nearest(stamp_s) or received[0]
        self.check_fresh(received[0], source)  # a topic that has gone silent is reported first
        if stamp_s is not None and found.stamp_s is not None:
            apart_s = found.stamp_s - stamp_s
            if abs(apart_s) > options.stamp_tolerance_s:
                other_field = "target mask" if source is IMAGE else "image"
                raise InputError(
                    ErrorCode.IMAGE_STALE,
                    f"no {source.field} on {source.topic} belongs to the {other_field}: the nearest one is "
                    f"{abs(apart_s):.3f} s {'later' if apart_s > 0 else 'earlier'}, allowed are "
                    f"{options.stamp_tolerance_s:g} s",
                    f"copy the image's stamp into the mask, or raise stamp_tolerance_s or {source.age_option}",
                )
        self.check_fresh(found, source)
        return found

    def at_or_newest(self, source: InputTopic, header: Header) -> Received:
        """The message of a topic with a header's stamp; the newest one where that is too old, or none is set.

        Raises:
            InputError: NO_IMAGE, or IMAGE_STALE.
        """
        newest, stamp_s = self.newest(source), stamp_of(header)
        found = None if stamp_s is None else self.nearest(source, stamp_s)
        if found is None or abs(found.stamp_s - stamp_s) > self._current().stamp_tolerance_s:
            return newest
        try:
            self.check_fresh(found, source)  # old ones are dropped only when another comes
        except InputError:
            return newest
        return found

    def nearest(self, source: InputTopic, stamp_s: float) -> Received | None:
        """The message of a topic with the nearest stamp, None if none has a stamp."""
        return self._histories[source.topic].nearest(stamp_s)

    def check_fresh(self, received: Received, source: InputTopic) -> None:
        """Check that both arrival and stamp are recent; either alone can be fooled by a wrong clock.

        Raises:
            InputError: IMAGE_STALE.
        """
        limit_s = getattr(self._current(), source.age_option)
        allowed = f"allowed are {limit_s:g} s"
        if received.since_arrival_s > limit_s:
            raise InputError(
                ErrorCode.IMAGE_STALE,
                f"the latest {source.field} on {source.topic} came {received.since_arrival_s:.1f} s ago, {allowed}",
                f"check that {source.topic} is still published, or set {source.age_option}",
            )
        if received.stamp_s is None:  # drivers without a clock leave the stamp at zero
            return
        now_s = self._node.get_clock().now().nanoseconds * 1e-9
        age_s = now_s - received.stamp_s
        if abs(age_s) <= limit_s:
            return
        if self._node.get_parameter("use_sim_time").value:
            hint = "play the recording with its clock (ros2 bag play --clock), or start without use_sim_time"
        else:
            hint = (
                "a recording: set use_sim_time and play it with --clock; a camera: synchronise the clocks of the "
                f"machines; or set {source.age_option}"
            )
        how = f"{age_s:.1f} s old" if age_s > 0 else f"stamped {-age_s:.1f} s ahead of the node's clock"
        what = f"the latest {source.field} on {source.topic} is {how}, {allowed}"
        raise InputError(ErrorCode.IMAGE_STALE, what, hint)

    def camera_info(self, header: Header) -> tuple[CameraInfo | None, tuple[str, ...]]:
        """The camera info for an image with this header, and notes on why there is none."""
        limit_s = self._current().max_camera_info_age_s
        received = self._histories[CAMERA_INFO].newest_first()
        same = [r for r in received if r.message.header.frame_id == header.frame_id]
        if not same:
            if not received:
                return None, ()
            other = received[0].message.header.frame_id[:80]
            return None, (f"camera_info is of frame {other!r}, the image of {header.frame_id[:80]!r}: {ASSUMED}",)
        stamp_s = stamp_of(header)

        def apart_s(info: Received) -> float:
            if stamp_s is None or info.stamp_s is None:
                return info.since_arrival_s
            return abs(info.stamp_s - stamp_s)

        nearest = min(same, key=apart_s)
        if apart_s(nearest) > limit_s:
            return None, (
                f"the nearest camera_info is {apart_s(nearest):.1f} s from the image, allowed are "
                f"{limit_s:g} s (max_camera_info_age_s): {ASSUMED}",
            )
        return nearest.message, ()

    def decoded(self, received: Received, source: InputTopic) -> Image:
        """The image of a message.

        Raises:
            InputError: IMAGE_INVALID or MASK_INVALID for a damaged compressed one.
        """
        if isinstance(received.message, CompressedImage):
            decode = decompressed_depth if source is DEPTH else decompressed
            return decode(received.message, source.field)
        return received.message

    def why_unheard(self, source: InputTopic) -> str:
        """Why nothing came on a topic although somebody publishes it, "" where nobody does."""
        name, transport = self.name(source.topic), self._transport(source)
        if self._node.count_publishers(name):
            return (
                f"{name} has a publisher: large best-effort images may be dropped by the middleware; set "
                "input_qos:=reliable (a bag: check that it plays)"
            )
        # a raw topic may itself be called raw
        raw = name if transport == RAW else name.removesuffix(f"/{transport}")
        for other in TRANSPORTS.get(source.transport_option, ()):
            other_name = raw if other == RAW else f"{raw}/{other}"
            if other != transport and self._node.count_publishers(other_name):
                return f"{other_name} has a publisher: set {source.transport_option}:={other}"
        return ""

    def name(self, topic: str) -> str:
        """The topic's name after remapping, with that of the transport where it is compressed."""
        return self._node.resolve_topic_name(self._not_yet_remapped(topic))

    def _not_yet_remapped(self, topic: str) -> str:
        """What to subscribe to, which remaps it: a name that is remapped twice may become another topic's."""
        transport = next((self._transport(source) for source in INPUTS if source.topic == topic), RAW)
        if transport == RAW:
            return topic
        # the compressed topic follows the raw one, and may be remapped by itself
        return f"{self._node.resolve_topic_name(topic)}/{transport}"

    def _transport(self, source: InputTopic) -> str:
        return getattr(self._current(), source.transport_option) if source.transport_option else RAW

    def _subscribe(self, topic: str, kind, keep_s: Callable[[], float]) -> None:
        def keep(message) -> None:
            size = len(message.data) if kind in (Image, CompressedImage) else 0
            if size > self._current().max_message_mb * MB:
                self._node.get_logger().warning(
                    f"{topic}: a message of {size / MB:.0f} MB is left out (parameter max_message_mb)",
                    throttle_duration_sec=10.0,
                )
                return
            self._histories[topic].add(message, size, keep_s())

        def incompatible(event) -> None:
            policy = qos_policy_name_from_kind(event.last_policy_kind)
            self._node.get_logger().warning(
                f"a publisher of {topic} offers a QoS that does not fit (policy {policy}): "
                f"its messages are not received; set the parameter input_qos, or qos_overrides.{self.name(topic)}."
                "subscription.reliability and .durability for this topic alone"
            )

        qos = INPUT_QOS_PROFILES[self._current().input_qos]
        events = SubscriptionEventCallbacks(incompatible_qos=incompatible)
        subscribe(self._node, kind, self._not_yet_remapped(topic), keep, qos, self._group, events)

    def _forget(self, _jump) -> None:
        for history in self._histories.values():
            history.clear()
        self.transforms.clear()
