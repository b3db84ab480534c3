"""A humanoid's motions compared with those of GMR, for the same robot and people, measured by the same code.

GMR (github.com/YanjieZe/GMR) is given as a checkout, with a Python that has its packages; nothing of it is part of the
project. Both results are evaluated with the kinematics of the same URDF. GMR does not handle objects: its scene is
assumed to be scaled like the person's path. Speeds do not include loading of robot, meshes and body.
"""

import dataclasses
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.humanoid.humanoid import ROOT_SIZE, Humanoid
from hoi_motion.retarget.humanoid.motion import retarget_humanoid
from hoi_motion.retarget.humanoid.seen_hand import SeenHands
from hoi_motion.retarget.humanoid.targets import SIDES, Targets, humanoid_targets

ROBOT = "unitree_g1"
URDF = "assets/unitree_g1/g1_custom_collision_29dof.urdf"  # in the checkout of GMR
BACK_RAD = 0.03
IN_ITSELF_M = 0.001
WORDS = {
    "frames_per_s": "frames per second on one core",
    "turned_back": f"joints that reverse by more than {BACK_RAD} rad from frame to frame",
    "hand_gap_mm": "distance of the visible hand from its object in contact, worst frame, mm",
    "hand_turn_deg": "orientation of the hand against the person's in contact, mean, degrees",
    "slide_mm": "slide of planted feet, worst, mm per frame",
    "thigh_deg": "direction of the thigh against the person's, mean, degrees",
    "in_itself": "share of frames in self-collision",
    "floor_mm": "soles under the floor, worst, mm",
    "first_frame_rad": "change of the other frames without the first one, worst joint, rad",
}
WORST = ("hand_gap_mm", "slide_mm", "floor_mm", "first_frame_rad")


@dataclasses.dataclass(frozen=True)
class Solved:
    """Attributes:
    path: (T, 7 + n) of the Humanoid's configurations; seconds: of one core; scale: scene over real size.
    """

    path: np.ndarray
    seconds: float
    scale: float


