"""Recorded motion on our figures: the recorded bones' directions and twists, with the figure's own lengths."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES, PARENTS
from hoi_motion.body.skinning import ShapedBody
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.lift.person.priors import rest_hands_rad
from training.scenes.asf_amc import AcclaimMotion, AcclaimSkeleton, read_amc, read_asf

# world (z up) from the recording's (y up)
R_WORLD_RECORDED = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
CLIP_S = 3.0
LEAST_S = 2.0
CLIP_FPS = 8.0
GROUND_FRAMES = 9
JOINT = {name: i for i, name in enumerate(JOINT_NAMES)}

# joint -> the recorded bone that turns with it
_BONE = {
    "pelvis": "root",
    "spine1": "lowerback",
    "spine2": "upperback",
    "spine3": "thorax",
    "neck": "lowerneck",
    "head": "head",
}
# joint of a limb -> the bone, and the joint at its end, which says how the figure's resting bone points; None: turned
# from rest like the joint above
_LIMBS = {
    "hip": ("femur", "knee"),
    "knee": ("tibia", "ankle"),
    "ankle": ("foot", None),
    "foot": ("toes", None),
    "collar": ("clavicle", None),
    "shoulder": ("humerus", "elbow"),
    "elbow": ("radius", "wrist"),
    "wrist": ("hand", None),
}
_SIDES = {"left": "l", "right": "r"}


@dataclass(frozen=True)
class Segment:
    """A piece of a recording.

    Attributes:
        number: among all segments of a folder; even ones are for development, odd ones are held out.
        recording: its file's name without ending; start, count: first frame of the file and how many.
    """

    number: int
    recording: str
    path: Path
    start: int
    count: int

    def frames(self, fps: float) -> np.ndarray:  # (T,)
        """The numbers of the file's frames, CLIP_FPS of them a second of a file with `fps`."""
        return self.start + np.round(np.arange(0, (self.count - 1) / fps + 1e-6, 1 / CLIP_FPS) * fps).astype(int)


