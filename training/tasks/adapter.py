"""A target-aware adapter on a frozen base: a widened input convolution and LoRA."""

import json
import logging
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import diffusers
import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model

from tavid_planner.config import resolve_model
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.adapter import Adapter, load_adapter, save_adapter, widen_patch_embed
from tavid_planner.video.backbone import backbone_of, pipeline_class
from tavid_planner.video.conditioning import Conditioning
from tavid_planner.video.model_files import base_folder, check_base_folder, transformer_class, weights_digest
from tavid_planner.video.pipeline import TargetAwarePipeline
from tavid_planner.video.whole_weights import check_whole
from training.configuration import AdapterConfig
from training.data.cache import ClipCache
from training.data.encoders import refuse_other_encoders
from training.objectives.block_choice import parse_block_choice
from training.tasks.alignment import LOSSES, Interactions
from training.tasks.diffusion import Clips, DiffusionBatch, DiffusionTask
from training.tasks.merged_lora import MergedLora, grow
from training.tasks.own_inputs import after_own_steps, sampler_times
from training.validation import ValidationClip, generate

MOSTLY_COVERED = 50  # percent of a cell: more of it is an instance's
DIGEST_OF_BASE = "transformer_digest"  # in an adapter's metadata: what it was trained on
logger = logging.getLogger(__name__)
WEIGHT_TYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class AdapterTask(DiffusionTask):
    """Raises: InputError: CONFIG_INVALID, FILE_INVALID. VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE."""

    config: AdapterConfig

    def __init__(self, config: AdapterConfig, device):
        cache = ClipCache(config.cache)
        if cache.settings.trigger != config.trigger:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"option trigger is {config.trigger!r}, the cache was encoded with {cache.settings.trigger!r}",
            )
        base = base_folder(resolve_model(config.base))
        check_base_folder(base)
        refuse_other_encoders(config.cache, cache.settings, config.base, base)
        backbone_class = transformer_class(base)
        kind = pipeline_class(backbone_class)
        transformer = getattr(diffusers, backbone_class).from_pretrained(
            base / "transformer", torch_dtype=WEIGHT_TYPES[config.mixed_precision], local_files_only=True
        )
        check_whole(transformer, base / "transformer")
        digest = weights_digest(base / "transformer")
        conditioning = self.prepare(transformer, config, digest)
        merged = MergedLora(transformer) if config.merged else None
        for parameter in transformer.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        first = cache[0]
        track_shape = None if first.tracks is None else tuple(first.tracks.shape[1:])
        super().__init__(config, transformer, _scheduler(base, kind), first.latents.shape, track_shape)
        self.base, self.cache, self.device, self.data_digest = base, cache, device, cache.digest
        self.clip_names, self.clips_from = cache.names, config.cache
        self.model_digest = self.transformer_digest = digest
        self.conditioning, self.pipeline_kind, self.merged = conditioning, kind, merged
        self.sampler = None  # the model's own
        if config.own_inputs:
            self.own_times = sampler_times(kind.SCHEDULERS, self.noise_scheduler, config.own_steps)
        if conditioning.kind != "mask" and first.ids is None:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"option conditioning is {conditioning.kind!r}, but {config.cache} does not keep marked instances",
                "encode clips that have them with --track-px",
            )
        if self.alignment is not None:
            self._count_seen()
        if config.pair_weight and not cache.has_pairs:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"option pair_weight is {config.pair_weight:g}, but {config.cache} holds no pairs of clips",
                "encode clips that were made with --pairs or --company pairs, or set it to 0",
            )
        if config.pair_weight and config.batch_size == 1:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"option pair_weight is {config.pair_weight:g}, but a batch_size of 1 never holds both clips of a pair",
                "set batch_size to 2 or more; accumulation does not help",
            )

    def _count_seen(self) -> None:
        """Say how many clips take no part in MATRIX's losses. Raises: InputError: CONFIG_INVALID when none does."""
        cache, cell_px = self.cache, self.cache.settings.track_px
        seen = sum(bool(_both_seen(cache.first_tracks(i) > MOSTLY_COVERED)) for i in range(len(cache)))
        told = (
            f"{len(cache) - seen} of {len(cache)} clips have a subject or object that covers no cell of {cell_px} px "
            "to more than a half in the first frame, and take no part in grounding and propagation"
        )
        if not seen:
            raise InputError(ErrorCode.CONFIG_INVALID, told, "encode the clips with a smaller --track-px")
        if seen < len(cache):
            logger.warning("%s: a smaller --track-px changes that where they are too small for their cells", told)

    @staticmethod
    def prepare(transformer, config: AdapterConfig, digest: str) -> Conditioning:
        """Freeze the base, whose weights have the digest, and add what is trained; how marked instances come in."""
        prepare_adapter(transformer, config, digest)
        return Conditioning(config.conditioning)

    def draw(self, step: int, rng: np.random.Generator) -> NamedTuple:
        rows, pairs = self._drawn(rng.integers(len(self.cache), size=self.config.batch_size))
        clips = self.clips(rows, pairs, rng)
        if not self.config.own_inputs or rng.random() >= self.config.own_inputs:
            return self.batch(clips, step, rng)
        times = self.own_times[: 1 + rng.integers(len(self.own_times))]
        return self.batch(clips, step, rng, times[0])._replace(own_times=tuple(times))

    def forward(self, batch: DiffusionBatch, held: ExitStack) -> dict[str, torch.Tensor]:
        return super().forward(after_own_steps(self, batch) if batch.own_times else batch, held)

    def clips(self, rows: list[int], pairs: tuple[tuple[int, int], ...], rng: np.random.Generator) -> Clips:
        """Clips of the cache; those of a pair, by their places in `rows`, have text and first frame alike."""
        config, cache = self.config, self.cache
        clips = [cache[i] for i in rows]
        has_text = torch.from_numpy(rng.random(len(clips)) >= config.text_dropout)
        images = torch.stack([c.image_latents[rng.integers(len(c.image_latents))] for c in clips])
        for first, second in pairs:
            has_text[second], images[second] = has_text[first], images[first]
        return Clips(
            torch.stack([c.latents for c in clips]),
            images,
            torch.stack([c.mask for c in clips]).float()[:, None],
            torch.ones(len(clips), dtype=torch.bool),
            torch.stack([c.text if keep else cache.empty_text for c, keep in zip(clips, has_text)]),
            [c.trigger_tokens for c in clips],
            has_text,
            _interactions(clips),
            None if clips[0].ids is None else torch.stack([c.ids for c in clips]),
            pairs,
        )

    def _drawn(self, rows: np.ndarray) -> tuple[list[int], tuple[tuple[int, int], ...]]:
        """As many clips as there are rows, of which those of a pair bring the other one along; and which are pairs."""
        drawn, pairs = [], []
        for row in map(int, rows):
            partner = self.cache.partner(row)
            if partner is not None and len(drawn) + 1 < len(rows):
                pairs.append((len(drawn), len(drawn) + 1))
                drawn += [row, partner]
            elif len(drawn) < len(rows):
                drawn.append(row)
        return drawn, tuple(pairs)

    def is_matrix(self, name: str, parameter: torch.nn.Parameter) -> bool:
        return ("lora_" in name or "base_layer" in name) and parameter.ndim == 2  # not the magnitudes of a DoRA

    def validate(self, folder: Path) -> list[np.ndarray]:
        """Generate from the last clips of the cache."""
        cache, config = self.cache, self.config
        pipeline = TargetAwarePipeline.from_pretrained(
            self.base,
            dtype=WEIGHT_TYPES[config.mixed_precision],
            device=self.device,
            scheduler=self.sampler,
            vae_tiling=str(self.device) != "cpu",  # what is trained takes most of a GPU
            transformer=self.transformer,
        )
        adapter = Adapter("training", config.trigger, config.rank, config.alpha, "", conditioning=self.conditioning)
        pipeline.adapter = adapter
        last = [cache[len(cache) - 1 - i] for i in range(min(config.validation.clips, len(cache)))]
        ids = [None if config.conditioning == "mask" else c.ids.numpy() for c in last]
        clips = [ValidationClip(c.first_frame.numpy(), c.mask.numpy(), c.caption, i) for c, i in zip(last, ids)]
        return generate(pipeline, clips, cache.settings.num_frames, config, folder, cache.settings.fps)

    def export(self, out: Path, step: int) -> None:
        """Write `adapter/` in the released layout, with what made it inside."""
        config = self.config
        if self.merged is not None:
            left_out = self.merged.factor()
            logger.info("a LoRA of rank %d holds %.1f%% of the weights' change", config.rank, 100 * (1 - left_out))
        facts = {"steps": step, "base": config.base, DIGEST_OF_BASE: self.transformer_digest}
        facts |= {"data_digest": self.data_digest, **self._supervised()}
        about = config.rank, config.alpha, config.trigger, facts, self.conditioning
        save_adapter(out / "adapter", self.transformer, *about)

    def _supervised(self) -> dict:
        """Weights and blocks of the losses on attention; of one that is left out no blocks."""
        config, alignment = self.config, self.alignment
        facts: dict = {"attention_loss": config.attention.weight}
        if self.blocks is not None:
            facts["attention_blocks"] = list(self.blocks.candidates)
        if alignment is not None:
            blocks = {LOSSES[maps]: list(choice.candidates) for maps, choice in alignment.blocks.items()}
            facts |= {n: {"weight": weight, "blocks": blocks[n]} for n, weight in alignment.weights.items()}
        return facts


