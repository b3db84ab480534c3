"""Attention maps of words and of marked places, captured while the transformer runs.

Map requests say what to record: `TextMaps` (video queries to words, or words to video) and `PropagationMaps` (the first
frame's marked tokens to the whole video). `attention_share.py` computes them exactly, without forming the attention
matrix.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video import attention_share as share
from tavid_planner.video.backbone import backbone_of
from tavid_planner.video.backbone.seam import Attended, unreliable
from tavid_planner.video.compiled import as_they_are, compiled_again

FRAMES = ("first", "all")
REDUCTIONS = ("mean", "none")
DIRECTIONS = ("v2t", "t2v")

Rows = tuple[tuple[tuple[int, ...], ...], ...]
"""Token indices by batch row and group; a single row applies to all."""


@dataclass(frozen=True)
class TextMaps:
    """Maps between words and the video.

    Attributes:
        groups: token indices of K words, by batch row and word; a single row applies to all.
        direction: "v2t", video queries to the words' keys (summed over a word's tokens), or "t2v", the words' queries
            (averaged over a word's tokens) to video keys. The softmax runs over all keys of that attention: text and
            video where it is joint, text alone in a cross attention (which has no "t2v").
        frames: "first" (the first latent frame's tokens) or "all".
        name: of the maps.
        products: mean products of queries and keys instead of attention (`mean_products`).

    Raises:
        InputError: CONFIG_INVALID for an unknown option, or a word without tokens.
    """

    groups: Rows
    direction: str = "v2t"
    frames: str = "all"
    name: str = "text"
    products: bool = False

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

    def reads(self, attended: Attended) -> bool:
        """Whether words are among the keys of an attention."""
        return attended.text_keys > 0

    def compute(self, attended: Attended, size: tuple[int, int, int]) -> torch.Tensor:
        """(B, heads, K, f, h, w) from a block's attention that has text among its keys."""
        query, key, text = attended.query, attended.key, attended.text_keys
        frames, height, width = 1 if self.frames == "first" else size[0], *size[1:]
        length = frames * height * width
        if self.direction == "v2t":
            first = attended.text_queries
            looking, words = query[:, :, first : first + length], self._indicator(attended, key.shape[2])
            maps = share.mean_products(looking, key, words) if self.products else share.key_shares(looking, key, words)
        elif attended.text_queries:
            words, video = self._indicator(attended, query.shape[2]), slice(text, text + length)
            if self.products:
                maps = share.mean_products(key[:, :, video], query, words)
            else:
                maps = share.row_means(query, key, words, video)
        else:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                "attention direction is 't2v', but in this model's cross attention words do not look at the video",
                "use direction 'v2t'",
            )
        return maps.unflatten(-1, (frames, height, width))

    def _indicator(self, attended: Attended, tokens: int) -> torch.Tensor:  # (B, K, N) bool
        batch, text_length = len(attended.query), attended.text_keys
        rows = self.groups * batch if len(self.groups) == 1 else self.groups
        if len(rows) != batch or any(not 0 <= i < text_length for row in rows for group in row for i in group):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"target tokens are {self.groups} for {batch} batch rows of {text_length} text tokens",
            )
        indicator = torch.zeros(batch, len(rows[0]), tokens, dtype=torch.bool)
        for row, groups in enumerate(rows):
            for number, group in enumerate(groups):
                indicator[row, number, list(group)] = True
        return indicator.to(attended.key.device)


@dataclass(frozen=True, eq=False)
class PropagationMaps:
    """Where the marked tokens of the first latent frame look in the whole video (MATRIX, semantic propagation, V2V).

    Attributes:
        first_frame: (B, K, h, w), what each token of the first latent frame counts for each of K instances; an
            instance of which no token counts gets a map of zeros.
        name: of the maps.
        products: mean products of queries and keys instead of attention (`mean_products`).
    """

    first_frame: torch.Tensor
    name: str = "propagation"
    products: bool = False

    def reads(self, attended: Attended) -> bool:
        """Whether the video is among the keys of an attention."""
        return attended.has_video_keys

    def compute(self, attended: Attended, size: tuple[int, int, int]) -> torch.Tensor:
        """(B, heads, K, F, h, w) from a block's attention that has the video among its keys."""
        query, key = attended.query, attended.key
        frames, height, width = size
        marked = self.first_frame.to(query.device)
        if len(marked) != len(query) or marked.shape[-2:] != (height, width):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"the instances' first frame is {tuple(marked.shape)} for {len(query)} batch rows of "
                f"{height}x{width} tokens",
            )
        first = slice(attended.text_queries, attended.text_queries + height * width)
        video = slice(attended.text_keys, attended.text_keys + frames * height * width)
        if self.products:
            maps = share.mean_products(key[:, :, video], query[:, :, first], marked.flatten(2))
        else:
            maps = share.row_means(query[:, :, first], key, marked.flatten(2), video)
        return maps.unflatten(-1, (frames, height, width))


MapRequest = TextMaps | PropagationMaps


