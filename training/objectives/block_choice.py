"""Which transformer blocks the attention loss supervises, written in a few characters.

    all               every block
    2,3,5             these
    5-23              a range, both ends included
    5-23/3            every third of a range: 5, 8, ..., 23
    7 of 5-23         7 of a range, drawn anew every step
    7 fixed of 0-41   7 of a range, drawn once from the seed
    7 uniform         7 spread evenly over all blocks

TaViD supervises 7 of the blocks 5..23 of CogVideoX-5B; whether they were drawn every step or are every third block is
not published, so both can be asked for.
"""

import re
from dataclasses import dataclass

import numpy as np

from tavid_planner.errors import ErrorCode, InputError

FORMS = "all | 2,3,5 | 5-23 | 5-23/3 | 7 of 5-23 | 7 fixed of 0-41 | 7 uniform"
# numpy takes missing numbers of a seed for zeros: without these a step's blocks would go with the clips that are drawn
# from seed, step and pass, so that some clips hardly ever met some blocks
_OWN_STREAM = (0, 1)
_RANGE = r"(?P<first>\d+)-(?P<last>\d+)"


@dataclass(frozen=True)
class BlockChoice:
    """Block indices to choose from, and how many of them a step takes (None: all of them)."""

    candidates: tuple[int, ...]
    drawn: int | None = None
    seed: int = 0

    def at_step(self, step: int) -> tuple[int, ...]:
        """The blocks of a step, ascending; the same for the same seed and step in every process."""
        if self.drawn is None:
            return self.candidates
        rng = np.random.default_rng([self.seed, step, *_OWN_STREAM])
        return tuple(sorted(int(b) for b in rng.choice(self.candidates, self.drawn, replace=False)))


def parse_block_choice(text: str, num_blocks: int, seed: int = 0, name: str = "attention.blocks") -> BlockChoice:
    """Read one of the forms above for a transformer of `num_blocks` blocks.

    Args:
        name: of the option, for the message.

    Raises:
        InputError: CONFIG_INVALID for another form, an unknown block, one named twice, or more blocks than there are.
    """
    text = " ".join(text.split())
    drawn = None
    if text == "all":
        blocks = range(num_blocks)
    elif re.fullmatch(r"\d+(, ?\d+)*", text):
        blocks = [int(b) for b in text.split(",")]
    elif match := re.fullmatch(_RANGE + r"(/(?P<stride>[1-9]\d*))?", text):
        blocks = range(int(match["first"]), int(match["last"]) + 1, int(match["stride"] or 1))
    elif match := re.fullmatch(r"(?P<count>[1-9]\d*) uniform", text):
        _check_count(name, text, int(match["count"]), num_blocks)
        blocks = np.linspace(0, num_blocks - 1, int(match["count"])).round().astype(int)
    elif match := re.fullmatch(r"(?P<count>[1-9]\d*) (?P<fixed>fixed )?of " + _RANGE, text):
        blocks, drawn = range(int(match["first"]), int(match["last"]) + 1), int(match["count"])
        _check_count(name, text, drawn, len(blocks))
        if match["fixed"]:
            rng = np.random.default_rng([seed, 0])
            blocks, drawn = np.sort(rng.choice(list(blocks), drawn, replace=False)), None
    else:
        raise _invalid(name, text, f"write it as {FORMS}")
    blocks = tuple(int(b) for b in blocks)
    unknown = [b for b in blocks if b >= num_blocks]
    if unknown or not blocks:
        raise _invalid(name, text, f"the transformer has blocks 0 to {num_blocks - 1}")
    if len(set(blocks)) < len(blocks):
        raise _invalid(name, text, "name each block once: one that is named twice would count twice")
    return BlockChoice(blocks, drawn, seed)


def _check_count(name: str, text: str, count: int, available: int) -> None:
    if count > available:
        raise _invalid(name, text, f"there are {available} blocks to choose from")


def _invalid(name: str, text: str, hint: str) -> InputError:
    return InputError(ErrorCode.CONFIG_INVALID, f"option {name} is {text!r}", hint)
