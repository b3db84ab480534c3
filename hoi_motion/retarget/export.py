"""Files that other tools read: npz, GMR pkl, BeyondMimic CSV, JointTrajectory with GripperCommand goals."""

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

ROOT_COLUMNS = ("root_x", "root_y", "root_z", "root_qx", "root_qy", "root_qz", "root_qw")


def write_robot_motion(motion: RobotMotion, path) -> list[Path]:
    """Write in the format of the file's ending.

    Returns:
        The files: `path`, and what is written beside it.

    Raises:
        InputError: OUTPUT_INVALID for an unknown ending (the known ones are listed) or a place that cannot be written.
    """
    suffix = Path(path).suffix.lower()
    files = files_of(path)
    if suffix == ".npz":
        motion.save(path)
    elif suffix == ".pkl":
        write_whole(path, pickle.dumps(gmr(motion)))
    elif suffix == ".csv":
        write_whole(path, beyond_mimic_csv(motion).encode())
        names = [*ROOT_COLUMNS, *motion.joint_names]
        write_whole(_columns_path(path), ("\n".join(names) + "\n").encode())
    elif suffix in (".json", ".yaml"):
        write_whole(path, _as_text(joint_trajectory(motion), suffix))
        if motion.gripper:
            write_whole(gripper_path(path), _as_text(gripper_goals(motion), suffix))
        else:
            files.remove(gripper_path(path))
    else:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"no format for {path}", f"known endings: {', '.join(FORMATS)}")
    return files


def files_of(path) -> list[Path]:
    """All files that `write_robot_motion` may write for a path."""
    beside = {".csv": [_columns_path(path)], ".json": [gripper_path(path)], ".yaml": [gripper_path(path)]}
    return [Path(path), *beside.get(Path(path).suffix.lower(), [])]


def _columns_path(path) -> Path:
    return Path(path).with_suffix(".columns.txt")


def _as_text(message: dict | list, suffix: str) -> bytes:
    if suffix == ".json":
        return json.dumps(message).encode()
    return yaml.safe_dump(message, sort_keys=False, default_flow_style=None).encode()


def gripper_path(path) -> Path:
    """Path of the gripper's goals, beside the arm's trajectory."""
    path = Path(path)
    return path.with_name(f"{path.stem}_gripper{path.suffix}")


def gripper_goals(motion: RobotMotion) -> list[dict]:
    """Goals for a `control_msgs/GripperCommand` action, in order of time.

    `position` is the value of the first finger joint, which gripper controllers move; `width_m`, beside the message, is
    the opening. A grip goes to the closed position with its force and stops at the object.
    """
    return [
        {
            "time_from_start": duration(command.time_s),
            "joint": motion.finger_names[0],
            "width_m": command.width_m,
            "command": {"position": command.position, "max_effort": command.force_n},
        }
        for command in motion.gripper
    ]


def duration(seconds: float) -> dict:
    """A `builtin_interfaces/Duration`."""
    nanoseconds = round(seconds * 1e9)
    return {"sec": nanoseconds // 10**9, "nanosec": nanoseconds % 10**9}


def gmr(motion: RobotMotion) -> dict:
    """The dictionary that GMR pickles; root rotation xyzw."""
    return {
        "fps": motion.fps,
        "root_pos": np.array(motion.root_pose[:, :3]),
        "root_rot": np.array(motion.root_pose[:, 3:]),
        "dof_pos": np.array(motion.positions_rad),
        "local_body_pos": None,
        "link_body_list": None,
        "joint_names": list(motion.joint_names),
    }


def beyond_mimic_csv(motion: RobotMotion) -> str:
    """One row per sample without a header: x y z qx qy qz qw, then the joints."""
    text = io.StringIO()
    np.savetxt(text, np.concatenate([motion.root_pose, motion.positions_rad], axis=1), "%.9g", delimiter=",")
    return text.getvalue()


def joint_trajectory(motion: RobotMotion) -> dict:
    """A trajectory_msgs/JointTrajectory as a mapping; `rosidl_runtime_py.set_message_fields` takes it.

    Joints of the gripper are left out: a controller of the arm rejects what is not its own. Velocities and
    accelerations are those of the spline whose peaks are within the limits; it starts and ends at rest.
    """
    own = [i for i, name in enumerate(motion.joint_names) if name not in motion.finger_names]
    spline = motion.spline()
    at = np.arange(len(motion.positions_rad)) / motion.fps
    velocity, acceleration = spline(at, 1)[:, own], spline(at, 2)[:, own]
    velocity[[0, -1]] = 0.0  # by rounding only
    points = [
        {
            "positions": motion.positions_rad[i, own].tolist(),
            "velocities": velocity[i].tolist(),
            "accelerations": acceleration[i].tolist(),
            "time_from_start": duration(seconds),
        }
        for i, seconds in enumerate(at)
    ]
    stamp = {"sec": 0, "nanosec": 0}
    names = [motion.joint_names[i] for i in own]
    return {"header": {"stamp": stamp, "frame_id": ""}, "joint_names": names, "points": points}
