"""Exact parts of softmax attention, without the attention matrix.

softmax(Q K^T) E, with column k of E one on the keys of group k and zero elsewhere, *is* the share of every query's
attention that group k gets: the fused attention kernel computes it when E takes the place of the values. The mean of
several rows needs no matrix either: rows are computed in chunks and summed. Both are differentiable in query and key
and need no N x N memory.
"""

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

ROWS_A_CHUNK = 64


def key_shares(
    query: torch.Tensor,  # (B, heads, Q, D)
    key: torch.Tensor,  # (B, heads, N, D)
    groups: torch.Tensor,  # (B, K, N), one on the keys of each group
) -> torch.Tensor:  # (B, heads, K, Q)
    """The part of each query's softmax attention that falls on the keys of each group."""
    width = key.shape[-1]
    values = groups.transpose(1, 2)[:, None].to(key.dtype)  # (B, 1, N, K)
    parts = []
    for start in range(0, values.shape[-1], width):
        part = values[..., start : start + width]
        # padded to the head size, because the fused kernels want values as wide as the keys
        padded = F.pad(part, (0, width - part.shape[-1])).expand(-1, key.shape[1], -1, -1)
        parts.append(F.scaled_dot_product_attention(query, key, padded)[..., : part.shape[-1]])
    return torch.cat(parts, dim=-1).transpose(-1, -2)


def row_means(
    query: torch.Tensor,  # (B, heads, Q, D)
    key: torch.Tensor,  # (B, heads, N, D)
    weights: torch.Tensor,  # (B, K, Q), not negative
    columns: slice = slice(None),
) -> torch.Tensor:  # (B, heads, K, columns)
    """Where groups of queries attend: the weighted mean of their softmax attention on the keys in `columns`.

    Rows without weight in every group and batch row are skipped; the others are computed in chunks, and again in the
    backward pass.
    """
    rows = (weights != 0).flatten(0, 1).any(dim=0).nonzero()[:, 0]
    weights = weights[..., rows].to(query.dtype)
    weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(query.dtype).tiny)
    if not len(rows):
        return query.new_zeros(*query.shape[:2], weights.shape[1], key.shape[2])[..., columns]
    total = 0.0
    for start in range(0, len(rows), ROWS_A_CHUNK):
        chunk = slice(start, start + ROWS_A_CHUNK)
        some = query[:, :, rows[chunk]]
        if torch.is_grad_enabled():
            total = total + checkpoint(_weighted_rows, some, key, weights[..., chunk], columns, use_reentrant=False)
        else:
            total = total + _weighted_rows(some, key, weights[..., chunk], columns)
    return total


def mean_products(
    query: torch.Tensor,  # (B, heads, Q, D)
    key: torch.Tensor,  # (B, heads, N, D)
    weights: torch.Tensor,  # (B, K, N), not negative
) -> torch.Tensor:  # (B, heads, K, Q)
    """Each query times the weighted mean of each group's keys, without a softmax: MATRIX's published code has that.

    Scaled such that the mean over heads is the product over the whole width, divided by that width's root. With keys
    and queries exchanged it is what groups of queries have with each key.
    """
    weights = weights.to(key.dtype)
    weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(key.dtype).tiny)
    means = torch.einsum("bkn,bhnd->bhkd", weights, key)
    return means @ query.transpose(-1, -2) * (query.shape[1] / query.shape[-1]) ** 0.5


def _weighted_rows(query, key, weights, columns: slice) -> torch.Tensor:
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    return torch.einsum("bkr,bhrn->bhkn", weights, scores.softmax(dim=-1)[..., columns])
