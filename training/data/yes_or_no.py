"""A vision-language model in transformers' format that is asked about pictures: the likelier of yes and no counts."""

import numpy as np
import torch

from training.data.pretrained import load_pretrained

YES = "yes"
NO = "no"


class YesOrNoModel:
    """Any image-text-to-text model of transformers whose processor has a chat template.

    A model which would say more than one word answers, too.

    Raises:
        VideoError: MODEL_MISSING when the folder does not hold such a model.
    """

    def __init__(self, model: str, device: str = "cpu"):
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.model, self.processor = load_pretrained(model, AutoModelForImageTextToText, AutoProcessor, device=device)
        self._words = [self._first_tokens(word) for word in (YES, NO)]

    @torch.no_grad()
    def says_yes(self, pictures: list[np.ndarray], text: str) -> bool:
        """Whether the likelier answer to a question about pictures is yes."""
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
