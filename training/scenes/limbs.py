"""Two-bone limbs in closed form: shoulder-elbow-wrist and hip-knee-ankle."""

import numpy as np


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def middle_joint(root: np.ndarray, end: np.ndarray, upper_m: float, lower_m: float, pole: np.ndarray) -> np.ndarray:
    """Elbow or knee of a limb from `root` to `end`, bent towards the direction `pole`.

    Raises:
        ValueError: when the limb is too short; the message says by how much.
    """
    along = end - root
    distance = float(np.linalg.norm(along))
    if distance > upper_m + lower_m:
        raise ValueError(f"the limb is {distance - upper_m - lower_m:.3f} m too short")
    along = along / distance
    a = (distance**2 + upper_m**2 - lower_m**2) / (2 * distance)
    out = pole - (pole @ along) * along
    return root + a * along + np.sqrt(max(upper_m**2 - a**2, 0.0)) * unit(out)


def limb_rotations(root, middle, end, towards, rest_upper, rest_lower) -> tuple[np.ndarray, np.ndarray]:
    """World rotations (3, 3) of the joints at `root` and `middle`.

    Args:
        towards: direction that the zero pose's +z turns to: where the knee points, or where the elbow bends the hand.
        rest_upper, rest_lower: bone vectors in the zero pose.
    """
    reach = unit(end - root)
    bend = towards - (towards @ reach) * reach
    forward = np.array([0.0, 0.0, 1.0])
    upper = _frame(middle - root, bend) @ _frame(rest_upper, forward).T
    lower = _frame(end - middle, bend) @ _frame(rest_lower, forward).T
    return upper, lower


def _frame(along: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Columns x along the bone, z as close to `towards` as it can be."""
    x = unit(along)
    z = unit(towards - (towards @ x) * x)
    return np.stack([x, np.cross(z, x), z], 1)
