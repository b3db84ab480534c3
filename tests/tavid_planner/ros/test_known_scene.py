"""In which frame TF says where the camera is: what the markers of a plan are shown in."""

import pytest
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Vector3
from std_msgs.msg import Header

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.known_scene import frame_of_tf, known_scene
from tavid_planner_interfaces.action import PlanInteraction


@pytest.mark.parametrize(
    "fields, option, frame",
    [
        ({}, "", ""),
        ({}, "map", "map"),
        ({"world_frame": "odom"}, "map", "odom"),
        ({"gravity": Vector3(y=1.0)}, "map", ""),
        ({"camera_pose": PoseStamped(header=Header(frame_id="world"))}, "map", ""),
    ],
)
def test_tf_is_asked_where_the_request_says_nothing_else(fields, option, frame):
    assert frame_of_tf(PlanInteraction.Goal(**fields), NodeConfig(world_frame=option)) == frame


@pytest.mark.parametrize("pose", [Pose(position=Point(z=1.5)), Pose(orientation=Quaternion(x=1.0, w=0.0))])
def test_a_pose_without_its_frame_is_refused_and_not_left_out(pose):
    """The plan was made as if nothing were known of the camera."""
    goal = PlanInteraction.Goal(camera_pose=PoseStamped(pose=pose))
    with pytest.raises(InputError, match="camera_pose has a pose and no frame_id") as error:
        known_scene(goal, Header(), NodeConfig(), None)
    assert error.value.code is ErrorCode.CAMERA_INVALID


@pytest.mark.parametrize("w", [0.0, 1.0])
def test_a_pose_that_was_left_empty_is_none(w):
    goal = PlanInteraction.Goal(camera_pose=PoseStamped(pose=Pose(orientation=Quaternion(w=w))))
    assert known_scene(goal, Header(), NodeConfig(), None) is None
