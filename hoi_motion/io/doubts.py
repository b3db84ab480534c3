"""Signs that a file's axes, unit or angles are not as declared: noted, not refused, since people may do such things."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.motion import HoiMotion

MOSTLY = 0.9
ALONG = 0.7
HIGHEST_PELVIS_M = 5.0
FASTEST_M_S = 15.0
LARGEST_ANGLE_RAD = 2 * np.pi
"""A joint that turns by more than a full turn; the whole body may, over time."""
_AXES = "xyz"


def doubts_about(motion: HoiMotion, options=()) -> list[str]:
    """Sentences about axes, unit and angles; empty for an ordinary motion.

    Args:
        options: which of "up" and "unit" can be given for the file, to be named in the sentence.
    """
    return [*_about_axes(motion, options), *_about_unit(motion, options), *_about_angles(motion)]


def _about_axes(motion: HoiMotion, options) -> list[str]:
    upright = Rotation.from_rotvec(motion.pose_rad[:, 0].astype(float)).apply([0.0, 1.0, 0.0])  # (T, 3) along the spine
    for axis, name in enumerate(_AXES):
        for sign, direction in ((1, ""), (-1, "-")):
            along = (sign * upright[:, axis] > ALONG).mean()
            if along < MOSTLY or (name == "z" and sign == 1):
                continue
            what = "upside down" if name == "z" else f"on its side, along {direction}{name}"
            remedy = "give --up y" if "up" in options and name == "y" else "turn it"
            return [f"the body lies {what} for {along:.0%} of the time: if the file is not z up, {remedy}"]
    return []


def _about_unit(motion: HoiMotion, options) -> list[str]:
    path_m = motion.transl_m.astype(float)
    height_m = float(np.median(np.abs(path_m[:, 2])))
    rise_m = float(np.ptp(path_m[:, 2]))
    steps_m = np.linalg.norm(np.diff(path_m, axis=0), axis=1)
    speed_m_s = float(np.median(steps_m)) * motion.fps if len(steps_m) else 0.0
    largest = max(height_m, rise_m)
    if largest <= HIGHEST_PELVIS_M and speed_m_s <= FASTEST_M_S:
        return []
    unit = "mm" if largest > 200 or speed_m_s > 500 else "cm"
    remedy = f"give --unit {unit}" if "unit" in options else f"its translations may be in {unit}"
    what = f"{largest:.0f} m up" if largest > HIGHEST_PELVIS_M else f"at {speed_m_s:.0f} m/s"
    return [f"the body moves {what}: if the file is not in metres, {remedy}"]


def _about_angles(motion: HoiMotion) -> list[str]:
    largest = float(np.linalg.norm(motion.pose_rad[:, 1:], axis=-1).max(initial=0))
    if largest <= LARGEST_ANGLE_RAD:
        return []
    return [f"joint angles reach {largest:.0f} rad, more than once about: if they are degrees, they are read wrong"]
