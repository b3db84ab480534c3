"""retarget_humanoid: a person's whole-body motion on a humanoid."""

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.motion import HoiMotion
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.humanoid.humanoid import ROOT_SIZE, Humanoid
from hoi_motion.retarget.humanoid.targets import POINTS, SIDES, Targets, humanoid_targets
from hoi_motion.retarget.robot_motion import RobotMotion

FIRST_STEPS, STEPS = 60, 3  # of IK: from home to frame 0, and from frame to frame
FULL_SPEED_FPS = 30.0  # slower clips have larger steps between frames and get as many more IK steps


def retarget_humanoid(motion: HoiMotion, robot: Humanoid, body, cancel: CancelToken | None = None) -> RobotMotion:
    """Root pose and joint positions of a humanoid that does what the person did, one sample per frame.

    The same input gives the same output. Limits of joint positions hold; how far a joint is over its velocity limit,
    how far feet slide and hands are from the object is measured on the result and told in `facts`.

    Args:
        body: BodyModel of the motion.

    Raises:
        InputError: FILE_INVALID for a motion with one frame.
    """
    if motion.num_frames < 2:
        raise InputError(ErrorCode.FILE_INVALID, "the motion has 1 frame", "retargeting needs at least 2")
    targets = humanoid_targets(motion, robot, body)
    task = robot.task(list(POINTS), list(targets.rotation_parts))
    task.rotation_weights = targets.rotation_weights
    solver = robot.solver()
    solver.place_root(targets.points_m[0, 0], targets.rotations[0, 0])
    path = np.zeros((motion.num_frames, len(robot.home)))
    steps = int(np.ceil(STEPS * max(1.0, FULL_SPEED_FPS / motion.fps)))
    for t in range(motion.num_frames):
        if cancel:
            cancel.raise_if_cancelled()
        task.points_m, task.point_weights, task.rotations = (
            targets.points_m[t],
            targets.point_weights[t],
            targets.rotations[t],
        )
        path[t] = solver.solve(task, steps if t else FIRST_STEPS)
    return RobotMotion(
        robot.config.name,
        [robot.joint_names[i] for i in robot.file_order],
        path[:, ROOT_SIZE:][:, robot.file_order],
        path[:, :ROOT_SIZE],
        motion.fps,
        np.arange(motion.num_frames) / motion.fps,
        facts=_measured(path, motion.fps, robot, targets),
    )


def _measured(path: np.ndarray, fps: float, robot: Humanoid, targets: Targets) -> dict:  # (T, 7 + n)
    """What a reader should know of the result, from the robot's own kinematics."""
    poses = [robot.placements(q) for q in path]
    skating, floor, hands = 0.0, 0.0, {}
    for side in SIDES:
        T = np.stack([pose[f"{side}_foot"] for pose in poses])
        sole = np.einsum("tij,pj->tpi", T[:, :3, :3], robot.soles_m[side]) + T[:, None, :3, 3]
        floor = max(floor, -float(sole[..., 2].min()))
        both = targets.planted[side][1:] & targets.planted[side][:-1]
        steps = np.linalg.norm(np.diff(sole[..., :2], axis=0), axis=-1).max(axis=1)
        skating = max(skating, float(steps[both].max(initial=0.0)))
        palm = np.stack([pose[f"{side}_palm"][:3, 3] for pose in poses])
        gaps = np.linalg.norm(palm - targets.held_m[f"{side}_hand"], axis=1)
        if np.isfinite(gaps).any():
            hands[f"{side}_hand"] = float(np.nanmax(gaps))
    fastest = np.abs(np.diff(path[:, ROOT_SIZE:], axis=0)).max(axis=0) * fps / robot.velocity_rad_s
    joint = int(fastest.argmax())
    return {
        "robot_scale": targets.robot_scale,
        "scene_scale": targets.scene_scale,
        "foot_slide_m": skating,
        "floor_depth_m": max(0.0, floor),
        "hand_error_m": hands,
        "fastest_joint": robot.joint_names[joint],
        "velocity_over_limit": float(fastest[joint]),
    }
