"""Named, weighted LoRAs in addition to the target-aware adapter: a style, a domain, distillation to few steps."""

from pathlib import Path

import torch

from hoi_motion.files import with_home
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.adapter import PEFT_CONFIG, inject_lora, lora_config, lora_path
from tavid_planner.video.lora_configuration import alphas_of
from tavid_planner.video.lora_names import read_layers
from tavid_planner.video.model_files import (
    DIGEST_LENGTH,
    check_safetensors,
    file_sha256,
    is_hub_id,
    model_folder,
    read_tensors,
    weights_digest,
)
from tavid_planner.video.named_loras import FILE_SUFFIX, NamedLora, taken


def refuse_taken_names(loras: tuple[NamedLora, ...]) -> None:
    """Refuse names of attributes of the module in which peft keeps LoRAs by their names.

    Raises:
        InputError: CONFIG_INVALID.
    """
    for lora in loras:
        if hasattr(torch.nn.ModuleDict(), lora.name):
            raise taken(lora.name)


def load_loras(transformer, loras: tuple[NamedLora, ...]) -> dict[str, str]:
    """Add LoRAs to a transformer, which may have an adapter already; returns name -> digest.

    Raises:
        VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE; both name the file.
    """
    weights = {name: 1.0 for name in getattr(transformer, "peft_config", {})}
    digests = {}
    for lora in loras:
        path, digest = found_lora(lora.source)
        header = check_safetensors(path)
        layers = read_layers(read_tensors(path), transformer, path)
        alphas = alphas_of(layers, lora_config(path.parent, path, header), None, path)
        inject_lora(transformer, layers, alphas, path, lora.name, lora.weight)
        _weigh_magnitudes(transformer, lora)
        digests[lora.name] = digest
        if layers.weights:
            weights[lora.name] = lora.weight
    if loras and weights:
        transformer.set_adapters(list(weights), list(weights.values()))
    return digests


@torch.no_grad()
def _weigh_magnitudes(transformer, lora: NamedLora) -> None:
    """Let the magnitudes of a DoRA move by its weight, too, as far as from those of the layers that it changes.

    A weight scales in peft what is added to a layer alone: one of 0 would still change its magnitude.
    """
    for module in transformer.modules():
        if lora.name in getattr(module, "lora_magnitude_vector", ()):
            own = module.get_base_layer().weight.float().norm(dim=1)
            magnitude = module.lora_magnitude_vector[lora.name].weight
            magnitude.copy_(own + lora.weight * (magnitude.float() - own))


def refuse_small_dora(transformer) -> None:
    """Raises: InputError: CONFIG_INVALID for a DoRA, which is computed from the weights of its layers at every step."""
    if any(getattr(module, "lora_magnitude_vector", None) for module in transformer.modules()):
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            "a DoRA cannot be computed from weights that are kept in 8 bits",
            "merge it with video.fuse=true, or use video.weights=full",
        )


def found_lora(source: str) -> tuple[Path, str]:
    """The file of a LoRA, and the digest of what it comes from.

    Raises:
        VideoError: MODEL_MISSING.
    """
    if not source.endswith(FILE_SUFFIX) or with_home(source).is_dir():
        folder = model_folder(source, files=(f"*{FILE_SUFFIX}", PEFT_CONFIG))
        return lora_path(folder), weights_digest(folder)
    path, (owner, *rest) = with_home(source), Path(source).parts
    if not path.is_file() and len(rest) > 1 and is_hub_id(f"{owner}/{rest[0]}"):
        name, config = "/".join(rest[1:]), "/".join([*rest[1:-1], PEFT_CONFIG])  # its scale may stand beside it
        path = model_folder(f"{owner}/{rest[0]}", files=(name, config)) / name
    check_safetensors(path)
    return path, file_sha256(path)[:DIGEST_LENGTH]


def fuse_loras(transformer) -> None:
    """Merge all LoRAs into the weights: no cost per step, but they can no longer be switched off."""
    if getattr(transformer, "peft_config", None):
        transformer.fuse_lora()
        transformer.unload_lora()
