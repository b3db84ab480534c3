"""retarget_humanoid: a person's whole-body motion on a humanoid."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.motion import HoiMotion
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.humanoid.apart import ApartTask
from hoi_motion.retarget.humanoid.humanoid import ROOT_SIZE, BodyTask, Humanoid, WholeBodyIK
from hoi_motion.retarget.humanoid.scene_apart import SceneThings
from hoi_motion.retarget.humanoid.seen_hand import SeenHands, closed, seen_gaps_m
from hoi_motion.retarget.humanoid.targets import POINTS, SIDES, Targets, humanoid_targets
from hoi_motion.retarget.robot_motion import RobotMotion

FIRST_STEPS = 60  # of IK, from home to frame 0
STEPS = 12  # from frame to frame
CALM_STEPS = 6  # to calm the result
SWING_RAD = 0.025  # a joint that reverses by more than this within two frames oscillates
CALM_RAD = 0.015  # and is then pulled towards the nearer neighbour in time
CALM_ROUNDS = 8


def retarget_humanoid(motion: HoiMotion, robot: Humanoid, body, cancel: CancelToken | None = None) -> RobotMotion:
    """Root pose and joint positions of a humanoid that does what the person did, one sample per frame.

    The same input gives the same output. Joint position limits are kept; `facts` reports how far joints exceed their
    velocity limits, how far feet slide and how far hands are from the object.

    Args:
        body: BodyModel of the motion.

    Raises:
        InputError: FILE_INVALID for a motion with one frame.
    """
    if motion.num_frames < 2:
        raise InputError(ErrorCode.FILE_INVALID, "the motion has 1 frame", "retargeting needs at least 2")
    targets = humanoid_targets(motion, robot, body)
    task = robot.task(list(POINTS), list(targets.rotation_parts))
    solver = robot.solver()
    hands = SeenHands(robot, motion, targets.scene_scale)
    targets = closed(hands, robot, targets, task, solver)
    solver.place_root(targets.points_m[0, 0], targets.rotations[0, 0])
    apart, scene = ApartTask(robot.shapes), SceneThings(robot, motion, targets.scene_scale)
    path = np.zeros((motion.num_frames, len(robot.home)))
    for t in range(motion.num_frames):
        if cancel:
            cancel.raise_if_cancelled()
        targets.give(task, t)
        apart.among(scene.at(t))
        path[t] = solver.solve(task, STEPS if t else FIRST_STEPS, apart)
    _calm(path, targets, task, solver, apart, scene)
    scene_depth_m = max(robot.depth_in_scene_m(q, scene.at(t)) for t, q in enumerate(path))
    facts = _measured(path, motion.fps, robot, targets) | {"scene_depth_m": scene_depth_m}
    return RobotMotion(
        robot.config.name,
        [robot.joint_names[i] for i in robot.file_order],
        path[:, ROOT_SIZE:][:, robot.file_order],
        path[:, :ROOT_SIZE],
        motion.fps,
        np.arange(motion.num_frames) / motion.fps,
        facts=facts | {"hand_gap_m": seen_gaps_m(hands, robot, targets, path)},
        object_pose=_object_pose(motion, targets.scene_scale),
    )


def _object_pose(motion: HoiMotion, scene_scale: float) -> np.ndarray:  # (T, 7) or (0, 7)
    """The target in the scaled scene, x y z qx qy qz qw."""
    if motion.target is None:
        return np.zeros((0, 7))
    T = motion.target.T_world_object
    return np.concatenate([scene_scale * T[:, :3, 3], Rotation.from_matrix(T[:, :3, :3]).as_quat()], axis=1)


def _calm(
    path: np.ndarray, targets: Targets, task: BodyTask, solver: WholeBodyIK, apart: ApartTask, scene: SceneThings
) -> None:
    """Pull joints that reverse from frame to frame towards the neighbouring frame, and solve these frames again."""
    joints = path[:, ROOT_SIZE:]
    calmer, calmed = joints.copy(), np.zeros(joints.shape, bool)
    for _ in range(CALM_ROUNDS):
        back, nearer = turning_back(joints)
        if not back.any():
            break
        drawn = nearer + np.clip(joints[1:-1] - nearer, -CALM_RAD, CALM_RAD)
        calmer[1:-1][back] = drawn[back]
        calmed[1:-1] |= back  # permanently: what was smoothed last round must not oscillate again because of this one
        for t in np.flatnonzero(back.any(axis=1)) + 1:
            solver.start_at(path[t])
            solver.calm_towards(calmer[t], calmed[t])
            targets.give(task, t)
            apart.among(scene.at(t))
            path[t] = solver.solve(task, CALM_STEPS, apart)
    solver.calm_towards(None)


def turning_back(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (T, n) -> (T - 2, n), (T - 2, n)
    """Where joints move by more than SWING_RAD one way and back, and the nearer of both neighbours."""
    steps = np.diff(joints, axis=0)
    before, after = steps[:-1], steps[1:]
    back = (before * after < 0) & (np.minimum(np.abs(before), np.abs(after)) > SWING_RAD)
    return back, np.where(np.abs(before) < np.abs(after), joints[:-2], joints[2:])


def _measured(path: np.ndarray, fps: float, robot: Humanoid, targets: Targets) -> dict:  # (T, 7 + n)
    """Facts about the result, from the robot's own kinematics."""
    poses = [robot.placements(q) for q in path]
    skating, floor, hands = 0.0, 0.0, {}
    self_depth = max(robot.depth_in_itself_m(q) for q in path)
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
    known = robot.velocity_rad_s > 0  # a file may have 0 or -1 for unknown
    limits = np.where(known, robot.velocity_rad_s, np.inf)
    fastest = np.abs(np.diff(path[:, ROOT_SIZE:], axis=0)).max(axis=0) * fps / limits
    joint = int(fastest.argmax())
    return {
        "robot_scale": targets.robot_scale,
        "scene_scale": targets.scene_scale,
        "foot_slide_m": skating,
        "floor_depth_m": max(0.0, floor),
        "hand_error_m": hands,
        "fastest_joint": robot.joint_names[joint],
        "velocity_over_limit": float(fastest[joint]),
        "joints_without_speed_limit": [name for name, told in zip(robot.joint_names, known) if not told],
        "self_depth_m": self_depth,
    }
