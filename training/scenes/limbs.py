"""Rotations and two-bone limbs in closed form (shoulder-elbow-wrist, hip-knee-ankle), for all frames at once."""

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:  # (..., 3)
    return vectors / np.sqrt((vectors * vectors).sum(-1, keepdims=True))


def turn_about(axis: int, angle_rad: np.ndarray) -> np.ndarray:  # (...,) -> (..., 3, 3)
    """Rotation about a coordinate axis (0 x, 1 y, 2 z)."""
    angle_rad = np.asarray(angle_rad, np.float64)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out = np.zeros((*angle_rad.shape, 3, 3))
    out[..., axis, axis] = 1
    out[..., i, i] = out[..., j, j] = np.cos(angle_rad)
    out[..., j, i] = np.sin(angle_rad)
    out[..., i, j] = -out[..., j, i]
    return out


def middle_joint(root: np.ndarray, end: np.ndarray, upper_m: float, lower_m: float, pole: np.ndarray) -> np.ndarray:
    """Elbow or knee (..., 3) of a limb from `root` to `end` (..., 3), bent towards the direction `pole` (..., 3).

    Raises:
        ValueError: when the limb is too short; the message says by how much.
    """
    along = end - root
    distance = np.sqrt((along * along).sum(-1, keepdims=True))
    if distance.max() > upper_m + lower_m:
        raise ValueError(f"the limb is too short by {distance.max() - upper_m - lower_m:.3f} m")
    along = along / distance
    a = (distance**2 + upper_m**2 - lower_m**2) / (2 * distance)
    out = pole - (pole * along).sum(-1, keepdims=True) * along
    return root + a * along + np.sqrt(np.maximum(upper_m**2 - a**2, 0.0)) * unit(out)


def limb_rotations(root, middle, end, towards, rest_upper, rest_lower) -> tuple[np.ndarray, np.ndarray]:
    """World rotations (..., 3, 3) of the joints at `root` and `middle`.

    Args:
        root, middle, end, towards: (..., 3); `towards` is where the zero pose's +z turns to: where the knee points,
            or where the elbow bends the hand.
        rest_upper, rest_lower: (3,) bone vectors in the zero pose.
    """
    reach = unit(end - root)
    bend = towards - (towards * reach).sum(-1, keepdims=True) * reach
    forward = np.array([0.0, 0.0, 1.0])
    upper = frame(middle - root, bend) @ frame(rest_upper, forward).T
    lower = frame(end - middle, bend) @ frame(rest_lower, forward).T
    return upper, lower


def frame(along: np.ndarray, towards: np.ndarray) -> np.ndarray:  # (..., 3), (..., 3) -> (..., 3, 3)
    """Columns x along the bone, z as close to `towards` as it can be."""
    x = unit(along)
    z = unit(towards - (towards * x).sum(-1, keepdims=True) * x)
    return np.stack([x, np.cross(z, x), z], -1)
