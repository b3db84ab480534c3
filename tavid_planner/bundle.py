"""The plan bundle: a plan as a folder, written under a temporary name and renamed when whole."""

import contextlib
import errno
import json
import logging
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hoi_motion.errors import shown
from hoi_motion.files import try_folder
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.physics.report import Verdict
from hoi_motion.progress import CancelToken, OnProgress, silent
from hoi_motion.reading.text import read_json
from tavid_planner.drawn_files import draw_files
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.partial import partial_folder
from tavid_planner.plan import InteractionPlan
from tavid_planner.robot_stage import RobotPlan

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
LEAST_ROOM_BYTES = 20 * 10**6
"""About twice what the bundle of a small clip takes."""
VERDICT_CODES = {
    Verdict.PASS: ErrorCode.NONE,
    Verdict.FAIL: ErrorCode.CHECK_FAILED,
    Verdict.NOT_RUN: ErrorCode.CHECK_NOT_RUN,
}


def check_output_folder(folder) -> Path:
    """Check that a bundle can be written to a folder, before any work starts.

    Returns:
        The absolute path of the future bundle.

    Raises:
        InputError: OUTPUT_INVALID when the path exists, or no folder can be made there.
    """
    folder = Path(os.path.abspath(folder))
    if os.path.lexists(folder):
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"output folder {folder} exists", "choose a folder that does not exist yet"
        )
    ancestor = next(p for p in folder.parents if os.path.lexists(p))
    try:
        with contextlib.suppress(FileNotFoundError):
            os.stat(folder)  # tells a name that is too long
        _check_room(ancestor)
        try_folder(ancestor)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def _check_room(folder: Path) -> None:
    """Raises: OSError: where a bundle will not fit. Some file systems do not tell how large they are."""
    whole, _, free = shutil.disk_usage(folder)
    if whole and free < LEAST_ROOM_BYTES:
        raise OSError(
            errno.ENOSPC, f"{free / 1e6:.1f} MB are free, a plan may take {LEAST_ROOM_BYTES / 1e6:.0f} MB or more"
        )


def save_plan(
    plan: InteractionPlan, folder, on_progress: OnProgress = silent, cancel: CancelToken | None = None
) -> Path:
    """Write the bundle: the whole folder or nothing.

    The motion, its check and plan.json come first. If a film, picture, scene or page cannot be made, the rest is still
    written: plan.json names it under `not_drawn`, with the cause.

    Returns:
        The absolute path of the folder.

    Raises:
        InputError: OUTPUT_INVALID when the path exists or cannot be written, as when the disk is full.
        ControlError: CANCELLED; nothing is left behind.
    """
    folder = check_output_folder(folder)
    cancel = cancel or CancelToken()
    start = time.perf_counter()

    def write_plan_json(partial: Path, not_drawn: dict[str, str]) -> None:
        timings = plan.timings_s | {"save": round(time.perf_counter() - start, 3)}
        files = sorted(p.relative_to(partial).as_posix() for p in partial.rglob("*") if p.is_file())
        _write_json(partial / "plan.json", plan_to_dict(plan, timings, files, not_drawn))

    try:
        with partial_folder(folder) as partial:
            _write_results(plan, partial)
            write_plan_json(partial, {})
            write_plan_json(partial, draw_files(plan, partial, on_progress, cancel))
            cancel.raise_if_cancelled()
            if os.path.lexists(folder):
                raise InputError(
                    ErrorCode.OUTPUT_INVALID,
                    f"output folder {folder} appeared while the plan was made",
                )
            os.rename(partial, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    on_progress("save", 1.0)
    return folder


def load_plan_json(folder) -> dict:
    """The plan.json of a bundle.

    Raises:
        InputError: FILE_INVALID when it is missing, damaged or of another schema.
    """
    path = Path(folder) / "plan.json"
    data = read_json(path, "the plan.json of a bundle", hint="tavid-plan writes such folders")
    if data.get("schema") != SCHEMA_VERSION:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} has plan schema {shown(data.get('schema'))}, this version reads {SCHEMA_VERSION}",
            "tavid-plan writes such folders",
        )
    return data


