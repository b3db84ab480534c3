"""Target-aware adapters: a widened input convolution and LoRA weights, in the layout of the released TaViD files.

    patch_embed_conv2d.safetensors (or .pth)    weight and bias of the convolution, with one more input channel
    pytorch_lora_weights.safetensors            LoRA of the transformer in diffusers' format

Trigger word, rank and alpha stand in the safetensors headers: the released files carry none of them.
"""

import json
import logging
import pickle
import re
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from hoi_motion.files import whole_file
from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video.model_files import check_safetensors, missing, model_folder, weights_digest
from tavid_planner.video.prompt import DEFAULT_TRIGGER

CONV_SAFETENSORS = "patch_embed_conv2d.safetensors"
CONV_PICKLE = "patch_embed_conv2d.pth"
LORA_FILE = "pytorch_lora_weights.safetensors"
ADAPTER_NAME = "target_aware"
METADATA_KEY = "tavid_adapter"
DIFFUSERS_METADATA_KEY = "lora_adapter_metadata"
LORA_KEY = re.compile(r"transformer\.(?P<layer>.+)\.((?P<down>lora_A|lora\.down)|lora_B|lora\.up)\.(weight|bias)")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Adapter:
    """A loaded adapter.

    Attributes:
        name: the folder or hub id it came from.
        trigger: the word that the text encoder reads for `[TGT]`.
        rank, alpha: of its LoRA.
        digest: of its files.
        extra: whatever else its training stored, for example the supervised blocks.
    """

    name: str
    trigger: str
    rank: int
    alpha: float
    digest: str
    extra: dict = field(default_factory=dict)


def widen_patch_embed(transformer, extra_channels: int = 1) -> None:
    """Give the patch embedding more input channels, whose kernels start at zero; the output stays the same.

    Works for the convolution of CogVideoX 1.0 and the linear layer of 1.5. The transformer's config follows.
    """
    patch = transformer.patch_embed
    old = patch.proj
    with torch.no_grad():
        if patch.patch_size_t is None:
            added = old.weight.new_zeros(old.out_channels, extra_channels, *old.kernel_size)
            new = torch.nn.Conv2d(
                old.in_channels + extra_channels,
                old.out_channels,
                kernel_size=old.kernel_size,
                stride=old.stride,
                bias=old.bias is not None,
                device=old.weight.device,
                dtype=old.weight.dtype,
            )
        else:
            # a patch is flattened channel by channel, so another channel's inputs come last
            inputs = extra_channels * patch.patch_size**2 * patch.patch_size_t
            added = old.weight.new_zeros(old.out_features, inputs)
            new = torch.nn.Linear(
                old.in_features + inputs,
                old.out_features,
                bias=old.bias is not None,
                device=old.weight.device,
                dtype=old.weight.dtype,
            )
        new.weight.copy_(torch.cat([old.weight, added], dim=1))
        if old.bias is not None:
            new.bias.copy_(old.bias)
    new.requires_grad_(old.weight.requires_grad)
    patch.proj = new
    transformer.register_to_config(in_channels=transformer.config.in_channels + extra_channels)


def load_adapter(model, folder_or_hub_id) -> Adapter:
    """Load an adapter into a transformer, or into the transformer of a pipeline, with weight 1.

    The transformer is widened by one channel first unless it already is.

    Raises:
        VideoError: MODEL_MISSING for a missing or truncated file, ADAPTER_INCOMPATIBLE when shapes or layers do not
            fit the transformer; both name the file. The transformer is unchanged then.
    """
    transformer = getattr(model, "transformer", model)
    folder = model_folder(str(folder_or_hub_id), files=(CONV_SAFETENSORS, CONV_PICKLE, LORA_FILE))
    conv_path, conv, metadata = _read_conv(folder)
    lora_path = folder / LORA_FILE
    lora_header = check_safetensors(lora_path)
    lora = load_file(lora_path)
    widened = transformer.config.in_channels > 2 * transformer.config.out_channels
    _check_conv(conv, transformer, 0 if widened else 1, conv_path)
    _check_lora(lora, transformer, lora_path)

    if not widened:
        widen_patch_embed(transformer)
    transformer.patch_embed.proj.load_state_dict(conv)
    alphas = {name: float(value) for name, value in lora.items() if name.endswith(".alpha")}
    stored = lora_header.get("__metadata__", {}).get(DIFFUSERS_METADATA_KEY)
    try:
        transformer.load_lora_adapter(
            {name: value for name, value in lora.items() if name not in alphas},
            prefix="transformer",
            adapter_name=ADAPTER_NAME,
            metadata=json.loads(stored) if stored else None,
            network_alphas=None if stored or not alphas else alphas,
        )
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise _incompatible(lora_path, str(error)) from error
    transformer.set_adapters([ADAPTER_NAME], [1.0])
    config = transformer.peft_config[ADAPTER_NAME]
    alpha = next(iter(config.alpha_pattern.values()), config.lora_alpha)
    trigger = metadata.pop("trigger", DEFAULT_TRIGGER)
    logger.info("adapter %s: rank %d, alpha %g, trigger word %r", folder, config.r, alpha, trigger)
    return Adapter(str(folder_or_hub_id), trigger, config.r, float(alpha), weights_digest(folder), metadata)


