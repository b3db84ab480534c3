"""From a plan or an error to the fields that the action's result and the service's response share."""

import array
import math

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Point32, Pose, PoseArray, Quaternion
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from hoi_motion import motion as hoi
from hoi_motion.physics.report import PhysicsReport, Verdict
from hoi_motion.retarget.export import joint_trajectory
from hoi_motion.retarget.robot_motion import RobotMotion
from tavid_planner.bundle import VERDICT_CODES
from tavid_planner.errors import TavidError
from tavid_planner.plan import InteractionPlan
from tavid_planner.worker.messages import MadePlan
from tavid_planner_interfaces.msg import Contact, GripperGoal, HoiMotion, ObjectMotion, PhysicsCheck, StageTime

HANDS = {"left_hand": Contact.LEFT_HAND, "right_hand": Contact.RIGHT_HAND}


def fill_plan(result, plan: InteractionPlan | MadePlan, plan_path: str, header: Header, notes=()) -> None:
    """Fill a result with a plan; object poses are in the frame of `header`, the camera of the request's image.

    Args:
        notes: remarks on the input; those of the motion follow.
    """
    result.error_code = int(VERDICT_CODES[plan.verdict])
    result.verdict = str(plan.verdict)
    result.reasons = list(plan.reasons)
    result.notes = [*notes, *plan.motion.notes]
    if plan.verdict is not Verdict.PASS:
        result.error_msg = f"the verdict of the physics check is {plan.verdict}: {'; '.join(plan.report.reasons)}"
        result.error_stage = "check"
    result.checks = checks_to_messages(plan.report)
    result.plan_path = plan_path
    T_camera_world = plan.motion.camera.T_camera_world
    result.motion = body_to_message(plan.motion, header)
    result.objects = [object_to_message(o, T_camera_world, header) for o in plan.motion.objects]
    result.object_poses = PoseArray(header=header)
    if plan.motion.target is not None:
        result.object_poses = poses_to_message(T_camera_world @ plan.motion.target.T_world_object, header)
    result.contacts = [contact_to_message(c) for c in plan.motion.contacts]
    if plan.robot is not None and plan.robot.motion is not None:
        result.joint_trajectory = trajectory_to_message(plan.robot.motion)
        result.gripper_goals = gripper_to_messages(plan.robot.motion)
        if plan.robot.feeler is not None:
            near, far = plan.robot.motion.facts["range_m"]
            result.notes.append(
                f"the picture leaves the object's distance open ({100 * near:.0f} to {100 * far:+.0f} cm): "
                f"feel for it with robot/{plan.robot.name}_feeling_trajectory.json of the bundle before this trajectory"
            )


def trajectory_to_message(motion: RobotMotion) -> JointTrajectory:
    """The joints of the arm alone: a controller rejects unknown joints."""
    mapping = joint_trajectory(motion)
    points = [
        JointTrajectoryPoint(
            positions=point["positions"],
            velocities=point["velocities"],
            accelerations=point["accelerations"],
            time_from_start=Duration(**point["time_from_start"]),
        )
        for point in mapping["points"]
    ]
    return JointTrajectory(joint_names=mapping["joint_names"], points=points)


def gripper_to_messages(motion: RobotMotion) -> list[GripperGoal]:
    """What the gripper does while the arm moves; empty for a robot without one."""
    return [
        GripperGoal(
            time_from_start=duration(command.time_s),
            joint=motion.finger_names[0],
            position=command.position,
            width_m=command.width_m,
            force_n=command.force_n,
        )
        for command in motion.gripper
    ]


def fill_error(result, error: TavidError, stage: str) -> None:
    """Fill a result with an error and the stage in which it occurred."""
    result.error_code = int(error.code)
    result.error_msg = f"{error.message} - {error.hint}" if error.hint else error.message
    result.error_stage = stage


def fill_times(result, stage_times_s: dict[str, float], total_s: float) -> None:
    result.planning_time = duration(total_s)
    result.stage_times = [StageTime(stage=stage, seconds=float(s)) for stage, s in stage_times_s.items()]


def duration(seconds: float) -> Duration:
    whole = math.floor(seconds)
    return Duration(sec=whole, nanosec=int((seconds - whole) * 1e9))


def body_to_message(motion: hoi.HoiMotion, header: Header) -> HoiMotion:
    return HoiMotion(
        header=header,
        world_pose=pose_to_message(motion.camera.T_camera_world),
        body_model=motion.body_model,
        fps=float(motion.fps),
        num_frames=motion.num_frames,
        pose_rad=_sequence("f", motion.pose_rad),
        transl_m=_sequence("f", motion.transl_m),
        betas=_sequence("f", motion.betas),
    )


def object_to_message(item: hoi.ObjectMotion, T_camera_world: np.ndarray, header: Header) -> ObjectMotion:
    return ObjectMotion(
        name=item.name,
        is_target=item.is_target,
        shape=item.shape,
        vertices=[Point32(x=x, y=y, z=z) for x, y, z in item.vertices_m.tolist()],
        triangles=_sequence("I", item.faces),
        poses=poses_to_message(T_camera_world @ item.T_world_object, header),
    )


def contact_to_message(contact: hoi.Contact) -> Contact:
    return Contact(
        hand=HANDS[contact.hand],
        object_name=contact.object_name,
        start_frame=contact.start_frame,
        end_frame=contact.end_frame,
        confidence=contact.confidence,
    )


def checks_to_messages(report: PhysicsReport) -> list[PhysicsCheck]:
    return [
        PhysicsCheck(
            name=c.name,
            verdict=str(c.verdict),
            value=math.nan if c.value is None else c.value,
            limit=math.nan if c.limit is None else c.limit,
            unit=c.unit,
            worst_frame=-1 if c.worst_frame is None else c.worst_frame,
            reason=c.reason,
        )
        for c in report.checks
    ]


def poses_to_message(T_frame_object: np.ndarray, header: Header) -> PoseArray:  # (T, 4, 4)
    return PoseArray(header=header, poses=[pose_to_message(T) for T in T_frame_object])


def pose_to_message(T: np.ndarray) -> Pose:  # (4, 4)
    x, y, z, w = Rotation.from_matrix(T[:3, :3]).as_quat()
    position = Point(x=float(T[0, 3]), y=float(T[1, 3]), z=float(T[2, 3]))
    return Pose(position=position, orientation=Quaternion(x=x, y=y, z=z, w=w))


def _sequence(typecode: str, values: np.ndarray) -> array.array:
    """An array for a message sequence, which rclpy copies as a block; it checks lists item by item."""
    sequence = array.array(typecode)
    sequence.frombytes(np.ascontiguousarray(values, np.dtype(typecode)).tobytes())
    return sequence
