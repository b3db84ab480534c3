"""In which frame TF says where the camera is: what the markers of a plan are shown in."""

import pytest
from geometry_msgs.msg import PoseStamped, Vector3
from std_msgs.msg import Header

from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.known_scene import frame_of_tf
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
