"""TargetAwarePipeline: image-to-video with the mask of one object as the only spatial input.

The steps of a generation are here; what differs between model families is in `backbone/` and `pipelines/`.
"""

import itertools
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from diffusers import DiffusionPipeline
from diffusers.utils import BaseOutput

from hoi_motion.progress import CancelToken
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.adapter import Adapter
from tavid_planner.video.attention_recorder import captured_blocks
from tavid_planner.video.backbone import Backbone, backbone_of
from tavid_planner.video.conditioning import REDUCTIONS, Conditioning, instance_latents
from tavid_planner.video.generation import Contrast, Generation, GenerationRequest, SharedInputs, Start
from tavid_planner.video.guidance import GUIDANCE
from tavid_planner.video.inputs import CheckedInputs, checked_image, checked_masks, image_size_px
from tavid_planner.video.loading import load_models
from tavid_planner.video.memory import memory_errors
from tavid_planner.video.prompt import DEFAULT_TRIGGER, insert_trigger, trigger_token_indices
from tavid_planner.video.step_cache import refuse_capture

OUTPUT_TYPES = ("pil", "np", "pt", "latent")

logger = logging.getLogger(__name__)


@dataclass
class TargetAwareOutput(BaseOutput):
    """What a call returns.

    Attributes:
        frames: as diffusers returns them for the chosen output type, with a leading batch axis of 1.
        target_attention: (T', h, w) float32, share of the video tokens' attention on the target word, the mean over
            steps and captured blocks in the branch with the prompt; None when not captured.
    """

    frames: torch.Tensor | np.ndarray | list
    target_attention: torch.Tensor | None = None  # (T', h, w)


