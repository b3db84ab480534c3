"""Maps LoRA weights under any trainer's key names to the transformer's layers, with their alphas.

diffusers     transformer.transformer_blocks.0.attn1.to_q.lora_A.weight         (or lora.down, lora_linear_layer.down)
peft          base_model.model.transformer_blocks.0.attn1.to_q.lora_A.default.weight, beside adapter_config.json
kohya         lora_unet_transformer_blocks_0_attn1_to_q.lora_down.weight, with .alpha (VideoX-Fun: lora_unet__)
Wan           diffusion_model.blocks.0.self_attn.q.lora_A.weight, with its own repository's layer names
others        the same without a prefix, or with diffusion_model., model., module., pipe.dit.

With a magnitude for every layer (.lora_magnitude_vector, or .dora_scale by output) it is a DoRA.
Beside LoRA a file may hold whole changes of parameters, as those extracted from distilled models do: LAYER.diff (of the
weight), LAYER.diff_b (of the bias), LAYER.diff_m (of Wan's modulation).
"""

import math
import re
from dataclasses import dataclass, field

import torch

from tavid_planner.errors import ErrorCode, VideoError

# down (A) comes first: it maps to the rank, up (B) back
_PARTS = (
    ("down", re.compile(r"(\.lora_A|\.lora_down|\.lora\.down|\.lora_linear_layer\.down|_lora\.down)(\.\w+)?\.weight")),
    ("up", re.compile(r"(\.lora_B|\.lora_up|\.lora\.up|\.lora_linear_layer\.up|_lora\.up)(\.\w+)?\.weight")),
    ("up_bias", re.compile(r"(\.lora_B|\.lora_up|\.lora\.up)(\.\w+)?\.bias")),
    ("alpha", re.compile(r"\.(lora_)?alpha")),
    ("magnitude", re.compile(r"\.lora_magnitude_vector(\.(?!weight$)\w+)?(\.weight)?|\.dora_scale")),
)
# key parts of other kinds of adapters, and the names of these kinds
_OTHER_KINDS = (
    ("a LoRA of the text encoder", re.compile(r"(lora_te\d?_|text_encoder(_\d)?\.)")),
    ("LoHa", re.compile(r"\.hada_[wt]\d")),
    ("LoKr", re.compile(r"\.lokr_[wt]\d")),
    ("OFT", re.compile(r"\.oft_")),
    ("VeRA", re.compile(r"\.vera_lambda")),
    ("LoCon", re.compile(r"\.lora_mid\.")),
    ("whole weights", re.compile(r"\.modules_to_save\.")),
)
# ending of a key with a whole change, and the parameter of its layer
_CHANGED = {".diff": "weight", ".diff_b": "bias", ".diff_m": "scale_shift_table"}
MAX_ALPHA = 1e5
# prefixes that may come before a layer's name
_WRAPPERS = ("lora", "unet", "pipe", "dit", "base_model", "model", "diffusion_model", "transformer", "module")
# of a Wan transformer: part of a layer's name in diffusers, and in the model's own repository
_ORIGINAL_OF_WAN = (
    ("attn1.", "self_attn."),
    ("attn2.", "cross_attn."),
    (".to_q", ".q"),
    (".to_k", ".k"),
    (".to_v", ".v"),
    (".to_out.0", ".o"),
    (".add_k_proj", ".k_img"),
    (".add_v_proj", ".v_img"),
    ("ffn.net.0.proj", "ffn.0"),
    ("ffn.net.2", "ffn.2"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"),
    ("condition_embedder.image_embedder.ff.net.0.proj", "img_emb.proj.1"),
    ("condition_embedder.image_embedder.ff.net.2", "img_emb.proj.3"),
    ("condition_embedder.image_embedder.norm1", "img_emb.proj.0"),
    ("condition_embedder.image_embedder.norm2", "img_emb.proj.4"),
    (".norm_added_k", ".norm_k_img"),
    (".norm2", ".norm3"),
    ("proj_out", "head.head"),
)
_MODULATED_AT_THE_END = "head"  # in Wan's own repository; in diffusers the transformer itself
_WAN_LAYER = re.compile(r"blocks\.\d+\.|condition_embedder\.|proj_out$")
_OUR_LAYER = re.compile(r"(transformer_)?blocks[._]\d+[._](attn[12]|(self|cross)_attn|ffn?|norm)")
KNOWN = (
    "diffusers (transformer.LAYER.lora_A.weight), peft (base_model.model.LAYER.lora_A.weight) "
    "or kohya (lora_unet_LAYER.lora_down.weight)"
)


@dataclass(frozen=True)
class LoraLayers:
    """The weights of a LoRA under the transformer's own layer names.

    Attributes:
        weights: "LAYER.lora_A.weight" and "LAYER.lora_B.weight" (and "LAYER.lora_B.bias"; of a DoRA
            "LAYER.lora_magnitude_vector").
        ranks: by layer. stored_alphas: by layer, where the file has one.
        changes: by parameter, what is added to it beside the LoRA.
        linear: all layers of the transformer that a LoRA can change.
    """

    weights: dict[str, torch.Tensor]
    ranks: dict[str, int]
    stored_alphas: dict[str, float]
    changes: dict[str, torch.Tensor] = field(default_factory=dict)
    linear: frozenset[str] = frozenset()


def read_layers(tensors: dict[str, torch.Tensor], transformer, path) -> LoraLayers:
    """Find the layer of every tensor.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE; it says whether the names are unknown or the base model is a different one.
    """
    # a layer that already has a LoRA wraps the linear layer, whose name stays the same from outside
    linear = {
        name.removesuffix(".base_layer"): module
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.Linear) and ".lora_" not in name
    }
    known = {name: name for name in linear} | {original_name(name): name for name in linear if _WAN_LAYER.match(name)}
    flat = {name.replace(".", "_"): layer for name, layer in known.items()}
    whole, tensors = _read_changes(tensors, transformer, path)
    parts: dict[tuple[str, str], torch.Tensor] = {}
    lost, origin = [], {}
    for key, value in tensors.items():
        stem, part = _split(key)
        layer = stem and _layer_of(stem, known, flat)
        if not layer:
            lost.append(key)
            continue
        if (layer, part) in parts:
            raise strange(path, f"{key!r} and {origin[layer, part]!r} are both for {layer}")
        parts[layer, part], origin[layer, part] = value, key
    if not tensors and not whole:
        raise strange(path, "it is empty")
    for kind, pattern in _OTHER_KINDS:
        if of_kind := next(filter(pattern.search, lost), None):
            raise VideoError(
                ErrorCode.ADAPTER_INCOMPATIBLE,
                f"{path} holds {kind} ({of_kind!r}), which is not read: only LoRA and DoRA of the transformer are",
                "merge it into the base model, convert it to a LoRA, or leave it out",
            )
    if lost:
        # layer names of this architecture, but not in this transformer
        if all(_names_a_part(key) and any(map(_OUR_LAYER.match, unwrapped(key))) for key in lost):
            raise incompatible(path, f"{lost[0]!r} names no layer of the transformer that it could change")
        raise strange(
            path, f"{lost[0]!r} (and {len(lost) - 1} more of {len(tensors)}) names no layer of the transformer"
        )
    return _checked_layers(parts, linear, whole, path)


