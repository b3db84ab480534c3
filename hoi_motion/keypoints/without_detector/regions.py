"""MediaPipe's model of the body's landmarks, in a square of the picture that is given to it.

Usually the detector of bodies gives the square, and looks for a face first. The model needs a square that is about
right, and says from what it sees where the square should be, so that it follows a person by itself.
"""

# pyright: reportAttributeAccessIssue=false
# MediaPipe's protocol buffers are made when they are imported

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.actor import LOST, trunk_sureness
from hoi_motion.keypoints.model_points import MEDIAPIPE
from hoi_motion.progress import CancelToken

# the region's side in distances from between the hips to the model's own end of the body
SIDE = 2.5
_GRAPH = """
    input_stream: "image"
    input_stream: "region"
    input_side_packet: "complexity"
    node {
        calculator: "PoseLandmarkByRoiCpu"
        input_side_packet: "MODEL_COMPLEXITY:complexity"
        input_stream: "IMAGE:image"
        input_stream: "ROI:region"
        output_stream: "LANDMARKS:body"
        output_stream: "WORLD_LANDMARKS:hint"
        output_stream: "AUXILIARY_LANDMARKS:ends"
    }
"""


@dataclass(frozen=True)
class Region:
    """A square of the picture: centre and side in pixels, turned clockwise."""

    centre_px: np.ndarray  # (2,)
    side_px: float
    turn_rad: float = 0.0

    def mirrored(self, width_px: int) -> "Region":
        x, y = self.centre_px
        return Region(np.array([width_px - x, y]), self.side_px, -self.turn_rad)


@dataclass(frozen=True)
class Look:
    """What the landmark model sees in a region.

    Attributes:
        body_px: (33, 3) x, y, visibility; hint_m: (33, 3) as KeypointTrack.body_hint_m.
        region: where to look next.
    """

    body_px: np.ndarray
    hint_m: np.ndarray
    region: Region

    def mirrored(self, width_px: int) -> "Look":
        """The look at the mirror image of what this one has seen."""
        body = (self.body_px * [-1, 1, 1] + [width_px - 1, 0, 0])[kp.MIRRORED_BODY]
        return Look(body, (self.hint_m * [-1, 1, 1])[kp.MIRRORED_BODY], self.region.mirrored(width_px))


LookAt = Callable[[np.ndarray, Region], Look | None]


@contextlib.contextmanager
def landmark_model() -> Iterator[LookAt]:
    """MediaPipe's model of the body's landmarks, as a function of a picture (H, W, 3) u8 and a region of it."""
    import mediapipe
    from google.protobuf import text_format
    from mediapipe.framework import calculator_pb2
    from mediapipe.framework.formats import rect_pb2
    from mediapipe.python import packet_creator, packet_getter
    from mediapipe.python._framework_bindings import calculator_graph, image_frame, resource_util

    resource_util.set_resource_dir(str(Path(mediapipe.__file__).parents[1]))
    config = text_format.Parse(_GRAPH, calculator_pb2.CalculatorGraphConfig())
    graph, seen, step = calculator_graph.CalculatorGraph(graph_config=config), {}, iter(range(1, 1 << 62))
    for name in ("body", "hint", "ends"):
        graph.observe_output_stream(name, lambda name, packet: seen.update({name: packet}))
    graph.start_run({"complexity": packet_creator.create_int(1)})

    def look(picture: np.ndarray, region: Region) -> Look | None:
        size, now = np.array(picture.shape[1::-1]), next(step)
        (x, y), (wide, high) = region.centre_px / size, region.side_px / size
        square = rect_pb2.NormalizedRect(x_center=x, y_center=y, width=wide, height=high, rotation=region.turn_rad)
        image = packet_creator.create_image_frame(
            np.ascontiguousarray(picture), image_format=image_frame.ImageFormat.SRGB
        )
        seen.clear()
        graph.add_packet_to_input_stream("image", image.at(now))
        graph.add_packet_to_input_stream("region", packet_creator.create_proto(square).at(now))
        graph.wait_until_idle()
        if len(seen) < 3:
            return None
        body, hint, ends = (packet_getter.get_proto(seen[name]).landmark for name in ("body", "hint", "ends"))
        hips, end = np.array([[p.x, p.y] for p in ends[:2]]) * size
        turn = np.pi / 2 - np.arctan2(hips[1] - end[1], end[0] - hips[0])
        return Look(
            np.array([[p.x, p.y, p.visibility] for p in body]) * [*size, 1] - [0.5, 0.5, 0],
            np.array([[p.x, p.y, p.z] for p in hint]),
            Region(hips, SIDE * float(np.linalg.norm(end - hips)), float(turn)),
        )

    with contextlib.closing(graph):
        yield look


def followed(
    frames: np.ndarray,  # (T, H, W, 3) u8
    anchors: dict[int, Region],
    looks: tuple[LookAt, LookAt],
    cancel: CancelToken | None = None,
) -> list[kp.KeypointTrack]:
    """The plain and the mirrored view of every frame, each in the region that the frame before has given.

    Args:
        anchors: where the person is in some frames; they are followed from each to half-way to the next.
        looks: a model for each view.
    """
    views = [kp.KeypointTrack.unseen(len(frames), MEDIAPIPE) for _ in looks]
    starts = sorted(anchors)
    ends = [0, *((a + b + 1) // 2 for a, b in zip(starts, starts[1:])), len(frames)]
    with ThreadPoolExecutor(1) as beside:
        for start, first, after in zip(starts, ends, ends[1:]):
            for order in (range(start, after), range(start - 1, first - 1, -1)):
                region = anchors[start]
                for t in order:
                    if cancel is not None:
                        cancel.raise_if_cancelled()
                    region = _both_views(frames[t], region, looks, beside, views, t)
    return views


def _both_views(
    frame, region: Region, looks: tuple[LookAt, LookAt], beside: Executor, views: list[kp.KeypointTrack], t: int
) -> Region:
    """Writes both views of a frame into their tracks; the region to look at next."""
    width = frame.shape[1]
    mirror = beside.submit(looks[1], frame[:, ::-1], region.mirrored(width))
    plain, mirror = looks[0](frame, region), mirror.result()
    both = [plain, mirror and mirror.mirrored(width)]
    for view, one in zip(views, both):
        if one is not None:
            view.body_px[t], view.body_hint_m[t], view.seen[t] = one.body_px, one.hint_m, True
    sure = [one for one in both if one is not None and trunk_sureness(one.body_px) >= LOST]
    return max(sure, key=lambda one: trunk_sureness(one.body_px)).region if sure else region
