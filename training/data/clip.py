"""TrainingClip: what every kind of clips gives, and what a source of them is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import TARGET_TOKEN


@dataclass(frozen=True)
class TrainingClip:
    """One clip of a data set.

    Attributes:
        frames: (T, H, W, 3) u8.
        mask: (H, W) bool, the target in the first frame.
        caption: sentence with `[TGT]`.
        tracks: (2, T, H, W) bool, subject and object in every frame, where the data set has them.
        triplet: subject, verb and object in the caption's words, where the data set has them.
        ids: (H, W) u8, the first frame's marked instances, 1 the target, 2 the actor, others up to 5, where the data
            set has them.
        pair: a name that it shares with another clip of its folder, which begins with the same picture; else "".
    """

    frames: np.ndarray
    mask: np.ndarray
    caption: str
    tracks: np.ndarray | None = None
    triplet: tuple[str, str, str] | None = None
    ids: np.ndarray | None = None
    pair: str = ""


class ClipSource(Protocol):
    """Where clips come from. `load` raises InputError, with the reason, for a clip that cannot be used.

    `fingerprint` is another one once a file that the clip is made of has changed.
    """

    folder: Path

    def names(self) -> list[str]: ...

    def fingerprint(self, name: str) -> str: ...

    def load(self, name: str) -> TrainingClip: ...


def checked_clip(name: str, clip: TrainingClip) -> TrainingClip:
    """The clip. Raises: InputError when its caption is empty or does not name the target."""
    if not clip.caption:
        raise unusable(name, "its caption is empty")
    if TARGET_TOKEN not in clip.caption:
        raise unusable(name, f"its caption does not name the target: {clip.caption[:60]!r} has no {TARGET_TOKEN}")
    return clip


def unusable(name: str, reason: str) -> InputError:
    """The error for a clip that cannot be used; a reason that is such an error's message names the clip already."""
    return InputError(ErrorCode.FILE_INVALID, reason if reason.startswith(f"{name}: ") else f"{name}: {reason}")
