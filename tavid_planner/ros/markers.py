"""The last plan as markers for RViz, in the frame of the camera that saw the image or one that stands still."""

from dataclasses import dataclass, field

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from hoi_motion.motion import HoiMotion
from tavid_planner.ros.results import pose_to_message

BODY_COLOR = ColorRGBA(r=0.25, g=0.45, b=0.85, a=0.9)
TARGET_COLOR = ColorRGBA(r=0.95, g=0.45, b=0.1, a=0.9)
OTHER_COLOR = ColorRGBA(r=0.6, g=0.6, b=0.6, a=0.6)
CONTACT_COLOR = ColorRGBA(r=0.9, g=0.1, b=0.2, a=1.0)
HAND_JOINTS = {"left_hand": "left_middle1", "right_hand": "right_middle1"}
BONE_WIDTH_M = 0.025
PATH_WIDTH_M = 0.01
CONTACT_DIAMETER_M = 0.08


@dataclass(frozen=True)
class Place:
    """Where markers are shown.

    Viewers look up a stamp in TF, which they keep for some ten seconds: a frame that stands still needs none.

    Attributes:
        header: frame and stamp of the markers; T_header_camera: (4, 4) m, the camera in that frame.
    """

    header: Header
    T_header_camera: np.ndarray = field(default_factory=lambda: np.eye(4))


def plan_markers(motion: HoiMotion, joints_world: np.ndarray, frame: int, place: Place) -> MarkerArray:
    """Body skeleton and objects at one frame of the plan, object paths and contacts over the whole plan.

    Args:
        joints_world: (T, 55, 3) SMPL-X joints, metres, world frame.
        frame: the frame to show.
        place: where they are shown.
    """
    header, T_header_world = place.header, place.T_header_camera @ motion.camera.T_camera_world
    joints = joints_world @ T_header_world[:3, :3].T + T_header_world[:3, 3]
    markers = [_skeleton(joints[frame], header)]
    if frame == 0:  # leftovers of the previous plan; not in every frame, since RViz would flicker
        markers.insert(0, Marker(header=header, action=Marker.DELETEALL))
    for i, item in enumerate(motion.objects):
        color = TARGET_COLOR if item.is_target else OTHER_COLOR
        T_header_object = T_header_world @ item.T_world_object
        surface = _marker("objects", i, Marker.TRIANGLE_LIST, 1.0, color, header)
        surface.pose = pose_to_message(T_header_object[frame])
        surface.points = _points(item.vertices_m[item.faces].reshape(-1, 3))
        path = _marker("object_paths", i, Marker.LINE_STRIP, PATH_WIDTH_M, color, header)
        path.points = _points(T_header_object[:, :3, 3])
        markers += [surface, path]
    for i, contact in enumerate(motion.contacts):
        spheres = _marker("contacts", i, Marker.SPHERE_LIST, CONTACT_DIAMETER_M, CONTACT_COLOR, header)
        hand = joints[:, _joint_index(HAND_JOINTS[contact.hand])]
        spheres.points = _points(hand[[contact.start_frame, contact.end_frame - 1]])
        markers.append(spheres)
    return MarkerArray(markers=markers)


def _skeleton(joints: np.ndarray, header: Header) -> Marker:  # (55, 3)
    from hoi_motion.body import PARENTS

    bones = _marker("body", 0, Marker.LINE_LIST, BONE_WIDTH_M, BODY_COLOR, header)
    pairs = [(parent, child) for child, parent in enumerate(PARENTS) if parent >= 0]
    bones.points = _points(joints[np.array(pairs).ravel()])
    return bones


def _joint_index(name: str) -> int:
    from hoi_motion.body import JOINT_NAMES

    return JOINT_NAMES.index(name)


def _marker(namespace: str, number: int, kind: int, size_m: float, color: ColorRGBA, header: Header) -> Marker:
    marker = Marker(header=header, ns=namespace, id=number, type=kind, action=Marker.ADD, color=color)
    marker.scale = Vector3(x=size_m, y=size_m, z=size_m)
    marker.lifetime = Duration()  # until the next plan
    marker.pose.orientation.w = 1.0
    return marker


def _points(points_m: np.ndarray) -> list[Point]:  # (N, 3)
    return [Point(x=x, y=y, z=z) for x, y, z in np.asarray(points_m, np.float64).tolist()]
