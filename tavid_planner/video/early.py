"""Samples that hardly look at the target after their first steps stop there."""

import math
from collections.abc import Mapping, Sequence

from tavid_planner.alignment import target_alignment
from tavid_planner.config import VideoConfig
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.plan import EarlyLook
from tavid_planner.request import InteractionRequest
from tavid_planner.video.generation import Generation
from tavid_planner.video.image_fit import ImageFit


def early_alignments(
    run: Generation, numbers: Sequence[int], config: VideoConfig, fit: ImageFit, request: InteractionRequest
) -> dict[int, float]:
    """Alignment of samples with the target, so far."""
    blocks = config.early_block_numbers or None
    maps = {k: fit.maps_to_request(run.attention(k, blocks).numpy()) for k in numbers}
    return {k: target_alignment(of_frames[0], request.target_mask) for k, of_frames in maps.items()}


def looked(alignments: Mapping[int, float], keep: float, step: int, steps: int) -> dict[int, EarlyLook]:
    """Which samples go on: a share of them, rounded up, at least one; of equals the first."""
    count = max(1, math.ceil(keep * len(alignments)))
    best = sorted(alignments, key=lambda k: -alignments[k])[:count]
    least = min(alignments[k] for k in best)

    def why(k: int) -> str:
        if k in best:
            return ""
        return (
            f"stopped after step {step} of {steps}: {alignments[k]:.3f} of its attention to the target word falls on "
            f"the target, of the {count} of {len(alignments)} samples that went on at least {least:.3f}"
        )

    return {k: EarlyLook(step, steps, alignment, why(k)) for k, alignment in alignments.items()}


def check_early_blocks(config: VideoConfig, count: int) -> None:
    """Raises: InputError: CONFIG_INVALID for a block that a transformer with so many does not have."""
    if any(block >= count for block in config.early_block_numbers):
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"video.early_blocks is {config.early_blocks!r}",
            f"the transformer has blocks 0 to {count - 1}",
        )
