"""Reference motions for reinforcement learning: npz files of mjlab, BeyondMimic and holosoma.

All three hold the world poses and velocities of every body beside the joints, quaternions w x y z. They differ in the
order of bodies and joints, and a file in the wrong order is read without an error:

- mjlab: depth first, as MuJoCo numbers them. BeyondMimic: breadth first, as PhysX does; both without names.
- holosoma: by name, and `joint_pos` and `joint_vel` begin with the root's (7 and 6 columns).

Bodies are links with a joint of their own, including the links fixed to them. Every file also has `body_names` and
`joint_names`, so that readers can check.
"""

# pyright: reportAttributeAccessIssue=false
# pinocchio's names are made when it is imported

import io
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
import pinocchio
from scipy.spatial.transform import Rotation, Slerp

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import write_whole
from hoi_motion.retarget.humanoid.humanoid import Humanoid
from hoi_motion.retarget.robot_motion import RobotMotion

LAYOUTS = ("mjlab", "beyondmimic", "holosoma")
RATE_HZ = 50  # of the tasks of all three: they take one sample per step, whatever a file says
ROUNDING = 1e-9  # of samples: 69 / 30 s are 115 steps, and a little less as floats
WXYZ = [3, 0, 1, 2]


def write_tracking(motion: RobotMotion, robot: Humanoid, path, layout: str) -> None:
    """Write what `tracking_arrays` makes as one npz without pickles, complete or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, **tracking_arrays(motion, robot, layout))
    write_whole(Path(path), buffer.getvalue())


def tracking_arrays(motion: RobotMotion, robot: Humanoid, layout: str) -> dict[str, np.ndarray]:
    """The arrays of a layout, at RATE_HZ; S samples, B bodies, n joints.

    Raises:
        InputError: CONFIG_INVALID for another layout, FILE_INVALID for a motion of another robot.
    """
    if layout not in LAYOUTS:
        raise InputError(ErrorCode.CONFIG_INVALID, f"no layout {layout!r}", f"one of {', '.join(LAYOUTS)}")
    if set(motion.joint_names) != set(robot.joint_names):
        told = f"the motion moves {', '.join(motion.joint_names)}"
        raise InputError(ErrorCode.FILE_INVALID, told, f"{robot.config.name} has {', '.join(robot.joint_names)}")
    bodies, joints = body_order(robot.urdf_text, breadth_first=layout == "beyondmimic")
    count = int((len(motion.positions_rad) - 1) / motion.fps * RATE_HZ + ROUNDING) + 1
    if count < 2:
        told = f"the motion lasts {(len(motion.positions_rad) - 1) / motion.fps:g} s"
        raise InputError(ErrorCode.FILE_INVALID, told, f"it takes {1 / RATE_HZ:g} s and more to have a speed")
    at = np.arange(count) / RATE_HZ
    root_m, root_turn = _at(motion.root_pose, motion.fps, at)
    positions = motion.spline()(at)  # (S, n)
    by_name = dict(zip(motion.joint_names, positions.T))
    q = np.concatenate([root_m, root_turn.as_quat(), np.stack([by_name[n] for n in robot.joint_names], axis=1)], axis=1)
    poses = np.stack([_placements(robot, sample, bodies) for sample in q])  # (S, B, 4, 4)
    turns = [Rotation.from_matrix(poses[:, b, :3, :3]) for b in range(len(bodies))]
    joint_pos = np.stack([by_name[name] for name in joints], axis=1)
    arrays = {
        "joint_pos": joint_pos,
        "joint_vel": _rate(joint_pos),
        "body_pos_w": poses[:, :, :3, 3],
        "body_quat_w": np.stack([turn.as_quat()[:, WXYZ] for turn in turns], axis=1),
        "body_lin_vel_w": _rate(poses[:, :, :3, 3]),
        "body_ang_vel_w": np.stack([_spin(turn) for turn in turns], axis=1),
    }
    if layout == "holosoma":
        root = np.concatenate([root_m, root_turn.as_quat()[:, WXYZ]], axis=1)
        arrays["joint_pos"] = np.concatenate([root, joint_pos], axis=1)
        arrays["joint_vel"] = np.concatenate([_rate(root_m), _spin(root_turn), arrays["joint_vel"]], axis=1)
    if len(motion.object_pose):
        object_m, object_turn = _at(motion.object_pose, motion.fps, at)
        arrays |= {
            "object_pos_w": object_m,
            "object_quat_w": object_turn.as_quat()[:, WXYZ],
            "object_lin_vel_w": _rate(object_m),
            "object_ang_vel_w": _spin(object_turn),
        }
    names = {"body_names": np.array(bodies), "joint_names": np.array(joints), "fps": np.array([RATE_HZ])}
    return {name: values.astype(np.float32) for name, values in arrays.items()} | names


def body_order(urdf_text: str, breadth_first: bool) -> tuple[list[str], list[str]]:
    """Bodies, the root first, and the joint that moves each of the others; siblings as the file has their joints."""
    tree = xml.fromstring(urdf_text)
    joints = [(j.find("parent").get("link"), j.find("child").get("link"), j) for j in tree.findall("joint")]
    carried = {child for _, child, _ in joints}
    root = next(link.get("name") for link in tree.findall("link") if link.get("name") not in carried)

    def moved_by(link: str) -> list[tuple[str, str]]:
        """Bodies that hang on a link, or on what is fixed to it, with their joints."""
        found = []
        for parent, child, joint in joints:
            if parent == link:
                found += moved_by(child) if joint.get("type") == "fixed" else [(child, joint.get("name"))]
        return found

    order, waiting = [], [(root, "")]
    while waiting:
        body, joint = waiting.pop(0)
        order.append((body, joint))
        below = moved_by(body)
        waiting = waiting + below if breadth_first else below + waiting
    return [body for body, _ in order], [joint for _, joint in order[1:]]


def _placements(robot: Humanoid, q: np.ndarray, links: list[str]) -> np.ndarray:  # (7 + n,) -> (B, 4, 4)
    pinocchio.framesForwardKinematics(robot.model, robot.data, q)
    body = pinocchio.FrameType.BODY
    return np.stack([robot.data.oMf[robot.model.getFrameId(link, body)].homogeneous for link in links])


def _at(pose: np.ndarray, fps: float, at: np.ndarray) -> tuple[np.ndarray, Rotation]:  # (N, 7), (S,) -> (S, 3)
    """Positions and rotations between samples."""
    times = np.arange(len(pose)) / fps
    at = np.minimum(at, times[-1])
    places = np.stack([np.interp(at, times, pose[:, k]) for k in range(3)], axis=1)
    return places, Slerp(times, Rotation.from_quat(pose[:, 3:]))(at)


def _rate(values: np.ndarray) -> np.ndarray:  # (S, ...) -> (S, ...)
    """Rates of change per second, by central differences."""
    return np.gradient(values, 1 / RATE_HZ, axis=0)


def _spin(turn: Rotation) -> np.ndarray:  # (S,) -> (S, 3)
    """Angular velocity, world, by central differences; by one step at the ends."""
    over = (turn[2:] * turn[:-2].inv()).as_rotvec() * RATE_HZ / 2 if len(turn) > 2 else np.zeros((0, 3))
    ends = (turn[[1, -1]] * turn[[0, -2]].inv()).as_rotvec() * RATE_HZ
    return np.concatenate([ends[:1], over, ends[1:]])
