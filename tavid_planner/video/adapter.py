"""Target-aware adapters: a widened input convolution and LoRA weights, in the layout of the released TaViD files.

    patch_embed_conv2d.safetensors (or .pth)    weight and bias of the convolution, with one more input channel
    pytorch_lora_weights.safetensors            LoRA of the transformer in diffusers' format

The convolution of a Wan model is three-dimensional: `patch_embed_conv3d`.
The LoRA may also be in peft's layout (`adapter_model.safetensors` with `adapter_config.json`), or in a single
safetensors file with the key names of kohya and other trainers (`lora_names.py`). Trigger word, rank and alpha are kept
in the safetensors headers; the released files have none of them.
"""

import json
import logging
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file

from hoi_motion.arrays import checked_text
from hoi_motion.errors import shown
from hoi_motion.files import whole_file
from hoi_motion.reading.text import read_json
from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video.backbone import Backbone, backbone_of
from tavid_planner.video.conditioning import Conditioning
from tavid_planner.video.lora_configuration import alphas_of
from tavid_planner.video.lora_names import (
    LoraLayers,
    check_numbers,
    incompatible,
    plain_parameters,
    read_layers,
)
from tavid_planner.video.model_files import check_safetensors, missing, model_folder, read_tensors, weights_digest
from tavid_planner.video.named_loras import ADAPTER_NAME
from tavid_planner.video.prompt import DEFAULT_TRIGGER

CONV_PATTERN = "patch_embed_conv*"  # .safetensors, or .pth as TAViD released it
LORA_FILE = "pytorch_lora_weights.safetensors"
PEFT_FILE = "adapter_model.safetensors"
PEFT_CONFIG = "adapter_config.json"
METADATA_KEY = "tavid_adapter"
LONGEST_TRIGGER = 60
DIFFUSERS_METADATA_KEY = "lora_adapter_metadata"

_MISSING = dict(code=ErrorCode.MODEL_MISSING, error_class=VideoError)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Adapter:
    """A loaded adapter.

    Attributes:
        name: the folder or hub id it came from.
        trigger: the word that the text encoder reads for `[TGT]`.
        rank, alpha: of its LoRA; the most common values where layers differ.
        digest: of its files.
        extra: whatever else was stored in training, for example the supervised blocks.
        scales: what the LoRA of its layers is multiplied by, alpha over rank: the smallest and the largest.
        conditioning: how the marked instances are given to the transformer.
    """

    name: str
    trigger: str
    rank: int
    alpha: float
    digest: str
    extra: dict = field(default_factory=dict)
    scales: tuple[float, ...] = ()
    conditioning: Conditioning = field(default_factory=Conditioning)

    @property
    def scale_words(self) -> str:
        """The LoRA scale in use, as text."""
        scale = " to ".join(f"{scale:g}" for scale in sorted(set(self.scales))) or "unknown"
        return f"{scale} (alpha {self.alpha:g}, rank {self.rank})"


def widen_patch_embed(transformer, extra_channels: int = 1) -> None:
    """Give the patch embedding more input channels, whose kernels start at zero; the output stays the same.

    The transformer's config follows.
    """
    backbone_of(transformer).widen(extra_channels)


def load_adapter(model, folder_or_hub_id, lora_alpha: float | None = None) -> Adapter:
    """Load an adapter into a transformer, or into the transformer of a pipeline, with weight 1.

    The transformer is widened first, by as many channels as the adapter's conditioning has, unless it already is.

    Args:
        lora_alpha: of its LoRA, for files that do not state it; None or 0 takes the files' value, else the rank.

    Raises:
        VideoError: MODEL_MISSING for a missing or truncated file, ADAPTER_INCOMPATIBLE when names, shapes or layers do
            not fit the transformer; both name the file. The transformer is unchanged then.
    """
    transformer = getattr(model, "transformer", model)
    backbone = backbone_of(transformer)
    folder = model_folder(str(folder_or_hub_id), files=(f"{CONV_PATTERN}.pth", "*.safetensors", PEFT_CONFIG))
    conv_path, conv, metadata = _read_conv(folder, backbone.patch_file)
    path = lora_path(folder)
    header = check_safetensors(path)
    widened = backbone.extra_channels > 0
    conditioning, trigger = _conditioning(metadata, conv_path), _trigger(metadata, conv_path)
    channels = conditioning.channels(backbone.latent_channels)
    _check_conv(conv, backbone, 0 if widened else channels, conv_path)
    lora = read_layers(read_tensors(path), transformer, path)
    if not lora.weights:
        raise incompatible(path, "it holds whole changes of parameters, but no LoRA, which an adapter has")
    stated = lora_config(folder, path, header)
    if not lora.stored_alphas:  # a LoRA that was converted may have lost what the convolution beside it still says
        stated = {"lora_alpha": metadata.get("alpha")} | stated
    alphas = alphas_of(lora, stated, lora_alpha, path)
    _check_of_one_training(metadata, lora, {} if lora_alpha else alphas, conv_path)

    if not widened:
        backbone.widen(channels)
    backbone.embedding.load_state_dict(conv)
    inject_lora(transformer, lora, alphas, path)
    transformer.set_adapters([ADAPTER_NAME], [1.0])
    config = transformer.peft_config[ADAPTER_NAME]
    scales = [alpha / lora.ranks[layer] for layer, alpha in alphas.items()]
    adapter = Adapter(
        str(folder_or_hub_id),
        trigger,
        config.r,
        float(config.lora_alpha),
        weights_digest(folder),
        metadata,
        (min(scales), max(scales)),
        conditioning,
    )
    logger.info("adapter %s: LoRA scale %s, trigger word %r", folder, adapter.scale_words, adapter.trigger)
    return adapter


