"""Motion capture as motions: ASF/AMC files of the CMU Graphics Lab Motion Capture Database, given by path.

The recordings are no part of the project. "The data used in this project was obtained from mocap.cs.cmu.edu. The
database was created with funding from NSF EIA-0196217."
"""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES, KEYPOINT_NAMES, PARENTS
from hoi_motion.camera import Camera
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.untrusted import MEBIBYTE, read_bytes

UNIT_M = 0.0254 / 0.45  # an ASF unit
MAX_BYTES = 64 * MEBIBYTE
RECORDED_FPS = 120
FPS = 30
FLOOR_PERCENT = 2  # share of the frames whose lowest point may be under the floor
BONES = {"pelvis": "root", "spine1": "lowerback", "spine2": "upperback", "spine3": "thorax", "neck": "lowerneck"} | {
    "head": "head"
}
for _side, _letter in (("left", "l"), ("right", "r")):
    for _joint, _bone in {
        "hip": "femur",
        "knee": "tibia",
        "ankle": "foot",
        "foot": "toes",
        "collar": "clavicle",
        "shoulder": "humerus",
        "elbow": "wrist",  # in these files the forearm's twist is stored at the wrist
        "wrist": "hand",
    }.items():
        BONES[f"{_side}_{_joint}"] = f"{_letter}{_bone}"
ENDS = {"hip": "knee", "knee": "ankle", "ankle": "foot", "shoulder": "elbow", "elbow": "wrist"}


def read_recording(amc: Path, body) -> HoiMotion:
    """One recording at 30 frames per second, on the average body, with its floor at height 0.

    Args:
        amc: its skeleton is the only .asf beside it; body: BodyModel.

    Raises:
        InputError: FILE_INVALID for what is no such recording.
    """
    skeletons = sorted(amc.parent.glob("*.asf"))
    if len(skeletons) != 1:
        raise InputError(ErrorCode.FILE_INVALID, f"{len(skeletons)} .asf files beside {amc}", "its skeleton is one")
    try:
        bones, parents = _skeleton(_text(skeletons[0], "an ASF skeleton"))
        frames = _frames(_text(amc, "an AMC recording"))[:: RECORDED_FPS // FPS]
        turned = _turned(bones, parents, frames)
        return _on_body(bones, turned, np.array([frame["root"][:3] for frame in frames]) * UNIT_M, body)
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(ErrorCode.FILE_INVALID, f"{amc} is not an ASF/AMC recording: {error!r}") from error


def _text(path: Path, what: str) -> str:
    return read_bytes(path, what, MAX_BYTES, ErrorCode.FILE_INVALID).decode(errors="replace")


def _skeleton(text: str) -> tuple[dict[str, dict], dict[str, str]]:
    """Bones (direction, length, axis, dof) and the parent of each."""
    data, hierarchy = text.split(":bonedata", 1)[1].split(":hierarchy", 1)
    bones, bone = {"root": {"axis": np.zeros(3), "dof": ["rx", "ry", "rz"], "length": 0.0}}, {}
    for words in (line.split() for line in data.splitlines()):
        if words[:1] == ["begin"]:
            bone = {"dof": []}
        elif words[:1] == ["name"]:
            bones[words[1]] = bone
        elif words[:1] == ["direction"] or words[:1] == ["axis"]:
            bone[words[0]] = np.array(words[1:4], float)
        elif words[:1] == ["length"]:
            bone["length"] = float(words[1])
        elif words[:1] == ["dof"]:
            bone["dof"] = words[1:]
    parents = {}
    for words in (line.split() for line in hierarchy.splitlines()):
        parents |= {child: words[0] for child in words[1:]} if len(words) > 1 else {}
    return bones, parents


def _frames(text: str) -> list[dict[str, list[float]]]:
    frames = []
    for words in (line.split() for line in text.splitlines() if line[:1] not in "#:"):
        if len(words) == 1:
            frames.append({})
        elif words:
            frames[-1][words[0]] = [float(word) for word in words[1:]]
    return frames


def _turned(bones: dict, parents: dict, frames: list[dict]) -> dict[str, np.ndarray]:
    """Bone -> (T, 3, 3) its rotation from the skeleton's zero pose, y up."""
    turned = {}
    for name, bone in bones.items():
        axis = Rotation.from_euler("xyz", bone["axis"], degrees=True)
        angles = np.zeros((len(frames), 3))
        for t, frame in enumerate(frames):
            values = frame.get(name, [0.0] * len(bone["dof"]))[-len(bone["dof"]) :] if bone["dof"] else []
            for dof, value in zip(bone["dof"], values):
                angles[t, "xyz".index(dof[1])] = value
        own = (axis * Rotation.from_euler("xyz", angles, degrees=True) * axis.inv()).as_matrix()
        turned[name] = own if name == "root" else turned[parents[name]] @ own
    return turned


def _on_body(bones: dict, turned: dict, root_m: np.ndarray, body) -> HoiMotion:
    rest = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), np.zeros(10))[0].double().numpy()

    def at(name: str) -> np.ndarray:
        return rest[KEYPOINT_NAMES.index(name)]

    world = {}  # y up
    for joint, bone in BONES.items():
        side, _, part = joint.rpartition("_")
        world[joint] = turned[bone]
        if side and part in ENDS and "direction" in bones[bone]:
            own = at(f"{side}_{ENDS[part]}") - at(joint)
            world[joint] = turned[bone] @ _between(own, bones[bone]["direction"])
    pose = np.zeros((len(root_m), 55, 3))
    for joint, R in world.items():
        i = JOINT_NAMES.index(joint)
        above = PARENTS[i]
        own = R if above < 0 else np.swapaxes(world[JOINT_NAMES[above]], 1, 2) @ R
        pose[:, i] = Rotation.from_matrix(own).as_rotvec()
    upright = Rotation.from_rotvec([np.pi / 2, 0, 0])
    pose[:, 0] = (upright * Rotation.from_rotvec(pose[:, 0])).as_rotvec()
    legs = [np.linalg.norm(at(f"left_{a}") - at(f"left_{b}")) for a, b in (("hip", "knee"), ("knee", "ankle"))]
    scale = sum(legs) / (UNIT_M * (bones["lfemur"]["length"] + bones["ltibia"]["length"]))
    place = upright.apply(scale * root_m)
    points = body.joints(pose, np.zeros((len(pose), 3)), np.zeros(10)).double().numpy()
    transl = place - points[:, 0]
    lowest = (points + transl[:, None])[
        :, [KEYPOINT_NAMES.index(f"{s}_{p}") for s in ("left", "right") for p in FEET], 2
    ]
    transl -= [*place[0, :2], np.percentile(lowest.min(axis=1), FLOOR_PERCENT)]
    K = np.array([[500.0, 0, 240], [0, 500, 180], [0, 0, 1]])
    return HoiMotion(pose, transl, np.zeros(10), FPS, "anny-free", Camera(K, np.eye(4), 480, 360))


FEET = ("heel", "big_toe", "small_toe")


def _between(start: np.ndarray, end: np.ndarray) -> np.ndarray:  # (3, 3)
    """The smallest rotation from one direction to another."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(a, b)
    size = np.linalg.norm(axis)
    return Rotation.from_rotvec(axis * np.arctan2(size, a @ b) / max(size, 1e-12)).as_matrix()
