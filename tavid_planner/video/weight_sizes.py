"""Memory that the weights of a model folder take, read from the headers of its files."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tavid_planner.video.model_files import check_safetensors
from tavid_planner.video.small_weights import KEPT_OF_TEXT_ENCODER, KEPT_OF_TRANSFORMER

BLOCK = re.compile(r"(?:^|\.)(?:transformer_blocks|blocks)\.(\d+)\.")
WAN_IN_FLOAT32 = ("vae", "image_encoder")
"""Components of Wan that its authors and diffusers run in single precision beside a transformer in half."""
AT_ONCE = 2  # blocks: the one that computes, and the next one on its way


@dataclass(frozen=True)
class WeightSizes:
    """Bytes on the device.

    Attributes:
        whole: all weights. largest: of one tensor.
        in_groups: what is loaded at once when blocks (else layers) are offloaded.
    """

    whole: float
    largest: float
    in_groups: float


def weight_sizes(folder: Path, number_bytes: int, small: bool = False) -> WeightSizes:
    """Sizes of a component's weights.

    Args:
        folder: of the component; the folder's name identifies it.
        number_bytes: bytes per number of the profile's dtype, to which the files' numbers are converted.
        small: matrices of transformer and text encoder take one byte a number, see `small_weights.py`.
    """
    kept = {"transformer": KEPT_OF_TRANSFORMER, "text_encoder": KEPT_OF_TEXT_ENCODER}.get(folder.name)
    sizes: dict[str, float] = {}
    for file in folder.glob("*.safetensors"):
        for name, entry in check_safetensors(file).items():
            if name != "__metadata__":
                one_byte = small and kept and len(entry["shape"]) > 1 and not any(part in name for part in kept)
                sizes[name] = math.prod(entry["shape"]) * (1 if one_byte else number_bytes)
    whole, largest = sum(sizes.values()), max(sizes.values(), default=0)
    blocks: Counter[str] = Counter()
    for name, size in sizes.items():
        if found := BLOCK.search(name):
            blocks[found[1]] += size
    if not blocks:
        return WeightSizes(whole, largest, AT_ONCE * largest)
    return WeightSizes(whole, largest, whole - sum(blocks.values()) + AT_ONCE * max(blocks.values()))


def file_bytes(files: Iterable[Path], number_bytes: int) -> float:
    """Bytes on the device of all weights in some files, such as those of LoRAs."""
    headers = (check_safetensors(file).items() for file in files)
    return number_bytes * sum(math.prod(e["shape"]) for header in headers for n, e in header if n != "__metadata__")
