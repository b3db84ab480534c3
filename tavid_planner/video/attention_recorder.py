"""Where generated clips look at the target word, step by step."""

from collections.abc import Sequence

import numpy as np
import torch

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.adapter import Adapter
from tavid_planner.video.attention import TargetAttentionCapture

MAX_CAPTURED_BLOCKS = 7


def captured_blocks(adapter: Adapter | None, count: int) -> tuple[int, ...]:
    """Up to seven of the blocks whose attention the adapter was trained on, where it names them, else of all blocks.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE when the adapter names blocks that this transformer does not have.
    """
    trained = adapter.extra.get("attention_blocks") if adapter is not None else None
    if trained and not (isinstance(trained, list) and all(isinstance(b, int) and 0 <= b < count for b in trained)):
        raise VideoError(
            ErrorCode.ADAPTER_INCOMPATIBLE,
            f"adapter {adapter.name}: attention_blocks is {trained!r}, expected block numbers from 0 to {count - 1}",
            "correct its metadata, or plan with video.capture_attention=false",
        )
    blocks = sorted(trained) if trained else range(count)
    picks = np.linspace(0, len(blocks) - 1, min(len(blocks), MAX_CAPTURED_BLOCKS)).round().astype(int)
    return tuple(blocks[i] for i in picks)


class AttentionRecorder:
    """The target word's maps of all frames, of a batch of samples.

    Args:
        token_indices: of the target word. blocks: of the transformer.
        rows: of the batch, one a sample: the branch with the prompt.
    """

    def __init__(self, transformer, token_indices: tuple[int, ...], blocks: Sequence[int], rows: slice):
        self._capture = TargetAttentionCapture(transformer, token_indices, blocks, frames="all", rows=rows)

    def __enter__(self) -> "AttentionRecorder":
        self._capture.__enter__()
        return self

    def __exit__(self, *exception) -> None:
        self._capture.__exit__(*exception)

    def step_maps(self) -> torch.Tensor:  # (samples, blocks, f, h, w)
        """Of the transformer's last pass, float32 on the CPU."""
        return self._capture.stacked().float().transpose(0, 1).cpu()
