"""A hand whose fingers close around an object until they touch it, for many palm poses at once."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES, PARENTS
from hoi_motion.physics.geometry import MotionGeometry

FINGERS = ("index", "middle", "ring", "pinky", "thumb")
SEGMENTS = (1, 2, 3)
POINTS_PER_PART = 20
MOST_PLANES = 120
STEPS_RAD = (0.08, 0.02, 0.005)  # coarse steps first, then fine ones from where a finger stopped
OPENED_RAD = np.array([[-0.2, -0.2, -0.2]] * 4 + [[-0.7, 0.0, 0.0]])  # where fingers and thumb start to close
BEND_RAD = np.array([[1.5, 1.7, 1.2]] * 4 + [[0.8, 1.0, 1.2]])  # and the largest bend of each joint
TOUCHED_M = 0.002
PALM_STEPS = 20
PALM_GAP_M = 0.001


@dataclass(frozen=True)
class Hand:
    """One hand as rigid parts: the palm, then three segments of each of FINGERS.

    With all bends at 0 the fingers are straight and the thumb is opposed, straight out of the palm.

    Attributes:
        joints: (16,) indices of their joints.
        T_palm_root: (5, 4, 4) first segment of each finger; T_next: (5, 2, 4, 4) the next two, each in the previous
            one.
        axes: (5, 3, 3) unit axes about which segments close, in their own frames: fingers towards the palm, the thumb
            towards the fingers.
        points_m: (16, P, 3) of the parts' hulls, in their own frames.
        palm_normal, fingers_along: (3,) unit, in the frame of the palm.
    """

    joints: tuple[int, ...]
    T_palm_root: np.ndarray
    T_next: np.ndarray
    axes: np.ndarray
    points_m: np.ndarray
    palm_normal: np.ndarray
    fingers_along: np.ndarray

    @classmethod
    def of(cls, geometry: MotionGeometry, side: str, frame: int) -> "Hand":
        """The hand in a frame of a motion."""
        T = geometry.T_world_part[frame]
        wrist = JOINT_NAMES.index(f"{side}_wrist")
        chains = [[JOINT_NAMES.index(f"{side}_{finger}{k}") for k in SEGMENTS] for finger in FINGERS]
        rest = {j: T[PARENTS[j]][:3, :3].T @ (T[j][:3, 3] - T[PARENTS[j]][:3, 3]) for chain in chains for j in chain}
        index, pinky = rest[chains[0][0]], rest[chains[3][0]]
        normal = np.cross(index, pinky) * (1 if side == "right" else -1)
        normal /= np.linalg.norm(normal)
        along = (index + pinky) / np.linalg.norm(index + pinky)
        axes = np.zeros((len(chains), len(SEGMENTS), 3))
        turned = np.tile(np.eye(3), (len(chains), 1, 1))
        for f, chain in enumerate(chains):
            out = rest[chain[1]] + rest[chain[2]]
            axes[f] = np.cross(out, normal)
            if FINGERS[f] == "thumb":
                across = Rotation.align_vectors(normal[None], (out / np.linalg.norm(out))[None])[0]
                turned[f], axes[f] = across.as_matrix(), across.inv().apply(np.cross(normal, along))
            axes[f] /= np.linalg.norm(axes[f], axis=1, keepdims=True)
        roots = [_placed(rest[chain[0]], R) for chain, R in zip(chains, turned)]
        following = [[_placed(rest[joint], np.eye(3)) for joint in chain[1:]] for chain in chains]
        joints = (wrist, *(j for chain in chains for j in chain))
        points = np.stack([_spread(geometry.parts.hulls_m.get(j)) for j in joints])
        return cls(joints, np.stack(roots), np.stack([np.stack(two) for two in following]), axes, points, normal, along)

    def parts(self, T_palm: np.ndarray, bend_rad: np.ndarray) -> np.ndarray:  # (N, 4, 4), (N, 5, 3) -> (N, 16, 4, 4)
        """Poses of all parts, in the frame of the given palm poses, with fingers bent."""
        T = np.zeros((len(T_palm), len(self.joints), 4, 4))
        T[:, 0] = T_palm
        for f in range(len(FINGERS)):
            above = T_palm @ self.T_palm_root[f]
            for k in range(len(SEGMENTS)):
                if k:
                    above = above @ self.T_next[f, k - 1]
                turn = np.tile(np.eye(4), (len(T_palm), 1, 1))
                turn[:, :3, :3] = Rotation.from_rotvec(bend_rad[:, f, k, None] * self.axes[f, k]).as_matrix()
                above = above @ turn
                T[:, 1 + 3 * f + k] = above
        return T


def _placed(place_m: np.ndarray, rotation: np.ndarray) -> np.ndarray:  # (3,), (3, 3) -> (4, 4)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = rotation, place_m
    return T


def _spread(hull_m: np.ndarray | None) -> np.ndarray:  # (P, 3)
    """A fixed number of corners of a hull; a part without a hull is represented by its joint."""
    points = np.zeros((1, 3)) if hull_m is None else hull_m
    return points[np.linspace(0, len(points) - 1, POINTS_PER_PART).astype(int)]


@dataclass(frozen=True)
class Planes:
    """The faces of an object's convex hull: outward normals (F, 3) and offsets (F,), object frame."""

    normals: np.ndarray
    offsets_m: np.ndarray

    @classmethod
    def of(cls, hull_m: np.ndarray) -> "Planes":
        faces = np.unique(ConvexHull(hull_m).equations.round(6), axis=0)
        if len(faces) > MOST_PLANES:  # a sphere: tangent planes in evenly spread directions
            turns = np.arange(MOST_PLANES) * np.pi * (3 - np.sqrt(5))
            height = 1 - 2 * (np.arange(MOST_PLANES) + 0.5) / MOST_PLANES
            ring = np.sqrt(1 - height**2)
            normals = np.stack([ring * np.cos(turns), ring * np.sin(turns), height], axis=1)
            return cls(normals, (hull_m @ normals.T).max(axis=0))
        return cls(faces[:, :3], -faces[:, 3])

    def distance(self, points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (..., 3) -> (...), (...)
        """Distance to the farthest plane (exact inside, a lower bound outside), and the index of that plane."""
        over = points_m @ self.normals.T - self.offsets_m
        which = over.argmax(axis=-1)
        return np.take_along_axis(over, which[..., None], axis=-1)[..., 0], which


def palm_on(hand: Hand, T_object_palm: np.ndarray, planes: Planes) -> tuple[np.ndarray, np.ndarray]:
    """Palms moved along their normals until they touch, (N, 4, 4), and whether they do, (N,)."""
    T = T_object_palm.copy()
    normal = T[:, :3, :3] @ hand.palm_normal
    gap = np.zeros(len(T))
    for _ in range(PALM_STEPS):
        points = np.einsum("nij,pj->npi", T[:, :3, :3], hand.points_m[0]) + T[:, None, :3, 3]
        gap = planes.distance(points)[0].min(axis=1) - PALM_GAP_M
        T[:, :3, 3] += gap[:, None] * normal
    return T, np.abs(gap) < TOUCHED_M


def close_around(hand: Hand, T_object_palm: np.ndarray, planes: Planes) -> np.ndarray:  # (N, 4, 4) -> (N, 5, 3)
    """How far each finger joint bends until the finger touches the object.

    All joints of a finger close together. A segment that touches stops its own joint and those before it; the ones
    after it continue, so that a finger wraps around the object.
    """
    bend = np.tile(OPENED_RAD, (len(T_object_palm), 1, 1))
    longest = float((BEND_RAD - OPENED_RAD).max())
    for step in STEPS_RAD:
        stopped = np.zeros(bend.shape, bool)
        for _ in range(int(np.ceil(longest / step))):
            tried = np.where(stopped, bend, np.minimum(bend + step, BEND_RAD))
            touching = gaps(hand, T_object_palm, tried, planes)[0][:, 1:].reshape(bend.shape) < 0
            # a segment is moved by its own joint and those before it
            stopped |= np.flip(np.maximum.accumulate(np.flip(touching, axis=2), axis=2), axis=2)
            bend = np.where(stopped, bend, tried)
            if stopped.all():
                break
        longest = step * SEGMENTS[-1]
    return bend


def gaps(hand: Hand, T_object_palm: np.ndarray, bend: np.ndarray, planes: Planes):
    """For every part: distance to the object (N, 16), the nearest point (N, 16, 3) and the surface normal there."""
    T = hand.parts(T_object_palm, bend)
    points = np.einsum("nkij,kpj->nkpi", T[..., :3, :3], hand.points_m) + T[:, :, None, :3, 3]
    distance, which = planes.distance(points)
    nearest = distance.argmin(axis=2)[..., None]
    normal = planes.normals[np.take_along_axis(which, nearest, axis=2)[..., 0]]
    place = np.take_along_axis(points, nearest[..., None], axis=2)[:, :, 0]
    return np.take_along_axis(distance, nearest, axis=2)[..., 0], place, normal
