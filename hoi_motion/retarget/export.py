"""Files that other tools read: npz, GMR pkl, BeyondMimic CSV, trajectory_msgs/JointTrajectory."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import yaml

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import write_whole
from hoi_motion.retarget.robot_motion import RobotMotion

FORMATS = {
    ".npz": "RobotMotion",
    ".pkl": "GMR",
    ".csv": "BeyondMimic",
    ".json": "JointTrajectory",
    ".yaml": "JointTrajectory",
}


def write_robot_motion(motion: RobotMotion, path) -> None:
    """Write in the format that the file's name ends with.

    Raises:
        InputError: OUTPUT_INVALID for an unknown ending (the known ones are listed) or a place that cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".npz":
        motion.save(path)
    elif suffix == ".pkl":
        write_whole(path, pickle.dumps(gmr(motion)))
    elif suffix == ".csv":
        write_whole(path, beyond_mimic_csv(motion).encode())
    elif suffix == ".json":
        write_whole(path, json.dumps(joint_trajectory(motion)).encode())
    elif suffix == ".yaml":
        write_whole(path, yaml.safe_dump(joint_trajectory(motion), sort_keys=False, default_flow_style=None).encode())
    else:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"no format for {path}", f"known endings: {', '.join(FORMATS)}")


def gmr(motion: RobotMotion) -> dict:
    """The dictionary that GMR pickles; root rotation xyzw."""
    return {
        "fps": motion.fps,
        "root_pos": np.array(motion.root_pose[:, :3]),
        "root_rot": np.array(motion.root_pose[:, 3:]),
        "dof_pos": np.array(motion.positions_rad),
        "local_body_pos": None,
        "link_body_list": None,
    }


def beyond_mimic_csv(motion: RobotMotion) -> str:
    """One row a sample without a header: x y z qx qy qz qw, then the joints."""
    text = io.StringIO()
    np.savetxt(text, np.concatenate([motion.root_pose, motion.positions_rad], axis=1), "%.9g", delimiter=",")
    return text.getvalue()


def joint_trajectory(motion: RobotMotion) -> dict:
    """A trajectory_msgs/JointTrajectory as a mapping; `rosidl_runtime_py.set_message_fields` takes it."""
    velocity, acceleration = motion.rates()
    velocity, acceleration = velocity[1:].copy(), acceleration[1:-1]
    velocity[-1] = 0.0  # it ends at rest
    points = []
    for i, positions in enumerate(motion.positions_rad):
        nanoseconds = round(i / motion.fps * 1e9)
        time = {"sec": nanoseconds // 10**9, "nanosec": nanoseconds % 10**9}
        points.append(
            {
                "positions": positions.tolist(),
                "velocities": velocity[i].tolist(),
                "accelerations": acceleration[i].tolist(),
                "time_from_start": time,
            }
        )
    stamp = {"sec": 0, "nanosec": 0}
    return {"header": {"stamp": stamp, "frame_id": ""}, "joint_names": list(motion.joint_names), "points": points}
