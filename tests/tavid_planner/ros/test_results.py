"""Plans and errors as messages."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.robot_stage import RobotPlan
from tavid_planner.ros.results import duration, fill_error, fill_plan, fill_times, pose_to_message
from tavid_planner_interfaces.action import PlanInteraction as PlanAction
from tavid_planner_interfaces.srv import PlanInteraction as PlanService


@pytest.fixture(params=[PlanAction.Result, PlanService.Response])
def result(request):
    return request.param()


def transform(pose) -> np.ndarray:  # (4, 4)
    p, q = pose.position, pose.orientation
    T = np.eye(4)
    T[:3, :3] = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()
    T[:3, 3] = p.x, p.y, p.z
    return T


def test_object_poses_are_in_the_camera_frame(result, plan):
    fill_plan(result, plan, "/plans/a", Header(frame_id="camera"))
    # the target stands 2.5 m in front of the camera, 0.2 m to the right, 0.15 m below its axis
    position = result.object_poses.poses[0].position
    np.testing.assert_allclose([position.x, position.y, position.z], [0.2, 0.15, 2.5], atol=1e-6)


def test_world_pose_brings_camera_poses_back_into_the_world(result, plan):
    fill_plan(result, plan, "/plans/a", Header())
    T_camera_world = transform(result.motion.world_pose)
    T_world_object = np.linalg.inv(T_camera_world) @ transform(result.objects[0].poses.poses[2])
    np.testing.assert_allclose(T_world_object, plan.motion.target.T_world_object[2], atol=1e-6)


def test_failed_plan_says_why(result, plan):
    fill_plan(result, plan, "/plans/a", Header())
    assert (result.verdict, result.error_code, result.plan_path) == ("FAIL", ErrorCode.CHECK_FAILED, "/plans/a")
    assert result.reasons == list(plan.report.reasons)
    not_run = result.checks[2]
    assert (not_run.verdict, not_run.worst_frame) == ("NOT_RUN", -1) and np.isnan([not_run.value, not_run.limit]).all()


def test_surface_and_contacts_come_along(result, plan):
    fill_plan(result, plan, "/plans/a", Header())
    item, contact = result.objects[0], result.contacts[0]
    triangles = np.reshape(item.triangles, (-1, 3))
    np.testing.assert_array_equal(triangles, plan.motion.target.faces)
    assert (contact.hand, contact.start_frame, contact.end_frame) == (contact.RIGHT_HAND, 1, 3)


def test_a_robots_trajectory_has_the_arm_and_the_goals_beside_it_the_gripper(result, plan, arm_motion):
    fill_plan(result, replace(plan, robot=RobotPlan("arm", arm_motion)), "/plans/a", Header())
    assert result.joint_trajectory.joint_names == ["shoulder", "elbow"]
    told = [(g.joint, g.position, g.width_m, g.force_n, g.time_from_start.nanosec) for g in result.gripper_goals]
    assert told == [("finger", 0.04, 0.08, 20.0, 0), ("finger", 0.0, 0.0, 20.0, 300_000_000)]


def test_doubts_of_the_lift_follow_the_remarks_on_the_input(result, plan):
    noted = replace(plan, motion=plan.motion.replace(notes=("doubtful: object_size",)))
    fill_plan(result, noted, "/plans/a", Header(), ("the lens is bent",))
    assert result.notes == ["the lens is bent", "doubtful: object_size"]


def test_error_has_code_hint_and_stage(result):
    fill_error(result, InputError(ErrorCode.MASK_EMPTY, "mask is empty", "mark a pixel"), "input")
    assert (result.error_code, result.error_msg, result.error_stage) == (102, "mask is empty - mark a pixel", "input")


def test_times_keep_their_order(result):
    fill_times(result, {"video": 1.5, "lift": 0.25}, 1.75)
    assert [(t.stage, t.seconds) for t in result.stage_times] == [("video", 1.5), ("lift", 0.25)]
    assert (result.planning_time.sec, result.planning_time.nanosec) == (1, 750_000_000)


def test_duration_splits_seconds():
    assert (duration(0.0).sec, duration(2.25).sec, duration(2.25).nanosec) == (0, 2, 250_000_000)


def test_quaternion_is_xyzw():
    T = np.eye(4)
    T[:3, :3] = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    q = pose_to_message(T).orientation
    np.testing.assert_allclose([q.x, q.y, q.z, q.w], [0, 0, 0.5**0.5, 0.5**0.5], atol=1e-9)
