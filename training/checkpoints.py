"""Checkpoints of a run: folders that are complete or not there, the newest of which a run goes on from."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.distributed.tensor import DTensor, distribute_tensor

from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import ErrorCode, InputError

KEPT = 2  # older ones are deleted


@dataclass(frozen=True)
class Checkpoint:
    """State after `step` steps: trained and averaged weights by name, optimizer state dicts, and JSON-able facts."""

    step: int
    weights: dict[str, torch.Tensor]
    averaged: dict[str, torch.Tensor]
    optimizers: list[dict]
    facts: dict


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write `folder/step_NNNNNN`; a failure leaves the checkpoints that are there untouched.

    Raises:
        InputError: OUTPUT_INVALID when the folder cannot be written, for example on a full disk; CONFIG_INVALID for
            weights that are not finite, from which nothing can go on.
    """
    path = folder / f"step_{checkpoint.step:06d}"
    partial = path.with_name(path.name + ".partial")
    broken = [name for name, value in checkpoint.weights.items() if not torch.isfinite(value).all()]
    if broken:
        before = _complete(folder)[-1:]
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{len(broken)} weights hold numbers that are not finite at step {checkpoint.step}, the first {broken[0]}",
            "train with a lower learning rate or with clip_gradient"
            + (f"; {before[0]} is from before and stays" if before else ""),
        )
    try:
        for left in folder.glob("step_*.partial"):  # by a run that was killed while it wrote
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir(parents=True)
        for name in ("weights", "averaged"):
            tensors = {k: v.detach().cpu().contiguous() for k, v in getattr(checkpoint, name).items()}
            save_file(tensors, partial / f"{name}.safetensors")
        torch.save(checkpoint.optimizers, partial / "optimizers.pt")
        (partial / "facts.json").write_text(json.dumps({"step": checkpoint.step, **checkpoint.facts}, indent=1) + "\n")
        shutil.rmtree(path, ignore_errors=True)
        os.replace(partial, path)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch and safetensors have their own for a full disk
        shutil.rmtree(partial, ignore_errors=True)
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error}", "free space, then start again to go on"
        ) from error
    for old in _complete(folder)[:-KEPT]:
        shutil.rmtree(old)
    return path


def load_newest(folder: Path) -> Checkpoint | None:
    """The newest complete checkpoint, None without one.

    Raises:
        InputError: FILE_INVALID when it is damaged.
    """
    paths = _complete(folder)
    if not paths:
        return None
    path = paths[-1]
    try:
        facts = json.loads((path / "facts.json").read_text())
        weights, averaged = (load_file(path / f"{name}.safetensors") for name in ("weights", "averaged"))
        optimizers = torch.load(path / "optimizers.pt", map_location="cpu", weights_only=True)
        return Checkpoint(facts.pop("step"), weights, averaged, optimizers, facts)
    except Exception as error:
        raise InputError(
            ErrorCode.FILE_INVALID, f"{path} is damaged: {error}", f"delete {path} to go on from the one before"
        ) from error


def start_weights(source: str) -> dict[str, torch.Tensor]:
    """What a new run of a VAE or a base starts from, by the names that its task gives the parameters.

    Args:
        source: a model folder (`vae/`, `transformer/`, `text_encoder/` as diffusers writes them, and `adapter/`, whose
            widened convolution is `adapter.weight`); the folder of a run, whose newest checkpoint is taken; or a file
            `last.pt` as earlier runs wrote it. Averages come before what they are averages of.

    Raises:
        InputError: FILE_INVALID.
    """
    path = Path(source)
    with reading(path, "weights to start from", hint="give a model folder, the folder of a run, or its last.pt"):
        if path.is_file():
            state = torch.load(path, map_location="cpu", weights_only=True)
            parts = {k: v for k, v in state.items() if k in ("vae", "probe", "transformer", "text_encoder")}
            weights = {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}
            weights |= state.get("averaged", {})
        elif (checkpoint := load_newest(path / "checkpoints")) is not None:
            weights = checkpoint.weights | checkpoint.averaged
        else:
            files = path.glob("*/*.safetensors")
            weights = {f"{file.parent.name}.{name}": value for file in files for name, value in load_file(file).items()}
    if not weights:
        raise InputError(
            ErrorCode.FILE_INVALID, f"there are no weights in {source}", "give a model folder, or the folder of a run"
        )
    return weights


@torch.no_grad()
def put_weights(parameters: dict[str, torch.nn.Parameter], weights: dict[str, torch.Tensor], source) -> None:
    """Copy weights into parameters of the same names and shapes, sharded or not.

    Raises:
        InputError: CONFIG_INVALID, naming the first that does not fit.
    """
    for name, parameter in parameters.items():
        found = tuple(weights[name].shape) if name in weights else None
        if found != tuple(parameter.shape):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"{source} does not fit: {name} is {tuple(parameter.shape)} here and {found} there",
                "use the model, sizes and rank that it was trained with",
            )
    for name, parameter in parameters.items():
        parameter.copy_(_sharded_like(parameter, weights[name]))


def put_optimizer_state(optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Load a state of whole tensors into an optimizer of parameters, sharded or not."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for index, values in state["state"].items():
        same = {k: v for k, v in values.items() if torch.is_tensor(v) and v.shape == parameters[index].shape}
        values |= {k: _sharded_like(parameters[index], v) for k, v in same.items()}
    optimizer.load_state_dict(state)


def whole(state):
    """Nested dicts and lists with their sharded tensors put together; every process must call it."""
    if isinstance(state, dict):
        return {k: whole(v) for k, v in state.items()}
    if isinstance(state, list):
        return [whole(v) for v in state]
    return state.full_tensor() if isinstance(state, DTensor) else state


def _sharded_like(parameter: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    if not isinstance(parameter, DTensor):
        return value
    return distribute_tensor(value.to(parameter.device), parameter.device_mesh, parameter.placements)


def _complete(folder: Path) -> list[Path]:
    """Folders of whole checkpoints, the last step last."""
    numbers = {p: p.name.removeprefix("step_") for p in folder.glob("step_*") if p.is_dir()}
    return sorted((p for p, number in numbers.items() if number.isdecimal()), key=lambda p: int(numbers[p]))