def _interactions(clips) -> Interactions | None:
    """Who does what in encoded clips, where the cache keeps it; a cell covered to more than a half is theirs."""
    if clips[0].tracks is None:
        return None
    tracks = torch.stack([c.tracks for c in clips]) > MOSTLY_COVERED
    return Interactions(tracks, [c.words for c in clips], _both_seen(tracks))


def _both_seen(tracks: torch.Tensor) -> torch.Tensor:  # (..., 2, T, H, W) bool -> (...) bool
    """Whether subject and object have a cell each in the first frame; else there is nothing to compare a map with."""
    return tracks[..., 0, :, :].flatten(-2).any(-1).all(-1)


def start_from(transformer, config: AdapterConfig, digest: str) -> Adapter:
    """Load the adapter `init` into a base whose transformer has the digest.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE.
        InputError: CONFIG_INVALID when it belongs to another base, or another word stands for the target.
    """
    adapter = load_adapter(transformer, resolve_model(config.init))
    if digest and adapter.extra.get(DIGEST_OF_BASE, digest) != digest:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{config.init} was trained on {adapter.extra.get('base')}, whose transformer is not the one of the base "
            f"{config.base} as it is now",
            "start from an adapter of this base, or from nothing",
        )
    if adapter.trigger != config.trigger:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{config.init} knows the target by the word {adapter.trigger!r}, option trigger is {config.trigger!r}",
            "encode the clips with --trigger and that word, or start from another adapter",
        )
    return adapter