def plan_to_dict(
    plan: InteractionPlan, timings_s: dict[str, float], files: list[str], not_drawn: dict[str, str]
) -> dict:
    """The content of plan.json."""
    request = plan.request
    height, width = request.size_px
    return {
        "schema": SCHEMA_VERSION,
        "verdict": str(plan.verdict),
        "error_code": int(VERDICT_CODES[plan.verdict]),
        "error_name": VERDICT_CODES[plan.verdict].name,
        "reasons": list(plan.reasons),
        "notes": list(plan.motion.notes),
        "repair": None if plan.repair is None else plan.repair.to_dict(),
        "lifted_motion": None if plan.lifted is None else "lifted.npz",
        "request": {
            "instruction": request.instruction,
            "prompt": request.prompt,
            "sentence_appended": request.sentence_appended,
            "seed": int(request.seed),
            "samples": int(request.samples),
            "width_px": width,
            "height_px": height,
            "target_source": request.target_source,
            "target_mask_px": int(request.target_mask.sum()),
            "actor_mask_px": None if request.actor_mask is None else int(request.actor_mask.sum()),
            "instances": [
                {"id": number, "name": instance.name, "role": instance.role, "mask_px": int(instance.mask.sum())}
                for number, instance in enumerate(request.instances, start=1)
            ],
            "intrinsics": None if request.intrinsics is None else np.asarray(request.intrinsics).tolist(),
            "intrinsics_source": None if request.intrinsics is None else request.intrinsics_source,
            "depth_given": request.depth_m is not None,
            "known": _known(request.known),
            "robot_start_rad": request.robot_start_rad,
        },
        "samples": [
            {
                "seed": s.seed,
                "verdict": str(s.verdict),
                "touches_target": s.touches_target,
                "right_people": s.right_people,
                "target_alignment": s.target_alignment,
                "margin": s.margin,
                "executed": s.executed,
                "chance": s.chance,
                "failed_checks": list(s.failed_checks),
                "error": s.error,
                "early": None if s.early is None else asdict(s.early),
            }
            for s in plan.samples
        ],
        "robot": None if plan.robot is None else _robot_facts(plan.robot),
        "timings_s": timings_s,
        "provenance": plan.provenance,
        "files": sorted({*files, "plan.json"}),
        "not_drawn": not_drawn,
    }


def _known(known: KnownScene | None) -> dict | None:
    """What was known about camera and room: upward unit vector in the camera frame, heights of the camera in metres."""
    if known is None:
        return None
    return {
        "up_camera": None if known.up_camera is None else [float(x) for x in known.up_camera],
        "camera_over_support_m": known.camera_over_support_m,
        "camera_over_floor_m": known.camera_over_floor_m,
    }


def _write_results(plan: InteractionPlan, folder: Path) -> None:
    """The essential files: without these there is no bundle."""
    from hoi_motion.retarget.export import write_robot_motion

    plan.motion.save(folder / "motion.npz")
    if plan.lifted is not None:
        plan.lifted.save(folder / "lifted.npz")
    plan.report.save(folder / "physics.json")
    robot = plan.robot
    if robot is not None and robot.motion is not None:
        (folder / "robot").mkdir()
        write_robot_motion(robot.motion, folder / "robot" / f"{robot.name}.npz")
        write_robot_motion(robot.motion, folder / "robot" / f"{robot.name}_trajectory.json")
        if robot.feeler is not None:
            write_robot_motion(robot.feeler.motion, folder / "robot" / f"{robot.name}_feeling.npz")
            write_robot_motion(robot.feeler.motion, folder / "robot" / f"{robot.name}_feeling_trajectory.json")
            robot.feeler.planned.save(folder / "robot" / f"{robot.name}_planned.npz")
        if robot.execution is not None:
            _write_json(folder / "robot" / f"{robot.name}_execution.json", robot.execution.facts())


def _robot_facts(robot: RobotPlan) -> dict:
    execution = None if robot.execution is None else robot.execution.facts()
    facts = {} if robot.motion is None else robot.motion.facts
    return {
        "name": robot.name,
        "done": robot.done,
        "chance": robot.chance,
        "error": robot.error,
        "sentence": robot.sentence,
        "facts": facts,
        "execution": execution,
    }


def _write_json(path: Path, data: dict) -> None:
    path.write_text(json.dumps(data, indent=2, default=_plain) + "\n")


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        ErrorCode.OUTPUT_INVALID,
        f"cannot write output folder {folder}: {error.strerror or error}",
        "choose another folder, or free space there",
    )
