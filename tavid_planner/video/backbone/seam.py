"""`Backbone`, the interface to a video transformer for everything outside this folder; one subclass per family.

Latents here are always scaled and (B, F, C, h, w), whatever order a family uses itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from tavid_planner.errors import ErrorCode, VideoError


@dataclass(frozen=True, eq=False)
class Attended:
    """Queries, keys and values of one attention layer, normalised and rotated, and where the text tokens are.

    Attributes:
        query, key, value: (B, heads, N, D). Text tokens, if any, come first; all others are the video's, frame by
            frame and row by row.
        text_queries, text_keys: how many text tokens there are among the queries, and among keys and values.
        backend: of diffusers' attention dispatch, None for PyTorch's own.
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    text_queries: int
    text_keys: int
    backend: str | None = None

    @property
    def has_video_keys(self) -> bool:
        return self.key.shape[2] > self.text_keys

    def mixed(self) -> torch.Tensor:  # (B, heads, N, D)
        """The output of the attention."""
        if self.backend is None:
            return F.scaled_dot_product_attention(self.query, self.key, self.value)
        from diffusers.models.attention_dispatch import dispatch_attention_fn

        tokens_first = (x.transpose(1, 2) for x in (self.query, self.key, self.value))
        return dispatch_attention_fn(*tokens_first, backend=self.backend).transpose(1, 2)


Mix = Callable[[Attended], torch.Tensor]
"""Computes an attention layer's output in place of the layer itself; returns (B, heads, N, D)."""


