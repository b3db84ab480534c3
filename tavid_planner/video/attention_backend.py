"""Attention kernels (backends of diffusers), chosen by name."""

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.backbone import Backbone

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


def use_attention_backend(backbone: Backbone, name: str) -> None:
    """Make a backend compute all attention layers of a transformer.

    Raises:
        InputError: CONFIG_INVALID for another name, or one whose package is not installed.
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
    backbone.use_attention_backend(BACKENDS[name])
