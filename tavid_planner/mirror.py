"""A mirrored request, from which a video model generates another sample for the same request."""

import re
from dataclasses import replace

import numpy as np

from tavid_planner.request import InteractionRequest

_SIDES = {"left": "right", "right": "left"}
_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def mirrored_words(text: str) -> str:
    """Swap left and right."""

    def other(match: re.Match) -> str:
        word, side = match[0], _SIDES[match[0].lower()]
        return side.upper() if word.isupper() else side.capitalize() if word[0].isupper() else side

    return _SIDE.sub(other, text)


def mirrored_request(request: InteractionRequest) -> InteractionRequest:
    """Mirrored image, masks and instruction. Camera and depth, which the video does not need, are left out."""
    instances = tuple(replace(instance, mask=_turned(instance.mask)) for instance in request.instances)
    return replace(
        request,
        rgb=_turned(request.rgb),
        target_mask=_turned(request.target_mask),
        actor_mask=None if request.actor_mask is None else _turned(request.actor_mask),
        instruction=mirrored_words(request.instruction),
        instances=instances,
        intrinsics=None,
        depth_m=None,
        known=None,
    )


def _turned(image: np.ndarray) -> np.ndarray:  # (H, W[, 3])
    return np.ascontiguousarray(image[:, ::-1])