def _check_of_one_training(metadata: dict, lora: LoraLayers, alphas: dict[str, float], path: Path) -> None:
    """Compare what the convolution's metadata say of the LoRA beside it with that LoRA.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE.
    """
    for name, values in (("rank", lora.ranks.values()), ("alpha", alphas.values())):
        if name in metadata and values and metadata[name] not in values:
            raise VideoError(
                ErrorCode.ADAPTER_INCOMPATIBLE,
                f"{path} was saved with a LoRA of {name} {shown(metadata[name])}, the one beside it has "
                f"{next(iter(values)):g}",
                "take both files from one training",
            )


def _conditioning(metadata: dict, path: Path) -> Conditioning:
    """The conditioning, removed from an adapter's metadata; by default one mask, as in the released files."""
    stored = metadata.pop("conditioning", None)
    try:
        return Conditioning() if stored is None else Conditioning(**stored)
    except (TypeError, InputError) as error:
        raise incompatible(path, f"its conditioning is {str(stored)[:100]}: {error}") from error


def _trigger(metadata: dict, path: Path) -> str:
    """The trigger word, removed from an adapter's metadata; by default that of the released files."""
    try:
        return checked_text(metadata.pop("trigger", DEFAULT_TRIGGER), "its trigger word", LONGEST_TRIGGER)
    except InputError as error:
        raise missing(f"{path} has damaged metadata: {error.message}", "save the adapter again") from error


def save_adapter(
    folder,
    transformer,
    rank: int,
    alpha: float,
    trigger: str,
    extra: dict | None = None,
    conditioning: Conditioning = Conditioning(),
) -> None:
    """Write the widened convolution and the LoRA of a peft transformer; each file whole or not at all.

    Args:
        folder: made if it does not exist.
        extra: JSON-able facts that are stored with the adapter.
        conditioning: how the marked instances are given to the transformer; stored with its palette.

    Raises:
        InputError: OUTPUT_INVALID when the folder cannot be written, CONFIG_INVALID when the transformer carries no
            LoRA or one of another rank or alpha.
    """
    config = _only_lora(transformer)
    if (config.r, config.lora_alpha) != (rank, alpha):
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"rank {rank} and alpha {alpha:g} were given, the LoRA has {config.r} and {config.lora_alpha:g}",
        )
    save_lora(folder, transformer)
    facts = {**(extra or {}), "trigger": trigger, "rank": rank, "alpha": alpha}
    if conditioning != Conditioning():
        facts["conditioning"] = asdict(conditioning)
    backbone = backbone_of(transformer)
    _write(
        Path(folder) / f"{backbone.patch_file}.safetensors",
        backbone.embedding.state_dict(),
        {METADATA_KEY: json.dumps(facts)},
    )


def save_lora(folder, transformer) -> None:
    """Write the only LoRA of a peft transformer, in the layout of diffusers; the file whole or not at all.

    Raises:
        InputError: OUTPUT_INVALID when the folder cannot be written, CONFIG_INVALID when the transformer carries no
            LoRA or several.
    """
    from peft.utils import get_peft_model_state_dict

    config = _only_lora(transformer)
    lora = get_peft_model_state_dict(transformer, adapter_name=next(iter(transformer.peft_config)))
    targets = config.target_modules
    diffusers_metadata = {
        "transformer.r": config.r,
        "transformer.lora_alpha": config.lora_alpha,
        "transformer.target_modules": targets if isinstance(targets, str) else sorted(targets),
    }
    for name in ("rank_pattern", "alpha_pattern"):  # of layers that have their own
        if patterns := getattr(config, name):
            diffusers_metadata[f"transformer.{name}"] = patterns
    _write(
        Path(folder) / LORA_FILE,
        {f"transformer.{key}": value for key, value in lora.items()},
        {DIFFUSERS_METADATA_KEY: json.dumps(diffusers_metadata)},
    )


