"""The person as rigid parts: one convex hull per joint, fitted to the body's skin."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES, PARENTS

MIN_PART_VERTICES = 6
_MERGED_INTO = {"jaw": "head", "left_eye_ball": "head", "right_eye_ball": "head"}
_WORDS = {
    "hip": "thigh",
    "spine1": "belly",
    "spine2": "belly",
    "spine3": "chest",
    "knee": "shin",
    "ankle": "foot",
    "foot": "toes",
    "collar": "shoulder",
    "shoulder": "upper arm",
    "elbow": "forearm",
    "wrist": "hand",
    "index": "hand",
    "middle": "hand",
    "pinky": "hand",
    "ring": "hand",
    "thumb": "hand",
}


def part_words(joint: int) -> str:
    """The common name of a joint's part, for example "right forearm"."""
    name = JOINT_NAMES[joint]
    side, _, rest = name.partition("_") if name.startswith(("left_", "right_")) else ("", "", name)
    return f"{side} {_WORDS.get(rest.rstrip('123'), _WORDS.get(rest, rest))}".strip()


@dataclass(frozen=True)
class PersonParts:
    """Rigid parts of one person, in the frames of their joints in the rest pose.

    Attributes:
        joint_of_vertex: (V,), the joint whose part a vertex belongs to.
        hulls_m: joint -> (H, 3) corners of the part's convex hull, joint frame.
        volumes_m3: joint -> volume; centres_m: joint -> (3,) centroid, joint frame.
    """

    joint_of_vertex: np.ndarray  # (V,)
    hulls_m: dict[int, np.ndarray]
    volumes_m3: dict[int, float]
    centres_m: dict[int, np.ndarray]

    @classmethod
    def from_rest_pose(cls, vertices_m: np.ndarray, joints_m: np.ndarray, joint_of_vertex: np.ndarray) -> "PersonParts":
        """Parts from the skin (V, 3) and joints (55, 3) of the rest pose."""
        joint_of_vertex = np.asarray(joint_of_vertex).copy()
        for name, target in _MERGED_INTO.items():
            joint_of_vertex[joint_of_vertex == JOINT_NAMES.index(name)] = JOINT_NAMES.index(target)
        hulls, volumes, centres = {}, {}, {}
        for joint in np.unique(joint_of_vertex).tolist():
            points = np.asarray(vertices_m, np.float64)[joint_of_vertex == joint] - joints_m[joint]
            if len(points) < MIN_PART_VERTICES:
                continue
            hull = ConvexHull(points, qhull_options="QJ")
            hulls[joint] = points[hull.vertices]
            volumes[joint], centres[joint] = hull.volume, _hull_centroid(points, hull)
        return cls(joint_of_vertex, hulls, volumes, centres)

    def centre_of_mass(self, T_world_part: np.ndarray) -> np.ndarray:  # (T, 55, 4, 4) -> (T, 3)
        """Centre of mass, world, metres, for parts of one density."""
        joints = list(self.hulls_m)
        T = T_world_part[:, joints]
        centres = np.einsum("tpij,pj->tpi", T[..., :3, :3], np.stack([self.centres_m[j] for j in joints]))
        weights = np.array([self.volumes_m3[j] for j in joints])
        return np.einsum("tpi,p->ti", centres + T[..., :3, 3], weights / weights.sum())

    @cached_property
    def foot_vertices(self) -> dict[str, np.ndarray]:
        """Side -> indices of the vertices of foot and toes."""
        return {
            side: np.flatnonzero(
                np.isin(self.joint_of_vertex, [JOINT_NAMES.index(f"{side}_{n}") for n in ("ankle", "foot")])
            )
            for side in ("left", "right")
        }

    @cached_property
    def hand_vertices(self) -> dict[str, np.ndarray]:
        """ "left_hand" / "right_hand" -> indices of the vertices of palm and fingers."""
        groups = {}
        for side in ("left", "right"):
            joints = [j for j in range(len(JOINT_NAMES)) if part_words(j) == f"{side} hand"]
            groups[f"{side}_hand"] = np.flatnonzero(np.isin(self.joint_of_vertex, joints))
        return groups


def part_transforms(pose_rad: np.ndarray, joints_m: np.ndarray) -> np.ndarray:  # (T, 55, 3) x2 -> (T, 55, 4, 4)
    """World pose of every part: rotations composed along the skeleton, origins at the posed joints."""
    local = Rotation.from_rotvec(np.reshape(pose_rad, (-1, 3))).as_matrix().reshape(*np.shape(pose_rad), 3)
    T_world_part = np.zeros((*joints_m.shape[:2], 4, 4))
    T_world_part[..., 3, 3] = 1
    T_world_part[..., :3, 3] = joints_m
    for joint, parent in enumerate(PARENTS):
        above = np.eye(3) if parent < 0 else T_world_part[:, parent, :3, :3]
        T_world_part[:, joint, :3, :3] = above @ local[:, joint]
    return T_world_part


def _hull_centroid(points: np.ndarray, hull: ConvexHull) -> np.ndarray:
    origin = points[hull.vertices].mean(axis=0)
    corners = points[hull.simplices] - origin
    volumes = np.abs(np.linalg.det(corners))
    return origin + (corners.sum(axis=1) / 4 * volumes[:, None]).sum(axis=0) / volumes.sum()
