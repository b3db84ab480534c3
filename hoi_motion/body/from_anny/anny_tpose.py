"""Anny's 104-bone figure folded onto the 55 SMPL-X joints and brought into the T-pose.

Anny stands in an A-pose with bent elbows and curled fingers, z up, facing -y. SMPL-X's zero pose is a T-pose with
straight fingers, y up, facing +z, every local frame the identity. The template is *unposed*: it is the mesh that
linear blend skinning carries exactly onto Anny's own surface when the skeleton goes back to Anny's rest pose.
"""

from dataclasses import dataclass

import numpy as np

from hoi_motion.body.joints import JOINT_NAMES, PARENTS

AXES_SMPLX_FROM_ANNY = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
_FINGER_NUMBER = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
_CENTRE_BONES = {
    "spine05": "spine1",
    "spine04": "spine1",
    "spine03": "spine2",
    "spine02": "spine2",
    "spine01": "spine3",
    "neck01": "neck",
    "neck02": "neck",
    "neck03": "neck",
    "head": "head",
    "root": "pelvis",
}
_SIDE_BONES = {
    "pelvis": "pelvis",
    "upperleg01": "hip",
    "upperleg02": "hip",
    "lowerleg01": "knee",
    "lowerleg02": "knee",
    "foot": "ankle",
    "clavicle": "collar",
    "shoulder01": "collar",
    "upperarm01": "shoulder",
    "upperarm02": "shoulder",
    "lowerarm01": "elbow",
    "lowerarm02": "elbow",
    "wrist": "wrist",
    "eye": "eye_ball",
    "metacarpal1": "wrist",
    "metacarpal2": "wrist",
    "metacarpal3": "wrist",
    "metacarpal4": "wrist",
}


def joint_of_bone(label: str) -> str:
    """SMPL-X joint that moves Anny's bone `label`."""
    bone, _, side = label.partition(".")
    if not side:
        return _CENTRE_BONES[bone]
    side = {"L": "left", "R": "right"}[side]
    if bone.startswith("toe"):
        return f"{side}_foot"
    if bone.startswith("finger"):
        number, phalanx = bone.removeprefix("finger").split("-")
        finger = next(name for name, n in _FINGER_NUMBER.items() if n == int(number))
        return f"{side}_{finger}{phalanx}"
    joint = _SIDE_BONES[bone]
    return joint if joint == "pelvis" else f"{side}_{joint}"


def _frame(x_axis: np.ndarray, towards: np.ndarray) -> np.ndarray:  # -> (3, 3)
    """Right-handed frame (columns) with the first axis along x_axis and the second in the plane with `towards`."""
    x = x_axis / np.linalg.norm(x_axis)
    z = np.cross(x, towards)
    z /= np.linalg.norm(z)
    return np.stack([x, np.cross(z, x), z], 1)


def _turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:  # -> (3, 3)
    """Smallest rotation that takes the direction `source` to `target`."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    v, c = np.cross(a, b), float(a @ b)
    k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + k + k @ k / (1 + c)


def tpose_rotations(joints: np.ndarray, tips: dict[str, np.ndarray]) -> np.ndarray:  # (55, 3) -> (55, 3, 3)
    """World rotations that bring Anny's rest skeleton (y up, facing +z) into the T-pose, one a joint.

    Args:
        joints: the 55 joint positions at rest, metres.
        tips: fingertip positions by joint name of the last phalanx.
    """
    at = {name: joints[i] for i, name in enumerate(JOINT_NAMES)}
    rotation = {name: np.eye(3) for name in JOINT_NAMES}
    for side, x in (("left", np.array([1.0, 0, 0])), ("right", np.array([-1.0, 0, 0]))):
        forward = np.array([0.0, 0, 1])
        p = {name.removeprefix(side + "_"): position for name, position in at.items() if name.startswith(side)}
        upper, fore = p["elbow"] - p["shoulder"], p["wrist"] - p["elbow"]
        rotation[f"{side}_shoulder"] = _frame(x, forward) @ _frame(upper, fore).T
        rotation[f"{side}_elbow"] = _turn(rotation[f"{side}_shoulder"] @ fore, x) @ rotation[f"{side}_shoulder"]
        across = p["index1"] - p["pinky1"]
        hand = _frame(x, forward) @ _frame((p["index1"] + p["middle1"] + p["ring1"]) / 3 - p["wrist"], across).T
        rotation[f"{side}_wrist"] = hand
        for finger in _FINGER_NUMBER:
            bones = [p[f"{finger}{i}"] for i in (1, 2, 3)] + [tips[f"{side}_{finger}3"]]
            straight = hand @ (bones[1] - bones[0])
            if finger != "thumb":
                straight = straight * [1, 0, 0.7]
            for i in (1, 2, 3):
                along = hand @ (bones[i] - bones[i - 1])
                goal = along if finger == "thumb" else straight
                rotation[f"{side}_{finger}{i}"] = _turn(along, goal) @ hand
        leg = p["ankle"] - p["hip"]
        straight = _turn(leg, np.array([0.25 * leg[0], leg[1], leg[2]]))
        rotation[f"{side}_hip"] = rotation[f"{side}_knee"] = straight
    return np.stack([rotation[name] for name in JOINT_NAMES])


@dataclass(frozen=True)
class FoldedShape:
    """One body shape in the T-pose, pelvis at the origin."""

    vertices_m: np.ndarray  # (V, 3)
    joints_m: np.ndarray  # (55, 3)


def unpose(vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, rotations: np.ndarray) -> FoldedShape:
    """Rest surface to T-pose template by inverting linear blend skinning vertex by vertex.

    Args:
        vertices: (V, 3) at Anny's rest pose; joints: (55, 3) there; weights: (V, 55).
        rotations: (55, 3, 3) from `tpose_rotations`.
    """
    tpose = np.zeros_like(joints)
    for j, parent in enumerate(PARENTS):
        if parent >= 0:
            tpose[j] = tpose[parent] + rotations[parent] @ (joints[j] - joints[parent])
    back = np.swapaxes(rotations, 1, 2)  # T-pose -> rest
    offset = joints - np.einsum("jab,jb->ja", back, tpose)
    blended = np.einsum("vj,jab->vab", weights, back)
    return FoldedShape(np.linalg.solve(blended, (vertices - weights @ offset)[..., None])[..., 0], tpose)
