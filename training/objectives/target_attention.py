"""The TaViD loss: the first frame's attention to the target word should look like the mask.

L_attn = mean over blocks of MSE(A, M): A is the share of each first-frame video query's attention that goes to the
[TGT] key (V2T, softmax over all text and video keys), M the mask at token resolution (TaViD, section "cross-attention
loss", lambda 0.1).
"""

import torch
import torch.nn.functional as F

NORMALISATIONS = ("raw", "max", "minmax")


def token_mask(mask, token_height: int, token_width: int) -> torch.Tensor:  # (B, 1, H, W) -> (B, h, w)
    """The mask at token resolution, as covered share scaled so that its densest token is 1."""
    reduced = F.adaptive_avg_pool2d(mask.float(), (token_height, token_width))[:, 0]
    return reduced / reduced.amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)


def target_attention_loss(maps, mask, normalisation: str = "raw") -> torch.Tensor:
    """Mean squared error between attention maps and mask.

    Args:
        maps: (blocks, B, 1, h, w), from a `TargetAttentionCapture` with frames="first"; (blocks, B, heads, 1, h, w)
            when every head should look at the target by itself (reduction="none").
        mask: (B, h, w) in 0..1, see `token_mask`.
        normalisation: of each map before the comparison; "raw", by its "max", or "minmax". How TaViD normalises is
            not published.
    """
    if maps.dim() == 6:
        mask = mask[:, None]
    maps = maps[..., 0, :, :].float()
    if normalisation != "raw":
        low = maps.amin(dim=(-2, -1), keepdim=True) if normalisation == "minmax" else 0.0
        high = maps.amax(dim=(-2, -1), keepdim=True)
        maps = (maps - low) / (high - low).clamp(min=1e-6)
    return ((maps - mask) ** 2).mean()
