"""Episode: a plan as training data at a constant rate, for a robot or the person."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.errors import shown
from hoi_motion.media.video_file import read_video
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.report import Verdict
from hoi_motion.reading.npz import MAX_FRAMES
from hoi_motion.retarget.robot_motion import RobotMotion
from tavid_planner.bundle import load_plan_json
from tavid_planner.errors import ErrorCode, InputError

PERSON = "person"
STATE_OF_PERSON = (
    *(f"transl.{axis}" for axis in "xyz"),
    *(f"{joint}.{axis}" for joint in JOINT_NAMES for axis in ("rx", "ry", "rz")),
)
POSE_NAMES = ("x", "y", "z", "qx", "qy", "qz", "qw")


@dataclass(frozen=True)
class Episode:
    """One plan at a constant rate.

    Attributes:
        name: of its bundle; task: the instruction without [TGT]; seed: of the video.
        doer: the name of the robot that acts, or "person".
        fps: steps a second.
        frames: (N, H, W, 3) uint8, the generated video's frames at the same moments of the interaction.
        state: (N, n) float32. For a robot its joints, rad (metres for prismatic ones); for a person the SMPL-X
            translation, metres, and axis-angles, rad. state_names: (n,).
        object_pose: (N, 7) float32, x y z qx qy qz qw of the target in the world, metres; without a jump of sign. Of a
            robot it is where its plan has the target, in the world of its base.
    """

    name: str
    task: str
    seed: int
    doer: str
    fps: int
    frames: np.ndarray  # (N, H, W, 3)
    state: np.ndarray  # (N, n)
    state_names: tuple[str, ...]
    object_pose: np.ndarray  # (N, 7)

    @property
    def action(self) -> np.ndarray:  # (N, n)
        """The state to reach: the next one; the last one is repeated."""
        return np.concatenate([self.state[1:], self.state[-1:]])


def why_not(plan: dict) -> str:
    """Why a plan is not a good training example; empty if it is.

    Args:
        plan: a plan.json.
    """
    if plan["verdict"] != Verdict.PASS:
        return f"its verdict is {plan['verdict']}"
    robot = plan["robot"]
    if robot is not None and robot["done"] is False:
        return f"{robot['name']} does not succeed"
    chosen = plan["provenance"]["chosen_seed"]
    if any(sample["seed"] == chosen and sample.get("right_people") is False for sample in plan["samples"]):
        return "not those act who should"
    return ""


def doer_of(plan: dict) -> str:
    """The robot of a plan.json, or "person"."""
    return PERSON if plan["robot"] is None else str(plan["robot"]["name"])


def read_episode(bundle: Path, fps: int) -> Episode:
    """The episode of a bundle.

    Raises:
        InputError: FILE_INVALID for a file that is missing or damaged, or a motion without a target.
    """
    try:
        return _episode(bundle, load_plan_json(bundle), fps)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        told = f"{bundle / 'plan.json'} is damaged: {type(error).__name__} {error}"
        raise InputError(ErrorCode.FILE_INVALID, told, "make the plan again") from error


def _episode(bundle: Path, plan: dict, fps: int) -> Episode:
    motion = _still(HoiMotion.load(bundle / "motion.npz"), bundle)
    if motion.target is None:
        raise InputError(ErrorCode.FILE_INVALID, f"the motion of {bundle} has no target", "make the plan again")
    clip = read_video(bundle / "video.mp4", MAX_FRAMES)
    request, doer = plan["request"], doer_of(plan)
    if doer != Path(doer).name:
        raise InputError(ErrorCode.FILE_INVALID, f"the plan of {bundle} is of a robot called {shown(doer)}")
    if doer == PERSON:
        steps = _steps_of_person(motion, fps)
    else:
        steps = _steps_of_robot(RobotMotion.load(bundle / "robot" / f"{doer}.npz"), motion, fps)
    seen = _nearest(steps.moment_s, clip.fps, len(clip.frames))
    pose = steps.object_pose
    pose[:, 3:] /= np.linalg.norm(pose[:, 3:], axis=1, keepdims=True)
    return Episode(
        name=bundle.name,
        task=" ".join(request["instruction"].replace("[TGT]", " ").split()),
        seed=plan["provenance"]["chosen_seed"],
        doer=doer,
        fps=fps,
        frames=clip.frames[seen, : request["height_px"], : request["width_px"]],
        state=steps.state.astype(np.float32),
        state_names=steps.state_names,
        object_pose=pose.astype(np.float32),
    )


@dataclass(frozen=True)
class _Steps:
    """What happens at a constant rate.

    Attributes:
        moment_s: (N,) of the video; the others as of an `Episode`, in float64, quaternions not yet of length 1.
    """

    moment_s: np.ndarray
    state: np.ndarray
    state_names: tuple[str, ...]
    object_pose: np.ndarray


def _steps_of_person(motion: HoiMotion, fps: int) -> _Steps:
    moment_s = _moments_s((motion.num_frames - 1) / motion.fps, fps)
    state, pose = (_between(values, moment_s, motion.fps) for values in (_state_of_person(motion), _poses(motion)))
    return _Steps(moment_s, state, STATE_OF_PERSON, pose)


def _steps_of_robot(robot: RobotMotion, motion: HoiMotion, fps: int) -> _Steps:
    at_s = np.arange(len(robot.positions_rad)) / robot.fps
    time_s = _moments_s(at_s[-1], fps)
    # a robot takes longer than the person in the video
    moment_s = np.interp(time_s, at_s, robot.source_time_s)
    pose = _between(_poses(motion), moment_s, motion.fps)
    if len(robot.object_pose):
        # a humanoid's scene has its scale, and an arm may have planned for another place
        planned = np.concatenate([robot.object_pose[:, :3], continuous(robot.object_pose[:, 3:])], axis=1)
        pose = _between(planned, time_s, robot.fps)
    return _Steps(moment_s, robot.spline()(time_s), tuple(robot.joint_names), pose)


def _poses(motion: HoiMotion) -> np.ndarray:  # (T, 7)
    """Of the target, x y z qx qy qz qw."""
    T_world_object = motion.target.T_world_object
    quaternions = Rotation.from_matrix(T_world_object[:, :3, :3]).as_quat(canonical=True)
    return np.concatenate([T_world_object[:, :3, 3], continuous(quaternions)], axis=1)


def continuous(quaternions: np.ndarray) -> np.ndarray:  # (N, 4)
    """The same rotations, each with the sign that is nearer to the one before: those who learn see no jump."""
    flips = np.where((quaternions[1:] * quaternions[:-1]).sum(axis=1) < 0, -1.0, 1.0)
    return quaternions * np.concatenate([[1.0], np.cumprod(flips)])[:, None]


def _still(motion: HoiMotion, bundle: Path) -> HoiMotion:
    """The motion in a world that stands still, where its robot acts: without what the video's camera does."""
    if motion.T_first_camera is None:
        return motion
    from hoi_motion.body import load_body
    from hoi_motion.ground.still_world import in_still_world

    body = load_body(num_betas=len(motion.betas))
    if motion.body_model != body.name:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"the camera of {bundle} turns, which can be taken out of motions of {body.name} only, not of "
            f"{motion.body_model}",
            "plan with the free body",
        )
    return in_still_world(motion, body)


