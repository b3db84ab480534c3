"""Messages between supervisor and worker. Jobs are numbered, so late messages about an old job are recognised."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hoi_motion.motion import HoiMotion
from hoi_motion.physics.report import PhysicsReport, Verdict
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import TavidError
from tavid_planner.plan import InteractionVideo
from tavid_planner.request import InteractionRequest
from tavid_planner.robot_stage import RobotPlan


@dataclass(frozen=True)
class Load:
    """To the worker: load the models of a profile."""

    job: int
    config: PlannerConfig


@dataclass(frozen=True)
class Plan:
    """To the worker: answer a request and save the bundle.

    Attributes:
        folder: the bundle to write.
        joints: whether the answer includes the body's joints.
        notes: remarks on the input for plan.json.
        video: whether the answer includes the video, which is large and on disk anyway.
    """

    job: int
    config: PlannerConfig
    request: InteractionRequest
    folder: Path
    joints: bool
    notes: tuple[str, ...] = ()
    video: bool = True


@dataclass(frozen=True)
class Cancel:
    """To the worker: end this job soon."""

    job: int


@dataclass(frozen=True)
class Progress:
    """How far a job has come in a stage."""

    job: int
    stage: str
    fraction: float


@dataclass(frozen=True)
class Log:
    """A log record of the worker."""

    level: int
    logger: str
    text: str


@dataclass(frozen=True)
class MadePlan:
    """An `InteractionPlan` without its request and the models it was made with; the full plan is on disk.

    Attributes:
        video: None if not requested.
        reasons: as of an `InteractionPlan`.
        folder: the bundle.
        joints_world: (T, 55, 3) SMPL-X joints in metres, or None if not requested.
        robot: the robot's motion and its execution, None if no robot was named.
    """

    video: InteractionVideo | None
    motion: HoiMotion
    report: PhysicsReport
    reasons: tuple[str, ...]
    timings_s: dict[str, float]
    folder: Path
    joints_world: np.ndarray | None = None  # (T, 55, 3)
    robot: RobotPlan | None = None

    @property
    def verdict(self) -> Verdict:
        return self.report.verdict


@dataclass(frozen=True)
class Done:
    """The job has succeeded; with the plan if it was a plan job.

    Attributes:
        gpu_bytes: GPU memory that the worker holds, None without a GPU.
    """

    job: int
    made: MadePlan | None = None
    gpu_bytes: int | None = None


@dataclass(frozen=True)
class Failed:
    """The job has failed; the worker continues."""

    job: int
    error: TavidError
