"""RobotMotion: joint positions of a robot over time, what retargeting hands on."""

import io
import json
from dataclasses import dataclass, field

import numpy as np

from hoi_motion.arrays import checked_array
from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.files import write_whole
from hoi_motion.motion import checked_number, checked_rate, checked_text
from hoi_motion.reading.npz import NpzFile
from hoi_motion.reading.untrusted import reading

SCHEMA_VERSION = 1


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
        facts: what was chosen and measured: hand, object, grip, gap_m, ...
    """

    robot: str
    joint_names: tuple[str, ...]
    positions_rad: np.ndarray  # (N, n)
    root_pose: np.ndarray  # (N, 7)
    fps: float
    source_time_s: np.ndarray  # (N,)
    stretch: float = 1.0
    facts: dict = field(default_factory=dict)

    def __post_init__(self):
        if not isinstance(self.joint_names, (list, tuple)) or not isinstance(self.facts, dict):
            names = f"joint names {shown(self.joint_names)} and facts {shown(self.facts)}"
            raise InputError(ErrorCode.FILE_INVALID, f"a robot motion has {names}, expected a list and named values")
        object.__setattr__(self, "joint_names", tuple(checked_text(name, "joint name") for name in self.joint_names))
        checked_text(self.robot, "robot")
        object.__setattr__(self, "fps", checked_rate(self.fps))
        object.__setattr__(self, "stretch", checked_number(self.stretch, "stretch", 0, 1e6))
        positions = checked_array(self.positions_rad, "positions_rad", ("N", len(self.joint_names)), np.float64)
        object.__setattr__(self, "positions_rad", positions)
        for name, shape in (("root_pose", (len(positions), 7)), ("source_time_s", (len(positions),))):
            object.__setattr__(self, name, checked_array(getattr(self, name), name, shape, np.float64))
        if not len(positions) or not (np.isfinite(self.fps) and self.fps > 0) or not self.stretch >= 1:
            raise InputError(
                ErrorCode.FILE_INVALID,
                f"{len(positions)} samples at {self.fps} fps, stretch {self.stretch}",
                "a robot motion has samples, a positive rate and a stretch of at least 1",
            )

    def rates(self) -> tuple[np.ndarray, np.ndarray]:  # (N + 1, n), (N + 2, n)
        """Velocities and accelerations by differences; the robot rests before the first sample and after the last."""
        padded = np.concatenate([self.positions_rad[:1], self.positions_rad, self.positions_rad[-1:]])
        velocity = np.diff(padded, axis=0) * self.fps
        still = np.zeros((1, velocity.shape[1]))
        return velocity, np.diff(np.concatenate([still, velocity, still]), axis=0) * self.fps

    def save(self, path) -> None:
        """Write one npz without pickles, complete or not at all."""
        meta = {
            "schema": SCHEMA_VERSION,
            "robot": self.robot,
            "joint_names": self.joint_names,
            "fps": self.fps,
            "stretch": self.stretch,
            "facts": self.facts,
        }
        arrays = {name: getattr(self, name) for name in ("positions_rad", "root_pose", "source_time_s")}
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
            arrays = {name: file.read(name) for name in ("positions_rad", "root_pose", "source_time_s")}
            return cls(**known, **arrays)
