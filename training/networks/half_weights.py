"""Small networks on disk, as half-precision safetensors."""

import time
from pathlib import Path

from safetensors.torch import save_file
from torch import nn


def save_half(network: nn.Module, path: Path, started_s: float) -> None:
    """Write the weights and say how large they are and how long it took since `started_s` (time.perf_counter)."""
    save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, path)
    minutes = (time.perf_counter() - started_s) / 60
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB in {minutes:.0f} minutes")
