"""retarget: one function for every robot."""

from pathlib import Path

import numpy as np

from hoi_motion.body import BodyModel, load_body
from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.ground.still_world import in_still_world
from hoi_motion.motion import HoiMotion
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.retarget.robots.config import HumanoidConfig, RobotConfig, load_robot_config


def retarget(
    motion: HoiMotion,
    robot: "str | Path | RobotConfig | HumanoidConfig",
    *,
    urdf: str = "",
    body: BodyModel | None = None,
    T_world_base: np.ndarray | None = None,  # (4, 4)
    start_rad: np.ndarray | None = None,  # (n,)
    cancel: CancelToken | None = None,
) -> RobotMotion:
    """Joint motion of a robot that does what the person did: an arm with the object, a humanoid with its whole body.

    Args:
        robot: a name that `hoi-retarget --list` shows, the path of a YAML file, or what `load_robot_config` gave.
        urdf: path of a URDF to use instead of the one named in the robot's file.
        body: BodyModel of the motion; None is the free body.
        T_world_base: pose of an arm's base; None searches for one. A humanoid stands where the person does.
        start_rad: current joint positions of an arm, from its base to the gripper: the first sample of its motion.

    Raises:
        RetargetError: ROBOT_UNKNOWN, UNREACHABLE; CONFIG_INVALID for a base or a start of a humanoid.
        InputError: FILE_INVALID for a motion without anything for a robot to do, CONFIG_INVALID for a broken robot
            file.
        ControlError: CANCELLED.
    """
    config = load_robot_config(str(robot), urdf) if isinstance(robot, (str, Path)) else robot
    body = body if body is not None else load_body(num_betas=len(motion.betas))
    motion = in_still_world(motion, body)
    if isinstance(config, HumanoidConfig):
        for name, given in (("base", T_world_base), ("start", start_rad)):
            if given is not None:
                raise RetargetError(
                    ErrorCode.CONFIG_INVALID,
                    f"a {name} for the humanoid {config.name}",
                    "for arms only: a humanoid stands where and as the person does",
                )
        from hoi_motion.retarget.humanoid.humanoid import Humanoid
        from hoi_motion.retarget.humanoid.motion import retarget_humanoid

        return retarget_humanoid(motion, Humanoid(config), body, cancel)
    from hoi_motion.retarget.arm.arm import Arm
    from hoi_motion.retarget.arm.trajectory import retarget_arm

    return retarget_arm(motion, Arm(config), body, T_world_base, cancel, start_rad)
