"""Attention maps of words and of marked places, captured while the transformer runs.

What is wanted is said by map requests: `TextMaps` (video queries to words, or words to video) and `PropagationMaps`
(the first frame's marked tokens to all of the video). `attention_share.py` computes them exactly, without the matrix.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import CogVideoXAttnProcessor2_0
from diffusers.models.embeddings import apply_rotary_emb

from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video import attention_share as share

FRAMES = ("first", "all")
REDUCTIONS = ("mean", "none")
DIRECTIONS = ("v2t", "t2v")

Rows = tuple[tuple[tuple[int, ...], ...], ...]
"""Token numbers by batch row and group; one row stands for all."""


@dataclass(frozen=True)
class TextMaps:
    """Maps between words and the video.

    Attributes:
        groups: token numbers of K words, by batch row and word; one row stands for all.
        direction: "v2t", video queries to the words' keys (summed over a word's tokens), or "t2v", the words' queries
            (averaged over a word's tokens) to video keys. The softmax runs over all text and video keys.
        frames: "first" (the first latent frame's tokens) or "all".
        name: of the maps.

    Raises:
        InputError: CONFIG_INVALID for an unknown option, or a word without tokens.
    """

    groups: Rows
    direction: str = "v2t"
    frames: str = "all"
    name: str = "text"

    def __post_init__(self):
        for field, valid in (("direction", DIRECTIONS), ("frames", FRAMES)):
            _check_choice(field, getattr(self, field), valid)
        rows = tuple(tuple(tuple(int(i) for i in group) for group in row) for row in self.groups)
        if not rows or any(not row or not all(row) for row in rows) or len({len(row) for row in rows}) > 1:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"target tokens are {rows}, expected at least one a row, and as many words in every row",
            )
        object.__setattr__(self, "groups", rows)

    def compute(self, query, key, text_length: int, size: tuple[int, int, int]) -> torch.Tensor:
        """(B, heads, K, f, h, w) from a block's query and key (B, heads, N, D), text before video."""
        frames, height, width = 1 if self.frames == "first" else size[0], *size[1:]
        video = slice(text_length, text_length + frames * height * width)
        indicator = self._indicator(len(query), key.shape[2], text_length).to(key.device)
        if self.direction == "v2t":
            maps = share.key_shares(query[:, :, video], key, indicator)
        else:
            maps = share.row_means(query, key, indicator, video)
        return maps.unflatten(-1, (frames, height, width))

    def _indicator(self, batch: int, keys: int, text_length: int) -> torch.Tensor:  # (B, K, N) bool
        rows = self.groups * batch if len(self.groups) == 1 else self.groups
        if len(rows) != batch or any(not 0 <= i < text_length for row in rows for group in row for i in group):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"target tokens are {self.groups} for {batch} batch rows of {text_length} text tokens",
            )
        indicator = torch.zeros(batch, len(rows[0]), keys, dtype=torch.bool)
        for row, groups in enumerate(rows):
            for number, group in enumerate(groups):
                indicator[row, number, list(group)] = True
        return indicator


@dataclass(frozen=True, eq=False)
class PropagationMaps:
    """Where the marked tokens of the first latent frame look in the whole video (MATRIX, semantic propagation, V2V).

    Attributes:
        first_frame: (B, K, h, w), what each token of the first latent frame counts for each of K instances; an
            instance of which no token counts gets a map of zeros.
        name: of the maps.
    """

    first_frame: torch.Tensor
    name: str = "propagation"

    def compute(self, query, key, text_length: int, size: tuple[int, int, int]) -> torch.Tensor:
        """(B, heads, K, F, h, w) from a block's query and key (B, heads, N, D), text before video."""
        frames, height, width = size
        marked = self.first_frame.to(query.device)
        if len(marked) != len(query) or marked.shape[-2:] != (height, width):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"the instances' first frame is {tuple(marked.shape)} for {len(query)} batch rows of "
                f"{height}x{width} tokens",
            )
        first = slice(text_length, text_length + height * width)
        video = slice(text_length, text_length + frames * height * width)
        maps = share.row_means(query[:, :, first], key, marked.flatten(2), video)
        return maps.unflatten(-1, (frames, height, width))


MapRequest = TextMaps | PropagationMaps


