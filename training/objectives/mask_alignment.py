"""MATRIX: attention maps, decoded to pixels, should look like the masks of what they are about.

    L = L_diffusion + grounding weight * L_SGA + propagation weight * L_SPA
    L_SGA = mean of loss(D(A_v2t_e), M_e) over e in subject, object, verb; the verb's mask is the union of the two
    L_SPA = mean of loss(D(A_v2v_e), M_e) over e in subject, object
    loss(X, Y) = b1 BCE(X, Y) + b2 (1 - Dice(X, Y)) + b3 ||X - Y||^2

(MATRIX, sections on semantic grounding and semantic propagation alignment). The weights b of the loss are not
published; here they are options. The published code differs from the paper: it compares logits by cross entropy alone,
with positive pixels weighed by their rarity; that is the kind "bce". It also takes mean products of queries and keys
over the whole width, without heads and softmax, for A: those are the maps "products".
"""

import torch
import torch.nn.functional as F

KINDS = ("paper", "bce")
MAPS = ("attention", "products")
MOST_POSITIVE_WEIGHT = 10.0
_SMOOTH = 1.0  # pixels added to both sides of Dice, so that an empty mask has a gradient


def alignment_loss(
    logits: torch.Tensor,  # (N, T, H, W)
    masks: torch.Tensor,  # (N, T, H, W) in 0..1
    kind: str = "paper",
    bce: float = 1.0,
    dice: float = 1.0,
    l2: float = 1.0,
) -> torch.Tensor:
    """How far decoded maps are from masks, mean over the maps.

    Args:
        kind: "paper", or "bce" as the published code has it (then the three weights do not count).
    """
    masks = masks.to(logits.dtype)
    if kind == "bce":
        positive = masks.sum()
        weight = ((masks.numel() - positive) / positive.clamp(min=1)).clamp(1.0, MOST_POSITIVE_WEIGHT)
        return F.binary_cross_entropy_with_logits(logits, masks, pos_weight=weight)
    shown = logits.sigmoid()
    flat, true = shown.flatten(1), masks.flatten(1)
    overlap = (2 * (flat * true).sum(1) + _SMOOTH) / (flat.sum(1) + true.sum(1) + _SMOOTH)
    parts = (
        bce * F.binary_cross_entropy_with_logits(logits, masks),
        dice * (1 - overlap).mean(),
        l2 * F.mse_loss(shown, masks),
    )
    return sum(parts)


def grounding_masks(tracks: torch.Tensor, subject: int, other: int) -> torch.Tensor:  # (K, T, H, W) -> (3, T, H, W)
    """Masks for subject, object and verb, of instance tracks and the two instances' places in them."""
    pair = tracks[[subject, other]]
    return torch.cat([pair, pair.amax(dim=0, keepdim=True)])


def first_frame_tokens(tracks: torch.Tensor, height: int, width: int) -> torch.Tensor:  # (K, T, H, W) -> (K, h, w)
    """What each token of the first frame counts for each instance: its covered share, of the densest token's.

    Tokens that an instance covers to less than half of its densest token do not count: they show something else.
    """
    covered = F.adaptive_avg_pool2d(tracks[:, 0].float(), (height, width))
    densest = covered.amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)
    share = covered / densest
    return share * (share >= 0.5)