def _checked_layers(
    parts: dict[tuple[str, str], torch.Tensor], linear: dict[str, torch.nn.Linear], whole: dict, path
) -> LoraLayers:
    """The layers of a LoRA, from its parts by layer and name of the part, beside whole changes.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE for a part that is missing or does not fit.
    """
    layers = sorted({layer for layer, _ in parts})
    weights, ranks, alphas = {}, {}, {}
    for layer in layers:
        down, up = (parts.get((layer, part)) for part in ("down", "up"))
        if down is None or up is None:
            raise strange(path, f"{layer} has no {'lora_A (down)' if down is None else 'lora_B (up)'}")
        module = linear[layer]
        _check_shapes(path, layer, down, up, module)
        weights[f"{layer}.lora_A.weight"], weights[f"{layer}.lora_B.weight"] = down, up
        if (bias := parts.get((layer, "up_bias"))) is not None:
            if bias.shape != (module.out_features,):
                raise incompatible(path, f"the bias of {layer} has the shape {tuple(bias.shape)}")
            check_numbers(path, f"the bias of {layer}", bias)
            weights[f"{layer}.lora_B.bias"] = bias
        if (magnitude := parts.get((layer, "magnitude"))) is not None:
            weights[f"{layer}.lora_magnitude_vector"] = _checked_magnitude(path, layer, magnitude, module)
        ranks[layer] = len(down)
        if (alpha := parts.get((layer, "alpha"))) is not None:
            alphas[layer] = checked_alpha(alpha.flatten().tolist(), f"the alpha of {layer}", path)
    plain = [layer for layer in layers if f"{layer}.lora_magnitude_vector" not in weights]
    if 0 < len(plain) < len(layers):
        raise strange(path, f"{plain[0]} has no magnitude (lora_magnitude_vector), as other layers have")
    return LoraLayers(weights, ranks, alphas, whole, frozenset(linear))


