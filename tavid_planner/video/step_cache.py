"""Step caches of diffusers by name: blocks whose output hardly changes from step to step are skipped."""

from tavid_planner.errors import ErrorCode, InputError

CACHES = ("none", "first_block")


def enable_step_cache(transformer, name: str, threshold: float) -> None:
    """Put a cache on a transformer.

    Args:
        name: of CACHES. "first_block" skips a step's other blocks when the first block's output is nearly that of the
            last step that was computed.
        threshold: of "first_block": mean relative change of its output up to which the other blocks are skipped.

    Raises:
        InputError: CONFIG_INVALID for another name.
    """
    if name not in CACHES:
        raise InputError(ErrorCode.CONFIG_INVALID, f"step_cache is {name!r}", f"use one of {', '.join(CACHES)}")
    if name == "none":
        return
    from diffusers import FirstBlockCacheConfig

    transformer.enable_cache(FirstBlockCacheConfig(threshold=threshold))


def forget_steps(transformer) -> None:
    """Let a cache, if one is on, forget what it holds: of other samples, which are other pictures in other numbers."""
    if getattr(transformer, "is_cache_enabled", False):
        transformer._reset_stateful_cache()


def refuse_capture(transformer) -> None:
    """Raises: InputError: CONFIG_INVALID when a cache is on: skipped blocks have no maps of this step."""
    if getattr(transformer, "is_cache_enabled", False):
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            "attention cannot be captured while a step cache skips blocks",
            "set video.capture_attention=false, or video.step_cache=none",
        )
