"""The visual files of a plan bundle. A file that cannot be drawn does not affect the others."""

import errno
import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hoi_motion.progress import CancelToken, OnProgress
from tavid_planner.errors import ControlError, TavidError
from tavid_planner.instances import id_map
from tavid_planner.plan import InteractionPlan
from tavid_planner.robot_stage import target_noun

if TYPE_CHECKING:
    from tavid_planner.film import RobotTake

log = logging.getLogger(__name__)

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
FILM = "film.mp4"
REPORT = "report.html"
ROOM_FILE = ".room"
ROOM_BYTES = 1 << 16


def draw_files(plan: InteractionPlan, folder: Path, on_progress: OnProgress, cancel: CancelToken) -> dict[str, str]:
    """Draw them one after the other; the film and the page, which use the others, come last.

    In sequence, since numpy's OpenBLAS can deadlock when two threads of a process call it at once.

    Returns:
        File -> cause, for those that could not be made.

    Raises:
        OSError: the disk is full or not writable. ControlError: CANCELLED.
    """
    robot, not_drawn = _RobotToLookAt(plan), {}
    film = {FILM: lambda path: _film(plan, path, robot.take)} if plan.film else {}
    steps = _steps(plan) | robot.steps() | film | {REPORT: lambda path: _report(plan, folder, not_drawn)}
    for k, (name, draw) in enumerate(steps.items()):
        on_progress("save", k / len(steps))
        cancel.raise_if_cancelled()
        try:
            draw(folder / name)
        except Exception as error:  # whatever a drawing library raises: the plan itself is already written
            if isinstance(error, ControlError):
                raise
            (folder / name).unlink(missing_ok=True)
            _check_disk(folder, error)
            cause = not_drawn[name] = str(error) or type(error).__name__
            log.warning("%s could not be drawn: %s", name, cause, exc_info=not isinstance(error, TavidError))
    return not_drawn


def _steps(plan: InteractionPlan) -> dict[str, Callable[[Path], None]]:
    """File -> function that makes it, for those that depend on no other file."""
    from hoi_motion.io import write_glb
    from tavid_planner import media

    video, mask = plan.video, plan.request.target_mask

    def draw_attention(path: Path) -> None:
        picture = media.attention_picture(video, mask)
        if picture is not None:
            media.write_png(path, picture)

    return {
        "first.png": lambda path: media.write_png(path, plan.request.rgb),
        "mask.png": lambda path: media.write_png(path, mask.astype(np.uint8) * 255),
        "instances.png": lambda path: media.write_png(path, id_map(i.mask for i in plan.request.instances)),
        "attention.png": draw_attention,
        "video.mp4": lambda path: media.write_mp4(path, video.frames, video.fps),
        "overlay.mp4": lambda path: media.write_mp4(path, media.overlay_frames(plan), video.fps),
        "motion.glb": lambda path: write_glb(plan.still_motion, path, plan.body),
    }


def _film(plan: InteractionPlan, path: Path, take: "RobotTake | None") -> None:
    from tavid_planner.film import write_film

    write_film(plan, path, take)


def _report(plan: InteractionPlan, folder: Path, not_drawn: dict[str, str]) -> None:
    from tavid_planner.report import write_report

    write_report(plan, folder, not_drawn)


class _RobotToLookAt:
    """The film of the robot, drawn once for all files that show it."""

    def __init__(self, plan: InteractionPlan):
        self._plan = plan
        self._take: RobotTake | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is a robot motion and the profile asks to show it."""
        robot, stage = self._plan.robot, self._plan.robot_stage
        return robot is not None and robot.motion is not None and stage is not None and stage.config.film

    @property
    def take(self) -> "RobotTake | None":
        """None until it has been drawn."""
        return self._take

    @cached_property
    def _scene(self):
        plan = self._plan
        return plan.robot_stage.scene(plan.robot, plan.motion, target_noun(plan.request.prompt))

    def steps(self) -> dict:
        """File of the bundle -> function that makes it."""
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
    """Raises: OSError for a disk fault, which would stop the rest of the bundle as well."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in DISK_ERRORS:
            raise cause
        cause = cause.__cause__
    # an encoder process reports little about why it ended
    probe = folder / ROOM_FILE
    probe.write_bytes(bytes(ROOM_BYTES))
    probe.unlink()
