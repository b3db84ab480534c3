"""A vision-language model in transformers' format as judge: it sees frames, and the likelier of yes and no counts."""

import numpy as np

from training.data.yes_or_no import YesOrNoModel
from training.intergeneval.judged_clip import JudgedClip
from training.intergeneval.questions import Interaction, questions_of

EMERGED = (
    "The first picture is the start of a video, the second a later frame. Is there a person or an object in the "
    "second that is not in the first? Answer yes or no."
)
VANISHED = (
    "The first picture is the start of a video, the second a later frame. Is a person or an object of the first "
    "picture missing in the second? Answer yes or no."
)
ASKED = "These are frames of one video, in order. {question} Answer yes or no."


class VisionLanguageJudge:
    """A YesOrNoModel that sees frames of the clip. Raises: VideoError: MODEL_MISSING."""

    def __init__(self, model: str, device: str = "cpu"):
        self.asked = YesOrNoModel(model, device)

    def answers(self, clip: JudgedClip, interaction: Interaction) -> np.ndarray:
        pictures = clip.pictures(interaction)
        return np.array(
            [self.asked.says_yes(pictures, ASKED.format(question=q.text)) for q in questions_of(interaction)]
        )

    def changes(self, clip: JudgedClip, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs = [[clip.frames[0], clip.frames[t]] for t in frames]
        return tuple(
            np.array([self.asked.says_yes(pair, text) for pair in pairs], bool) for text in (EMERGED, VANISHED)
        )