class TargetAwarePipeline(DiffusionPipeline):
    """Image-to-video that takes a target mask as an extra latent channel.

    Without an adapter it is plain image-to-video, without a channel for the mask. `from_pretrained` returns the
    subclass of the model's family, which is also diffusers' image-to-video pipeline of that family.

    Attributes:
        adapter: the loaded `Adapter`, or None.
        base: folder or hub id the models came from.
        lora_digests: of the additional LoRAs, by name.
        SCHEDULERS: samplers of the family by name.
        IN_FLOAT32: components that are computed in single precision whatever the others are.
        frame_step: clips have a multiple of this many frames plus one.
    """

    adapter: Adapter | None = None
    base: str = ""
    lora_digests: ClassVar[dict[str, str]] = {}
    SCHEDULERS: ClassVar[dict[str, type]] = {}
    IN_FLOAT32: ClassVar[tuple[str, ...]] = ()
    frame_step: int
    _kept_text: tuple[tuple, torch.Tensor] | None = None

    @classmethod
    def from_pretrained(cls, base, adapter=None, **options) -> "TargetAwarePipeline":
        """Load a model and its adapter; see `loading.load_models` for options and errors."""
        return load_models(base, adapter, **options)

    @property
    def trigger(self) -> str:
        """The word that the text encoder reads for `[TGT]`."""
        return self.adapter.trigger if self.adapter is not None else DEFAULT_TRIGGER

    @property
    def backbone(self) -> Backbone:
        return backbone_of(self.transformer)

    @property
    def uses_mask(self) -> bool:
        return self.backbone.extra_channels > 0

    # What differs between families

    def check_base(self) -> None:
        """Raises: VideoError: MODEL_MISSING when the loaded models are no image-to-video model."""
        raise NotImplementedError

    def sampler(self, name: str):
        """A scheduler of SCHEDULERS with the noise schedule of the model's own scheduler."""
        return self.SCHEDULERS[name].from_config(self.scheduler.config)

    def speed_up_on_cpu(self) -> None:
        """Make the VAE faster on a CPU with the same results, where possible."""

    def tile_vae(self) -> None:
        """Make the VAE work in overlapping tiles."""
        self.vae.enable_tiling()

    def own_size_px(self) -> tuple[int, int]:
        """(height, width) of the frames that the model was trained on."""
        raise NotImplementedError

    def own_fps(self) -> float:
        """Frames a second of the clips that the model was trained on."""
        raise NotImplementedError

    def check_size(self, height: int, width: int, num_frames: int) -> None:
        """Raises: InputError: CONFIG_INVALID for a size of whole tokens that the family cannot generate."""
        raise NotImplementedError

    def read_text(self, prompt: str) -> str:
        """The prompt as passed to the tokenizer."""
        return prompt

    def start(self, image, height: int, width: int, num_frames: int, dtype, device, generator) -> Start:
        """Noise and the encoded image."""
        raise NotImplementedError

    def step(self, scheduler, predicted: torch.Tensor, t, latents: torch.Tensor, generator, memory: dict):
        """One step of a sample's scheduler; `memory` is kept from step to step."""
        raise NotImplementedError

    def finished(self, latents: torch.Tensor, start: Start) -> torch.Tensor:
        """Latents after the last step, with known parts (the first frame) filled in."""
        return latents

    def decoded(self, latents: torch.Tensor, num_frames: int) -> torch.Tensor:  # -> (1, 3, T, H, W)
        """Latents as a video, in -1..1."""
        raise NotImplementedError

    def encoded_clip(self, pixels: torch.Tensor) -> torch.Tensor:  # (B, 3, T, H, W) in -1..1 -> (B, F, C, h, w)
        """Scaled latents of clips: the mean, not a sample."""
        raise NotImplementedError

    def encoded_image(self, pixels: torch.Tensor) -> torch.Tensor:  # (B, 3, 1, H, W) in -1..1 -> (B, C, h, w)
        """Scaled latents of first frames alone, as `Backbone.first_frame` takes them."""
        raise NotImplementedError

    @torch.no_grad()
    def __call__(
        self,
        image,
        mask=None,
        prompt: str = "",
        height: int | None = None,
        width: int | None = None,
        num_frames: int = 49,
        num_inference_steps: int = 50,
        guidance_scale: float = 6.0,
        guidance: str = "static",
        generator: torch.Generator | None = None,
        output_type: str = "pil",
        on_step=None,
        cancel: CancelToken | None = None,
        negative_prompt: str = "",
        mask_reduction: str = "area",
        capture_attention: bool = False,
        max_sequence_length: int | None = None,
    ) -> TargetAwareOutput:
        """Generate one clip that starts at `image` and interacts with the masked object.

        Args:
            image: PIL image, (H, W, 3) uint8 array, or (3, H, W) float tensor in 0..1; resized to height x width.
            mask: one channel with 0 and one other value (PIL, array or tensor), or float coverage in 0..1; of the
                image's size or height x width. An adapter with an ID map takes a list of such masks, one an instance
                in the order of their IDs. Not used (and may be None) when no adapter is loaded.
            prompt: a sentence; `[TGT]` stands in front of the target's noun.
            height, width: of the frames in pixels; None takes the model's own size.
            num_frames: 4k+1 (the VAE compresses time by 4); CogVideoX returns exactly this many frames for even k only.
            guidance: "static"; "released", which reproduces the released inference (the scale depends on the
                timestep's value and jumps); or "step_index", which rises smoothly over the steps.
            generator: makes the clip reproducible.
            on_step: called as `on_step(step, total)` after every step, from 1.
            cancel: checked in every transformer block and between chunks of the VAE.
            mask_reduction: "area", or "nearest" as in the released inference.
            capture_attention: also return the video's attention to the target word.
            max_sequence_length: text tokens, None for what the transformer was trained with.

        Raises:
            InputError: an input that cannot be used, with its value.
            VideoError: OUT_OF_MEMORY, GENERATION_FAILED.
            ControlError: CANCELLED.
        """
        _check_choice("output_type", output_type, OUTPUT_TYPES)
        done = itertools.count(1)
        asked = GenerationRequest(
            image=image,
            mask=mask,
            prompt=prompt,
            height=height,
            width=width,
            num_frames=num_frames,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            guidance=guidance,
            negative_prompt=negative_prompt,
            mask_reduction=mask_reduction,
            capture_attention=capture_attention,
            max_sequence_length=max_sequence_length,
        )
        with self.generation(asked, [generator], cancel) as run:
            run.denoise([0], on_step=lambda: on_step is not None and on_step(next(done), run.steps))
            return TargetAwareOutput(run.frames(0, output_type), run.attention(0))

    @contextmanager
    def generation(
        self, asked: GenerationRequest, generators: Sequence[torch.Generator | None], cancel: CancelToken | None = None
    ) -> Iterator[Generation]:
        """Context manager with the samples that start from one image, to be denoised inside the block.

        Args:
            generators: one for each sample. cancel, and what is raised: as for a call.
        """
        # 1. Inputs
        inputs = self._checked_inputs(asked)
        cancel = cancel or CancelToken()
        try:
            with torch.no_grad(), memory_errors(), self._cancellable(cancel):
                # 2. to 4. Text, timesteps, latents
                given, starts = self._prepared(asked, inputs, generators)
                # 5. Denoising and 6. frames are done by the caller inside the block
                yield Generation(self, given, starts, generators, cancel)
        finally:
            self.maybe_free_model_hooks()

    def _checked_inputs(self, asked: GenerationRequest) -> CheckedInputs:
        """Raises: InputError: an input that cannot be used, with its value."""
        height, width = (given or own for given, own in zip((asked.height, asked.width), self.own_size_px()))
        self._check_numbers(height, width, asked)
        _check_choice("guidance", asked.guidance, GUIDANCE)
        _check_choice("mask_reduction", asked.mask_reduction, REDUCTIONS)
        if asked.capture_attention:
            refuse_capture(self.transformer)
        image = checked_image(asked.image)
        mask = self._checked_mask(asked.mask, image, (height, width))
        contrasted = asked.contrast_mask is not None and asked.contrast_scale > 1 and self.uses_mask
        contrast_mask = self._checked_mask(asked.contrast_mask, image, (height, width)) if contrasted else None
        text_length = self._text_length(asked)
        prompt = self.read_text(_checked_prompt(asked.prompt))
        triggered = insert_trigger(prompt, self.trigger)
        target_tokens, blocks = (), ()
        if asked.capture_attention or triggered.text != prompt:
            target_tokens = trigger_token_indices(self.tokenizer, triggered, text_length)
        if asked.capture_attention:
            blocks = captured_blocks(self.adapter, len(self.backbone.blocks))
        return CheckedInputs(
            image, mask, contrast_mask, height, width, triggered.text, text_length, target_tokens, blocks
        )

    def _text_length(self, asked: GenerationRequest) -> int:
        """Tokens that every prompt is padded to.

        Raises:
            InputError: CONFIG_INVALID for another number than the transformer can tell from the image's features.
        """
        trained = self.backbone.text_length
        length = asked.max_sequence_length or trained
        if self.backbone.image_embeds_before_text and length != trained:
            # diffusers tells the image's features from the text's by their number
            raise _invalid(f"max_sequence_length is {length}", f"this model takes {trained} only")
        return length

    def _prepared(
        self, asked: GenerationRequest, inputs: CheckedInputs, generators: Sequence[torch.Generator | None]
    ) -> tuple[SharedInputs, list[Start]]:
        """What all samples share, and where each of them starts."""
        device = self._execution_device

        # 2. Text: the negative branch comes first in the batch
        guided = asked.guidance_scale > 1.0
        text = self._text_embeds(inputs.prompt, asked.negative_prompt, guided, inputs.text_length, device)

        # 3. Timesteps
        self.scheduler.set_timesteps(asked.num_inference_steps, device=device)

        # 4. Latents
        size = inputs.height, inputs.width, asked.num_frames
        starts = [self.start(inputs.image, *size, text.dtype, device, generator) for generator in generators]
        condition = contrast = None
        if self.uses_mask:
            condition = self._condition(inputs.mask, starts[0], asked.mask_reduction)
        if inputs.contrast_mask is not None:
            other = self._condition(inputs.contrast_mask, starts[0], asked.mask_reduction)
            contrast = Contrast(other, asked.contrast_scale, asked.contrast_steps)
        given = SharedInputs(
            text=text,
            condition=condition,
            timesteps=self.scheduler.timesteps,
            guidance=asked.guidance,
            guidance_scale=asked.guidance_scale,
            num_frames=asked.num_frames,
            target_tokens=inputs.target_tokens,
            blocks=inputs.blocks,
            extra_blocks=tuple(asked.extra_blocks) if asked.capture_attention else (),
            contrast=contrast,
        )
        return given, starts

    def _check_numbers(self, height, width, asked: GenerationRequest) -> None:
        num_frames, num_inference_steps = asked.num_frames, asked.num_inference_steps
        guidance_scale = asked.guidance_scale
        cell = self.vae_scale_factor_spatial * self.backbone.patch[1]
        for name, value, least in (
            ("height", height, cell),
            ("width", width, cell),
            ("num_frames", num_frames, 1),
            ("num_inference_steps", num_inference_steps, 1),
            ("max_sequence_length", 1 if asked.max_sequence_length is None else asked.max_sequence_length, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise _invalid(f"{name} is {value!r}", f"give an integer of at least {least}")
        trained = self.scheduler.config.num_train_timesteps
        if num_inference_steps > trained:
            raise _invalid(f"num_inference_steps is {num_inference_steps}", f"the scheduler has {trained} timesteps")
        if height % cell or width % cell:
            raise _invalid(f"the frame size is {width}x{height} px", f"both sides must be multiples of {cell}")
        self.check_size(height, width, num_frames)
        if not (isinstance(guidance_scale, (int, float)) and 0 <= guidance_scale < math.inf):
            raise _invalid(f"guidance_scale is {guidance_scale!r}", "give a number from 1 (no guidance) upwards")

    @property
    def conditioning(self) -> Conditioning:
        """How marked instances are given to the transformer."""
        return self.adapter.conditioning if self.adapter is not None else Conditioning()

    def _checked_mask(self, mask, image, size_px) -> torch.Tensor | None:  # (1, K, H, W) float32
        if self.uses_mask:
            return checked_masks(mask, (size_px, image_size_px(image)), self.conditioning)
        if mask is not None:
            logger.warning("no adapter is loaded: the mask is not used")
        return None

    def _condition(self, masks: torch.Tensor, start: Start, reduction: str) -> torch.Tensor:  # (1, F, extra, h, w)
        _, frames, _, height, width = start.noise.shape
        size, cell = (frames, height, width), self.vae_scale_factor_spatial
        return instance_latents(masks, self.conditioning, size, self.encoded_clip, cell, reduction).to(start.image)

    def _text_embeds(self, text: str, negative: str, guided: bool, length: int, device) -> torch.Tensor:  # (B, N, D)
        """Text features, those of the negative prompt first; the latest are cached, since samples share them."""
        wanted = text, negative if guided else "", guided, length, str(device)
        if self._kept_text is None or self._kept_text[0] != wanted:
            embeds, without = self.encode_prompt(text, negative, guided, max_sequence_length=length, device=device)
            self._kept_text = wanted, torch.cat([without, embeds]) if guided else embeds
        return self._kept_text[1]

    @contextmanager
    def _cancellable(self, cancel: CancelToken):
        """Check `cancel` whenever a layer of the text encoder, a transformer block or a layer of the VAE starts."""
        roots = (self.text_encoder, self.vae.encoder, self.vae.decoder)
        layers = (m for root in roots for m in root.modules() if isinstance(m, torch.nn.ModuleList))
        modules = dict.fromkeys((*roots, *self.backbone.blocks, *(layer for some in layers for layer in some)))
        hooks = [m.register_forward_pre_hook(lambda *_: cancel.raise_if_cancelled()) for m in modules]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _checked_prompt(prompt) -> str:
    if not isinstance(prompt, str):
        raise InputError(ErrorCode.INSTRUCTION_INVALID, f"prompt is {prompt!r}", "give one sentence")
    return prompt


def _check_choice(name: str, value, valid) -> None:
    if value not in valid:
        raise _invalid(f"{name} is {value!r}", f"use one of {', '.join(map(str, valid))}")


def _invalid(message: str, hint: str) -> InputError:
    return InputError(ErrorCode.CONFIG_INVALID, message, hint)
