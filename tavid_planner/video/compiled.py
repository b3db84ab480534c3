"""Compiled transformer blocks; those whose attention is recorded run uncompiled meanwhile."""

import functools
from collections.abc import Callable, Iterable

import torch
from torch._dynamo.exc import TorchDynamoException

from tavid_planner.errors import ErrorCode, InputError

COMPILED = "_tavid_compiled"


def compile_blocks(blocks: Iterable[torch.nn.Module], backend: str = "inductor") -> None:
    """Compile the forward pass of each block; the hooks that check for a cancel stay outside.

    What cannot be compiled is known when a block first runs, which then raises InputError, CONFIG_INVALID.
    """
    for block in blocks:
        block.forward = _coded(torch.compile(block.forward, backend=backend))
        setattr(block, COMPILED, True)


def _coded(forward: Callable) -> Callable:
    """A compiled function whose failed compilation has a code, such as where the machine has no compiler."""

    @functools.wraps(forward)
    def run(*args, **kwargs):
        try:
            return forward(*args, **kwargs)
        except TorchDynamoException as error:
            # a backend's own error, without what to set to debug it
            told = str(getattr(error, "inner_exception", error))
            reason = next((line for line in told.splitlines() if line.strip()), type(error).__name__)
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"video.compiled is true, but the transformer cannot be compiled: {reason[:200]}",
                "install a C++ compiler where it says that there is none, or use video.compiled=false",
            ) from error

    return run


def as_they_are(block: torch.nn.Module):
    """Run a block uncompiled; returns what `compiled_again` needs to undo that, None if it was not compiled."""
    return block.__dict__.pop("forward") if getattr(block, COMPILED, False) else None


def compiled_again(block: torch.nn.Module, forward) -> None:
    if forward is not None:
        block.forward = forward
