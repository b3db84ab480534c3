"""MotionGeometry: what the checks measure, computed once per motion: skin, parts, surfaces, touches."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hoi_motion.body.posed import PosedBody, surface_in_batches
from hoi_motion.errors import CheckError, ErrorCode
from hoi_motion.motion import HoiMotion, ObjectMotion, SupportBox
from hoi_motion.physics.config import CheckConfig
from hoi_motion.physics.person import PersonParts, part_transforms
from hoi_motion.physics.surface import ObjectSurface, box_signed_distance, lowest_over_m
from hoi_motion.rigid import moved_back, moved_each

ESTIMATED_SUPPORT_SIZE_M = (0.6, 0.6, 0.04)
AT_REST_M_S = 0.05


@dataclass(frozen=True)
class NearPoints:
    """Skin points at most the contact distance from one object.

    Attributes:
        frames, vertices: (N,) indices; distances_m: (N,) signed, negative inside.
    """

    frames: np.ndarray
    vertices: np.ndarray
    distances_m: np.ndarray


class MotionGeometry:
    """A motion with its body posed in every frame.

    Attributes:
        vertices_m: (T, V, 3) skin, world; joints_m: (T, 55, 3); parts: the rigid parts of the person.
        T_world_part: (T, 55, 4, 4).
    """

    def __init__(self, motion: HoiMotion, config: CheckConfig, body):
        posed = PosedBody(body, motion, CheckError, ErrorCode.CHECK_NOT_RUN)
        self.motion, self.config = motion, config
        self.vertices_m, self.joints_m = posed.skin_m, posed.joints_m
        rest_vertices, rest_joints = surface_in_batches(body, np.zeros((1, 55, 3)), np.zeros((1, 3)), motion.betas)
        self.parts = PersonParts.from_rest_pose(rest_vertices[0], rest_joints[0], body.vertex_joint)
        self.T_world_part = part_transforms(motion.pose_rad, self.joints_m)
        self._near, self._supported = {}, {}

    def with_scene(self, motion: HoiMotion) -> "MotionGeometry":
        """The geometry of a motion with the same person and other objects, supports or contacts, without posing the
        skin again.

        Raises:
            ValueError: the person moves differently.
        """
        ours, theirs = ((m.pose_rad, m.transl_m, m.betas) for m in (self.motion, motion))
        if not all(np.array_equal(a, b) for a, b in zip(ours, theirs)):
            raise ValueError("the person moves differently in the other motion")
        other = object.__new__(MotionGeometry)
        other.motion, other.config, other.parts = motion, self.config, self.parts
        other.vertices_m, other.joints_m, other.T_world_part = self.vertices_m, self.joints_m, self.T_world_part
        other._near, other._supported = {}, {}
        return other

    def time_words(self, frame: int) -> str:
        return f"at {frame / self.motion.fps:.1f} s"

    @cached_property
    def surfaces(self) -> dict[str, ObjectSurface]:
        """Object name -> surface, object frame."""
        return {o.name: ObjectSurface(o.vertices_m, o.faces, o.name) for o in self.motion.objects}

    def centres_world(self, item: ObjectMotion) -> np.ndarray:  # (T, 3)
        """Centre of mass of an object, metres."""
        return item.T_world_object[:, :3, :3] @ self.surfaces[item.name].centre_m + item.T_world_object[:, :3, 3]

    def near(self, item: ObjectMotion) -> NearPoints:
        """Skin points inside an object or within the contact distance of it."""
        if item.name not in self._near:
            self._near[item.name] = self._find_near(item)
        return self._near[item.name]

    def _find_near(self, item: ObjectMotion) -> NearPoints:
        surface, reach = self.surfaces[item.name], self.config.contact_distance_m
        low, high = surface.bounds_m
        middle = item.T_world_object[:, :3, :3] @ ((low + high) / 2) + item.T_world_object[:, :3, 3]
        radius = np.linalg.norm(high - low) / 2 + reach
        offsets = self.vertices_m - middle[:, None].astype(np.float32)
        frames, vertices = np.nonzero(np.einsum("tvi,tvi->tv", offsets, offsets) < radius**2)
        T = item.T_world_object[frames]
        points = np.einsum("nij,ni->nj", T[:, :3, :3], self.vertices_m[frames, vertices] - T[:, :3, 3])
        inside = ((points > low - reach) & (points < high + reach)).all(axis=1)
        frames, vertices, points = frames[inside], vertices[inside], points[inside]
        distances = surface.signed_distance(points)
        keep = distances <= reach
        return NearPoints(frames[keep], vertices[keep], distances[keep])

    def outward(self, item: ObjectMotion, frame: int, points_m: np.ndarray) -> np.ndarray:  # (P, 3) -> (P, 3)
        """Unit gradient of the signed distance to an object at points, all in the world."""
        surface, T, h = self.surfaces[item.name], item.T_world_object[frame], 1e-4
        local = moved_back(T, points_m)
        gradient = np.stack(
            [surface.signed_distance(local + h * e) - surface.signed_distance(local - h * e) for e in np.eye(3)], axis=1
        )
        return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-12) @ T[:3, :3].T

    def hand_touches(self, hand: str, item: ObjectMotion) -> np.ndarray:  # (T,) bool
        """Frames in which the skin of `hand` is at most the contact distance from the object."""
        near, touches = self.near(item), np.zeros(self.motion.num_frames, bool)
        touches[near.frames[np.isin(near.vertices, self.parts.hand_vertices[hand])]] = True
        return touches

    def touched(self, item: ObjectMotion) -> np.ndarray:  # (T,) bool
        """Frames in which any part of the body touches the object."""
        touches = np.zeros(self.motion.num_frames, bool)
        touches[self.near(item).frames] = True
        return touches

    @cached_property
    def supports(self) -> tuple[SupportBox, ...]:
        """The motion's supports; without any, one estimated under each object that starts at rest above the floor."""
        if self.motion.supports:
            return self.motion.supports
        found = []
        for item in self.motion.objects:
            low = item.vertices_world(0)[:, 2].min()
            still = np.linalg.norm(np.diff(self.centres_world(item)[:2], axis=0)) * self.motion.fps < AT_REST_M_S
            if low > self.config.floating_m and still and not self.touched(item)[0]:
                T = np.eye(4)
                T[:3, 3] = *self.centres_world(item)[0, :2], low - ESTIMATED_SUPPORT_SIZE_M[2] / 2
                found.append(SupportBox(f"estimated support of {item.name}", ESTIMATED_SUPPORT_SIZE_M, T))
        return tuple(found)

    def skin_distance(self, support: SupportBox) -> np.ndarray:  # (T, V)
        """Signed distance of the skin to a support, metres."""
        local = moved_back(support.T_world_box.astype(np.float32), self.vertices_m)
        return box_signed_distance(local, support.size_m.astype(np.float32))

    def supported(self, item: ObjectMotion) -> np.ndarray:  # (T,) bool
        """Frames in which something supports the object from below: the floor, a support, another object."""
        if item.name not in self._supported:
            self._supported[item.name] = self._find_supported(item)
        return self._supported[item.name]

    def _find_supported(self, item: ObjectMotion) -> np.ndarray:
        reach = self.config.floating_m
        points = moved_each(item.T_world_object, item.vertices_m)  # (T, N, 3)
        supported = points[..., 2].min(axis=1) <= reach
        for support in self.supports:
            T = support.T_world_box
            top = support.size_m[2] / 2
            local = moved_back(T, moved_each(item.T_world_object, self.surfaces[item.name].hull_m))
            near = (local[..., 2].min(axis=1) - top <= reach) & (moved_back(T, self.centres_world(item))[:, 2] > 0)
            for t in np.flatnonzero(near & ~supported):
                supported[t] = lowest_over_m(local[t], support.size_m[:2] / 2) - top <= reach
        centre = self.centres_world(item)
        for other in self.motion.objects:
            if other.name == item.name:
                continue
            carrier = moved_each(other.T_world_object, other.vertices_m)
            low, high = carrier.min(axis=1) - reach, carrier.max(axis=1) + reach
            over = ((centre >= low) & (centre <= high))[:, :2].all(axis=1)
            lowest = points[..., 2].min(axis=1)
            supported |= over & (lowest <= high[:, 2]) & (centre[:, 2] > carrier[..., 2].min(axis=1))
        return supported