class Gmr:
    """GMR from a checkout, run by a Python that has its packages."""

    def __init__(self, checkout: Path, python: str):
        """Raises: InputError: FILE_INVALID for a folder that is not a checkout."""
        self._checkout, self._python = checkout.resolve(), python
        self.urdf = self._checkout / URDF
        if not self.urdf.is_file():
            raise InputError(
                ErrorCode.FILE_INVALID, f"no {self.urdf}", "--gmr is a checkout of github.com/YanjieZe/GMR"
            )

    def solve(self, motion: HoiMotion, robot: Humanoid, body) -> Solved:
        """Raises: InputError: FILE_INVALID naming the missing packages, or with GMR's last output."""
        points, rotations = _person(motion, body)
        turns = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat().reshape(*rotations.shape[:2], 4)
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "person.npz", Path(folder) / "robot.npz"
            np.savez(
                source,
                names=np.array(JOINT_NAMES),
                points_m=points,
                quaternions_wxyz=turns[..., [3, 0, 1, 2]],
                height_m=1.66 + 0.1 * motion.betas[0],  # as GMR reads it off the shape
            )
            child = Path(__file__).with_name("gmr_process.py")
            command = [self._python, str(child), str(self._checkout), ROBOT, str(source), str(target)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                told = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
                hint = "--gmr-python is a Python with numpy, scipy, mujoco, mink, daqp and rich"
                raise InputError(ErrorCode.FILE_INVALID, f"GMR does not run: {told}", hint)
            with np.load(target) as found:
                qpos, names = found["qpos"], found["joints"].tolist()
                seconds, scale = float(found["seconds"]), float(found["scale"])
        order = [names.index(name) for name in robot.joint_names]
        root = qpos[:, [0, 1, 2, 4, 5, 6, 3]]
        return Solved(np.concatenate([root, qpos[:, ROOT_SIZE:][:, order]], axis=1), seconds, scale)


def ours(motion: HoiMotion, robot: Humanoid, body) -> Solved:
    start = time.process_time()
    result = retarget_humanoid(motion, robot, body)
    seconds = time.process_time() - start
    joints = result.positions_rad[:, np.argsort(robot.file_order)]
    return Solved(np.concatenate([result.root_pose, joints], axis=1), seconds, result.facts["scene_scale"])


def measured(solve, motion: HoiMotion, robot: Humanoid, body) -> dict[str, float]:
    """One solver's numbers for one motion, keys as in WORDS; NaN where one does not apply."""
    solved, targets = solve(motion, robot, body), humanoid_targets(motion, robot, body)
    path, joints = solved.path, solved.path[:, ROOT_SIZE:]
    poses = [robot.placements(q) for q in path]
    before, after = np.diff(joints, axis=0)[:-1], np.diff(joints, axis=0)[1:]
    back = (before * after < 0) & (np.minimum(np.abs(before), np.abs(after)) > BACK_RAD)
    rest = solve(_without_first(motion), robot, body).path[:, ROOT_SIZE:]
    slide, floor = _feet(poses, targets, robot)
    gap, turn = _hands(poses, motion, targets, solved, robot)
    return {
        "frames_per_s": len(path) / solved.seconds,
        "turned_back": float(back.sum()),
        "hand_gap_mm": 1000 * gap,
        "hand_turn_deg": turn,
        "slide_mm": 1000 * slide,
        "thigh_deg": _thighs(poses, motion, body),
        "in_itself": float(np.mean([robot.depth_in_itself_m(q) > IN_ITSELF_M for q in path])),
        "floor_mm": 1000 * floor,
        "first_frame_rad": float(np.abs(rest - joints[1:]).max()),
    }


def table(rows: list[dict]) -> list[str]:
    """A line for every row of the comparison: ours, GMR's."""
    lines = [f"{'':<72} {'ours':>9} {'GMR':>9}"]
    for name, words in WORDS.items():
        told = []
        for who in ("ours", "gmr"):
            values = np.array([row[who][name] for row in rows], float)
            values = values[np.isfinite(values)]
            if not len(values):
                told.append("-")
            elif name == "turned_back":
                told.append(f"{values.sum():.0f}")
            else:
                told.append(f"{values.max() if name in WORST else values.mean():.3g}")
        lines.append(f"{words:<72} {told[0]:>9} {told[1]:>9}")
    return lines


def _person(motion: HoiMotion, body) -> tuple[np.ndarray, np.ndarray]:  # (T, 55, 3), (T, 55, 3, 3)
    import torch

    with torch.no_grad():
        points = body.joints(motion.pose_rad, motion.transl_m, motion.betas).double().numpy()[:, : len(JOINT_NAMES)]
        pose = torch.tensor(motion.pose_rad)
        betas = torch.nn.functional.pad(torch.tensor(motion.betas), (0, body.num_betas - len(motion.betas)))
        rotations = body.skeleton.world_transforms(pose, betas.expand(len(pose), -1))[0].double().numpy()
    return points, rotations


def _without_first(motion: HoiMotion) -> HoiMotion:
    objects = tuple(dataclasses.replace(o, T_world_object=o.T_world_object[1:]) for o in motion.objects)
    contacts = tuple(
        dataclasses.replace(c, start_frame=max(0, c.start_frame - 1), end_frame=c.end_frame - 1)
        for c in motion.contacts
        if c.end_frame > 1
    )
    return motion.replace(
        pose_rad=motion.pose_rad[1:], transl_m=motion.transl_m[1:], objects=objects, contacts=contacts
    )


def _feet(poses: list[dict], targets: Targets, robot: Humanoid) -> tuple[float, float]:
    """Largest slide of a planted sole in one frame, and largest depth of a sole in the floor, metres."""
    slide, floor = 0.0, 0.0
    for side in SIDES:
        T = np.stack([pose[f"{side}_foot"] for pose in poses])
        sole = np.einsum("tij,pj->tpi", T[:, :3, :3], robot.soles_m[side]) + T[:, None, :3, 3]
        both = targets.planted[side][1:] & targets.planted[side][:-1]
        steps = np.linalg.norm(np.diff(sole[..., :2], axis=0), axis=-1).max(axis=1)
        slide, floor = max(slide, float(steps[both].max(initial=0.0))), max(floor, -float(sole[..., 2].min()))
    return slide, floor


def _hands(poses, motion: HoiMotion, targets: Targets, solved: Solved, robot) -> tuple[float, float]:
    """Largest distance of a visible hand from what it touches, metres, and mean angle to the person's hand, degrees."""
    hands = SeenHands(robot, motion, solved.scale)
    gaps, turns = [], []
    for touch in targets.touches:
        number = targets.rotation_parts.index(touch.hand) if touch.hand in targets.rotation_parts else None
        for t in range(touch.first, touch.last + 1):
            gaps.append(abs(hands.gap_m(touch, t, poses[t][touch.hand])))
            if number is not None:
                off = targets.rotations[t, number].T @ poses[t][touch.hand][:3, :3]
                turns.append(np.degrees(Rotation.from_matrix(off).magnitude()))
    return max(gaps, default=np.nan), float(np.mean(turns)) if turns else np.nan


def _thighs(poses: list[dict], motion: HoiMotion, body) -> float:
    """Mean angle between the robot's thighs and the person's, degrees."""
    points, angles = _person(motion, body)[0], []
    for side in SIDES:
        hip, knee = (points[:, JOINT_NAMES.index(f"{side}_{part}")] for part in ("hip", "knee"))
        theirs = np.stack([pose[f"{side}_knee"][:3, 3] - pose[f"{side}_hip"][:3, 3] for pose in poses])
        cosines = ((knee - hip) * theirs).sum(axis=1)
        cosines /= np.linalg.norm(knee - hip, axis=1) * np.linalg.norm(theirs, axis=1)
        angles.append(np.degrees(np.arccos(np.clip(cosines, -1, 1))))
    return float(np.mean(angles))