def segments(folder: Path) -> list[Segment]:
    """Segments of CLIP_S of all recordings under a folder, in the order of their files' names.

    A recording between LEAST_S and CLIP_S long is one segment, a shorter one none.

    Raises:
        InputError: FILE_INVALID when there is none.
    """
    found: list[Segment] = []
    for path in sorted(folder.rglob("*.amc"), key=lambda p: p.stem):
        motion = recorded(path)
        whole, least = (round(seconds * motion.fps) for seconds in (CLIP_S, LEAST_S))
        pieces = [(i * whole, whole + 1) for i in range((motion.num_frames - 1) // whole)]
        if not pieces and motion.num_frames > least:
            pieces = [(0, motion.num_frames)]
        for start, count in pieces:
            found.append(Segment(len(found), path.stem, path, start, count))
    if not found:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"no recording (.amc) of {LEAST_S:.0f} s or more under {folder}",
            "unpack them there",
        )
    return found


@lru_cache(maxsize=4)
def recorded(path: Path) -> AcclaimMotion:
    """The motion of an .amc file with the one .asf file of its folder.

    Raises:
        InputError: FILE_INVALID, also where there is no skeleton beside it.
    """
    skeletons = sorted(path.parent.glob("*.asf"))
    fitting = [s for s in skeletons if path.stem.startswith(s.stem)] or skeletons
    if len(fitting) != 1:
        raise InputError(ErrorCode.FILE_INVALID, f"{len(fitting)} skeletons (.asf) beside {path.name}, expected one")
    return read_amc(path, read_asf(fitting[0]))


def figure_motion(
    motion: AcclaimMotion, body: ShapedBody, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:  # (T,) -> (T, 55, 3), (T, 3)
    """Pose and translation of a figure that moves like some frames of a recording, on level ground at z = 0.

    Args:
        frames: numbers of frames, as many a second as CLIP_FPS.
    """
    pose_rad, transl_m = followed(motion, body, frames)
    transl_m[:, 2] -= _ground_m(body, pose_rad, transl_m)
    return pose_rad, transl_m


def followed(
    motion: AcclaimMotion, body: ShapedBody, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:  # (T,) -> (T, 55, 3), (T, 3)
    """Pose and translation of a figure that moves like some frames of a recording, on the ground of the recording.

    The way over the ground is as many times longer as the figure's legs are.
    """
    rest_turns = _rest_turns(motion.skeleton, body)
    world = np.tile(np.eye(3), (len(frames), len(JOINT_NAMES), 1, 1))
    for joint, parent in enumerate(PARENTS):
        bone = _bone_of(JOINT_NAMES[joint])
        if bone:
            world[:, joint] = R_WORLD_RECORDED @ motion.rotations[bone][frames] @ rest_turns[joint]
        else:
            world[:, joint] = world[:, parent]
    above = [None if p < 0 else world[:, p].swapaxes(1, 2) for p in PARENTS]
    own = np.stack([world[:, j] if R is None else R @ world[:, j] for j, R in enumerate(above)], 1)
    pose_rad = Rotation.from_matrix(own.reshape(-1, 3, 3)).as_rotvec().reshape(len(frames), len(JOINT_NAMES), 3)
    pose_rad[:, JOINT["left_index1"] :] = rest_hands_rad()
    offsets = {bone.name: bone.offset_m for bone in motion.skeleton.bones}
    rest, sides = body.rest_joints_m, _SIDES.values()
    legs_m = sum(_length(rest, f"{side}_hip", f"{side}_knee", f"{side}_ankle") for side in _SIDES)
    recorded_legs_m = sum(np.linalg.norm(offsets[f"{s}{part}"]) for s in sides for part in ("femur", "tibia"))
    root = motion.rotations["root"][frames]
    hips_m = motion.root_m[frames] + root @ (offsets["lhipjoint"] + offsets["rhipjoint"]) / 2
    hips_m = hips_m @ R_WORLD_RECORDED.T * (legs_m / recorded_legs_m)
    to_hips = (rest[JOINT["left_hip"]] + rest[JOINT["right_hip"]]) / 2 - rest[JOINT["pelvis"]]
    return pose_rad, hips_m - world[:, 0] @ to_hips - rest[JOINT["pelvis"]]


def _ground_m(body: ShapedBody, pose_rad: np.ndarray, transl_m: np.ndarray) -> np.ndarray:  # (T,)
    """Height of the ground in every frame: of the body's lowest point as it usually is about then, for some people
    were recorded on uneven ground, and ours is level; who jumps is in the air for less long."""
    lowest = [body.vertices(T)[:, 2].min() for T in body.joint_transforms(pose_rad, transl_m)]
    return gaussian_filter1d(median_filter(np.array(lowest, float), GROUND_FRAMES, mode="nearest"), 1, mode="nearest")


def _length(rest_m: np.ndarray, *joints: str) -> float:
    points = rest_m[[JOINT[name] for name in joints]]
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def _bone_of(joint: str) -> str | None:
    side, _, part = joint.partition("_")
    if side in _SIDES and part in _LIMBS:
        return _SIDES[side] + _LIMBS[part][0]
    return _BONE.get(joint)


def _rest_turns(skeleton: AcclaimSkeleton, body: ShapedBody) -> np.ndarray:  # (55, 3, 3)
    """From the figure's rest to the recorded skeleton's, for the limbs: both stretch them out, but not alike."""
    offsets = {bone.name: bone.offset_m for bone in skeleton.bones}
    turns = np.tile(np.eye(3), (len(JOINT_NAMES), 1, 1))
    for joint, parent in enumerate(PARENTS):
        side, _, part = JOINT_NAMES[joint].partition("_")
        if side not in _SIDES or part not in _LIMBS:
            continue
        bone, end = _LIMBS[part]
        above = turns[parent]
        if end is not None:
            points = body.rest_joints_m[[joint, JOINT[f"{side}_{end}"]]]
            above = _shortest_turn(above @ (points[1] - points[0]), offsets[_SIDES[side] + bone]) @ above
        turns[joint] = above
    return turns


def _shortest_turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:  # (3,), (3,) -> (3, 3)
    source, target = source / np.linalg.norm(source), target / np.linalg.norm(target)
    axis = np.cross(source, target)
    sine = np.linalg.norm(axis)
    return Rotation.from_rotvec(axis / max(sine, 1e-12) * np.arctan2(sine, source @ target)).as_matrix()