def prepare_adapter(transformer, config: AdapterConfig, digest: str = ""):
    """Freeze the base, widen its input convolution and add LoRA; or load the adapter that the run starts from.

    Args:
        digest: of the base's transformer; "" where nothing is to be trained on it.

    Raises:
        VideoError: ADAPTER_INCOMPATIBLE.
        InputError: CONFIG_INVALID when the adapter to start from does not fit the options or the base.
    """
    transformer.requires_grad_(False)
    if config.init:
        adapter = start_from(transformer, config, digest)
        if config.rank < adapter.rank or config.alpha * adapter.rank != adapter.alpha * config.rank:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"{config.init} has rank {adapter.rank} and alpha {adapter.alpha:g}, "
                f"options rank and alpha are {config.rank} and {config.alpha}",
                "give the same, or both larger by one factor",
            )
        if config.rank > adapter.rank:
            grow(transformer, config.rank)
        take_conditioning(transformer, adapter.conditioning, Conditioning(config.conditioning), config.init)
        _refuse_other_blocks(transformer, config)
        if config.lora_layers == "all":
            _add_feed_forward(transformer)
        for name, parameter in transformer.named_parameters():
            parameter.requires_grad_("lora_" in name)
    else:
        backbone = backbone_of(transformer)
        widen_patch_embed(transformer, Conditioning(config.conditioning).channels(backbone.latent_channels))
        blocks = lora_blocks(config, len(backbone_of(transformer).blocks))
        add_lora(transformer, config.rank, config.alpha, blocks, config.lora_layers == "all")
    backbone_of(transformer).embedding.requires_grad_(True)  # adding the adapter froze it
    return transformer