def _only_lora(transformer):
    """The peft configuration of a transformer's only LoRA."""
    configs = getattr(transformer, "peft_config", {})
    if len(configs) != 1:
        raise InputError(ErrorCode.CONFIG_INVALID, f"the transformer has {len(configs)} LoRA adapters, expected one")
    return next(iter(configs.values()))


def _write(path: Path, tensors: dict, metadata: dict) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        with whole_file(path) as partial:
            save_file(contiguous, partial, metadata={"format": "pt", **metadata})
    except Exception as error:
        # safetensors reports a full disk by an exception type of its own
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error}", "is the disk full?") from error


def _read_conv(folder: Path, stem: str) -> tuple[Path, dict, dict]:
    path = folder / f"{stem}.safetensors"
    if path.is_file():
        header = check_safetensors(path)
        try:
            metadata = json.loads(header.get("__metadata__", {}).get(METADATA_KEY, "{}"))
            if not isinstance(metadata, dict):
                raise ValueError("it is not a JSON object")
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise missing(f"{path} has damaged metadata: {error}", "save the adapter again") from error
        return path, read_tensors(path), metadata
    names = f"{path.name} nor {stem}.pth"
    path = folder / f"{stem}.pth"
    if not path.is_file():
        others = sorted(folder.glob(CONV_PATTERN))
        if others:
            raise incompatible(others[0], "its convolution is of another family of models")
        raise missing(f"{folder} has neither {names}", "give an adapter folder")
    try:
        conv = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise incompatible(path, "it holds something other than tensors") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        raise missing(f"{path} is damaged or truncated: {error}", "download the adapter again") from error
    if not isinstance(conv, dict) or not all(isinstance(value, torch.Tensor) for value in conv.values()):
        raise incompatible(path, f"it holds a {type(conv).__name__} that is no state dict")
    return path, conv, {}


def _check_conv(conv: dict, backbone: Backbone, extra_channels: int, path: Path) -> None:
    expected = backbone.embedding_shapes(extra_channels)
    found = {name: tuple(value.shape) for name, value in conv.items()}
    if found != expected:
        raise incompatible(path, f"it holds {found}, the transformer expects {expected}")
    for name, value in conv.items():
        check_numbers(path, name, value)


def lora_path(folder: Path) -> Path:
    """The file with the LoRA: under diffusers' or peft's name, else the only other safetensors file."""
    for name in (LORA_FILE, PEFT_FILE):
        if (folder / name).is_file():
            return folder / name
    others = sorted(path for path in folder.glob("*.safetensors") if not path.match(CONV_PATTERN))
    if len(others) > 1:
        names = ", ".join(path.name for path in others[:4])
        raise missing(
            f"{folder} has several files that may be its LoRA: {names}",
            f"rename the one to {LORA_FILE}, or where it is no adapter, name the file instead of the folder",
        )
    return others[0] if others else folder / LORA_FILE


def lora_config(folder: Path, file: Path, header: dict) -> dict:
    """Alpha and related settings, which diffusers keeps in the file's header and peft in a file beside it."""
    stored = header.get("__metadata__", {}).get(DIFFUSERS_METADATA_KEY)
    path = folder / PEFT_CONFIG
    try:
        if stored:
            return {name.removeprefix("transformer."): value for name, value in json.loads(stored).items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise missing(f"{file} has a damaged configuration: {error}", "save the adapter again") from error
    if not path.is_file():
        return {}
    return read_json(path, "a whole configuration", hint="save the adapter again", **_MISSING)


def inject_lora(
    transformer,
    lora: LoraLayers,
    alphas: dict[str, float],
    path: Path,
    name: str = ADAPTER_NAME,
    weight: float = 1.0,
) -> None:
    """Attach LoRA weights to a transformer's layers, under an adapter name, and add what else their file changes.

    Args:
        weight: of these other changes, which are in the parameters for good; that of the LoRA is to be set.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE.
    """
    parameters = plain_parameters(transformer)
    with torch.no_grad():
        for changed, value in lora.changes.items():
            place = parameters[changed] if value.ndim < 2 else parameters[changed][:, : value.shape[1]]
            place += weight * value.to(place)
    if not lora.weights:
        return
    try:
        transformer.load_lora_adapter(
            {f"transformer.{key}": value for key, value in lora.weights.items()},
            prefix="transformer",
            adapter_name=name,
            network_alphas={f"transformer.{layer}.alpha": alpha for layer, alpha in alphas.items()},
        )
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise incompatible(path, str(error)) from error
