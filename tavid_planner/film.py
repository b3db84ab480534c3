"""A plan as a film: the input, the generated video, its lift to 3D, the robot's motion, the verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from hoi_motion.arrays import checked_array
from hoi_motion.physics.report import Verdict
from tavid_planner.plan import InteractionPlan

PANEL_PX = (480, 320)
MARGIN_PX = 12
TITLE_PX = 46
CAPTION_PX = 28
VERDICT_PX = 84
PAPER = (250, 250, 248)
INK = (30, 30, 34)
QUIET = (105, 105, 112)
EMPTY = (232, 232, 230)
VERDICT_INK = {Verdict.PASS: (20, 120, 60), Verdict.FAIL: (175, 35, 30), Verdict.NOT_RUN: (120, 100, 30)}
VERDICT_WORDS = {
    Verdict.PASS: "plausible by every check that ran",
    Verdict.FAIL: "breaks limits of physics",
    Verdict.NOT_RUN: "no check could run",
}
TITLE_SIZE_PX = 22
TEXT_SIZE_PX = 16
START_HOLD_S = 0.8
END_HOLD_S = 1.6
# pause before a panel that is shorter than the robot's is repeated
AGAIN_AFTER_S = 0.6
# frames per second with a robot, whose own panel has another rate
SMOOTH_FPS = 24.0
REASONS_SHOWN = 2


@dataclass(frozen=True)
class RobotTake:
    """A film of a robot carrying out the plan.

    Attributes:
        name: of the robot; frames: (T', H, W, 3) uint8; fps: their rate.
        words: the outcome, in one line.
    """

    name: str
    frames: np.ndarray  # (T', H, W, 3)
    fps: float
    words: str = ""

    def __post_init__(self):
        frames = checked_array(self.frames, "frames of the robot", ("T", "H", "W", 3), np.uint8)
        object.__setattr__(self, "frames", frames)

    @property
    def caption(self) -> str:
        return f"{self.name}: {self.words}" if self.words else self.name


def write_film(plan: InteractionPlan, path: Path, robot: RobotTake | None = None) -> None:
    """Write the film as an mp4.

    Args:
        robot: its panel replaces that of the lift drawn into the video.

    Raises:
        InputError: OUTPUT_INVALID when it cannot be written.
    """
    from tavid_planner.media import write_mp4

    frames, fps = film_frames(plan, robot)
    write_mp4(path, frames, fps)


def film_frames(plan: InteractionPlan, robot: RobotTake | None = None) -> tuple[Iterator[np.ndarray], float]:
    """The film's frames, (H, W, 3) uint8, and how many of them a second has.

    One after the other: those of a robot's minute would take gigabytes.
    """
    from hoi_motion.segment.picture import outlined
    from tavid_planner.media import overlay_frames
    from tavid_planner.second_view import second_view

    video = plan.video
    given = outlined(plan.request.rgb, plan.request.target_mask)
    lifted = second_view(plan.still_motion, plan.still_posed, PANEL_PX)
    last = ("lifted, over the video", overlay_frames(plan)) if robot is None else (robot.caption, robot.frames)
    panels = [
        ("given: the picture and the target", given[None], video.fps),
        ("imagined: the video of the plan", video.frames, video.fps),
        ("lifted: the same in 3D, from the side", lifted, plan.motion.fps),
        (*last, video.fps if robot is None else robot.fps),
    ]
    fitted = [np.stack([_fitted(frame) for frame in frames]) for _, frames, _ in panels]
    page = _page(plan, [caption for caption, _, _ in panels])
    fps = video.fps if robot is None else max(SMOOTH_FPS, video.fps)
    motion_s = max(len(frames) / rate for frames, (_, _, rate) in zip(fitted, panels))
    before, during, after = (round(seconds * fps) for seconds in (START_HOLD_S, motion_s, END_HOLD_S))
    moments_s = (np.arange(before + during + after) - before) / fps

    def drawn() -> Iterator[np.ndarray]:
        for moment_s in moments_s:
            frame = page.copy()
            for place, frames, (_, _, rate) in zip(_places(), fitted, panels):
                frame[place] = frames[_frame_at(moment_s, motion_s, len(frames), rate)]
            yield frame

    return drawn(), fps


def _frame_at(moment_s: float, motion_s: float, count: int, fps: float) -> int:
    """The index of a panel's frame; a panel shorter than the longest one is repeated, a whole number of times.

    Args:
        moment_s: since the motion began; motion_s: length of the longest panel.
    """
    moment_s, length_s = max(0.0, moment_s), count / fps
    whole = max(1, int((motion_s + 1e-6) / (length_s + AGAIN_AFTER_S)))
    if moment_s < whole * (length_s + AGAIN_AFTER_S):
        moment_s %= length_s + AGAIN_AFTER_S
    # the small offset: a frame's own time must not fall before it by rounding
    return int(np.clip(moment_s * fps + 1e-6, 0, count - 1))


def _places() -> list[tuple[slice, slice]]:
    """Rows and columns of the four panels."""
    width, height = PANEL_PX
    tops = [TITLE_PX + CAPTION_PX + k * (height + CAPTION_PX) for k in (0, 1)]
    lefts = [MARGIN_PX + k * (width + MARGIN_PX) for k in (0, 1)]
    return [(slice(top, top + height), slice(left, left + width)) for top in tops for left in lefts]


def _fitted(image: np.ndarray) -> np.ndarray:  # (h, w, 3) -> (H, W, 3)
    """A picture scaled to fit its panel, centred."""
    import cv2

    width, height = PANEL_PX
    scale = min(width / image.shape[1], height / image.shape[0])
    size = tuple(max(1, min(round(side * scale), most)) for side, most in zip(image.shape[1::-1], PANEL_PX))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    panel = np.full((height, width, 3), EMPTY, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    panel[top : top + size[1], left : left + size[0]] = image
    return panel


def _page(plan: InteractionPlan, captions: list[str]) -> np.ndarray:  # (H, W, 3) uint8
    """The static parts: title, captions, verdict in words."""
    from PIL import Image, ImageDraw

    places = _places()
    width = places[-1][1].stop + MARGIN_PX
    bottom = places[-1][0].stop
    page = Image.new("RGB", (width, bottom + VERDICT_PX), PAPER)
    draw = ImageDraw.Draw(page)
    room_px = width - 2 * MARGIN_PX
    # text that does not fit into a line ends in three dots
    draw.text((MARGIN_PX, 10), _cut(plan.request.instruction, TITLE_SIZE_PX, room_px), INK, _font(TITLE_SIZE_PX))
    for (rows, columns), caption in zip(places, captions):
        text = _cut(caption, TEXT_SIZE_PX, PANEL_PX[0])
        draw.text((columns.start, rows.start - CAPTION_PX + 4), text, QUIET, _font(TEXT_SIZE_PX))
    head = f"{plan.verdict}: {VERDICT_WORDS[plan.verdict]}"
    draw.text((MARGIN_PX, bottom + 8), head, VERDICT_INK[plan.verdict], _font(TITLE_SIZE_PX))
    for k, reason in enumerate(_reasons(plan)[:REASONS_SHOWN]):
        text = _cut(reason, TEXT_SIZE_PX, room_px)
        draw.text((MARGIN_PX, bottom + 38 + 21 * k), text, QUIET, _font(TEXT_SIZE_PX))
    return np.asarray(page)


def _reasons(plan: InteractionPlan) -> list[str]:
    """What a viewer wants to know first: the robot, failed checks, repairs. Checks that did not run are left out."""
    robot = "" if plan.robot is None else plan.robot.sentence
    failed = [check.reason for check in plan.report.checks if check.verdict is Verdict.FAIL]
    told = [reason for reason in (robot, plan.people_words, *failed, plan.repair_words) if reason]
    return told or list(plan.report.reasons)


@lru_cache(maxsize=4)
def _font(size_px: int):
    from PIL import ImageFont

    return ImageFont.load_default(size_px)


def _cut(text: str, size_px: int, room_px: int) -> str:
    if _font(size_px).getlength(text) <= room_px:
        return text
    while text and _font(size_px).getlength(text + "...") > room_px:
        text = text[:-1]
    return text.rstrip() + "..."
