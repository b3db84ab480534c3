"""From a goal and the last messages on the input topics to an InteractionRequest: what belongs together, by stamp."""

from collections.abc import Callable
from dataclasses import dataclass

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import InteractionRequest
from tavid_planner.ros.camera import (
    Rectification,
    distortion_note,
    has_distortion,
    intrinsics_from_camera_info,
    is_calibrated,
)
from tavid_planner.ros.compressed import decompressed
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.conversions import depth_from_image, is_empty, mask_from_image, rgb_from_image
from tavid_planner.ros.history import History, Received, stamp_of

INPUT_QOS_PROFILES = {
    "sensor_data": qos_profile_sensor_data,
    "reliable": QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE),
    "latched": QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL),
}
RECTIFIED = "image_rect"
"""In the name of every topic that carries rectified images (image_proc)."""
MB = 10**6
ASSUMED = "the focal length is assumed"


@dataclass(frozen=True)
class TopicImage:
    """An input topic that carries pictures."""

    topic: str
    field: str
    age_option: str


IMAGE = TopicImage("image_raw", "image", "max_image_age_s")
MASK = TopicImage("target_mask", "target mask", "max_mask_age_s")


class LatestInputs:
    """Remembers what was lately received on image_raw, target_mask and camera_info.

    Args:
        current: gives the node's options as they are now.
    """

    def __init__(self, node: Node, current: Callable[[], NodeConfig], callback_group):
        self._node = node
        self._current = current
        self._group = callback_group
        self._histories = {name: History() for name in (IMAGE.topic, MASK.topic, "camera_info")}
        compressed = current().image_transport == "compressed"
        for source in (IMAGE, MASK):
            kind = CompressedImage if compressed else Image
            self._subscribe(source.topic, kind, lambda s=source: getattr(self._current(), s.age_option))
        self._subscribe("camera_info", CameraInfo, lambda: self._current().max_camera_info_age_s)
        # a recording that begins anew, or a clock that is switched to simulation: nothing kept belongs to it
        jump = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self._jumps = node.get_clock().create_jump_callback(jump, post_callback=self._forget)

    def request(self, goal) -> tuple[InteractionRequest, Header, tuple[str, ...]]:
        """The request a goal (or a service request) stands for, the header of its image, and remarks on the input.

        Raises:
            InputError: NO_IMAGE, IMAGE_STALE, or what is wrong with a field.
        """
        options = self._current()
        image, mask = self._pair(goal, options)
        for other, name in ((mask, "target mask"), (goal.actor_mask, "actor mask"), (goal.depth, "depth image")):
            if not is_empty(other):
                _check_together(image, other, name, options.stamp_tolerance_s)
        rgb, mask_values = rgb_from_image(image), mask_from_image(mask)
        actor = None if is_empty(goal.actor_mask) else mask_from_image(goal.actor_mask, "actor mask")
        depth_m = None if is_empty(goal.depth) else depth_from_image(goal.depth)
        info, notes = self._camera_info(goal, image.header, options)
        size_px = rgb.shape[:2]
        intrinsics = None if info is None else intrinsics_from_camera_info(info, size_px)
        if info is not None and has_distortion(info) and not (is_empty(goal.image) and self._is_rectified()):
            if not options.rectify:
                notes += (distortion_note(info, size_px),)
            else:
                request = InteractionRequest(rgb, mask_values, goal.instruction, actor, intrinsics, depth_m)
                rectification = Rectification(info, size_px)
                rgb = rectification.image(rgb)
                mask_values = rectification.labels(request.target_mask)
                actor = None if actor is None else rectification.labels(request.actor_mask)
                depth_m = None if depth_m is None else rectification.labels(request.depth_m)
                notes += (f"lens distortion ({info.distortion_model}) was removed from image, masks and depth",)
        request = InteractionRequest(
            rgb=rgb,
            target_mask=mask_values,
            instruction=goal.instruction,
            actor_mask=actor,
            intrinsics=intrinsics,
            depth_m=depth_m,
            seed=goal.seed,
            samples=goal.samples or 1,
        )
        return request, image.header, notes

    def _pair(self, goal, options: NodeConfig) -> tuple[Image, Image]:
        """Image and mask: those of the goal, and what belongs to them among the received ones."""
        if not is_empty(goal.image):
            if not is_empty(goal.target_mask):
                return goal.image, goal.target_mask
            return goal.image, self._decoded(self._partner(MASK, goal.image, options), MASK)
        if not is_empty(goal.target_mask):
            return self._decoded(self._partner(IMAGE, goal.target_mask, options), IMAGE), goal.target_mask
        masks = self._received(MASK)
        self._check_fresh(masks[0], MASK, options)
        refusals = []
        for mask in masks:
            try:
                self._check_fresh(mask, MASK, options)
                image = self._partner(IMAGE, mask.message, options)
                return self._decoded(image, IMAGE), self._decoded(mask, MASK)
            except InputError as error:
                refusals.append(error)
        raise refusals[0]  # that of the newest mask says most

    def _partner(self, source: TopicImage, other, options: NodeConfig) -> Received:
        """The received message of a topic that belongs to a message which is there; the newest where stamps are left
        out.
        """
        received = self._received(source)
        stamp_s = stamp_of(other.header)
        found = received[0] if stamp_s is None else self._histories[source.topic].nearest(stamp_s) or received[0]
        self._check_fresh(received[0], source, options)  # that nothing comes any more is said before anything else
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
        self._check_fresh(found, source, options)
        return found

    def _received(self, source: TopicImage) -> list[Received]:
        received = self._histories[source.topic].newest_first()
        if not received:
            raise InputError(
                ErrorCode.NO_IMAGE,
                f"the request has no {source.field} and nothing was received on {self._name(source.topic)}",
                self._why_nothing(source.topic),
            )
        return received

    def _why_nothing(self, topic: str) -> str:
        name = self._name(topic)
        other_name = f"{name}/compressed"
        if name.endswith("/compressed"):
            other_name = name.removesuffix("/compressed")
        if self._node.count_publishers(name):
            return (
                f"{name} has a publisher: large best-effort images may be dropped by the middleware; set "
                "input_qos:=reliable (a bag: check that it plays)"
            )
        if self._node.count_publishers(other_name):
            transport = "raw" if name.endswith("/compressed") else "compressed"
            return f"{other_name} has a publisher: set image_transport:={transport}"
        return f"send it in the request, publish it on {name} or remap the topic; input_qos must fit the publisher's"

    def _check_fresh(self, received: Received, source: TopicImage, options: NodeConfig) -> None:
        """The time of arrival and the stamp must both be recent: each alone fails when a clock does."""
        limit_s = getattr(options, source.age_option)
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

    def _camera_info(self, goal, header: Header, options: NodeConfig) -> tuple[CameraInfo | None, tuple[str, ...]]:
        """The camera info of an image, and why there is none."""
        if is_calibrated(goal.camera_info):
            frame = goal.camera_info.header.frame_id
            if frame and header.frame_id and frame != header.frame_id:
                raise InputError(
                    ErrorCode.CAMERA_INVALID,
                    f"the camera info is of frame {frame[:80]!r}, the image of {header.frame_id[:80]!r}",
                    "send the camera info that was published with this image",
                )
            return goal.camera_info, ()
        received = self._histories["camera_info"].newest_first()
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
        if apart_s(nearest) > options.max_camera_info_age_s:
            return None, (
                f"the nearest camera_info is {apart_s(nearest):.1f} s from the image, allowed are "
                f"{options.max_camera_info_age_s:g} s (max_camera_info_age_s): {ASSUMED}",
            )
        return nearest.message, ()

    def _decoded(self, received: Received, source: TopicImage) -> Image:
        if isinstance(received.message, CompressedImage):
            return decompressed(received.message, source.field)
        return received.message

    def _is_rectified(self) -> bool:
        return RECTIFIED in self._name(IMAGE.topic)

    def _name(self, topic: str) -> str:
        """The topic's name after remapping; compressed images are beside the raw ones."""
        name = self._node.resolve_topic_name(topic)
        compressed = topic != "camera_info" and self._current().image_transport == "compressed"
        return f"{name}/compressed" if compressed else name

    def _subscribe(self, topic: str, kind, keep_s: Callable[[], float]) -> None:
        def keep(message) -> None:
            size = 0 if kind is CameraInfo else len(message.data)
            if size > self._current().max_message_mb * MB:
                self._node.get_logger().warning(
                    f"{topic}: a message of {size / MB:.0f} MB is left out (parameter max_message_mb)",
                    throttle_duration_sec=10.0,
                )
                return
            self._histories[topic].add(message, size, keep_s())

        def incompatible(event) -> None:
            self._node.get_logger().warning(
                f"a publisher of {topic} offers a QoS that does not fit (policy {event.last_policy_kind}): "
                "its messages are not received; set the parameter input_qos"
            )

        self._node.create_subscription(
            kind,
            self._name(topic),
            keep,
            INPUT_QOS_PROFILES[self._current().input_qos],
            callback_group=self._group,
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=incompatible),
        )

    def _forget(self, _jump) -> None:
        for history in self._histories.values():
            history.clear()


def _check_together(image: Image, other: Image, name: str, tolerance_s: float) -> None:
    first_s, second_s = stamp_of(image.header), stamp_of(other.header)
    if first_s is None or second_s is None or abs(second_s - first_s) <= tolerance_s:
        return
    raise InputError(
        ErrorCode.IMAGE_STALE,
        f"image and {name} do not belong together: their stamps are {abs(second_s - first_s):.3f} s apart, allowed "
        f"are {tolerance_s:g} s",
        "copy the image's stamp, leave it at zero, or raise stamp_tolerance_s",
    )
