"""Where a whole generated clip looks at the target word."""

import numpy as np
import torch

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.adapter import Adapter
from tavid_planner.video.attention import TargetAttentionCapture
from tavid_planner.video.backbone import backbone_of

MAX_CAPTURED_BLOCKS = 7


def captured_blocks(adapter: Adapter | None, count: int) -> tuple[int, ...]:
    """Up to seven of the blocks that the adapter was trained to point with, where it says so, else of all.

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
    """Averages the target word's maps of the prompted branch over blocks and steps."""

    def __init__(self, pipeline, token_indices: tuple[int, ...], guided: bool):
        self.capture = TargetAttentionCapture(
            pipeline.transformer,
            token_indices,
            blocks=captured_blocks(pipeline.adapter, len(backbone_of(pipeline.transformer).blocks)),
            frames="all",
            rows=slice(1, 2) if guided else slice(0, 1),
        )
        self.sum, self.steps = 0.0, 0

    def __enter__(self):
        self.capture.__enter__()

    def __exit__(self, *exception):
        self.capture.__exit__(*exception)

    def add_step(self) -> None:
        self.sum = self.sum + self.capture.stacked().float().mean(dim=(0, 1)).cpu()
        self.steps += 1

    def mean_map(self) -> torch.Tensor:  # (T', h, w)
        return self.sum / self.steps
