"""What is judged, and what a judge is: something that answers questions about a clip."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

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
