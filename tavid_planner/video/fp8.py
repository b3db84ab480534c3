"""Weights kept in 8 bits and computed in the profile's arithmetic: half the room, a little of the precision."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# what stays as it is: small, or too much depends on it; parts of names
KEPT_OF_TRANSFORMER = ("norm", "patch_embed", "pos_embed", "condition_embedder", "time_embed", "text_embed", "lora_")
# T5 looks at the type of `wo` before it computes with it; an embedding is looked up, not multiplied
KEPT_OF_TEXT_ENCODER = ("norm", "wo", "shared", "embed", "relative_attention_bias", "lm_head")


def keep_in_fp8(pipeline, compute_dtype: "torch.dtype") -> None:
    """Store the large matrices of transformer and text encoder as float8 (e4m3), cast layer by layer when needed."""
    import torch
    from diffusers.hooks import apply_layerwise_casting

    for model, kept in ((pipeline.transformer, KEPT_OF_TRANSFORMER), (pipeline.text_encoder, KEPT_OF_TEXT_ENCODER)):
        apply_layerwise_casting(model, torch.float8_e4m3fn, compute_dtype, skip_modules_pattern=kept)
