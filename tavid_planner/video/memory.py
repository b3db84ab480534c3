"""Placement of the weights, and out-of-memory errors."""

from contextlib import contextmanager

import torch

from tavid_planner.errors import ErrorCode, InputError, VideoError

MODES = ("resident", "model", "group", "sequential")
CPU_ALLOCATOR_SIGNS = ("can't allocate memory", "not enough memory")


def place(pipeline, device: str | torch.device, memory: str = "resident") -> None:
    """Place a pipeline's weights according to the memory mode.

    Args:
        memory: "resident" keeps everything on the device; "model" moves one model at a time there, "group" one block of
            the transformer while the next one is being copied, "sequential" one layer at a time (least memory, slow).

    Raises:
        InputError: CONFIG_INVALID for an unknown mode or an unavailable device.
        VideoError: OUT_OF_MEMORY.
    """
    if memory not in MODES:
        raise InputError(ErrorCode.CONFIG_INVALID, f"memory is {memory!r}", f"use one of {', '.join(MODES)}")
    device = checked_device(device)
    with memory_errors():
        if memory == "resident":
            pipeline.to(device)
            return
        if device.type == "cpu":
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"memory is {memory!r} on the CPU, where nothing can be offloaded",
                "use memory 'resident', or a GPU",
            )
        if memory == "model":
            pipeline.enable_model_cpu_offload(device=device)
        elif memory == "group":
            offload_in_groups(pipeline, device)
        else:
            pipeline.enable_sequential_cpu_offload(device=device)


def offload_in_groups(pipeline, device: torch.device) -> None:
    """Weights are on the device only while their block, or outside the transformer their layer, computes.

    On a CUDA device the transformer's next block is copied while one computes. Not in the VAE: how often its layers run
    depends on the number of frames, and prefetching needs a fixed order.
    """
    from diffusers.hooks import apply_group_offloading

    how = dict(onload_device=device, offload_device=torch.device("cpu"))
    streams = dict(use_stream=device.type == "cuda", non_blocking=device.type == "cuda")
    for name, model in pipeline.components.items():
        if not isinstance(model, torch.nn.Module):
            continue
        if name == "transformer":
            apply_group_offloading(model, offload_type="block_level", num_blocks_per_group=1, **how, **streams)
        else:
            apply_group_offloading(model, offload_type="leaf_level", **how)


def checked_device(device: str | torch.device) -> torch.device:
    """The device of a name; "auto" takes a GPU if there is one.

    Raises:
        InputError: CONFIG_INVALID.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        found = torch.device(device)
        torch.empty(0, device=found).cpu()  # "meta" holds no numbers; nothing is allocated on a full GPU
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"device {str(device)!r} cannot be used: {str(error).splitlines()[0]}", "try cpu"
        ) from error
    return found


GENERATING_HINT = "use memory 'group' or 'sequential' with vae_tiling, a smaller dtype, or smaller and fewer frames"


@contextmanager
def memory_errors(hint: str = GENERATING_HINT):
    """Turn every kind of out-of-memory into VideoError OUT_OF_MEMORY."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise _out_of_memory(error, hint) from error


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in CPU_ALLOCATOR_SIGNS)


def _out_of_memory(error: BaseException, hint: str) -> VideoError:
    first_line = (str(error).splitlines() or ["out of memory"])[0]
    return VideoError(
        ErrorCode.OUT_OF_MEMORY,
        f"the video model does not fit: {first_line[:160]}",
        hint,
    )
