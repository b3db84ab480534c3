"""Exact attention maps of the target word, without the attention matrix.

softmax(Q K^T) E, with E one on the wanted keys and zero elsewhere, *is* the wanted column sum: the fused attention
kernel computes it when E takes the place of the values. It is differentiable and needs no N x N memory.
"""

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import CogVideoXAttnProcessor2_0
from diffusers.models.embeddings import apply_rotary_emb

from tavid_planner.errors import ErrorCode, InputError, VideoError

FRAMES = ("first", "all")
REDUCTIONS = ("mean", "none")
DIRECTIONS = ("v2t", "t2v")


def key_share(
    query: torch.Tensor,  # (B, heads, Q, D)
    key: torch.Tensor,  # (B, heads, N, D)
    indicator: torch.Tensor,  # (B, N), one on the wanted keys
) -> torch.Tensor:  # (B, heads, Q)
    """The part of each query's softmax attention that falls on the marked keys; differentiable in query and key."""
    # padded to the head size, because the fused kernels want values as wide as the keys
    values = F.pad(indicator[:, None, :, None].to(key.dtype), (0, key.shape[-1] - 1))
    values = values.expand(-1, key.shape[1], -1, -1)
    return F.scaled_dot_product_attention(query, key, values)[..., 0]


def query_share(
    query: torch.Tensor,  # (B, heads, N, D)
    key: torch.Tensor,  # (B, heads, N, D)
    indicator: torch.Tensor,  # (B, N), one on the wanted queries
    columns: slice,
) -> torch.Tensor:  # (B, heads, columns)
    """Where the marked queries look: their softmax attention on the keys in `columns`, averaged over the queries."""
    rows = indicator.any(dim=0).nonzero()[:, 0]
    weights = indicator[:, rows].to(query.dtype)
    weights = weights / weights.sum(dim=1, keepdim=True)
    scores = query[:, :, rows] @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    return torch.einsum("br,bhrn->bhn", weights, scores.softmax(dim=-1)[..., columns])


class TargetAttentionCapture:
    """Records the target word's attention map in chosen transformer blocks while it is entered.

        with TargetAttentionCapture(transformer, token_indices=(5,), blocks=(2, 3)) as capture:
            transformer(...)
            loss = mse(capture.stacked(), mask)      # (blocks, B, f, h, w)
            loss.backward()                          # inside, so that checkpoints recompute the same operations

    Each forward pass of the transformer replaces the maps of the one before. With gradient checkpointing (which must
    be the non-reentrant kind) blocks run again during the backward pass; maps recorded in the forward pass stay.

    Args:
        transformer: a `CogVideoXTransformer3DModel` with its own (unfused) attention processors.
        token_indices: text tokens of the target word, for all batch rows or one sequence a row.
        blocks: block indices, None for all.
        frames: "first" (the first latent frame's tokens, as in the TaViD loss) or "all".
        reduction: over heads, "mean" gives maps (B, f, h, w), "none" (B, heads, f, h, w).
        direction: "v2t", video queries to the target word's keys (summed over its tokens), or "t2v", the target
            word's queries (averaged over its tokens) to video keys. The softmax runs over all text and video keys.
        rows: batch rows to record, for example the conditional half of a guidance batch.

    Attributes:
        maps: block index -> map of the last forward pass.

    Raises:
        InputError: CONFIG_INVALID for an unknown block or option.
        VideoError: GENERATION_FAILED when fused projections, step caching or re-entrant checkpointing would make
            maps missing, stale or without gradient.
    """

    def __init__(
        self,
        transformer,
        token_indices,
        blocks=None,
        frames: str = "first",
        reduction: str = "mean",
        direction: str = "v2t",
        rows: slice = slice(None),
    ):
        for name, value, valid in (
            ("frames", frames, FRAMES),
            ("reduction", reduction, REDUCTIONS),
            ("direction", direction, DIRECTIONS),
        ):
            if value not in valid:
                raise InputError(
                    ErrorCode.CONFIG_INVALID, f"attention {name} is {value!r}", f"use one of {', '.join(valid)}"
                )
        count = len(transformer.transformer_blocks)
        self.blocks = tuple(range(count) if blocks is None else blocks)
        unknown = [b for b in self.blocks if not 0 <= b < count]
        if unknown or not self.blocks:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"attention blocks are {list(self.blocks)}",
                f"the transformer has blocks 0 to {count - 1}",
            )
        self.transformer = transformer
        self.token_indices = _per_row(token_indices)
        self.frames, self.reduction, self.direction, self.rows = frames, reduction, direction, rows
        self.maps: dict[int, torch.Tensor] = {}
        self._recorded: set[int] = set()
        self._size = None  # (f, h, w) tokens of the running forward pass
        self._forward_has_gradient = False
        self._replaced = {}
        self._hook = None

    def __enter__(self) -> "TargetAttentionCapture":
        if getattr(self.transformer, "is_cache_enabled", False):
            raise _unreliable("step caching skips blocks, their maps would be stale", "call disable_cache() first")
        attentions = {b: self.transformer.transformer_blocks[b].attn1 for b in self.blocks}
        for block, attention in attentions.items():
            if type(attention.processor) is not CogVideoXAttnProcessor2_0:
                raise _unreliable(
                    f"block {block} has the processor {type(attention.processor).__name__}",
                    "call transformer.unfuse_qkv_projections(), and do not capture twice at once",
                )
        self._hook = self.transformer.register_forward_pre_hook(self._begin_forward, with_kwargs=True)
        for block, attention in attentions.items():
            self._replaced[block] = attention.processor
            attention.set_processor(TargetAttentionProcessor(self, block))
        return self

    def __exit__(self, *exception) -> None:
        self._hook.remove()
        for block, processor in self._replaced.items():
            self.transformer.transformer_blocks[block].attn1.set_processor(processor)
        self._replaced.clear()

    def stacked(self) -> torch.Tensor:  # (blocks, B, f, h, w), or (blocks, B, heads, f, h, w)
        """The maps of the last forward pass in the order of `blocks`."""
        missing = [b for b in self.blocks if b not in self.maps]
        if missing:
            raise _unreliable(f"blocks {missing} recorded no map", "run the transformer inside the capture")
        return torch.stack([self.maps[b] for b in self.blocks])

    def _begin_forward(self, module, args, kwargs) -> None:
        latents = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        frames, height, width = latents.shape[1], latents.shape[3], latents.shape[4]
        patch, patch_t = module.config.patch_size, module.config.patch_size_t or 1
        self._size = (frames // patch_t, height // patch, width // patch)
        self._forward_has_gradient = torch.is_grad_enabled()
        self.maps = {}
        self._recorded = set()

    def record(self, block: int, query: torch.Tensor, key: torch.Tensor, text_length: int) -> None:
        """Called by the processors: query and key are (B, heads, N, D), normalised and rotated."""
        if self._forward_has_gradient and not torch.is_grad_enabled():
            raise _unreliable("re-entrant checkpointing cuts the map off from the gradient", "pass use_reentrant=False")
        query, key = query[self.rows], key[self.rows]
        frames, height, width = self._size
        frames = 1 if self.frames == "first" else frames
        video = slice(text_length, text_length + frames * height * width)
        indicator = self._indicator(len(query), key.shape[2], text_length).to(key.device)
        if self.direction == "v2t":
            share = key_share(query[:, :, video], key, indicator)
        else:
            share = query_share(query, key, indicator, video)
        map_ = share.unflatten(-1, (frames, height, width))
        map_ = map_.mean(dim=1) if self.reduction == "mean" else map_
        # a checkpoint that recomputes this block must repeat the operations, but not replace the map
        if block not in self._recorded:
            self._recorded.add(block)
            self.maps[block] = map_

    def _indicator(self, batch: int, keys: int, text_length: int) -> torch.Tensor:  # (B, N) bool
        per_row = self.token_indices * batch if len(self.token_indices) == 1 else self.token_indices
        if len(per_row) != batch or any(not 0 <= i < text_length for row in per_row for i in row):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"target tokens are {self.token_indices} for {batch} batch rows of {text_length} text tokens",
            )
        indicator = torch.zeros(batch, keys, dtype=torch.bool)
        for row, indices in enumerate(per_row):
            indicator[row, list(indices)] = True
        return indicator


