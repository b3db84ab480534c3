"""Grasp: a gripper on an object. GripperPose and GraspTarget: gripper and object while one is looked for."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hoi_motion.motion import ObjectMotion
from hoi_motion.physics.surface import ObjectSurface

ASSUMED_FRICTION = 0.5  # between fingers and things; executing gives the same
SLAB_HALF_M = 0.011  # half the width of a finger
SURFACE_SAMPLES = 12000
HALF_TURN_COST = 0.01
FOOT_M = 0.004  # points this near an object's lowest one are its foot


@dataclass(frozen=True)
class Grasp:
    """Gripper on the object.

    Attributes:
        T_object_tool: (4, 4), z of the tool is the approach, y the opening.
        open_m, width_m: opening of the gripper as it comes, and once it holds.
        grip: "pinch" between the fingers, "touch" with the closed finger tips, or "push" with a fork of both.
        cost: how unlike the person's grasp; lower is more alike.
        depth_m: from the object's nearest point between the fingers to their tips.
        again: the same with the gripper at another pose, both ways round, none where it does not hold there; whether
            the fingers stay as they come, or may be turned to lie flat.
    """

    T_object_tool: np.ndarray
    open_m: float
    width_m: float
    grip: str
    cost: float
    depth_m: float = 0.0
    again: "Callable[[GripperPose, bool], list[Grasp]] | None" = field(default=None, compare=False)


@dataclass(frozen=True)
class GripperPose:
    """A gripper that comes to an object, object frame.

    Attributes:
        at_m: (3,) a place between the fingers, on their way. y, z: (3,) unit, along the opening and the approach.
    """

    at_m: np.ndarray
    y: np.ndarray
    z: np.ndarray

    @property
    def x(self) -> np.ndarray:  # (3,)
        """Across the fingers."""
        return np.cross(self.y, self.z)

    def local_m(self, points_m: np.ndarray) -> np.ndarray:  # (S, 3) -> (S, 3)
        """Points of the object in the gripper's axes, from `at_m`."""
        return (points_m - self.at_m) @ np.stack([self.x, self.y, self.z], axis=1)


@dataclass(frozen=True)
class GraspTarget:
    """An object's surface, object frame.

    Attributes:
        points_m, normals: (S, 3) spread evenly; up: (3,) world z.
        low_m, high_m: extent along up; axis_m: (3,) middle of its outline, at level 0; centre_m: (3,) of the surface.
        is_round: a ball.
    """

    points_m: np.ndarray
    normals: np.ndarray
    up: np.ndarray
    low_m: float
    high_m: float
    axis_m: np.ndarray
    centre_m: np.ndarray
    is_round: bool

    @classmethod
    def of(cls, thing: ObjectMotion, up: np.ndarray) -> "GraspTarget":
        points, normals = surface_points(thing.vertices_m, thing.faces)
        surface = ObjectSurface(thing.vertices_m, thing.faces, thing.name)
        level = points @ up
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        axis = middle - up * (middle @ up)
        return cls(
            points, normals, up, float(level.min()), float(level.max()), axis, points.mean(axis=0), surface.is_round
        )

    def width_m(self, side: np.ndarray) -> float:
        """Extent along a direction."""
        return float(np.ptp(self.points_m @ side))

    def base_width_m(self, side: np.ndarray) -> float:
        """Extent along a direction of its foot alone: a cup is wider at its rim."""
        foot = self.points_m[self.points_m @ self.up < self.low_m + FOOT_M]
        return float(np.ptp(foot @ side))


def both_ways(
    pose: GripperPose,
    open_m: float,
    width_m: float,
    grip: str,
    cost: float,
    again: "Callable[[GripperPose, bool], list[Grasp]]",
    depth_m: float = 0.0,
) -> list[Grasp]:
    """A grasp with the tool at a pose, and the same one after half a turn about the approach."""
    grasps = []
    for sign in (1, -1):
        T = np.eye(4)
        T[:3] = np.stack([sign * pose.x, sign * pose.y, pose.z, pose.at_m], axis=1)
        grasps.append(Grasp(T, open_m, width_m, grip, cost + HALF_TURN_COST * (sign < 0), depth_m, again))
    return grasps


def surface_points(vertices_m: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (S, 3), (S, 3)
    """Points evenly spread over a surface and its outward normals there; always the same ones."""
    triangles = np.asarray(vertices_m, float)[faces]
    edges = triangles[:, 1:] - triangles[:, :1]
    normals = np.cross(edges[:, 0], edges[:, 1])
    area = np.linalg.norm(normals, axis=1)
    rng = np.random.default_rng(0)
    which = rng.choice(len(faces), SURFACE_SAMPLES, p=area / area.sum())
    u, v = rng.random((2, SURFACE_SAMPLES, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    samples = triangles[which, 0] + u * edges[which, 0] + v * edges[which, 1]
    return samples, normals[which] / area[which, None]
