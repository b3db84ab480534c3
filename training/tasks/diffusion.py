"""What the trainings of a transformer share: noise, input channels, the diffusion and the attention loss."""

from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import torch

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.attention import AttentionCapture, MapRequest, TextMaps
from tavid_planner.video.backbone import backbone_of
from tavid_planner.video.conditioning import Conditioning, id_map_latents, mask_latents
from training.configuration import DiffusionConfig
from training.objectives.block_choice import parse_block_choice
from training.objectives.diffusion import (
    add_noise,
    denoising_loss,
    difference_loss,
    motion_weight,
    object_weight,
    timesteps_of,
)
from training.objectives.target_attention import target_attention_loss, token_mask
from training.tasks.alignment import InteractionAlignment, Interactions
from training.tasks.task import Task

TARGET = "target"


class Clips(NamedTuple):
    """Clips as they lie in a data set; latents are scaled.

    Attributes:
        latents: (B, F, C, h, w); image_latents: (B, C, h, w), the first frame alone.
        masks: (B, 1, H, W); has_mask: (B,) bool, whether the model may see it.
        text: (B, L) token numbers or (B, L, D) their encoding; trigger_tokens: positions of the trigger word, by clip.
        has_trigger: (B,) bool, whether the text has the trigger word.
        interactions: who does what with what, where the data set says so.
        ids: (B, H, W) uint8, the first frame's marked instances (TrainingClip.ids), where the data set has them.
        pairs: pairs of clips that begin with the same picture and get the same noise, by their numbers.
    """

    latents: torch.Tensor
    image_latents: torch.Tensor
    masks: torch.Tensor
    has_mask: torch.Tensor
    text: torch.Tensor
    trigger_tokens: list[tuple[int, ...]]
    has_trigger: torch.Tensor
    interactions: Interactions | None = None
    ids: torch.Tensor | None = None
    pairs: tuple[tuple[int, int], ...] = ()


class Parts(NamedTuple):
    """What the transformer's inputs are made of, and what is behind the noise; see Backbone.inputs."""

    noisy: torch.Tensor  # (B, F, C, h, w)
    image: torch.Tensor  # (B, F, C', h, w)
    condition: torch.Tensor | None  # (B, F, extra, h, w)
    has_image: torch.Tensor  # (B,) bool
    clean: torch.Tensor  # (B, F, C, h, w)


class DiffusionBatch(NamedTuple):
    """The transformer's inputs, and what its output and its attention are compared with.

    `own_times` are timesteps that the transformer denoises from itself, in turn, before the last of them, at which it
    is trained; none where its inputs are noisy clips (`training.tasks.own_inputs`).
    """

    inputs: torch.Tensor  # (B, F, channels of noise, image and condition, h, w)
    text: torch.Tensor
    timesteps: torch.Tensor  # (B,), or (B, F) where frames have noise of their own
    target: torch.Tensor  # (B, F, C, h, w)
    scale: torch.Tensor  # (B, 1, 1, 1, 1)
    weight: torch.Tensor  # (B, F, 1, h, w)
    token_masks: torch.Tensor  # (B, h, w) tokens
    supervised: torch.Tensor  # (B,) bool
    trigger_tokens: list[tuple[int, ...]]
    blocks: tuple[int, ...]
    step: int
    interactions: Interactions | None
    pairs: tuple[tuple[int, int], ...] = ()
    parts: Parts | None = None
    own_times: tuple[float, ...] = ()


