"""Scenes that are kept for evaluation must not be trained on: their seeds, which stand in the names of their files."""

import re
from collections.abc import Iterable

from tavid_planner.errors import ErrorCode, InputError
from training.scenes.scene import HELD_OUT_SEED

_NAME = re.compile(r"clip_(\d{9,})\.npz")


def seed_of(name: str) -> int | None:
    """The seed in the name of a scene's file, None for other files."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def is_training_scene(name: str) -> bool:
    """Whether a file is a scene that a training may have seen."""
    seed = seed_of(name)
    return seed is not None and seed < HELD_OUT_SEED


def refuse_held_out(names: Iterable[str], where: str) -> None:
    """See that none of the clips of a training is a held-out scene.

    Args:
        names: of the clips' files; where: they come from, for the message.

    Raises:
        InputError: CONFIG_INVALID.
    """
    found = [name for name in names if seed_of(name) is not None and not is_training_scene(name)]
    if found:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{where} holds {len(found)} scenes that are kept for evaluation, the first {found[0]}",
            f"train on scenes with seeds below {HELD_OUT_SEED}",
        )
