"""RobotMotion: joint positions of a robot over time, the output of retargeting."""

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.arrays import checked_array, checked_number, checked_rate, checked_text
from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.files import write_whole
from hoi_motion.reading.npz import NpzFile
from hoi_motion.reading.untrusted import reading

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

SCHEMA_VERSION = 1
UNIT = 1e-3  # by which a quaternion's length may differ from 1
PEAK_POINTS = 4  # samples per interval at which a spline's speed is evaluated; its acceleration peaks at the samples


@dataclass(frozen=True)
class GripperCommand:
    """From a time on, the fingers move to an opening with a force, as in `control_msgs/GripperCommand`.

    Attributes:
        time_s: since the first sample; width_m: the commanded opening, reached or not.
        position: value of the first finger joint there, m or rad.
        force_n: of each finger, N (Nm for fingers that turn).
    """

    time_s: float
    width_m: float
    position: float
    force_n: float

    def __post_init__(self):
        for name in ("time_s", "width_m", "position", "force_n"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not (np.isfinite(self.position) and 0 <= min(self.time_s, self.width_m, self.force_n) < np.inf):
            raise InputError(ErrorCode.FILE_INVALID, f"{self}", "time, opening and force are finite and not negative")


@dataclass(frozen=True)
class RobotMotion:
    """Joint positions at a constant rate; sample 0 belongs to frame 0 of the source.

    Attributes:
        robot: its name; joint_names: (n,) arm joints, then those of the gripper.
        positions_rad: (N, n), metres for prismatic joints.
        root_pose: (N, 7) x y z qx qy qz qw of the base in the world, metres.
        fps: samples per second, after the motion was stretched.
        source_time_s: (N,) time in the source motion that each sample belongs to.
        stretch: how many times longer the robot takes than the person, >= 1.
        facts: choices and measurements: hand, object, grip, gap_m, ...
        gripper: commands of the gripper, by time; without any, the fingers do what `positions_rad` says.
        finger_names: those of `joint_names` that are the gripper's.
        object_pose: (N, 7) x y z qx qy qz qw where the handled object should be, world; (0, 7) when there is none.
    """

    robot: str
    joint_names: tuple[str, ...]
    positions_rad: np.ndarray  # (N, n)
    root_pose: np.ndarray  # (N, 7)
    fps: float
    source_time_s: np.ndarray  # (N,)
    stretch: float = 1.0
    facts: dict = field(default_factory=dict)
    gripper: tuple[GripperCommand, ...] = ()
    finger_names: tuple[str, ...] = ()
    object_pose: np.ndarray = field(default_factory=lambda: np.zeros((0, 7)))  # (N, 7)

    def __post_init__(self):
        if not isinstance(self.joint_names, (list, tuple)) or not isinstance(self.facts, dict):
            names = f"joint names {shown(self.joint_names)} and facts {shown(self.facts)}"
            raise InputError(ErrorCode.FILE_INVALID, f"a robot motion has {names}, expected a list and named values")
        object.__setattr__(self, "joint_names", tuple(checked_text(name, "joint name") for name in self.joint_names))
        checked_text(self.robot, "robot")
        object.__setattr__(self, "fps", checked_rate(self.fps))
        object.__setattr__(self, "stretch", checked_number(self.stretch, "stretch", 0, 1e6))
        object.__setattr__(self, "gripper", tuple(self.gripper))
        object.__setattr__(self, "finger_names", tuple(checked_text(name, "finger name") for name in self.finger_names))
        self._check_names()
        positions = checked_array(self.positions_rad, "positions_rad", ("N", len(self.joint_names)), np.float64)
        object.__setattr__(self, "positions_rad", positions)
        shapes = {"root_pose": (len(positions), 7), "source_time_s": (len(positions),)}
        shapes["object_pose"] = (len(positions) if len(self.object_pose) else 0, 7)
        for name, shape in shapes.items():
            object.__setattr__(self, name, checked_array(getattr(self, name), name, shape, np.float64))
        if not len(positions) or not (np.isfinite(self.fps) and self.fps > 0) or not self.stretch >= 1:
            raise InputError(
                ErrorCode.FILE_INVALID,
                f"{len(positions)} samples at {self.fps} fps, stretch {self.stretch}",
                "a robot motion has samples, a positive rate and a stretch of at least 1",
            )
        for name in ("root_pose", "object_pose"):
            lengths = np.linalg.norm(getattr(self, name)[:, 3:], axis=1)
            if (np.abs(lengths - 1) > UNIT).any():
                told = f"{name} has a quaternion of length {lengths[np.abs(lengths - 1).argmax()]:g}"
                raise InputError(ErrorCode.FILE_INVALID, told, "x y z qx qy qz qw, quaternions of length 1")

    def _check_names(self) -> None:
        """Raises: InputError: FILE_INVALID for a joint twice, a finger that is no joint, commands for no fingers."""
        known = ", ".join(self.joint_names)
        if len(set(self.joint_names)) < len(self.joint_names):
            raise InputError(ErrorCode.FILE_INVALID, f"a robot motion names a joint twice: {known}")
        astray = [name for name in self.finger_names if name not in self.joint_names]
        if astray:
            told = f"finger {astray[0]!r} of a robot motion is none of its joints"
            raise InputError(ErrorCode.FILE_INVALID, told, f"joints: {known}")
        if self.gripper and not self.finger_names:
            told = "a robot motion has commands for a gripper and no fingers"
            raise InputError(ErrorCode.FILE_INVALID, told, "name them in finger_names")

    def T_world_root(self, sample: int = 0) -> np.ndarray:  # (4, 4)
        """Pose of the base in the world at a sample."""
        return _transform(self.root_pose[sample])

    def T_world_object(self, sample: int) -> np.ndarray:  # (4, 4)
        """Where the handled object should be at a sample."""
        return _transform(self.object_pose[sample])

    def source_s(self, time_s: float) -> float:
        """The source motion's time at a time of this one."""
        return float(np.interp(time_s * self.fps, np.arange(len(self.source_time_s)), self.source_time_s))

    def spline(self) -> "CubicSpline":
        """Spline of the joints over time in seconds, at rest at both ends, as a controller interpolates the samples."""
        from scipy.interpolate import CubicSpline  # slow to import, and most that read a motion need no spline

        at = np.arange(len(self.positions_rad)) / self.fps
        if len(at) < 2:
            at, positions = np.array([0.0, 1.0]), np.repeat(self.positions_rad, 2, axis=0)
            return CubicSpline(at, positions, bc_type="clamped")
        return CubicSpline(at, self.positions_rad, bc_type="clamped")

    def peaks(self) -> tuple[np.ndarray, np.ndarray]:  # (n,), (n,)
        """Largest speed and acceleration of each joint, also between samples."""
        spline = self.spline()
        at = np.linspace(spline.x[0], spline.x[-1], PEAK_POINTS * (len(spline.x) - 1) + 1)
        return np.abs(spline(at, 1)).max(axis=0), np.abs(spline(at, 2)).max(axis=0)

    def save(self, path) -> None:
        """Write one npz without pickles, complete or not at all."""
        meta = {
            "schema": SCHEMA_VERSION,
            "robot": self.robot,
            "joint_names": self.joint_names,
            "fps": self.fps,
            "stretch": self.stretch,
            "facts": self.facts,
            "gripper": [vars(command) for command in self.gripper],
            "finger_names": self.finger_names,
        }
        arrays = {name: getattr(self, name) for name in ("positions_rad", "root_pose", "source_time_s", "object_pose")}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, meta=np.array(json.dumps(meta)), **arrays)
        write_whole(path, buffer.getvalue())

    @classmethod
    def load(cls, path) -> "RobotMotion":
        """Read what `save` wrote.

        Raises:
            InputError: FILE_INVALID when the file is missing, damaged or of another kind.
        """
        what, hint = "a readable robot motion", "hoi-retarget writes such files"
        file = NpzFile(path, what, hint=hint)
        text = str(file.read("meta"))
        with reading(path, what, hint=hint):
            meta = json.loads(text)
            if not isinstance(meta, dict) or meta.get("schema") != SCHEMA_VERSION:
                raise ValueError(f"its meta is {shown(meta)}, this version reads schema {SCHEMA_VERSION}")
            known = {name: meta[name] for name in ("robot", "joint_names", "fps", "stretch", "facts")}
            known["gripper"] = [
                GripperCommand(**command) for command in meta.get("gripper", ())
            ]  # absent in older files
            known["finger_names"] = meta.get("finger_names", ())
            names = ("positions_rad", "root_pose", "source_time_s", "object_pose")
            arrays = {name: file.read(name) for name in names if name in file.names}
            return cls(**known, **arrays)


def _transform(pose: np.ndarray) -> np.ndarray:  # (7,) -> (4, 4)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_quat(pose[3:]).as_matrix(), pose[:3]
    return T
