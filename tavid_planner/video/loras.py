"""Named, weighted LoRAs in addition to the target-aware adapter: a style, a domain, distillation to few steps."""

import re
from dataclasses import dataclass

from safetensors.torch import load_file

from hoi_motion.errors import shown
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.adapter import ADAPTER_NAME, PEFT_CONFIG, inject_lora, lora_config, lora_path
from tavid_planner.video.lora_names import alphas_of, read_layers
from tavid_planner.video.model_files import check_safetensors, model_folder, weights_digest

NAME = re.compile(r"[A-Za-z]\w{0,39}")
HINT = "write NAME=FOLDER or NAME=FOLDER@WEIGHT, separated by commas"
MOST_WEIGHT = 10.0


@dataclass(frozen=True)
class NamedLora:
    """A LoRA that an option names.

    Attributes:
        source: folder or hub id; weight: factor on its change of the weights.
    """

    name: str
    source: str
    weight: float = 1.0


def parse_loras(text: str) -> tuple[NamedLora, ...]:
    """LoRAs of an option such as "style=loras/style@0.8, hands=owner/hands".

    Raises:
        InputError: CONFIG_INVALID for any other text, or a repeated name.
    """
    loras: dict[str, NamedLora] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, named, rest = part.partition("=")
        source, weighted, weight_text = rest.rpartition("@") if "@" in rest else (rest, "", "1")
        name, source = name.strip(), source.strip()
        try:
            weight = float(weight_text)
        except ValueError:
            weight = float("nan")
        if not (named and source and NAME.fullmatch(name) and abs(weight) <= MOST_WEIGHT):
            raise InputError(ErrorCode.CONFIG_INVALID, f"video.loras has {shown(part)}", HINT)
        if name in loras or name in (ADAPTER_NAME, "speed_adapter"):
            raise InputError(ErrorCode.CONFIG_INVALID, f"video.loras: the name {name!r} is taken", "use another name")
        loras[name] = NamedLora(name, source, weight)
    return tuple(loras.values())


def load_loras(transformer, loras: tuple[NamedLora, ...]) -> dict[str, str]:
    """Add LoRAs to a transformer, which may have an adapter already; returns name -> digest.

    Raises:
        VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE; both name the file.
    """
    weights = {name: 1.0 for name in getattr(transformer, "peft_config", {})}
    digests = {}
    for lora in loras:
        folder = model_folder(lora.source, files=("*.safetensors", PEFT_CONFIG))
        path = lora_path(folder)
        header = check_safetensors(path)
        layers = read_layers(load_file(path), transformer, path)
        alphas = alphas_of(layers, lora_config(folder, path, header), None, path)
        inject_lora(transformer, layers, alphas, path, lora.name)
        weights[lora.name], digests[lora.name] = lora.weight, weights_digest(folder)
    if loras:
        transformer.set_adapters(list(weights), list(weights.values()))
    return digests


def fuse_loras(transformer) -> None:
    """Merge all LoRAs into the weights: no cost per step, but they can no longer be switched off."""
    if getattr(transformer, "peft_config", None):
        transformer.fuse_lora()
        transformer.unload_lora()
