"""What RViz is shown, and in which frame."""

import numpy as np
import pytest
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from tavid_planner.ros.markers import Place, plan_markers


@pytest.fixture
def joints_world(motion) -> np.ndarray:  # (T, 55, 3)
    joints = np.zeros((motion.num_frames, 55, 3))
    joints[..., 2] = 1.0
    return joints


def named(markers, namespace: str) -> Marker:
    return next(m for m in markers.markers if m.ns == namespace)


def test_everything_is_in_the_frame_of_the_image(motion, joints_world):
    markers = plan_markers(motion, joints_world, 0, Place(Header(frame_id="camera"))).markers
    assert {m.header.frame_id for m in markers} == {"camera"}
    assert {m.ns for m in markers if m.ns} == {"body", "objects", "object_paths", "contacts"}


def test_skeleton_has_a_line_a_bone_at_its_place(motion, joints_world):
    points = named(plan_markers(motion, joints_world, 2, Place(Header())), "body").points
    assert len(points) == 2 * 54
    # one metre over the floor, three metres in front of a camera at one metre
    np.testing.assert_allclose([points[0].x, points[0].y, points[0].z], [0, 0, 3], atol=1e-9)


def test_object_path_has_a_point_a_frame(motion, joints_world):
    assert (
        len(named(plan_markers(motion, joints_world, 0, Place(Header())), "object_paths").points) == motion.num_frames
    )


def test_only_the_first_frame_wipes_the_plan_before(motion, joints_world):
    actions = [[m.action for m in plan_markers(motion, joints_world, k, Place(Header())).markers] for k in (0, 1)]
    assert actions[0].count(Marker.DELETEALL) == 1 and Marker.DELETEALL not in actions[1]


def test_in_another_frame_everything_moves_with_the_camera(motion, joints_world):
    T_map_camera = np.eye(4)
    T_map_camera[:3, :3], T_map_camera[:3, 3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]], (5.0, 0.0, 1.0)
    shown = plan_markers(motion, joints_world, 2, Place(Header(frame_id="map"), T_map_camera))
    seen = plan_markers(motion, joints_world, 2, Place(Header(frame_id="camera")))
    assert {m.header.frame_id for m in shown.markers} == {"map"}
    for namespace in ("body", "object_paths", "contacts"):
        at, was = (np.array([[p.x, p.y, p.z] for p in named(m, namespace).points]) for m in (shown, seen))
        np.testing.assert_allclose(at, was @ T_map_camera[:3, :3].T + T_map_camera[:3, 3], atol=1e-9)
    at, was = (named(m, "objects").pose.position for m in (shown, seen))
    np.testing.assert_allclose([at.x, at.y, at.z], [5 + was.z, -was.x, 1 - was.y], atol=1e-9)
