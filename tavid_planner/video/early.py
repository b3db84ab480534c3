"""Early stop of the samples that attend least to the target after their first steps."""

import math
from collections.abc import Mapping

from tavid_planner.config import VideoConfig
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.plan import EarlyLook


def early_looks(alignments: Mapping[int, float], keep: float, step: int, steps: int) -> dict[int, EarlyLook]:
    """Which samples continue: a share of them, rounded up, at least one; the first ones among equals.

    Args:
        alignments: see `GeneratedSample.alignment`, by sample.
    """
    count = max(1, math.ceil(keep * len(alignments)))
    best = sorted(alignments, key=lambda k: -alignments[k])[:count]
    least = min(alignments[k] for k in best)

    def why(k: int) -> str:
        if k in best:
            return ""
        return (
            f"stopped after step {step} of {steps}: {alignments[k]:.3f} of its attention to the target word falls on "
            f"the target, of the {count} of {len(alignments)} samples that continued at least {least:.3f}"
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
