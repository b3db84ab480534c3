"""Attention kernels (backends of diffusers), chosen by name."""

import torch

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.backbone import Backbone
from tavid_planner.video.backbone.seam import Attended
from tavid_planner.video.memory import is_out_of_memory

# as diffusers calls them; None leaves the choice to PyTorch
BACKENDS = {
    "torch": None,
    "math": "_native_math",
    "efficient": "_native_efficient",
    "cudnn": "_native_cudnn",
    "flex": "flex",
    "flash": "flash",
    "sage": "sage",
    "xformers": "xformers",
}


TOKENS_TRIED = 64


def use_attention_backend(backbone: Backbone, name: str, device: torch.device, dtype: torch.dtype) -> None:
    """Make a backend compute all attention layers of a transformer.

    Args:
        device, dtype: where and in which numbers they will compute; tried with a few tokens.

    Raises:
        InputError: CONFIG_INVALID for another name, one whose package is not installed, or that cannot compute there.
    """
    if name not in BACKENDS:
        raise InputError(ErrorCode.CONFIG_INVALID, f"attention is {name!r}", f"use one of {', '.join(BACKENDS)}")
    if name == "torch":
        return
    from diffusers.models.attention_dispatch import attention_backend

    try:
        with attention_backend(BACKENDS[name]):  # checks that the backend is available, and changes nothing
            pass
    except RuntimeError as error:
        raise InputError(ErrorCode.CONFIG_INVALID, f"video.attention is {name!r}: {error}", "use torch") from error
    _try(backbone, name, device, dtype)
    backbone.use_attention_backend(BACKENDS[name])


@torch.no_grad()
def _try(backbone: Backbone, name: str, device: torch.device, dtype: torch.dtype) -> None:
    """Compute a little attention with a backend, which may know neither the device nor the numbers.

    Raises:
        InputError: CONFIG_INVALID.
    """
    tokens = torch.zeros(1, 1, TOKENS_TRIED, backbone.transformer.config.attention_head_dim, device=device, dtype=dtype)
    try:
        Attended(tokens, tokens, tokens, 0, 0, BACKENDS[name]).mixed()
    except Exception as error:  # every package has its own errors for this
        if is_out_of_memory(error):
            raise
        numbers = str(dtype).removeprefix("torch.")
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"video.attention is {name!r}, which cannot compute {numbers} on {device}: {str(error)[:200]}",
            "use torch",
        ) from error