class TargetAttentionProcessor:
    """CogVideoX joint attention that hands its queries and keys to a capture.

    The parameters are spelled out because diffusers drops keyword arguments that a processor does not name.
    """

    def __init__(self, capture: TargetAttentionCapture, block: int):
        self.capture, self.block = capture, block

    def __call__(
        self,
        attn,
        hidden_states: torch.Tensor,  # (B, n_video, C)
        encoder_hidden_states: torch.Tensor,  # (B, n_text, C)
        attention_mask: torch.Tensor | None = None,
        image_rotary_emb: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        query, key, value = projected(attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb)
        text_length = encoder_hidden_states.shape[1]
        self.capture.record(self.block, query, key, text_length)
        return joined(attn, F.scaled_dot_product_attention(query, key, value), text_length)


def projected(attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb) -> tuple[torch.Tensor, ...]:
    """Query, key and value of CogVideoX joint attention, each (B, heads, N, D), text before video.

    Raises:
        VideoError: GENERATION_FAILED when an attention mask was passed.
    """
    if attention_mask is not None:
        raise _unreliable("an attention mask was passed", "CogVideoX attends to all text and video tokens")
    text_length = encoder_hidden_states.shape[1]
    tokens = torch.cat([encoder_hidden_states, hidden_states], dim=1)
    query, key, value = (
        project(tokens).unflatten(-1, (attn.heads, -1)).transpose(1, 2) for project in (attn.to_q, attn.to_k, attn.to_v)
    )
    query = query if attn.norm_q is None else attn.norm_q(query)
    key = key if attn.norm_k is None else attn.norm_k(key)
    if image_rotary_emb is not None:
        query, key = (_rotate_video(x, image_rotary_emb, text_length) for x in (query, key))
    return query, key, value


def joined(attn, mixed: torch.Tensor, text_length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What an attention gives for its mixed values (B, heads, N, D): video (B, n_video, C), text (B, n_text, C)."""
    projection, dropout = attn.to_out
    mixed = dropout(projection(mixed.transpose(1, 2).flatten(2)))
    return mixed[:, text_length:], mixed[:, :text_length]


def _rotate_video(x: torch.Tensor, rotary, text_length: int) -> torch.Tensor:
    return torch.cat([x[:, :, :text_length], apply_rotary_emb(x[:, :, text_length:], rotary)], dim=2)


def _per_row(token_indices) -> tuple[tuple[int, ...], ...]:
    rows = [list(r) if hasattr(r, "__iter__") else r for r in token_indices]
    rows = rows if rows and isinstance(rows[0], list) else [rows]
    rows = tuple(tuple(int(i) for i in row) for row in rows)
    if not all(rows):
        raise InputError(ErrorCode.CONFIG_INVALID, f"target tokens are {rows}, expected at least one a row")
    return rows


def _unreliable(reason: str, hint: str) -> VideoError:
    return VideoError(ErrorCode.GENERATION_FAILED, f"attention cannot be captured: {reason}", hint)