class AttentionCapture:
    """Records attention maps in chosen transformer blocks while it is entered.

        wanted = {7: [TextMaps(groups)], 12: [PropagationMaps(first_frame)]}
        with AttentionCapture(transformer, wanted) as capture:
            transformer(...)
            loss = alignment(capture.stacked("text"), masks)   # (blocks, B, K, f, h, w)
            loss.backward()                   # inside, so that checkpoints recompute the same operations

    Each forward pass of the transformer replaces the maps of the one before. With gradient checkpointing (which must
    be the non-reentrant kind) blocks run again during the backward pass; maps recorded in the forward pass stay.

    Args:
        transformer: a `CogVideoXTransformer3DModel` with its own (unfused) attention processors.
        requests: block index -> what to record there.
        reduction: over heads, "mean" gives maps (B, K, f, h, w), "none" (B, heads, K, f, h, w).
        rows: batch rows to record, for example the conditional half of a guidance batch.
        on_map: called with block, name and map instead of keeping the map: so no two blocks' maps are in memory.

    Attributes:
        maps: (block, name) -> map of the last forward pass.

    Raises:
        InputError: CONFIG_INVALID for an unknown block or option.
        VideoError: GENERATION_FAILED when fused projections, step caching or re-entrant checkpointing would make
            maps missing, stale or without gradient.
    """

    def __init__(
        self,
        transformer,
        requests: Mapping[int, Sequence[MapRequest]],
        reduction: str = "mean",
        rows: slice = slice(None),
        on_map: Callable[[int, str, torch.Tensor], None] | None = None,
    ):
        _check_choice("reduction", reduction, REDUCTIONS)
        count = len(transformer.transformer_blocks)
        self.requests = {block: tuple(wanted) for block, wanted in requests.items()}
        if any(not 0 <= b < count for b in self.requests) or not self.requests:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"attention blocks are {list(self.requests)}",
                f"the transformer has blocks 0 to {count - 1}",
            )
        self.transformer, self.reduction, self.rows, self.on_map = transformer, reduction, rows, on_map
        self.maps: dict[tuple[int, str], torch.Tensor] = {}
        self._recorded: set[int] = set()
        self._size = None  # (f, h, w) tokens of the running forward pass
        self._forward_has_gradient = False
        self._replaced = {}
        self._hook = None

    def __enter__(self):
        if getattr(self.transformer, "is_cache_enabled", False):
            raise _unreliable("step caching skips blocks, their maps would be stale", "call disable_cache() first")
        attentions = {b: self.transformer.transformer_blocks[b].attn1 for b in self.requests}
        for block, attention in attentions.items():
            if type(attention.processor) is not CogVideoXAttnProcessor2_0:
                raise _unreliable(
                    f"block {block} has the processor {type(attention.processor).__name__}",
                    "call transformer.unfuse_qkv_projections(), and do not capture twice at once",
                )
        self._hook = self.transformer.register_forward_pre_hook(self._begin_forward, with_kwargs=True)
        for block, attention in attentions.items():
            self._replaced[block] = attention.processor
            attention.set_processor(CapturingProcessor(self, block))
        return self

    def __exit__(self, *exception) -> None:
        self._hook.remove()
        for block, processor in self._replaced.items():
            self.transformer.transformer_blocks[block].attn1.set_processor(processor)
        self._replaced.clear()

    def stacked(self, name: str) -> torch.Tensor:  # (blocks, B, K, f, h, w), or (blocks, B, heads, K, f, h, w)
        """The maps of a name of the last forward pass, in the order of their blocks in `requests`."""
        blocks = [b for b, wanted in self.requests.items() if any(request.name == name for request in wanted)]
        missing = [b for b in blocks if (b, name) not in self.maps]
        if missing or not blocks:
            raise _unreliable(f"blocks {missing} recorded no map", "run the transformer inside the capture")
        return torch.stack([self.maps[b, name] for b in blocks])

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
        # a checkpoint that recomputes this block must repeat the operations, but not replace the maps
        first_time = block not in self._recorded
        self._recorded.add(block)
        for request in self.requests[block]:
            maps = request.compute(query, key, text_length, self._size)
            maps = maps.mean(dim=1) if self.reduction == "mean" else maps
            if first_time and self.on_map is not None:
                self.on_map(block, request.name, maps)
            elif first_time:
                self.maps[block, request.name] = maps


class TargetAttentionCapture(AttentionCapture):
    """An `AttentionCapture` of one word, the target's, as the TaViD loss and the planner's alignment need it.

    Args:
        token_indices: text tokens of the target word, for all batch rows or one sequence a row.
        blocks: block indices, None for all.
        frames, direction: see `TextMaps`; reduction, rows: see `AttentionCapture`.
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
        request = TextMaps(tuple((row,) for row in _per_row(token_indices)), direction, frames)
        blocks = range(len(transformer.transformer_blocks)) if blocks is None else blocks
        super().__init__(transformer, {b: (request,) for b in blocks}, reduction, rows)

    def stacked(self, name: str = "text") -> torch.Tensor:  # (blocks, B, f, h, w), or (blocks, B, heads, f, h, w)
        """The maps of the last forward pass in the order of the blocks."""
        return super().stacked(name)[..., 0, :, :, :]


class CapturingProcessor:
    """CogVideoX joint attention that hands its queries and keys to a capture.

    The parameters are spelled out because diffusers drops keyword arguments that a processor does not name.
    """

    def __init__(self, capture: AttentionCapture, block: int):
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
    return tuple(tuple(int(i) for i in row) for row in rows)


def _check_choice(name: str, value, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise InputError(ErrorCode.CONFIG_INVALID, f"attention {name} is {value!r}", f"use one of {', '.join(valid)}")


def _unreliable(reason: str, hint: str) -> VideoError:
    return VideoError(ErrorCode.GENERATION_FAILED, f"attention cannot be captured: {reason}", hint)
