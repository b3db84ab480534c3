"""What the configuration of a LoRA says, whether its weights agree, and what its layers are multiplied by.

It is peft's `adapter_config.json`, or diffusers' metadata in the header of the weights' file without their prefix.
"""

import math
from typing import Any

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.lora_names import LoraLayers, checked_alpha, original_name, strange, unwrapped

# ways of peft to initialise a LoRA that take from the base's weights what they put into it
_TAKEN_FROM_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")


def alphas_of(found: LoraLayers, config: dict, lora_alpha: float | None, path) -> dict[str, float]:
    """The alpha of every layer: the requested one, else that stored beside its weights, else the config's, else its
    rank.

    Args:
        config: may be empty.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE for an alpha that is no positive number, a LoRA whose base is changed, too, a
            DoRA without its magnitudes, or a config with other ranks, alphas or layers than the weights.
    """
    _check_base_and_kind(found, config, path)
    _check_ranks(found, config, path)
    _check_layers(found, config, path)
    common, patterns = config.get("lora_alpha"), _patterns(found, config, "alpha_pattern", path)
    alphas = {}
    for layer, rank in found.ranks.items():
        stored, said = found.stored_alphas.get(layer), _said(patterns, layer, common)
        given = next((v for v in (lora_alpha or None, stored, said) if v is not None), None)
        alpha = checked_alpha([rank if given is None else given], "lora_alpha", path)
        if stored is not None and said is not None and not lora_alpha and stored != said:
            raise _contradictory(path, f"the alpha of {layer} is {stored:g} in its weights and {said!r:.40} there")
        # rank-stabilised LoRA divides by the root of the rank
        rooted = bool(config.get("use_rslora")) and not (lora_alpha or stored)
        alphas[layer] = alpha * math.sqrt(rank) if rooted else alpha
    return alphas


def _check_base_and_kind(found: LoraLayers, config: dict, path) -> None:
    """Raises: VideoError: ADAPTER_INCOMPATIBLE for a LoRA whose base is changed, too, or a DoRA without magnitudes."""
    start = config.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(_TAKEN_FROM_THE_BASE):
        raise VideoError(
            ErrorCode.ADAPTER_INCOMPATIBLE,
            f"{path} was initialised by {start[:40]!r}, which also changed the weights of the base",
            "convert it to a plain LoRA: peft's save_pretrained with path_initial_model_for_weight_conversion",
        )
    if config.get("use_dora") and not any(name.endswith(".lora_magnitude_vector") for name in found.weights):
        raise strange(path, "its config says that it is a DoRA, but it has no magnitudes (lora_magnitude_vector)")


def _check_ranks(found: LoraLayers, config: dict, path) -> None:
    """Raises: VideoError: ADAPTER_INCOMPATIBLE: alpha is over the rank that is said."""
    common, patterns = config.get("r"), _patterns(found, config, "rank_pattern", path)
    for layer, rank in found.ranks.items():
        said = _said(patterns, layer, common)
        if said is not None and said != rank:
            raise _contradictory(path, f"the rank of {layer} is {rank} in its weights and {said!r:.40} there")


def _check_layers(found: LoraLayers, config: dict, path) -> None:
    """Compare the layers with a list of their names; a single text is a regular expression, which is not run.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE for a layer that is not meant, or a name of which no layer is there.
    """
    names = config.get("target_modules")
    if not isinstance(names, list):
        return
    for layer in found.ranks:
        if not any(_names(name, layer) for name in names):
            raise _contradictory(path, f"{layer} has weights, but is none of the target_modules there")
    if config.get("exclude_modules") or config.get("layers_to_transform") is not None:
        return  # a name may then mean no layer at all
    for name in names:
        meant = {layer for layer in found.linear if _names(name, layer)}
        if meant and meant.isdisjoint(found.ranks):
            raise _contradictory(path, f"no layer has weights that its target_modules call {name!r:.60}")


def _names(name, layer: str) -> bool:
    """Whether a name of target_modules means a layer: by its last parts, in diffusers' or Wan's own words."""
    known = (layer, layer.removesuffix(".0"), original_name(layer))
    return any(f".{own}".endswith(f".{bare}") for own in known for bare in unwrapped(str(name)))


def _patterns(found: LoraLayers, config: dict, field: str, path) -> dict[str, Any]:
    """The config's alphas or ranks by names of layers, as `_means` reads them.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE for what names no layer of the LoRA.
    """
    patterns = config.get(field) or {}
    if not isinstance(patterns, dict):
        raise strange(path, f"its config has the {field} {patterns!r:.60}")
    # peft reads them as regular expressions; in files only escaped dots occur, and ^ before whole names
    patterns = {str(pattern).replace("\\.", ".").removesuffix("$"): value for pattern, value in patterns.items()}
    for pattern in patterns:
        if not any(_means(pattern, layer) for layer in found.ranks):
            raise strange(path, f"its {field} names {pattern!r:.60}, which is no layer of it")
    return patterns


def _said(patterns: dict[str, Any], layer: str, common):
    """What the patterns say of a layer, else what is said of all."""
    return next((value for pattern, value in patterns.items() if _means(pattern, layer)), common)


def _means(pattern: str, layer: str) -> bool:
    """Whether a pattern names a layer: whole after ^, else by its last parts."""
    return f"^{layer}" == pattern or f".{layer}".endswith(f".{pattern}")


def _contradictory(path, reason: str) -> VideoError:
    return VideoError(
        ErrorCode.ADAPTER_INCOMPATIBLE,
        f"{path} and its configuration (adapter_config.json beside it, or its metadata) are not of one LoRA: {reason}",
        "take both from one training, or remove a configuration that belongs to another file",
    )
