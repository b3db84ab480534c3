"""Goals of `control_msgs` actions for the controllers of an arm and its gripper, as plain mappings.

`rosidl_runtime_py.set_message_fields(FollowJointTrajectory.Goal(), goal["goal"])` makes a message of one, and the same
with `GripperCommand.Goal()`; nothing of ROS is needed to make the mappings.
"""

from hoi_motion.retarget.export import duration, gripper_goals, joint_trajectory
from hoi_motion.retarget.robot_motion import RobotMotion

ARM_ACTION = "control_msgs/action/FollowJointTrajectory"
GRIPPER_ACTION = "control_msgs/action/GripperCommand"
GOAL_TOLERANCE_S = 1.0  # the arm may be this late at its last point


def controller_goals(motion: RobotMotion) -> list[dict]:
    """The goals for the controllers, with times: the arm's goal first, then those of the gripper in order of time.

    Each has `action` (its type), `time_s` after the arm's start, and `goal`, the fields of the action's Goal. The arm's
    trajectory waits while fingers close, for as long as the robot's file says they take.
    """
    arm = {"trajectory": joint_trajectory(motion), "goal_time_tolerance": duration(GOAL_TOLERANCE_S)}
    goals = [{"action": ARM_ACTION, "time_s": 0.0, "goal": arm}]
    for told, command in zip(gripper_goals(motion), motion.gripper):
        goals.append({"action": GRIPPER_ACTION, "time_s": command.time_s, "goal": {"command": told["command"]}})
    return goals
