"""Supports and objects of a humanoid's scaled scene, as bodies that its links must not penetrate."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

from dataclasses import dataclass

import hppfcl
import numpy as np

from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.humanoid.apart import convex_shape
from hoi_motion.retarget.humanoid.targets import RAMP_S


@dataclass(frozen=True)
class Thing:
    """One body of the scene in one frame.

    Attributes:
        shape: convex, of hppfcl; T_world_thing: (4, 4); centre_m, radius_m: bounding sphere, world.
        spared: joints whose links may touch it: those of a touching hand.
    """

    shape: object
    T_world_thing: np.ndarray
    centre_m: np.ndarray
    radius_m: float
    spared: frozenset[int]


class SceneThings:
    """The scaled scene of a motion, frame by frame. Objects are represented by their convex hulls."""

    def __init__(self, robot, motion: HoiMotion, scene_scale: float):
        """The boxes and hulls of the scene for a Humanoid."""
        self._robot, self._motion, self._scale = robot, motion, scene_scale
        self._boxes = []
        for support in motion.supports:
            size = scene_scale * support.size_m
            T = support.T_world_box.copy()
            T[:3, 3] *= scene_scale
            radius = float(np.linalg.norm(size)) / 2
            self._boxes.append(Thing(hppfcl.Box(*map(float, size)), T, T[:3, 3], radius, frozenset()))
        self._hulls = []
        for item in motion.objects:
            points = scene_scale * item.vertices_m.astype(float)
            middle = (points.min(axis=0) + points.max(axis=0)) / 2
            radius = float(np.linalg.norm(points - middle, axis=1).max())
            shape = convex_shape(points)
            if shape is not None:
                self._hulls.append((item, shape, middle, radius))

    def at(self, frame: int) -> list[Thing]:
        """All bodies at their poses in a frame."""
        things = list(self._boxes)
        for item, shape, middle, radius in self._hulls:
            T = item.T_world_object[frame].copy()
            T[:3, 3] *= self._scale
            centre = T[:3, :3] @ middle + T[:3, 3]
            things.append(Thing(shape, T, centre, radius, self._spared(item.name, frame)))
        return things

    def _spared(self, name: str, frame: int) -> frozenset[int]:
        """Joints of the hands that touch an object, or are on their way to it or from it."""
        near = RAMP_S * self._motion.fps
        hands = {
            c.hand
            for c in self._motion.contacts
            if c.object_name == name and c.start_frame - near < frame < c.end_frame + near
        }
        return frozenset(joint for hand in hands for joint in self._robot.hand_joints(hand))
