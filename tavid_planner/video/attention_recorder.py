"""Where a whole generated clip looks at the target word."""

import numpy as np
import torch

from tavid_planner.video.attention import TargetAttentionCapture

MAX_CAPTURED_BLOCKS = 7


class AttentionRecorder:
    """Averages the target word's maps of the prompted branch over blocks and steps.

    The blocks are those that the adapter was trained to point with, where it says so, else up to seven spread evenly.
    """

    def __init__(self, pipeline, token_indices: tuple[int, ...], guided: bool):
        trained = pipeline.adapter.extra.get("attention_blocks") if pipeline.adapter is not None else None
        count = len(pipeline.transformer.transformer_blocks)
        blocks = trained or np.unique(np.linspace(0, count - 1, min(count, MAX_CAPTURED_BLOCKS)).round().astype(int))
        self.capture = TargetAttentionCapture(
            pipeline.transformer,
            token_indices,
            blocks=tuple(int(b) for b in blocks),
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
