"""Scenes that are kept for evaluation must not be trained on: their seeds, which stand in the names of their files."""

import re
from collections.abc import Iterable

from tavid_planner.errors import ErrorCode, InputError
from training.scenes.scene import HELD_OUT_SEED

_NAME = re.compile(r"clip_(\d{9,})\.npz")


def refuse_held_out(names: Iterable[str], where: str) -> None:
    """See that none of the clips of a training is a held-out scene.

    Args:
        names: of the clips' files; where: they come from, for the message.

    Raises:
        InputError: CONFIG_INVALID.
    """
    found = [name for name in names if (match := _NAME.fullmatch(name)) and int(match[1]) >= HELD_OUT_SEED]
    if found:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{where} holds {len(found)} scenes that are kept for evaluation, the first {found[0]}",
            f"train on scenes with seeds below {HELD_OUT_SEED}",
        )
