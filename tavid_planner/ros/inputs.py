"""From a goal and the latest messages on the input topics to an InteractionRequest, matched by stamp."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from geometry_msgs.msg import PointStamped
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hoi_motion.progress import CancelToken
from hoi_motion.segment import MaskPrompt, segment
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.instances import TARGET, Instance
from tavid_planner.request import InteractionRequest
from tavid_planner.ros.camera import (
    Rectification,
    distortion_note,
    has_distortion,
    intrinsics_from_camera_info,
    is_calibrated,
)
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.conversions import depth_from_image, image_from_mask, is_empty, mask_from_image, rgb_from_image
from tavid_planner.ros.history import stamp_of
from tavid_planner.ros.known_scene import frame_of_tf, known_scene
from tavid_planner.ros.received import DEPTH, IMAGE, MASK, POINT, ReceivedInputs

RECTIFIED = "image_rect"
"""Part of the name of every topic with rectified images (image_proc)."""
REQUEST_MASK = "mask of the request"
_OF_THIS_IMAGE = "mark the image that is sent, and copy its frame_id or leave it empty"


@dataclass(frozen=True)
class ReadInput:
    """A request as it came over ROS.

    Attributes:
        header: of its image.
        notes: remarks that do not prevent a plan.
        target_source: which target mask was used, or how it was found, as text.
        found_mask: the mask that was found at a point, empty when one was given.
        frame_of_tf: in which TF has said where the camera is, "" where it was not asked.
    """

    request: InteractionRequest
    header: Header
    notes: tuple[str, ...]
    target_source: str
    found_mask: Image
    frame_of_tf: str


@dataclass(frozen=True)
class _Marked:
    """An image and what is marked in it, still as messages.

    Attributes:
        masks: each with its name for errors: the goal's instances, or the target and optionally the actor.
        source, found, words: as `target_source`, `found_mask` and the request's `target_source`.
    """

    image: Image
    masks: list[tuple[str, Image]]
    source: str
    found: Image | None = None
    words: str = "mask"
    notes: tuple[str, ...] = ()


class LatestInputs:
    """Turns goals into requests; what a goal leaves out is taken from the latest messages.

    Args:
        current: returns the node's current options.
    """

    def __init__(self, node: Node, current: Callable[[], NodeConfig], callback_group):
        self._current = current
        self._received = ReceivedInputs(node, current, callback_group)

    def request(self, goal, cancel: CancelToken) -> ReadInput:
        """The InteractionRequest for a goal or service request.

        Raises:
            InputError: NO_IMAGE, IMAGE_STALE, or the code for an invalid field.
            ControlError: CANCELLED.
        """
        options = self._current()
        marked = self._marked(goal, cancel)
        depth, depth_notes = self._depth(goal, marked.image, options)
        others = [] if depth is None else [("depth image", depth)]
        for name, mask in marked.masks:
            _check_frame(mask.header, marked.image.header, name, _OF_THIS_IMAGE)
        for name, other in marked.masks + others:
            _check_together(marked.image, other, name, options.stamp_tolerance_s)
        header = marked.image.header
        rgb = rgb_from_image(marked.image)
        arrays = [mask_from_image(mask, name) for name, mask in marked.masks]
        depth_m = None if depth is None else depth_from_image(depth)
        info, info_notes = self._camera_info(goal, header)
        distorted = info is not None and has_distortion(info) and not (is_empty(goal.image) and self._is_rectified())
        size_px, left_so = rgb.shape[:2], distorted and not options.rectify
        intrinsics = None if info is None else intrinsics_from_camera_info(info, size_px, left_so)
        known = known_scene(goal, header, options, self._received.transforms)
        request = _request(goal, rgb, arrays, intrinsics=intrinsics, depth_m=depth_m, known=known)
        notes = (*marked.notes, *depth_notes, *info_notes)
        if distorted:
            if options.rectify:
                request = _rectified(request, Rectification(info, request.size_px))
                notes += (f"lens distortion ({info.distortion_model}) was removed from image, masks and depth",)
            else:
                notes += (distortion_note(info, request.size_px),)
        request = replace(request, target_source=marked.words)
        return ReadInput(request, header, notes, marked.source, marked.found or Image(), frame_of_tf(goal, options))

    def _marked(self, goal, cancel: CancelToken) -> _Marked:
        """Image and masks: those of the goal, completed by the matching received ones."""
        if goal.instances:
            return self._instances(goal)
        point = self._point(goal)
        if point is not None:
            return self._at_point(goal, point, cancel)
        image, mask = self._pair(goal)
        source = f"mask from {MASK.topic}" if is_empty(goal.target_mask) else REQUEST_MASK
        return _Marked(image, _masks(goal, mask), source)

    def _instances(self, goal) -> _Marked:
        both = [name for name in ("target_mask", "actor_mask") if not is_empty(getattr(goal, name))]
        both += ["target_point"] if _is_point(goal.target_point) else []
        if both:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"instances and {' and '.join(both)} are given in one request",
                "mark target and actor among the instances, or leave these out",
            )
        target = next((i for i in goal.instances if i.role == TARGET), goal.instances[0])
        image = goal.image
        if is_empty(image):
            image = self._received.decoded(self._received.partner(IMAGE, target.mask), IMAGE)
        masks = [(f"mask of {instance.name[:60]!r}", instance.mask) for instance in goal.instances]
        return _Marked(image, masks, f"instance {target.name[:60]!r} of the request")

    def _point(self, goal) -> PointStamped | None:
        """The point that marks the target when there is no mask; a goal's own point takes precedence over topics."""
        if not is_empty(goal.target_mask):
            return None
        point = goal.target_point
        if not _is_point(point):
            received = self._received
            if received.is_fresh(MASK) or not received.has(POINT):
                return None
            if received.has(MASK) and not received.is_fresh(POINT):
                return None
            point = received.newest(POINT).message
        if point.point.z:
            raise InputError(
                ErrorCode.MASK_INVALID,
                f"the target point has z = {point.point.z:g}: it is a point in space",
                "send a pixel of the image: x and y, z is 0",
            )
        return point

    def _at_point(self, goal, point: PointStamped, cancel: CancelToken) -> _Marked:
        image = goal.image
        if is_empty(image):
            image = self._received.decoded(self._received.at_or_newest(IMAGE, point.header), IMAGE)
        _check_frame(point.header, image.header, "target point", _OF_THIS_IMAGE)
        prompt = MaskPrompt(click_px=(point.point.x, point.point.y))
        found = segment(rgb_from_image(image), prompt, cancel=cancel)
        mask = image_from_mask(found.mask, image.header)
        place = "the request" if point is goal.target_point else POINT.topic
        notes = (f"target mask from {place}: {found.words}", *(f"target mask: {doubt}" for doubt in found.doubts))
        notes += self._apart(point.header, image.header)
        return _Marked(image, _masks(goal, mask), found.source, mask, found.words, notes)

    def _apart(self, point: Header, image: Header) -> tuple[str, ...]:
        """A note on a point that was not set in this image; clicks are stamped when they are made, so it may count."""
        first_s, second_s = stamp_of(point), stamp_of(image)
        if first_s is None or second_s is None or abs(second_s - first_s) <= self._current().stamp_tolerance_s:
            return ()
        later = "after" if second_s > first_s else "before"
        told = f"the image was taken {abs(second_s - first_s):.1f} s {later} the target point was set"
        return (f"{told}: check that the point is still on the target",)

    def _pair(self, goal) -> tuple[Image, Image]:
        received = self._received
        if not is_empty(goal.image):
            if not is_empty(goal.target_mask):
                return goal.image, goal.target_mask
            return goal.image, received.decoded(received.partner(MASK, goal.image), MASK)
        if not is_empty(goal.target_mask):
            return received.decoded(received.partner(IMAGE, goal.target_mask), IMAGE), goal.target_mask
        received.newest(MASK)
        refusals = []
        for mask in received.all_of(MASK):
            try:
                received.check_fresh(mask, MASK)
                image = received.partner(IMAGE, mask.message)
                return received.decoded(image, IMAGE), received.decoded(mask, MASK)
            except InputError as error:
                refusals.append(error)
        raise refusals[0]  # that of the newest mask is the most helpful

    def _depth(self, goal, image: Image, options: NodeConfig) -> tuple[Image | None, tuple[str, ...]]:
        """The goal's depth image, else the topic's at the image's stamp; notes say why there is none."""
        if not is_empty(goal.depth):
            _check_frame(goal.depth.header, image.header, "depth image", "send depth that is registered to the image")
            return goal.depth, ()
        if not self._received.has(DEPTH):
            why = self._received.why_unheard(DEPTH)
            return None, (f"{DEPTH.topic} is not used: nothing was received; {why}",) if why else ()
        stamp_s = stamp_of(image.header)
        if stamp_s is None:
            return None, (f"{DEPTH.topic} is not used: the image has no stamp to find its depth by",)
        nearest = self._received.nearest(DEPTH, stamp_s)
        if nearest is None:
            return None, (f"{DEPTH.topic} is not used: its images have no stamps",)
        apart_s = abs(nearest.stamp_s - stamp_s)
        if apart_s > options.stamp_tolerance_s:
            return None, (
                f"{DEPTH.topic} is not used: its nearest image is {apart_s:.3f} s from the camera's, allowed are "
                f"{options.stamp_tolerance_s:g} s (stamp_tolerance_s)",
            )
        frame, other = image.header.frame_id, nearest.message.header.frame_id
        if frame and other and frame != other:
            return None, (
                f"{DEPTH.topic} is not used: it is of frame {other[:80]!r}, the image of {frame[:80]!r}; publish depth "
                "that is registered to the image",
            )
        return self._received.decoded(nearest, DEPTH), ()

    def _camera_info(self, goal, header: Header) -> tuple[CameraInfo | None, tuple[str, ...]]:
        """The camera info of an image; notes say why there is none."""
        if not is_calibrated(goal.camera_info):
            return self._received.camera_info(header)
        hint = "send the camera info that was published with this image"
        _check_frame(goal.camera_info.header, header, "camera info", hint)
        return goal.camera_info, ()

    def _is_rectified(self) -> bool:
        return RECTIFIED in self._received.name(IMAGE.topic)


