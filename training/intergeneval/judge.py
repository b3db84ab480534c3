"""What a judge is: something that answers questions about a clip. Which there are stands in the table `JUDGES`."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from tavid_planner.errors import ErrorCode, InputError
from training.intergeneval.evidence import Evidence
from training.intergeneval.questions import Interaction

SUBJECT_COLOUR = (255, 0, 0)
OBJECT_COLOUR = (0, 200, 0)
SHOWN_FRAMES = 8  # of a clip, to a model that looks at pictures


@dataclass(frozen=True)
class JudgedClip:
    """A clip and what is known of it.

    Attributes:
        frames: (T, H, W, 3) u8; ids: (H, W) u8, the instances of its first frame; fps: frames a second.
        evidence: where things are and what touches what, for a judge that needs it; None otherwise.
    """

    frames: np.ndarray
    ids: np.ndarray
    fps: float
    evidence: Evidence | None = None

    def pictures(self, interaction: Interaction, count: int = SHOWN_FRAMES) -> list[np.ndarray]:
        """Frames spread over the clip; in the first the subject stands in a red box, the object in a green one."""
        chosen = np.unique(np.linspace(0, len(self.frames) - 1, count).round().astype(int))
        shown = [np.ascontiguousarray(self.frames[t]) for t in chosen]
        first = shown[0].copy()
        for instance, colour in ((interaction.subject_id, SUBJECT_COLOUR), (interaction.other_id, OBJECT_COLOUR)):
            rows, columns = np.nonzero(self.ids == instance)
            if len(rows):
                corners = (int(columns.min()), int(rows.min())), (int(columns.max()), int(rows.max()))
                cv2.rectangle(first, *corners, colour, 1)
        return [first, *shown[1:]]


class Judge(Protocol):
    """Answers about a clip. Raises: TavidError when it cannot."""

    def answers(self, clip: JudgedClip, interaction: Interaction) -> np.ndarray:
        """(10,) bool, the questions of `questions_of` in order."""
        ...

    def changes(self, clip: JudgedClip, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each given frame against the first one: (N,) bool whether something is new, whether something is gone."""
        ...


def _geometric(model: str, url: str, device: str) -> Judge:
    from training.intergeneval.geometric import GeometricJudge

    return GeometricJudge()


def _vision_language(model: str, url: str, device: str) -> Judge:
    from training.intergeneval.vision_language import VisionLanguageJudge

    return VisionLanguageJudge(
        _needed(model, "--model", "a folder with a vision-language model of transformers"), device
    )


def _http(model: str, url: str, device: str) -> Judge:
    from training.intergeneval.endpoint import KEY_VARIABLE, EndpointJudge

    address = _needed(url, "--url", "the address of an endpoint that speaks OpenAI's chat completions")
    return EndpointJudge(address, model, os.environ.get(KEY_VARIABLE, ""))


JUDGES: dict[str, Callable[[str, str, str], Judge]] = {
    "geometric": _geometric,
    "vision-language": _vision_language,
    "http": _http,
}


def judge_named(name: str, model: str = "", url: str = "", device: str = "cpu") -> Judge:
    """Raises: InputError: CONFIG_INVALID for an unknown name, or when what it needs is not given."""
    if name not in JUDGES:
        raise InputError(ErrorCode.CONFIG_INVALID, f"unknown judge {name!r}", f"valid names: {', '.join(JUDGES)}")
    return JUDGES[name](model, url, device)


def _needed(value: str, option: str, what: str) -> str:
    if not value:
        raise InputError(ErrorCode.CONFIG_INVALID, f"{option} is missing", f"give {what}")
    return value