def _read_changes(tensors: dict, transformer, path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Whole changes by the parameter that they change, and the tensors that are none; zeros change nothing."""
    parameters = plain_parameters(transformer)
    holders = {name.rpartition(".")[0] for name in parameters}
    known = {name: name for name in holders} | {original_name(name): name for name in holders if _WAN_LAYER.match(name)}
    known[_MODULATED_AT_THE_END] = ""
    changes, others = {}, {}
    for key, value in tensors.items():
        stem, dot, ending = key.rpartition(".")
        part = _CHANGED.get(dot + ending)
        layer = next((known[bare] for bare in unwrapped(stem) if bare in known), None) if part else None
        name = f"{layer}.{part}".removeprefix(".")
        if layer is None or name not in parameters:
            others[key] = value
            continue
        want, have = tuple(parameters[name].shape), tuple(value.shape)
        # other input channels than those of the noise come last: an image's, an adapter's
        narrower = part == "weight" and have[:1] + have[2:] == want[:1] + want[2:] and have[1:2] < want[1:2]
        if have != want and not narrower:
            raise incompatible(path, f"{key!r} is {have}, the transformer has {want}")
        check_numbers(path, repr(key), value)
        if value.any():
            changes[name] = value
    return changes, others


def plain_parameters(transformer) -> dict[str, torch.nn.Parameter]:
    """A transformer's parameters by the names that they have without any LoRA."""
    found = transformer.named_parameters()
    return {name.replace(".base_layer.", "."): p for name, p in found if ".lora_" not in name}


def incompatible(path, reason: str) -> VideoError:
    return VideoError(
        ErrorCode.ADAPTER_INCOMPATIBLE,
        f"{path} does not fit the base model: {reason}",
        "use the base model that the adapter was trained on",
    )


def strange(path, reason: str) -> VideoError:
    """That a file is no LoRA whose names are known."""
    return VideoError(
        ErrorCode.ADAPTER_INCOMPATIBLE,
        f"{path} names its weights in an unknown way: {reason}",
        f"the names are unknown, the base model may well fit: save it as {KNOWN}",
    )


def _damaged(path, reason: str) -> VideoError:
    return VideoError(
        ErrorCode.ADAPTER_INCOMPATIBLE,
        f"{path} is damaged: {reason}",
        "its training has failed, or the file was cut: download it again, or take another checkpoint",
    )


def check_numbers(path, what: str, value: torch.Tensor) -> None:
    """Raises: VideoError: ADAPTER_INCOMPATIBLE for a tensor of integers, or with NaN or infinity."""
    if not value.is_floating_point() or not value.float().isfinite().all():
        held = "" if value.is_floating_point() else f" ({str(value.dtype).removeprefix('torch.')})"
        raise _damaged(path, f"{what} holds something other than finite numbers{held}")


def _split(key: str) -> tuple[str | None, str]:
    """Split a key into its layer name and the LoRA part that it names."""
    for part, pattern in _PARTS:
        match = pattern.search(key)
        if match and match.end() == len(key):
            return key[: match.start()], part
    return None, ""


def _names_a_part(key: str) -> bool:
    return _split(key)[0] is not None or key.endswith(tuple(_CHANGED))


def original_name(layer: str) -> str:
    """Wan's own name of a layer, from its name in diffusers."""
    for ours, original in _ORIGINAL_OF_WAN:
        layer = layer.replace(ours, original)
    return layer


def _layer_of(stem: str, known: dict[str, str], flat: dict[str, str]) -> str | None:
    """The transformer's layer that a stem refers to, ignoring wrapper prefixes."""
    for bare in unwrapped(stem.replace(".processor.", ".")):
        for name in (bare, f"{bare}.0"):  # diffusers once called the first layer of to_out by its list's name
            if name in known:
                return known[name]
            if "." not in bare and (layer := flat.get(name.replace(".", "_"))):
                return layer
    return None


def unwrapped(name: str) -> list[str]:
    """A name, and what remains of it as wrapper prefixes are removed one by one."""
    names = [name]
    while wrapper := next((w for w in _WRAPPERS if names[-1].startswith((f"{w}.", f"{w}_"))), None):
        # VideoX-Fun joins the empty name of the whole model to the layer's: two underscores
        names.append(names[-1][len(wrapper) + 1 :].lstrip("_"))
    return names


def _checked_magnitude(path, layer: str, magnitude: torch.Tensor, module: torch.nn.Linear) -> torch.Tensor:
    """The magnitude of a DoRA, one number an output of the layer: (out,)."""
    if magnitude.numel() != module.out_features or magnitude.shape[:1] != (module.out_features,):
        # LyCORIS may have one number an input
        shape = tuple(magnitude.shape)
        raise incompatible(
            path, f"the magnitude of {layer} is {shape}, not one number for {module.out_features} outputs"
        )
    check_numbers(path, f"the magnitude of {layer}", magnitude)
    if not (magnitude.float() > 0).all():  # numbers of 8 bits cannot be compared
        raise _damaged(path, f"the magnitude of {layer} holds something other than positive numbers")
    return magnitude.flatten()


def _check_shapes(path, layer: str, down: torch.Tensor, up: torch.Tensor, module: torch.nn.Linear) -> None:
    sides = {module.in_features, module.out_features}
    if down.ndim == up.ndim == 2 and down.shape[1] == up.shape[0] and {down.shape[0], up.shape[1]} == sides:
        if down.shape[0] != up.shape[1] or down.shape[1] != module.in_features:
            raise strange(path, f"lora_A and lora_B of {layer} are exchanged or transposed")
    if down.ndim != 2 or up.ndim != 2 or down.shape[0] != up.shape[1]:
        shapes = f"{tuple(down.shape)} and {tuple(up.shape)}"
        raise strange(path, f"the weights of {layer} have the shapes {shapes}, which share no rank")
    if not len(down):
        raise strange(path, f"the weights of {layer} have rank 0")
    for name, weights in (("lora_A", down), ("lora_B", up)):
        check_numbers(path, f"{name} of {layer}", weights)
    for name, have, want in (
        ("lora_A", down.shape[1], module.in_features),
        ("lora_B", up.shape[0], module.out_features),
    ):
        if have != want:
            raise incompatible(path, f"{name} of {layer} is for {have} features, the layer has {want}")


def checked_alpha(values: list, name: str, path) -> float:
    """The only one of the values. Raises: VideoError: ADAPTER_INCOMPATIBLE unless it is a positive number."""
    try:
        [alpha] = (math.nan if isinstance(value, bool) else float(value) for value in values)
    except (TypeError, ValueError):
        alpha = math.nan
    if not 0 < alpha <= MAX_ALPHA:
        raise strange(path, f"{name} is {str(values)[:60]}, expected one positive number up to {MAX_ALPHA:g}")
    return alpha
