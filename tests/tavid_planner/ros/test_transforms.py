"""TF by plain arithmetic: chains, moments between two transforms, and what cannot be told."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from geometry_msgs.msg import Point, Quaternion, TransformStamped, Vector3
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.ros import transforms
from tavid_planner.ros.transforms import TransformTree, matrix_of

numbers = st.floats(-3, 3)
poses = st.tuples(st.tuples(numbers, numbers, numbers), st.tuples(numbers, numbers, numbers))


def transform(parent: str, child: str, rotvec=(0, 0, 0), xyz=(0, 0, 0), stamp_s: float = 0.0) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp.sec, message.header.stamp.nanosec = int(stamp_s), int(stamp_s % 1 * 1e9)
    message.transform.translation = Vector3(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))
    x, y, z, w = Rotation.from_rotvec(rotvec).as_quat()
    message.transform.rotation = Quaternion(x=x, y=y, z=z, w=w)
    return message


def matrix(rotvec, xyz) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_rotvec(rotvec).as_matrix(), xyz
    return T


@settings(deadline=None, max_examples=40)
@given(st.lists(poses, min_size=3, max_size=3))
def test_pose_over_two_branches_is_the_product_of_its_parts(given_poses):
    tree = TransformTree()
    tree.add([transform("map", "base", *given_poses[0])], fixed=True)
    tree.add([transform("base", "camera", *given_poses[1], stamp_s=5.0), transform("map", "table", *given_poses[2])])
    map_base, base_camera, map_table = (matrix(*pose) for pose in given_poses)
    expected = np.linalg.inv(map_table) @ map_base @ base_camera
    np.testing.assert_allclose(tree.lookup("table", "camera", None, 0.0), expected, atol=1e-9)
    back = tree.lookup("camera", "table", None, 0.0)
    np.testing.assert_allclose(back @ expected, np.eye(4), atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 1), poses)
def test_between_two_transforms_it_is_interpolated(share, pose):
    tree = TransformTree()
    rotvec, xyz = np.array(pose[0]) / 3, np.array(pose[1])
    tree.add([transform("map", "camera", stamp_s=2.0), transform("map", "camera", rotvec, xyz, stamp_s=3.0)])
    found = tree.lookup("map", "camera", 2.0 + share, 0.0)
    np.testing.assert_allclose(found, matrix(share * rotvec, share * xyz), atol=1e-6)


def test_a_frame_that_begins_to_move_or_comes_to_rest_is_where_the_latest_message_says():
    """As in tf2. A transform on /tf_static held for ever, whatever /tf said of the frame later."""
    tree = TransformTree()
    for there_m, fixed in ((1.0, True), (2.0, False), (3.0, True)):
        tree.add([transform("map", "camera", xyz=(there_m, 0, 0), stamp_s=5.0)], fixed=fixed)
        assert tree.lookup("map", "camera", 5.0, 0.0)[0, 3] == there_m


@pytest.mark.parametrize("stamp_s, word", [(1.7, "later"), (3.3, "earlier")])
def test_a_time_outside_the_known_transforms_is_refused_beyond_the_tolerance(stamp_s, word):
    tree = TransformTree()
    tree.add([transform("map", "camera", stamp_s=2.0), transform("map", "camera", xyz=(1, 0, 0), stamp_s=3.0)])
    with pytest.raises(TavidError, match=rf"'camera' is 0\.300 s {word} than the image") as error:
        tree.lookup("map", "camera", stamp_s, 0.2)
    assert error.value.code is ErrorCode.IMAGE_STALE
    assert tree.lookup("map", "camera", stamp_s, 0.4)[0, 3] == (0 if word == "later" else 1)


@pytest.mark.parametrize(
    "known, asked, said",
    [
        ([], ("map", "camera"), "TF knows no frame 'map'"),
        ([("map", "base")], ("map", "camera"), "knows no frame 'camera' - known: 'base', 'map'"),
        ([("map", "base"), ("odom", "camera")], ("map", "camera"), "does not connect 'camera' with 'map'"),
        ([("a", "b"), ("b", "c"), ("c", "a")], ("a", "c"), "has a loop"),
    ],
)
def test_what_cannot_be_looked_up_is_named(known, asked, said):
    tree = TransformTree()
    tree.add([transform(*pair) for pair in known])
    with pytest.raises(TavidError, match=said) as error:
        tree.lookup(*asked, None, 0.1)
    assert error.value.code is ErrorCode.CAMERA_INVALID


def test_transform_that_comes_a_little_later_is_waited_for():
    tree = TransformTree()
    late = threading.Timer(0.2, lambda: tree.add([transform("map", "camera", xyz=(7, 0, 0), stamp_s=4.0)]))
    late.start()
    assert tree.lookup("map", "camera", 4.0, 0.01, wait_s=30.0)[0, 3] == 7
    late.join()


def test_the_transform_after_the_image_is_waited_for_and_the_nearest_serves_where_none_comes():
    tree = TransformTree()
    tree.add([transform("map", "camera", xyz=(0, 0, 0), stamp_s=4.0)])
    assert tree.lookup("map", "camera", 4.05, 0.1, wait_s=0.05)[0, 3] == 0
    late = threading.Timer(0.2, lambda: tree.add([transform("map", "camera", xyz=(1, 0, 0), stamp_s=4.1)]))
    late.start()
    assert tree.lookup("map", "camera", 4.05, 0.1, wait_s=30.0)[0, 3] == pytest.approx(0.5)
    late.join()


def test_recording_that_begins_anew_leaves_nothing_of_its_end():
    tree = TransformTree()
    tree.add([transform("map", "camera", xyz=(9, 0, 0), stamp_s=60.0)])
    tree.add([transform("map", "camera", xyz=(1, 0, 0), stamp_s=2.0)])
    assert tree.lookup("map", "camera", 2.0, 0.1)[0, 3] == 1
    with pytest.raises(TavidError, match="earlier than the image"):
        tree.lookup("map", "camera", 60.0, 0.1)


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (np.nan, 0, 0, 1), (0, 0, 0, 5)])
def test_numbers_that_are_no_rotation_are_refused(quaternion):
    with pytest.raises(TavidError, match="quaternion must have length 1"):
        matrix_of(Point(), Quaternion(**dict(zip("xyzw", map(float, quaternion)))))


def test_the_latest_transform_of_a_publisher_that_has_gone_is_not_where_a_camera_is_now(monkeypatch):
    """For an image without a stamp, whose time no tolerance checks."""
    tree, now_s = TransformTree(), [100.0]
    monkeypatch.setattr(transforms, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    tree.add([transform("map", "base", stamp_s=5.0)])
    tree.add([transform("map", "wall_camera")], fixed=True)
    now_s[0] += 9.9
    tree.lookup("map", "base", None, 0.0)
    now_s[0] += 0.2
    with pytest.raises(TavidError, match="the latest transform of 'base' came 10.1 s ago") as stale:
        tree.lookup("map", "base", None, 0.0)
    assert stale.value.code is ErrorCode.IMAGE_STALE
    tree.lookup("map", "wall_camera", None, 0.0)
    tree.add([transform("map", "base", stamp_s=5.0)])  # still there, though its clock is not
    tree.lookup("map", "base", None, 0.0)