def save_adapter(folder, transformer, rank: int, alpha: float, trigger: str, extra: dict | None = None) -> None:
    """Write the widened convolution and the LoRA of a peft transformer; each file whole or not at all.

    Args:
        folder: made if it does not exist.
        extra: JSON-able facts that are stored with the adapter.

    Raises:
        InputError: OUTPUT_INVALID when the folder cannot be written, CONFIG_INVALID when the transformer carries no
            LoRA or one of another rank or alpha.
    """
    from peft.utils import get_peft_model_state_dict

    configs = getattr(transformer, "peft_config", {})
    if len(configs) != 1:
        raise InputError(ErrorCode.CONFIG_INVALID, f"the transformer has {len(configs)} LoRA adapters, expected one")
    [(name, config)] = configs.items()
    if (config.r, config.lora_alpha) != (rank, alpha):
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"rank {rank} and alpha {alpha:g} were given, the LoRA has {config.r} and {config.lora_alpha:g}",
        )
    lora = get_peft_model_state_dict(transformer, adapter_name=name)
    targets = config.target_modules
    diffusers_metadata = {
        "transformer.r": rank,
        "transformer.lora_alpha": alpha,
        "transformer.target_modules": targets if isinstance(targets, str) else sorted(targets),
    }
    _write(
        Path(folder) / LORA_FILE,
        {f"transformer.{key}": value for key, value in lora.items()},
        {DIFFUSERS_METADATA_KEY: json.dumps(diffusers_metadata)},
    )
    facts = {**(extra or {}), "trigger": trigger, "rank": rank, "alpha": alpha}
    _write(
        Path(folder) / CONV_SAFETENSORS,
        transformer.patch_embed.proj.state_dict(),
        {METADATA_KEY: json.dumps(facts)},
    )


def _write(path: Path, tensors: dict, metadata: dict) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        with whole_file(path) as partial:
            save_file(contiguous, partial, metadata={"format": "pt", **metadata})
    except Exception as error:
        # safetensors reports a full disk by an exception type of its own
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error}", "is the disk full?") from error


def _read_conv(folder: Path) -> tuple[Path, dict, dict]:
    path = folder / CONV_SAFETENSORS
    if path.is_file():
        header = check_safetensors(path)
        try:
            metadata = json.loads(header.get("__metadata__", {}).get(METADATA_KEY, "{}"))
        except ValueError as error:
            raise missing(f"{path} has damaged metadata: {error}", "save the adapter again") from error
        return path, load_file(path), metadata
    path = folder / CONV_PICKLE
    if not path.is_file():
        raise missing(f"{folder} has neither {CONV_SAFETENSORS} nor {CONV_PICKLE}", "give an adapter folder")
    try:
        conv = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _incompatible(path, "it holds something other than tensors") from error
    except (RuntimeError, EOFError, OSError) as error:
        raise missing(f"{path} is damaged or truncated: {error}", "download the adapter again") from error
    if not isinstance(conv, dict):
        raise _incompatible(path, f"it holds a {type(conv).__name__} instead of a state dict")
    return path, conv, {}


def _check_conv(conv: dict, transformer, extra_channels: int, path: Path) -> None:
    patch = transformer.patch_embed
    expected = {name: tuple(value.shape) for name, value in patch.proj.state_dict().items()}
    if extra_channels:
        per_channel = 1 if patch.patch_size_t is None else patch.patch_size**2 * patch.patch_size_t
        shape = expected["weight"]
        expected["weight"] = (shape[0], shape[1] + extra_channels * per_channel, *shape[2:])
    found = {name: tuple(value.shape) for name, value in conv.items()}
    if found != expected:
        raise _incompatible(path, f"it holds {found}, the transformer expects {expected}")


def _check_lora(lora: dict, transformer, path: Path) -> None:
    if not lora:
        raise _incompatible(path, "it is empty")
    modules = dict(transformer.named_modules())
    for key, value in lora.items():
        if key.endswith(".alpha"):
            continue
        match = LORA_KEY.fullmatch(key)
        module = modules.get(match["layer"]) if match else None
        if not isinstance(module, torch.nn.Linear):
            raise _incompatible(path, f"{key!r} names no linear layer of the transformer")
        axis, size = (1, module.in_features) if match["down"] else (0, module.out_features)
        if value.shape[axis] != size:
            raise _incompatible(path, f"{key!r} has shape {tuple(value.shape)}, the layer has {size} features")


def _incompatible(path: Path, reason: str) -> VideoError:
    return VideoError(
        ErrorCode.ADAPTER_INCOMPATIBLE,
        f"{path} does not fit the base model: {reason}",
        "use the base model that the adapter was trained on",
    )
