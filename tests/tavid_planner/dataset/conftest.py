"""Bundles with what an export reads."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.media.video_file import write_video
from hoi_motion.physics.report import Verdict
from hoi_motion.retarget.robot_motion import RobotMotion
from tavid_planner.bundle import plan_to_dict
from tavid_planner.robot_stage import RobotPlan


@pytest.fixture
def robot_motion() -> RobotMotion:
    """Two joints that turn evenly, three times slower than the person."""
    positions = np.stack([np.linspace(0, 1, 73), np.linspace(1, 0, 73)], axis=1)
    return RobotMotion(
        "two-joints",
        ("shoulder", "elbow"),
        positions,
        np.tile([0, 0, 0, 0, 0, 0, 1.0], (73, 1)),
        24.0,
        np.linspace(0, 1, 73),
        3.0,
    )


@pytest.fixture
def write_bundle(tmp_path, plan, make_request):
    """A function that writes the bundle of a plan and returns its path."""

    def write(name="mug", verdict=Verdict.PASS, robot: RobotPlan | None = None, done=True, **changes):
        checks = tuple(c for c in plan.report.checks if c.verdict in (Verdict.PASS, verdict))
        changed = replace(plan, report=replace(plan.report, checks=checks), robot=robot, **changes)
        folder = tmp_path / "plans" / name
        folder.mkdir(parents=True)
        facts = plan_to_dict(changed, {}, [], {})
        if robot is not None:
            facts["robot"]["done"] = done
            (folder / "robot").mkdir()
            robot.motion.save(folder / "robot" / f"{robot.name}.npz")
        (folder / "plan.json").write_text(json.dumps(facts, default=str))
        changed.motion.save(folder / "motion.npz")
        write_video(folder / "video.mp4", changed.video.frames, changed.video.fps)
        return folder

    return write
