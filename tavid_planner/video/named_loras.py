"""The LoRAs that a profile names, as text: what they are called, where they are and what they weigh.

Without torch: the memory estimate asks for them before anything is loaded.
"""

import re
from dataclasses import dataclass, replace

from hoi_motion.errors import shown
from tavid_planner.config import VideoConfig, resolve_model
from tavid_planner.errors import ErrorCode, InputError

ADAPTER_NAME = "target_aware"
SPEED_ADAPTER = "speed_adapter"
FILE_SUFFIX = ".safetensors"
NAME = re.compile(r"[A-Za-z]\w{0,39}")
HINT = "write NAME=FOLDER or NAME=FOLDER@WEIGHT, separated by commas; a file or a hub id may stand for the folder"
MOST_WEIGHT = 10.0


@dataclass(frozen=True)
class NamedLora:
    """A LoRA that an option names.

    Attributes:
        source: a folder or a hub id with one LoRA, or one file of them, such as loras/style.safetensors or
            owner/name/style.safetensors. weight: factor on its change of the weights.
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
        if name in loras or name in (ADAPTER_NAME, SPEED_ADAPTER):
            raise taken(name)
        loras[name] = NamedLora(name, source, weight)
    return tuple(loras.values())


def asked_loras(video: VideoConfig) -> tuple[NamedLora, ...]:
    """All LoRAs of a profile beside its adapter, a speed adapter last, with their sources as they are found here.

    Raises:
        InputError: CONFIG_INVALID.
    """
    loras = parse_loras(video.loras)
    if video.speed_adapter:
        loras = (*loras, NamedLora(SPEED_ADAPTER, video.speed_adapter))
    return tuple(replace(lora, source=resolve_model(lora.source)) for lora in loras)


def taken(name: str) -> InputError:
    return InputError(ErrorCode.CONFIG_INVALID, f"video.loras: the name {name!r} is taken", "use another name")