class Backbone(ABC):
    """A video transformer: its conditioning channels, its attention, and how it is given timesteps and image.

    Attributes:
        transformer: the model of diffusers.
        kind: name of the family.
        patch_layer: name of the layer that embeds patches; adapters widen it.
        patch_file: stem of the file in which an adapter keeps that layer.
        blocks_name: where the blocks are in the transformer.
        attentions, feed_forward: names of a block's attention layers and of its layers between them, to which adapters
            add LoRA.
        first_frame_given: whether the first latent frame of the input is the image itself, without noise.
        image_embeds_before_text: whether features of an image encoder are attended to beside the text's.
        text_length: text tokens that it was trained with.
    """

    kind: str
    patch_layer: str
    patch_file: str
    blocks_name: str
    attentions: tuple[str, ...]
    feed_forward: tuple[str, ...]
    first_frame_given = False
    image_embeds_before_text = False
    text_length: int

    def __init__(self, transformer):
        self.transformer = transformer

    @property
    def blocks(self) -> torch.nn.ModuleList:
        """The transformer blocks, in order."""
        return getattr(self.transformer, self.blocks_name)

    @property
    @abstractmethod
    def patch(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of one token."""

    @property
    @abstractmethod
    def base_channels(self) -> int:
        """Input channels of the published model: those of noise and image."""

    @property
    def latent_channels(self) -> int:
        return self.transformer.config.out_channels

    @property
    def extra_channels(self) -> int:
        """Input channels that an adapter has added; 0 for the published model."""
        return self.transformer.config.in_channels - self.base_channels

    @property
    def embedding(self) -> torch.nn.Module:
        """The layer that embeds patches."""
        return self.transformer.get_submodule(self.patch_layer)

    def token_size(self, frames: int, height: int, width: int) -> tuple[int, int, int]:
        """Tokens (f, h, w) of latents of a size."""
        patch_t, patch_h, patch_w = self.patch
        return frames // patch_t, height // patch_h, width // patch_w

    @property
    def learned_latents(self) -> tuple[int, int, int] | None:
        """Latents (F, h, w) for which the transformer has learned positions, F at most; None where it takes any."""
        return None

    def has_positions(self, frames: int, height: int, width: int) -> bool:
        """Whether the transformer can be given latents of a size."""
        learned = self.learned_latents
        return learned is None or (frames <= learned[0] and (height, width) == learned[1:])

    def padded(self, latents: torch.Tensor) -> torch.Tensor:  # (B, F, ...) -> (B, F', ...)
        """Latents, or what belongs to them, of whole patches: as in generation, with the first frame again in front."""
        missing = -latents.shape[1] % self.patch[0]
        return torch.cat([latents[:, :1]] * missing + [latents], dim=1)

    def layers_with_lora(self, blocks=None, feed_forward: bool = False) -> list[str]:
        """Names of the attention projections of the given blocks; for None the short names that match all blocks.

        Args:
            feed_forward: those of the feed-forward layers, too.
        """
        parts = ["to_q", "to_k", "to_v", "to_out.0"]
        others = list(self.feed_forward) if feed_forward else []
        if blocks is None:
            return parts + others
        within = [f"{attention}.{part}" for attention in self.attentions for part in parts] + others
        return [f"{self.blocks_name}.{b}.{layer}" for b in blocks for layer in within]

    def widen(self, extra_channels: int = 1) -> None:
        """Give the patch embedding more input channels, whose kernels start at zero; the output stays the same."""
        old = self.embedding
        new = self._wider_embedding(old, extra_channels)
        with torch.no_grad():
            # a flattened patch holds channel by channel, so in a linear layer, too, another channel's inputs come last
            missing = new.weight.shape[1] - old.weight.shape[1]
            new.weight[:, : old.weight.shape[1]] = old.weight
            new.weight[:, old.weight.shape[1] :] = old.weight.new_zeros(len(old.weight), missing, *old.weight.shape[2:])
            if old.bias is not None:
                new.bias.copy_(old.bias)
        new.requires_grad_(old.weight.requires_grad)
        self.transformer.set_submodule(self.patch_layer, new)
        self.transformer.register_to_config(in_channels=self.transformer.config.in_channels + extra_channels)

    @abstractmethod
    def _wider_embedding(self, old: torch.nn.Module, extra_channels: int) -> torch.nn.Module:
        """A layer like `old` with more inputs, not initialised."""

    def embedding_shapes(self, extra_channels: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the patch embedding's weights with so many more channels."""
        shapes = {name: tuple(value.shape) for name, value in self.embedding.state_dict().items()}
        first, inputs, *rest = shapes["weight"]
        per_channel = inputs // self.transformer.config.in_channels
        return shapes | {"weight": (first, inputs + extra_channels * per_channel, *rest)}

    @abstractmethod
    def input_tokens(self, args: tuple, kwargs: dict) -> tuple[int, int, int]:
        """Tokens (f, h, w) of a call of the transformer with these arguments."""

    @abstractmethod
    def watch(self, block: int, mix: Mix) -> "Watched":
        """Replacements for a block's attention processors that pass their `Attended` to `mix`.

        Raises:
            VideoError: GENERATION_FAILED when the block's attention is not the family's own.
        """

    @abstractmethod
    def use_attention_backend(self, backend: str) -> None:
        """Make a backend of diffusers' attention dispatch compute all attention layers."""

    def first_frame(self, image_latents: torch.Tensor, frames: int) -> torch.Tensor:
        """Latents of the image alone (B, C, h, w) as `inputs` takes them, (B, F, C, h, w).

        Raises:
            VideoError: GENERATION_FAILED where the family encodes more than the image.
        """
        others = image_latents[:, None].expand(-1, frames - 1, -1, -1, -1)
        return torch.cat([image_latents[:, None], torch.zeros_like(others)], dim=1)

    @abstractmethod
    def inputs(
        self, noisy: torch.Tensor, image: torch.Tensor, condition: torch.Tensor | None, has_image=None
    ) -> torch.Tensor:
        """The transformer's input (B, F, channels, h, w).

        Args:
            noisy: (B, F, C, h, w). image: (B, F, C', h, w), see `first_frame`. condition: (B, F, extra, h, w).
            has_image: (B,) bool, rows that have their image; None for all.
        """

    def frame_times(self, timesteps: torch.Tensor, frames: int, has_image=None) -> torch.Tensor:
        """Timesteps (B,), or (B, F) when frames have noise of their own, as `predict` takes them."""
        return timesteps

    @abstractmethod
    def predict(self, inputs, text, timesteps, image_embeds=None) -> torch.Tensor:
        """The transformer's prediction (B, F, C, h, w).

        Args:
            inputs: see `inputs`. text: (B, L, D). timesteps: see `frame_times`.
            image_embeds: (1, N, D) of an image encoder, for families that have one.
        """


@dataclass
class Watched:
    """Attention modules and the processors that replace theirs."""

    replacements: list[tuple[torch.nn.Module, object]]

    def replace(self) -> list[tuple[torch.nn.Module, object]]:
        """Install the processors; returns the previous ones."""
        before = [(attention, attention.processor) for attention, _ in self.replacements]
        for attention, processor in self.replacements:
            attention.set_processor(processor)
        return before


def own_processor(attention, expected: type, block: int, hint: str) -> None:
    """Raises: VideoError: GENERATION_FAILED when an attention's processor is not the family's own."""
    if type(attention.processor) is not expected:
        raise unreliable(f"block {block} has the processor {type(attention.processor).__name__}", hint)


def unreliable(reason: str, hint: str) -> VideoError:
    return VideoError(ErrorCode.GENERATION_FAILED, f"attention cannot be captured: {reason}", hint)
