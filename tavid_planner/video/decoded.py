"""Checks that the VAE has decoded the latents to a visible video; otherwise the generation has failed."""

import numpy as np
import torch

from tavid_planner.errors import ErrorCode, VideoError

# a frame whose values (in 0..1) span less than this shows nothing
NO_CONTRAST = 2 / 255
# a first frame with a smaller span may legitimately be followed by frames that show nothing
SOME_CONTRAST = 16 / 255
_HINT = "use bfloat16 or float32: values of this model's VAE overflow in float16"


def check_finite(decoded: torch.Tensor, dtype: torch.dtype) -> None:
    """Check for NaN and infinity, which would look black or white once clamped to 0..1.

    Raises:
        VideoError: GENERATION_FAILED, naming `dtype`, for either.
    """
    broken = ~torch.isfinite(decoded)
    if broken.any():
        raise VideoError(
            ErrorCode.GENERATION_FAILED,
            f"{broken.float().mean().item():.1%} of the video decoded in {_name(dtype)} is NaN or infinity",
            _HINT,
        )


def check_pictures(frames: np.ndarray, rgb: np.ndarray, dtype) -> None:
    """Refuse frames that show nothing although the image they start from shows something.

    Args:
        frames: (T, H, W, 3) in 0..1.
        rgb: (H, W, 3) uint8, the image that the video starts from.
        dtype: of the VAE, named in the message.

    Raises:
        VideoError: GENERATION_FAILED for frames that are black, of one colour or not finite.
    """
    if not np.isfinite(frames).all():
        raise VideoError(
            ErrorCode.GENERATION_FAILED, f"the video decoded in {_name(dtype)} holds NaN or infinity", _HINT
        )
    if _contrast(rgb[None] / 255).max() < SOME_CONTRAST:
        return
    empty = np.flatnonzero(_contrast(frames) <= NO_CONTRAST)
    if len(empty):
        colour = "black" if frames[empty[0]].max() <= NO_CONTRAST else "of one colour"
        raise VideoError(
            ErrorCode.GENERATION_FAILED,
            f"{len(empty)} of {len(frames)} frames decoded in {_name(dtype)} are {colour}, from frame {empty[0]} on",
            _HINT,
        )


def _contrast(frames: np.ndarray) -> np.ndarray:  # (T, H, W, 3) -> (T,)
    """Largest difference between two pixels of a frame in any channel."""
    return np.ptp(frames, axis=(1, 2)).max(-1)


def _name(dtype) -> str:
    return str(dtype).removeprefix("torch.")