def take_conditioning(transformer, there: Conditioning, wanted: Conditioning, init: str) -> None:
    """Let an adapter that knows one mask see an ID map: at first what has the target's colour is what its mask was.

    The kernels of the three colour channels are such that the colours of instances 2 and 3 count nothing.

    Raises:
        InputError: CONFIG_INVALID when the adapter knows something else.
    """
    if there == wanted:
        return
    if (there.kind, wanted.kind) != ("mask", "id_map"):
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{init} has the conditioning {_said(there)}, option conditioning is {_said(wanted)}",
            "start from an adapter of that conditioning, or from nothing",
        )
    backbone = backbone_of(transformer)
    channels = transformer.config.in_channels
    backbone.widen(wanted.channels(backbone.latent_channels) - 1)
    colours = torch.tensor(wanted.palette[:3], dtype=torch.float64) / 255
    shares = torch.linalg.solve(colours, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
    weight = backbone.embedding.weight
    with torch.no_grad():
        # a flattened patch holds channel by channel, like a kernel
        kernels = weight.view(len(weight), channels + 2, -1)
        mask = kernels[:, channels - 1].clone()
        kernels[:, channels - 1 :] = mask[:, None] * shares.to(mask)[:, None]


def _said(conditioning: Conditioning) -> str:
    if conditioning.kind == "mask":
        return "'mask'"
    return f"{conditioning.kind!r} with the colours {', '.join(map(str, conditioning.palette))}"


def _blocks_with_lora(transformer) -> list[int]:
    [name] = transformer.peft_config
    backbone = backbone_of(transformer)
    has = [layer for layer, module in transformer.named_modules() if name in getattr(module, "lora_A", {})]
    return [
        b for b in range(len(backbone.blocks)) if any(f"{backbone.blocks_name}.{b}." in f"{layer}." for layer in has)
    ]


def _refuse_other_blocks(transformer, config: AdapterConfig) -> None:
    """An adapter that is started from has its LoRA already where it has it.

    Raises:
        InputError: CONFIG_INVALID when that is elsewhere than in the supervised blocks, which alone shall have it.
    """
    wanted, there = lora_blocks(config, len(backbone_of(transformer).blocks)), _blocks_with_lora(transformer)
    if wanted is not None and list(wanted) != there:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"option alignment.lora_blocks is 'supervised', which are {', '.join(map(str, wanted))}, "
            f"but {config.init} has LoRA in the blocks {', '.join(map(str, there))}",
            "set it to all to train what is there, or start from nothing",
        )


def _add_feed_forward(transformer) -> None:
    """LoRA that does nothing yet on the feed-forward layers of the blocks that have it on their attention alone."""
    name, config = next(iter(transformer.peft_config.items()))
    has = {layer for layer, module in transformer.named_modules() if name in getattr(module, "lora_A", {})}
    layers = backbone_of(transformer).layers_with_lora(_blocks_with_lora(transformer), feed_forward=True)
    wanted = [layer for layer in layers if layer not in has]
    if wanted:
        like = dict(r=config.r, lora_alpha=config.lora_alpha, use_dora=config.use_dora)
        more = LoraConfig(**like, init_lora_weights="gaussian", target_modules=wanted)
        del transformer.peft_config  # of which there would be two
        inject_adapter_in_model(more, transformer, name)
        transformer.peft_config = {name: replace(config, target_modules={*has, *wanted})}


def add_lora(
    transformer, rank: int, alpha: int, blocks: tuple[int, ...] | None = None, feed_forward: bool = False
) -> None:
    """LoRA that does nothing yet, on q, k, v and out of every block, or of the given ones, and on what lies between."""
    targets = backbone_of(transformer).layers_with_lora(blocks, feed_forward)
    transformer.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=targets))


def lora_blocks(config: AdapterConfig, num_blocks: int) -> tuple[int, ...] | None:
    """Blocks that get LoRA: those that a loss supervises (MATRIX), or None for all.

    Raises:
        InputError: CONFIG_INVALID when only supervised blocks should have it and none is.
    """
    alignment = config.alignment
    if alignment.lora_blocks == "all":
        return None
    parts = {"attention": config.attention}
    parts |= {"alignment.grounding": alignment.grounding, "alignment.propagation": alignment.propagation}
    choices = [
        parse_block_choice(part.blocks, num_blocks, config.seed, f"{name}.blocks")
        for name, part in parts.items()
        if part.weight
    ]
    if not choices:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            "option alignment.lora_blocks is 'supervised', but no loss supervises a block",
            "give attention, alignment.grounding or alignment.propagation a weight",
        )
    return tuple(sorted({block for choice in choices for block in choice.candidates}))


def _scheduler(base: Path, kind: type[TargetAwarePipeline]):
    config = json.loads((base / "scheduler" / "scheduler_config.json").read_text())
    kinds = {sampler.__name__: sampler for sampler in kind.SCHEDULERS.values()}
    name = config.get("_class_name")
    if name not in kinds:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"the base has the scheduler {name}", f"use a base with {' or '.join(kinds)}"
        )
    return kinds[name].from_config(config)
