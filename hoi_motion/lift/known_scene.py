"""What is known of the scene besides the video, such as a robot's camera pose and the height of its table."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.arrays import checked_array, checked_transforms
from hoi_motion.errors import ErrorCode, InputError

MOST_ROLL_DEG, LEAST_ACROSS = 60.0, 0.5
"""People who stand more aslant in the picture are not found. Roll is judged only where at least this share of up lies
across the line of sight."""
MOST_PITCH_DEG = 72.0
"""Nobody who stands on a floor is seen by a camera that looks farther up."""
OPTICAL = "a pose is that of the optical frame (x right, y down, z ahead), not of the camera's body or link"
HIGHEST_CAMERA_M = 50.0
"""Nobody's hands are seen from farther up."""
DEEPEST_SUPPORT_M = 0.5
"""Nobody takes what stands farther below their feet."""


@dataclass(frozen=True)
class KnownScene:
    """Camera against gravity, and heights; every part may be unknown.

    Heights are in the world of `T_world_camera`, z up, whatever its origin and heading: a robot's base frame will do.

    Attributes:
        T_world_camera: (4, 4) m, pose of the camera (optical frame: x right, y down, z ahead).
        gravity_camera: (3,) direction of gravity in the camera frame, any length; instead of the pose.
        support_height_m: height of what the object stands on.
        floor_height_m: height of the floor on which the person stands.
        camera_above_support_m: how high the camera is over what the object stands on; instead of pose and height.
        camera_above_floor_m: the same over the floor.
    """

    T_world_camera: np.ndarray | None = None
    gravity_camera: np.ndarray | None = None
    support_height_m: float | None = None
    floor_height_m: float | None = None
    camera_above_support_m: float | None = None
    camera_above_floor_m: float | None = None

    def __post_init__(self):
        if self.T_world_camera is not None:
            pose = checked_transforms(self.T_world_camera, "known camera pose", (4, 4), ErrorCode.CAMERA_INVALID)
            object.__setattr__(self, "T_world_camera", pose)
        if self.gravity_camera is not None:
            gravity = checked_array(self.gravity_camera, "known gravity", (3,), np.float64, ErrorCode.CAMERA_INVALID)
            if np.linalg.norm(gravity) < 1e-6:
                raise _invalid("the known gravity has no direction", "give where things fall in the camera frame")
            if self.T_world_camera is not None:
                raise _invalid(
                    "camera pose and gravity are both given", "the pose tells where gravity points: give one"
                )
            object.__setattr__(self, "gravity_camera", gravity / np.linalg.norm(gravity))
        self._check_roll()
        for place in ("support", "floor"):
            self._check_height(place)
        over_m = [self._camera_above(place) for place in ("support", "floor")]
        if None not in over_m and over_m[0] - over_m[1] > DEEPEST_SUPPORT_M:
            told = f"what the object stands on is {over_m[0] - over_m[1]:.2f} m below the floor that the person is on"
            raise _invalid(told, "the heights may be exchanged")
        self._check_pitch()

    def _check_pitch(self) -> None:
        up = self.up_camera
        if up is not None and up[2] > np.sin(np.deg2rad(MOST_PITCH_DEG)):
            told = f"the given camera looks up by {np.rad2deg(np.arcsin(min(1.0, up[2]))):.0f} degrees"
            raise _invalid(told, OPTICAL)

    def _check_roll(self) -> None:
        up = self.up_camera
        # of a camera that looks straight up or down, nothing is told by where up points in the picture
        if up is None or np.hypot(up[0], up[1]) < LEAST_ACROSS:
            return
        roll_deg = abs(float(np.rad2deg(np.arctan2(up[0], -up[1]))))
        if roll_deg > MOST_ROLL_DEG:
            hint = f"turn the picture upright, and the axes of the camera with it; {OPTICAL}"
            if roll_deg > 180 - MOST_ROLL_DEG:
                hint = (
                    "gravity is where things fall, and an accelerometer at rest shows the opposite; a pose is that of "
                    "the camera in the world, not its inverse"
                )
            raise _invalid(
                f"the given camera leans by {roll_deg:.0f} degrees to a side, but people stand upright in its picture",
                hint,
            )

    def _check_height(self, place: str) -> None:
        height_m, above_m = getattr(self, f"{place}_height_m"), getattr(self, f"camera_above_{place}_m")
        for value in (height_m, above_m):
            if value is not None and not np.isfinite(value):
                raise _invalid(f"the given height of the {place} is {value}", "give a number of metres")
        if height_m is not None and above_m is not None:
            raise _invalid(
                f"the {place} is given by its height and by the camera's height over it", "give only one of them"
            )
        if height_m is not None and self.T_world_camera is None:
            raise _invalid(
                f"the height of the {place} is given without the camera's pose",
                "give the pose in the same frame, or the camera's height over it",
            )
        camera_m = self._camera_above(place)
        if camera_m is not None and camera_m <= 0:
            raise _invalid(f"the camera is {camera_m:.2f} m over the {place}", "it must be above it; z is up, metres")
        if camera_m is not None and camera_m > HIGHEST_CAMERA_M:
            told = f"the camera is {camera_m:g} m over the {place}: are these millimetres?"
            raise _invalid(told, "give the pose and the heights in metres")

    @property
    def up_camera(self) -> np.ndarray | None:  # (3,)
        """Unit vector upwards in the camera frame."""
        if self.T_world_camera is not None:
            return self.T_world_camera[2, :3]
        return None if self.gravity_camera is None else -self.gravity_camera

    @property
    def pitch_rad(self) -> float | None:
        """Of the camera, positive looks up; its roll is left aside."""
        up = self.up_camera
        return None if up is None else float(np.arctan2(up[2], -up[1]))

    @property
    def camera_over_support_m(self) -> float | None:
        return self._camera_above("support")

    @property
    def camera_over_floor_m(self) -> float | None:
        return self._camera_above("floor")

    def _camera_above(self, place: str) -> float | None:
        height_m = getattr(self, f"{place}_height_m")
        if height_m is not None:
            return float(self.T_world_camera[2, 3] - height_m)
        return getattr(self, f"camera_above_{place}_m")


def _invalid(message: str, hint: str) -> InputError:
    return InputError(ErrorCode.CAMERA_INVALID, message, hint)
