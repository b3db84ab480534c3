"""The plan bundle: a plan as a folder, written under a temporary name and renamed when whole."""

import errno
import json
import logging
import os
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hoi_motion.errors import shown
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.physics.report import Verdict
from hoi_motion.progress import CancelToken, OnProgress, silent
from hoi_motion.reading.text import read_json
from tavid_planner.errors import ControlError, ErrorCode, InputError, TavidError
from tavid_planner.instances import id_map
from tavid_planner.partial import partial_folder
from tavid_planner.plan import InteractionPlan
from tavid_planner.robot_stage import RobotPlan, target_noun

if TYPE_CHECKING:
    from tavid_planner.film import RobotTake

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
FILM = "film.mp4"
ROOM_FILE = ".room"
ROOM_BYTES = 1 << 16
VERDICT_CODES = {
    Verdict.PASS: ErrorCode.NONE,
    Verdict.FAIL: ErrorCode.CHECK_FAILED,
    Verdict.NOT_RUN: ErrorCode.CHECK_NOT_RUN,
}


def check_output_folder(folder) -> Path:
    """Whether a bundle can be written there; asked before any work starts.

    Returns:
        The absolute path of the bundle-to-be.

    Raises:
        InputError: OUTPUT_INVALID when the path exists, or no folder can be made there.
    """
    folder = Path(os.path.abspath(folder))
    if os.path.lexists(folder):
        what = "exists" if not folder.is_dir() else "exists and is not empty" if any(folder.iterdir()) else "exists"
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"output folder {folder} {what}", "name a folder that does not exist yet"
        )
    ancestor = next(p for p in folder.parents if os.path.lexists(p))
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".tavid-", dir=ancestor))
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def save_plan(
    plan: InteractionPlan, folder, on_progress: OnProgress = silent, cancel: CancelToken | None = None
) -> Path:
    """Write the bundle: the whole folder or nothing.

    The motion, its check and plan.json come first. A film, picture, scene or page that cannot be made costs only
    itself: plan.json names it under `not_drawn`, with the cause.

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
            write_plan_json(partial, _draw_files(plan, partial, on_progress, cancel))
            cancel.raise_if_cancelled()
            if os.path.lexists(folder):
                raise InputError(ErrorCode.OUTPUT_INVALID, f"output folder {folder} appeared while the plan was made")
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
    data = read_json(path, "the list of a plan bundle", hint="tavid-plan writes such folders")
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
    """What stands in plan.json."""
    request = plan.request
    height, width = request.size_px
    return {
        "schema": SCHEMA_VERSION,
        "verdict": str(plan.verdict),
        "error_code": int(VERDICT_CODES[plan.verdict]),
        "error_name": VERDICT_CODES[plan.verdict].name,
        "reasons": list(plan.reasons),
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
            "depth_given": request.depth_m is not None,
            "known": _known(request.known),
        },
        "samples": [
            {
                "seed": s.seed,
                "verdict": str(s.verdict),
                "touches_target": s.touches_target,
                "target_alignment": s.target_alignment,
                "margin": s.margin,
                "executed": s.executed,
                "chance": s.chance,
                "failed_checks": list(s.failed_checks),
                "error": s.error,
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
    """What was known of camera and room: unit vector upwards in the camera frame, heights of the camera in metres."""
    if known is None:
        return None
    return {
        "up_camera": None if known.up_camera is None else [float(x) for x in known.up_camera],
        "camera_over_support_m": known.camera_over_support_m,
        "camera_over_floor_m": known.camera_over_floor_m,
    }


def _write_results(plan: InteractionPlan, folder: Path) -> None:
    """What a plan is: without these there is no bundle."""
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
        if robot.execution is not None:
            _write_json(folder / "robot" / f"{robot.name}_execution.json", robot.execution.facts())


def _draw_files(plan: InteractionPlan, folder: Path, on_progress: OnProgress, cancel: CancelToken) -> dict[str, str]:
    """What a person looks at; file -> cause of those that could not be made."""
    from hoi_motion.io import write_glb
    from tavid_planner import media
    from tavid_planner.film import write_film
    from tavid_planner.report import write_report

    video, mask = plan.video, plan.request.target_mask
    not_drawn: dict[str, str] = {}
    robot = _RobotToLookAt(plan)

    def draw_attention(path: Path) -> None:
        picture = media.attention_picture(video, mask)
        if picture is not None:
            media.write_png(path, picture)

    steps = {
        "first.png": lambda path: media.write_png(path, plan.request.rgb),
        "mask.png": lambda path: media.write_png(path, mask.astype(np.uint8) * 255),
        "instances.png": lambda path: media.write_png(path, id_map(i.mask for i in plan.request.instances)),
        "attention.png": draw_attention,
        "video.mp4": lambda path: media.write_mp4(path, video.frames, video.fps),
        "overlay.mp4": lambda path: media.write_mp4(path, media.overlay_frames(plan), video.fps),
        "motion.glb": lambda path: write_glb(plan.motion, path, plan.body),
        **robot.steps(),
        FILM: lambda path: write_film(plan, path, robot.take),
        "report.html": lambda path: write_report(plan, folder, not_drawn),
    }
    for k, (name, draw) in enumerate(steps.items()):
        cancel.raise_if_cancelled()
        on_progress("save", k / len(steps))
        try:
            draw(folder / name)
        except Exception as error:  # whatever a drawing library raises: the plan itself stands already
            if isinstance(error, ControlError):
                raise
            (folder / name).unlink(missing_ok=True)
            _check_disk(folder, error)
            not_drawn[name] = str(error) or type(error).__name__
            log.warning("%s could not be drawn: %s", name, not_drawn[name], exc_info=not isinstance(error, TavidError))
    return not_drawn


class _RobotToLookAt:
    """The robot at work, made once for all files that show it."""

    def __init__(self, plan: InteractionPlan):
        self._plan = plan
        self._take: RobotTake | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is a motion to show, and the profile wants it shown."""
        robot, stage = self._plan.robot, self._plan.robot_stage
        return robot is not None and robot.motion is not None and stage is not None and stage.config.film

    @property
    def take(self) -> "RobotTake | None":
        """None until it could be drawn."""
        return self._take

    @cached_property
    def _scene(self):
        plan = self._plan
        return plan.robot_stage.scene(plan.robot, plan.motion, target_noun(plan.request.prompt))

    def steps(self) -> dict:
        """File of the bundle -> how it is made."""
        if not self.wanted:
            return {}
        name = f"robot/{self._plan.robot.name}"
        return {f"{name}.glb": lambda path: self._scene.save_glb(path), f"{name}.mp4": self._film}

    def _film(self, path: Path) -> None:
        from tavid_planner.film import PANEL_PX, RobotTake
        from tavid_planner.media import write_mp4
        from tavid_planner.robot_view import robot_view

        robot = self._plan.robot
        frames, fps = robot_view(self._scene, self._plan.motion, PANEL_PX)
        write_mp4(path, frames, fps)
        words = {True: "carried out in physics", False: "tried in physics", None: "its motion"}[robot.done]
        self._take = RobotTake(robot.name, frames, fps, words)


def _check_disk(folder: Path, error: Exception) -> None:
    """Raises: OSError when it was the disk, of which the rest of the bundle would die as well."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in DISK_ERRORS:
            raise cause
        cause = cause.__cause__
    # an encoder in another process says little of why it ended
    probe = folder / ROOM_FILE
    probe.write_bytes(bytes(ROOM_BYTES))
    probe.unlink()


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
        "name another place, or free space there",
    )