class AttentionCapture:
    """Context manager that records attention maps in chosen transformer blocks.

        wanted = {7: [TextMaps(groups)], 12: [PropagationMaps(first_frame)]}
        with AttentionCapture(transformer, wanted) as capture:
            transformer(...)
            loss = alignment(capture.stacked("text"), masks)   # (blocks, B, K, f, h, w)
            loss.backward()                   # inside, so that checkpoints recompute the same operations

    Each forward pass of the transformer replaces the maps of the one before. With gradient checkpointing (which must
    be the non-reentrant kind) blocks run again during the backward pass; maps recorded in the forward pass stay.

    Args:
        transformer: of a known family (`backbone`), with its own (unfused) attention processors.
        requests: block index -> what to record there.
        reduction: over heads, "mean" gives maps (B, K, f, h, w), "none" (B, heads, K, f, h, w).
        rows: batch rows to record, for example the conditional half of a guidance batch.
        on_map: called with block, name and map instead of keeping the map, so that only one block's map is in memory.

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
        self.backbone = backbone_of(transformer)
        count = len(self.backbone.blocks)
        self.requests = {block: tuple(wanted) for block, wanted in requests.items()}
        if any(not 0 <= b < count for b in self.requests) or not self.requests:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"attention blocks are {list(self.requests)}",
                f"the transformer has blocks 0 to {count - 1}",
            )
        self.transformer, self.reduction, self.rows, self.on_map = transformer, reduction, rows, on_map
        self.maps: dict[tuple[int, str], torch.Tensor] = {}
        self._recorded: set[tuple[int, str]] = set()
        self._size = None  # (f, h, w) tokens of the running forward pass
        self._forward_has_gradient = False
        self._replaced: list[tuple[torch.nn.Module, object]] = []
        self._compiled: list[tuple[torch.nn.Module, object]] = []
        self._hook = None

    def __enter__(self):
        if getattr(self.transformer, "is_cache_enabled", False):
            raise unreliable("step caching skips blocks, their maps would be stale", "call disable_cache() first")
        watched = [self.backbone.watch(block, partial(self._mix, block)) for block in self.requests]
        self._hook = self.transformer.register_forward_pre_hook(self._begin_forward, with_kwargs=True)
        self._replaced = [before for block in watched for before in block.replace()]
        # a compiled block would not call the processors that record
        captured = [self.backbone.blocks[block] for block in self.requests]
        self._compiled = [(block, as_they_are(block)) for block in captured]
        return self

    def __exit__(self, *exception) -> None:
        self._hook.remove()
        for attention, processor in self._replaced:
            attention.set_processor(processor)
        for block, forward in self._compiled:
            compiled_again(block, forward)
        self._replaced.clear()
        self._compiled.clear()

    def stacked(self, name: str) -> torch.Tensor:  # (blocks, B, K, f, h, w), or (blocks, B, heads, K, f, h, w)
        """All maps called `name` of the last forward pass, in the order of their blocks in `requests`."""
        blocks = [b for b, wanted in self.requests.items() if any(request.name == name for request in wanted)]
        missing = [b for b in blocks if (b, name) not in self.maps]
        if missing or not blocks:
            raise unreliable(f"blocks {missing} recorded no map", "run the transformer inside the capture")
        return torch.stack([self.maps[b, name] for b in blocks])

    def _begin_forward(self, module, args, kwargs) -> None:
        self._size = self.backbone.input_tokens(args, kwargs)
        self._forward_has_gradient = torch.is_grad_enabled()
        self.maps = {}
        self._recorded = set()

    def _mix(self, block: int, attended: Attended) -> torch.Tensor:
        """Record a block's maps, then return the output of its attention."""
        if self._forward_has_gradient and not torch.is_grad_enabled():
            raise unreliable("re-entrant checkpointing detaches the map from the gradient", "pass use_reentrant=False")
        some = replace(attended, query=attended.query[self.rows], key=attended.key[self.rows])
        for request in self.requests[block]:
            if not request.reads(some):
                continue
            # a checkpoint that recomputes this block must repeat the operations, but not replace the maps
            first_time = (block, request.name) not in self._recorded
            self._recorded.add((block, request.name))
            maps = request.compute(some, self._size)
            maps = maps.mean(dim=1) if self.reduction == "mean" else maps
            if first_time and self.on_map is not None:
                self.on_map(block, request.name, maps)
            elif first_time:
                self.maps[block, request.name] = maps
        return attended.mixed()


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
        blocks = range(len(backbone_of(transformer).blocks)) if blocks is None else blocks
        super().__init__(transformer, {b: (request,) for b in blocks}, reduction, rows)

    def stacked(self, name: str = "text") -> torch.Tensor:  # (blocks, B, f, h, w), or (blocks, B, heads, f, h, w)
        """The maps of the last forward pass in the order of the blocks."""
        return super().stacked(name)[..., 0, :, :, :]


def _per_row(token_indices) -> tuple[tuple[int, ...], ...]:
    rows = [list(r) if hasattr(r, "__iter__") else r for r in token_indices]
    rows = rows if rows and isinstance(rows[0], list) else [rows]
    return tuple(tuple(int(i) for i in row) for row in rows)


def _check_choice(name: str, value, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise InputError(ErrorCode.CONFIG_INVALID, f"attention {name} is {value!r}", f"use one of {', '.join(valid)}")