class DiffusionTask(Task):
    """A transformer that learns to remove noise and to look at the target.

    Args:
        latent_shape: (F, C, h, w) of every clip; track_shape: (T, H, W) of its instance tracks, None without any.

    Raises:
        InputError: CONFIG_INVALID.
    """

    def __init__(self, config: DiffusionConfig, transformer, noise_scheduler, latent_shape, track_shape=None):
        super().__init__()
        self.conditioning = Conditioning()
        self.config, self.transformer, self.noise_scheduler = config, transformer, noise_scheduler
        self.backbone = backbone_of(transformer)
        frames, _, height, width = latent_shape
        patch_t = self.backbone.patch[0]
        _refuse_without_tracks(config, track_shape)
        if not self.backbone.has_positions(frames, height, width):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"the clips have latents of {frames}x{height}x{width}, this transformer has learned positions for up "
                f"to {'x'.join(map(str, self.backbone.learned_latents))} only",
                "encode clips of the size that it was trained on, and no longer ones",
            )
        frames += -frames % patch_t
        if config.gradient_checkpointing:
            transformer.enable_gradient_checkpointing()
        transformer.train()
        self.tokens = self.backbone.token_size(frames, height, width)[1:]
        self.weights = {"diffusion": 1.0}
        self.blocks = None
        if config.attention.weight:
            self.blocks = parse_block_choice(config.attention.blocks, len(self.backbone.blocks), config.seed)
            self.weights["attention"] = config.attention.weight
        if config.pair_weight:
            self.weights["pairs"] = config.pair_weight
        self.alignment = self._alignment(frames // patch_t, track_shape)
        if self.alignment is not None:
            self.weights |= self.alignment.weights

    def _alignment(self, frames: int, track_shape) -> InteractionAlignment | None:
        config = self.config.alignment
        if not (config.grounding.weight or config.propagation.weight):
            return None
        size = (frames, *self.tokens)
        return InteractionAlignment(config, len(self.backbone.blocks), size, track_shape, self.config.seed)

    def encode_text(self, text: torch.Tensor) -> torch.Tensor:  # -> (B, L, D)
        return text

    def batch(self, clips: Clips, step: int, rng: np.random.Generator, timestep: float | None = None) -> DiffusionBatch:
        """Noise, at a random timestep unless one is given, and first-frame dropout on clips."""
        config, clean = self.config, self.backbone.padded(clips.latents)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        level = torch.rand(len(clean), generator=generator) ** (1 / config.noise_power)
        has_image = torch.from_numpy(rng.random(len(clean)) >= config.image_dropout)
        timesteps = timesteps_of(self.noise_scheduler, level)
        if timestep is not None:
            timesteps.fill_(timestep)
        noise = torch.randn(clean.shape, generator=generator)
        for first, second in clips.pairs:
            for drawn in (timesteps, noise, has_image):
                drawn[second] = drawn[first]
        noisy, target, scale = add_noise(self.noise_scheduler, clean, noise, timesteps)
        frames, _, height, width = clean.shape[1:]
        condition = None
        if self.backbone.extra_channels:
            condition = self._marked(clips, frames, height, width) * clips.has_mask.view(-1, 1, 1, 1, 1)
        image = self.backbone.first_frame(clips.image_latents, frames)
        weight = self.backbone.padded(self.cell_weight(clips))
        if self.backbone.first_frame_given:
            # what is given is not to be predicted
            weight[has_image, 0] = 0
        return DiffusionBatch(
            self.backbone.inputs(noisy, image, condition, has_image),
            clips.text,
            self.backbone.frame_times(timesteps, frames, has_image),
            target,
            scale,
            weight,
            token_mask(clips.masks, *self.tokens),
            clips.has_mask & clips.has_trigger,
            clips.trigger_tokens,
            () if self.blocks is None else self.blocks.at_step(step),
            step,
            _with_text(clips),
            clips.pairs,
            Parts(noisy, image, condition, has_image, clean),
        )

    def cell_weight(self, clips: Clips) -> torch.Tensor:  # (B, F, 1, h, w)
        """What each latent cell counts for."""
        weight = motion_weight(clips.latents, self.config.moving_weight)
        if self.config.object_weight:
            acted_on = clips.interactions.tracks[:, 1].to(weight.dtype)
            weight = weight + self.config.object_weight * object_weight(acted_on, weight.shape[1], *weight.shape[3:])
        return weight

    def _marked(self, clips: Clips, frames: int, height: int, width: int) -> torch.Tensor:  # (B, F, C, h, w)
        """What the transformer sees of the marked instances, as `conditioning` says."""
        if self.conditioning.kind == "mask":
            return mask_latents(clips.masks, frames, height, width, "area")
        numbers = range(1, len(self.conditioning.palette) + 1)
        masks = torch.stack([clips.ids == number for number in numbers], 1).float()
        return id_map_latents(masks, self.conditioning.palette, frames, height, width)

    def predict(self, batch: DiffusionBatch) -> torch.Tensor:  # (B, F, C, h, w)
        dtype = next(self.transformer.parameters()).dtype
        return self.backbone.predict(batch.inputs.to(dtype), self.encode_text(batch.text).to(dtype), batch.timesteps)

    def forward(self, batch: DiffusionBatch, held: ExitStack) -> dict[str, torch.Tensor]:
        options, wanted = self.config.attention, self._wanted(batch)
        capture = None
        if wanted:
            capture = AttentionCapture(self.transformer, wanted, options.heads)
            held.enter_context(capture)  # checkpoints recompute during the backward pass
        prediction = self.predict(batch)
        losses = {"diffusion": denoising_loss(prediction, batch.target, batch.scale, batch.weight)}
        if "pairs" in self.weights and batch.pairs:
            both = torch.tensor(batch.pairs).T
            losses["pairs"] = difference_loss(prediction[both], batch.target[both], batch.weight[both])
        if self.alignment is not None and not (batch.interactions is not None and batch.interactions.known.any()):
            losses["diffusion"] = losses["diffusion"] + self.alignment.nothing()
        if capture is None:
            return losses
        names = {request.name for requests in wanted.values() for request in requests}
        maps = {name: capture.stacked(name) for name in names}
        if TARGET in maps:
            target = maps.pop(TARGET)[:, batch.supervised].select(-4, 0)
            masks = batch.token_masks[batch.supervised]
            losses["attention"] = target_attention_loss(target, masks, options.normalisation)
        if maps:
            heads = options.heads == "none"
            maps = {name: found.mean(dim=2) if heads else found for name, found in maps.items()}
            losses |= self.alignment(maps, batch.interactions)
        return losses

    def _wanted(self, batch: DiffusionBatch) -> dict[int, list[MapRequest]]:
        """What to record of a batch, by block."""
        wanted: dict[int, list[MapRequest]] = {}
        interactions = batch.interactions
        if self.alignment is not None and interactions is not None and interactions.known.any():
            wanted |= self.alignment.requests(batch.step, interactions)
        if self.config.attention.weight and batch.supervised.any():
            groups = tuple((tokens,) for tokens in batch.trigger_tokens)
            target = TextMaps(groups, self.config.attention.direction, "first", TARGET)
            for block in batch.blocks:
                wanted.setdefault(block, []).append(target)
        return wanted


def _with_text(clips: Clips) -> Interactions | None:
    """Who does what is known only where the text says so."""
    if clips.interactions is None:
        return None
    return clips.interactions._replace(known=clips.interactions.known & clips.has_trigger)


def _refuse_without_tracks(config: DiffusionConfig, track_shape) -> None:
    weights = {
        "alignment.grounding.weight": config.alignment.grounding.weight,
        "alignment.propagation.weight": config.alignment.propagation.weight,
        "object_weight": config.object_weight,
    }
    needing = ", ".join(name for name, weight in weights.items() if weight)
    if needing and track_shape is None:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"the clips have no mask tracks, without which {needing} cannot be",
            "encode clips that have instance tracks and triplets, with --track-px, or set it to 0",
        )
