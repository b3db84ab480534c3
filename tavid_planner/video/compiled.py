"""Compiled transformer blocks; those whose attention is recorded run uncompiled meanwhile."""

from collections.abc import Iterable

import torch

COMPILED = "_tavid_compiled"


def compile_blocks(blocks: Iterable[torch.nn.Module], backend: str = "inductor") -> None:
    """Compile the forward pass of each block; the hooks that check for a cancel stay outside."""
    for block in blocks:
        block.forward = torch.compile(block.forward, backend=backend)
        setattr(block, COMPILED, True)


def as_they_are(block: torch.nn.Module):
    """Run a block uncompiled; returns what `compiled_again` needs to undo that, None if it was not compiled."""
    return block.__dict__.pop("forward") if getattr(block, COMPILED, False) else None


def compiled_again(block: torch.nn.Module, forward) -> None:
    if forward is not None:
        block.forward = forward
