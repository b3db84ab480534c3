"""A vision-language model in transformers' format as judge: it sees frames, and the likelier of yes and no counts."""

import numpy as np
import torch

from tavid_planner.video.model_files import missing, model_folder
from training.intergeneval.judge import JudgedClip
from training.intergeneval.questions import NO, YES, Interaction, questions_of

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
    """Any image-text-to-text model of transformers whose processor has a chat template.

    The likelier of the two words counts, so that a model which would say more than one word answers, too.

    Raises:
        VideoError: MODEL_MISSING when the folder does not hold such a model.
    """

    def __init__(self, model: str, device: str = "cpu"):
        from transformers import AutoModelForImageTextToText, AutoProcessor

        folder = model_folder(model)
        try:
            self.processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
            self.model = AutoModelForImageTextToText.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError, KeyError) as error:
            reason = f"{model} cannot be loaded as a vision-language model: {str(error).strip().splitlines()[0]}"
            raise missing(reason, "give a folder with its weights and its processor") from error
        self.model = self.model.eval().to(device)
        self._words = [self._first_tokens(word) for word in (YES, NO)]

    def answers(self, clip: JudgedClip, interaction: Interaction) -> np.ndarray:
        pictures = clip.pictures(interaction)
        return np.array([self._yes(pictures, ASKED.format(question=q.text)) for q in questions_of(interaction)])

    def changes(self, clip: JudgedClip, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs = [[clip.frames[0], clip.frames[t]] for t in frames]
        return tuple(np.array([self._yes(pair, text) for pair in pairs], bool) for text in (EMERGED, VANISHED))

    @torch.no_grad()
    def _yes(self, pictures: list[np.ndarray], text: str) -> bool:
        content = [*({"type": "image"} for _ in pictures), {"type": "text", "text": text}]
        chat = [{"role": "user", "content": content}]
        prompt = self.processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        images = [np.ascontiguousarray(p) for p in pictures]
        inputs = self.processor(text=prompt, images=images, return_tensors="pt").to(self.model.device)
        last = self.model(**inputs).logits[0, -1]
        yes, no = (last[tokens].max() for tokens in self._words)
        return bool(yes > no)

    def _first_tokens(self, word: str) -> list[int]:
        """First tokens of the word as models write it: with and without a space, with a capital."""
        tokenizer = self.processor.tokenizer
        spellings = [word, word.capitalize(), f" {word}", f" {word.capitalize()}"]
        encoded = [tokenizer.encode(s, add_special_tokens=False) for s in spellings]
        return sorted({tokens[0] for tokens in encoded if tokens})
