"""Weights on disk as half-precision safetensors: those of the small networks, and of the small model."""

import time
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from hoi_motion.files import whole_file
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import ErrorCode, InputError


def halved(tensors: dict[str, torch.Tensor], name) -> dict[str, torch.Tensor]:
    """Tensors with their floating-point numbers in half precision.

    Args:
        name: of what they are, for the message.

    Raises:
        InputError: FILE_INVALID for a number that half precision does not hold, or that is not finite.
    """
    half = {key: value.half().contiguous() if value.is_floating_point() else value for key, value in tensors.items()}
    if broken := [key for key, value in half.items() if value.is_floating_point() and not value.isfinite().all()]:
        told = f"{name} has weights that half precision does not hold: {len(broken)} tensors, the first {broken[0]}"
        raise InputError(ErrorCode.FILE_INVALID, told, "train it again, with a lower learning rate")
    return half


def write_half(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors, halved; the file whole or not at all.

    Raises:
        InputError: FILE_INVALID, as `halved`; OUTPUT_INVALID when it cannot be written.
    """
    half = halved(tensors, path)
    try:
        with whole_file(path) as partial:
            save_file(half, partial, metadata=metadata)
    except (OSError, SafetensorError) as error:  # safetensors has its own for a full disk
        hint = "free space there, or choose another place"
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error}", hint) from error


def save_half(network: nn.Module, path: Path, started_s: float) -> None:
    """Write the weights and say how large they are and how long it took since `started_s` (time.perf_counter).

    Raises:
        InputError: as `write_half`.
    """
    write_half(network.state_dict(), path)
    minutes = (time.perf_counter() - started_s) / 60
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB in {minutes:.0f} minutes")


def read_half(network: nn.Module, path: Path) -> None:
    """Put the weights of a file into a network.

    Raises:
        InputError: FILE_INVALID for a file that is missing, damaged or of another network.
    """
    with reading(path, f"the weights of a {type(network).__name__}", hint="name a file that its training wrote"):
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
