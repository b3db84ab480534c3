"""The target word: `[TGT]` becomes the adapter's trigger word, whose tokens are found in the tokenised prompt."""

import re
from dataclasses import dataclass

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import TARGET_TOKEN

DEFAULT_TRIGGER = "target"
"""The word before the target's noun with which the released TaViD weights were trained."""


@dataclass(frozen=True)
class TriggeredPrompt:
    """What the text encoder reads.

    Attributes:
        text: the prompt with every `[TGT]` replaced.
        spans: (start, end) characters of each trigger word in `text`; empty when the prompt has none.
    """

    text: str
    spans: tuple[tuple[int, int], ...]


def insert_trigger(prompt: str, trigger: str = DEFAULT_TRIGGER) -> TriggeredPrompt:
    """Replace `[TGT]` by the trigger word; without `[TGT]`, look for the trigger word itself in the text."""
    if TARGET_TOKEN not in prompt:
        found = re.finditer(rf"(?<!\w){re.escape(trigger)}(?!\w)", prompt)
        return TriggeredPrompt(prompt, tuple(match.span() for match in found))
    text, spans = "", []
    before, *parts = prompt.split(TARGET_TOKEN)
    text += before
    for part in parts:
        text += " " if text and text[-1].isalnum() else ""
        spans.append((len(text), len(text) + len(trigger)))
        text += trigger + (" " if part[:1].isalnum() else "") + part
    return TriggeredPrompt(text, tuple(spans))


def trigger_token_indices(tokenizer, prompt: TriggeredPrompt, max_length: int) -> tuple[int, ...]:
    """Positions of the trigger word's tokens among the text tokens of the transformer.

    Raises:
        InputError: INSTRUCTION_INVALID when the prompt has no trigger word, or it lies behind the last text token.
    """
    if not prompt.spans:
        raise InputError(
            ErrorCode.INSTRUCTION_INVALID,
            f"the prompt {_short(prompt.text)} does not name the target",
            f"write {TARGET_TOKEN} in front of the target's noun",
        )
    indices = _indices_by_offset(tokenizer, prompt) if tokenizer.is_fast else _indices_by_prefix(tokenizer, prompt)
    # the tokenizer ends every prompt, even a truncated one, with one end-of-sentence token
    if not indices or max(indices) >= max_length - 1:
        raise InputError(
            ErrorCode.INSTRUCTION_INVALID,
            f"the target word in {_short(prompt.text)} lies behind the {max_length} tokens that the model reads",
            "shorten the instruction, or name the target earlier",
        )
    return indices


def _indices_by_offset(tokenizer, prompt: TriggeredPrompt) -> tuple[int, ...]:
    offsets = tokenizer(prompt.text, return_offsets_mapping=True)["offset_mapping"]
    return tuple(
        index
        for index, (start, end) in enumerate(offsets)
        if any(max(start, first) < min(end, last) for first, last in prompt.spans)
    )


def _indices_by_prefix(tokenizer, prompt: TriggeredPrompt) -> tuple[int, ...]:
    def count(end: int) -> int:
        return len(tokenizer(prompt.text[:end].rstrip(), add_special_tokens=False).input_ids)

    return tuple(i for first, last in prompt.spans for i in range(count(first), count(last)))


def _short(text: str, limit: int = 80) -> str:
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")
