"""Weights stored in 8 bits and computed with in the profile's dtype: half the memory for a little precision."""

from typing import TYPE_CHECKING

from hoi_motion.lazy import optional

if TYPE_CHECKING:
    import torch

# parts of the names of layers that are left alone: small or sensitive ones
KEPT_OF_TRANSFORMER = (
    *("norm", "patch_embed", "pos_embed", "condition_embedder", "time_embed", "text_embed", "lora_", "proj_out"),
)
# T5 checks the dtype of `wo` before using it; an embedding is indexed, not multiplied
KEPT_OF_TEXT_ENCODER = ("norm", "wo", "shared", "embed", "relative_attention_bias", "lm_head")


def keep_small(pipeline, weights: str, compute_dtype: "torch.dtype") -> None:
    """Keep the large matrices of transformer and text encoder in 8 bits.

    Args:
        weights: "fp8" casts float8 (e4m3) layer by layer when needed; "int8" has one scale per row and needs torchao.

    Raises:
        TavidError: MODEL_MISSING where torchao is not installed.
    """
    for model, kept in ((pipeline.transformer, KEPT_OF_TRANSFORMER), (pipeline.text_encoder, KEPT_OF_TEXT_ENCODER)):
        if weights == "int8":
            _keep_in_int8(model, kept)
        else:
            _keep_in_fp8(model, kept, compute_dtype)


def _keep_in_fp8(model, kept: tuple[str, ...], compute_dtype: "torch.dtype") -> None:
    import torch
    from diffusers.hooks import apply_layerwise_casting

    apply_layerwise_casting(model, torch.float8_e4m3fn, compute_dtype, skip_modules_pattern=kept)


def _keep_in_int8(model, kept: tuple[str, ...]) -> None:
    import torch

    quantization = optional("torchao.quantization")

    def large(layer: torch.nn.Module, name: str) -> bool:
        return isinstance(layer, torch.nn.Linear) and not any(part in name for part in kept)

    quantization.quantize_(model, quantization.Int8WeightOnlyConfig(), large)