def _is_point(point: PointStamped) -> bool:
    """Whether a point of a goal was filled in."""
    header = point.header
    return bool(header.frame_id or stamp_of(header) is not None or point.point.x or point.point.y or point.point.z)


def _masks(goal, target: Image) -> list[tuple[str, Image]]:
    actor = [] if is_empty(goal.actor_mask) else [("actor mask", goal.actor_mask)]
    return [("target mask", target), *actor]


def _request(goal, rgb: np.ndarray, masks: list[np.ndarray], **scene) -> InteractionRequest:
    """The request of a goal.

    Args:
        masks: of its instances, or of the target and, where one is marked, the actor.
        scene: what is known of camera and room, by the names of `InteractionRequest`.
    """
    scene |= {"seed": goal.seed, "samples": goal.samples or 1}
    if goal.instances:
        marked = [Instance(given.name, given.role, mask) for given, mask in zip(goal.instances, masks)]
        return InteractionRequest.of_instances(rgb, marked, goal.instruction, **scene)
    target, *actor = masks
    return InteractionRequest(rgb, target, goal.instruction, actor_mask=next(iter(actor), None), **scene)


def _rectified(request: InteractionRequest, rectification: Rectification) -> InteractionRequest:
    """The same request without the lens's distortion."""
    return InteractionRequest.of_instances(
        rectification.image(request.rgb),
        [replace(instance, mask=rectification.mask(instance.mask)) for instance in request.instances],
        request.instruction,
        intrinsics=request.intrinsics,
        depth_m=None if request.depth_m is None else rectification.depth(request.depth_m),
        seed=request.seed,
        samples=request.samples,
        known=request.known,
    )


def _check_frame(header: Header, image: Header, name: str, hint: str) -> None:
    if header.frame_id and image.frame_id and header.frame_id != image.frame_id:
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            f"the {name} is of frame {header.frame_id[:80]!r}, the image of {image.frame_id[:80]!r}",
            hint,
        )


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
