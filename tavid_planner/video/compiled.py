"""Transformer blocks that are compiled, and those that run as they are while their attention is recorded."""

from collections.abc import Iterable

import torch

COMPILED = "_tavid_compiled"


def compile_blocks(blocks: Iterable[torch.nn.Module], backend: str = "inductor") -> None:
    """Compile what each block computes; hooks, which ask whether to cancel, stay outside."""
    for block in blocks:
        block.forward = torch.compile(block.forward, backend=backend)
        setattr(block, COMPILED, True)


def as_they_are(block: torch.nn.Module):
    """Let a block run as it is; what `compiled_again` takes to undo that, None for one that was not compiled."""
    return block.__dict__.pop("forward") if getattr(block, COMPILED, False) else None


def compiled_again(block: torch.nn.Module, forward) -> None:
    if forward is not None:
        block.forward = forward