def _moments_s(duration_s: float, fps: int) -> np.ndarray:  # (N,)
    return np.arange(int(duration_s * fps + 1e-6) + 1) / fps


def _between(values: np.ndarray, moment_s: np.ndarray, fps: float) -> np.ndarray:  # (T, n), (N,) -> (N, n)
    """Values at these moments, straight between the frames: steps that repeat a frame would teach to stand still."""
    at = moment_s * fps
    return np.stack([np.interp(at, np.arange(len(values)), column) for column in values.T], axis=1)


def _nearest(moment_s: np.ndarray, fps: float, count: int) -> np.ndarray:  # (N,) int
    return np.clip(np.round(moment_s * fps).astype(int), 0, count - 1)


def _state_of_person(motion: HoiMotion) -> np.ndarray:  # (T, 168)
    pose_rad = unwrapped(motion.pose_rad)
    return np.concatenate([motion.transl_m, pose_rad.reshape(motion.num_frames, -1)], axis=1)


def unwrapped(turns_rad: np.ndarray) -> np.ndarray:  # (T, J, 3)
    """The same axis-angles, each written as the turn that is nearest to the one before: no jump from pi to -pi."""
    result = np.array(turns_rad, dtype=np.float64)
    for t in range(1, len(result)):
        angle = np.linalg.norm(result[t], axis=-1, keepdims=True)
        axis = result[t] / np.maximum(angle, 1e-12)
        # the angle about the same axis that comes nearest, in whole turns
        turns = np.where(
            angle > 1e-6, np.round(((result[t - 1] * axis).sum(-1, keepdims=True) - angle) / (2 * np.pi)), 0
        )
        result[t] += 2 * np.pi * turns * axis
    return result.astype(turns_rad.dtype)
