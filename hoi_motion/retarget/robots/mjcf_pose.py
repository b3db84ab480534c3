"""Where an element of an MJCF is: its position and any of MuJoCo's five ways to give an orientation."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.retarget.robots.elements import numbers

ORIENTATIONS = ("quat", "euler", "axisangle", "xyaxes", "zaxis")


@dataclass(frozen=True)
class Turns:
    """How a file means its angles, as its <compiler> says.

    Attributes:
        degrees: else radians; sequence: axes of euler angles, capital ones stand still.
    """

    degrees: bool
    sequence: str

    def euler(self, angles: np.ndarray) -> np.ndarray:  # (..., 3) -> (..., 3, 3)
        turned = np.eye(3)
        angles = np.moveaxis(np.radians(angles) if self.degrees else angles, -1, 0)
        for letter, angle in zip(self.sequence, angles, strict=True):
            turn = Rotation.from_rotvec(angle[..., None] * np.eye(3)["xyz".index(letter.lower())]).as_matrix()
            # lower case: about the axes that turn along; upper case: about those that stand still
            turned = turned @ turn if letter.islower() else turn @ turned
        return turned

    def pose(self, given: dict) -> np.ndarray:  # (4, 4)
        """Of an element's attributes. Raises: ValueError: for two orientations, or numbers that are none."""
        T = translation(numbers(given.get("pos"), [0, 0, 0]))
        turns = [name for name in ORIENTATIONS if name in given]
        if len(turns) > 1:
            raise ValueError(f"one element has {' and '.join(turns)}")
        if "quat" in given:
            w, x, y, z = numbers(given["quat"], [])
            T[:3, :3] = Rotation.from_quat([x, y, z, w]).as_matrix()
        elif "euler" in given:
            T[:3, :3] = self.euler(numbers(given["euler"], []))
        elif "axisangle" in given:
            *axis, angle = numbers(given["axisangle"], [])
            angle_rad = np.radians(angle) if self.degrees else angle
            T[:3, :3] = Rotation.from_rotvec(angle_rad * np.array(axis) / np.linalg.norm(axis)).as_matrix()
        elif "xyaxes" in given:
            x, y = numbers(given["xyaxes"], []).reshape(2, 3)
            x = x / np.linalg.norm(x)
            y = y - (y @ x) * x
            y = y / np.linalg.norm(y)
            T[:3, :3] = np.stack([x, y, np.cross(x, y)], axis=1)
        elif "zaxis" in given:
            T[:3, :3] = z_along(numbers(given["zaxis"], []))
        return T


def z_along(direction: np.ndarray) -> np.ndarray:  # (3,) -> (3, 3)
    """The smallest turn that brings z to a direction; about x where that is straight down."""
    along = direction / max(np.linalg.norm(direction), 1e-9)
    axis = np.cross([0, 0, 1], along)
    size = np.linalg.norm(axis)
    axis = np.array([1.0, 0, 0]) if size < 1e-9 else axis / size
    return Rotation.from_rotvec(np.arctan2(size, along[2]) * axis).as_matrix()


def translation(offset_m: np.ndarray) -> np.ndarray:  # (4, 4)
    T = np.eye(4)
    T[:3, 3] = offset_m
    return T
