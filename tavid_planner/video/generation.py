"""Samples of one request from noise to video: denoised together or in turn, then decoded."""

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from hoi_motion.errors import counted
from hoi_motion.progress import CancelToken
from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.attention_recorder import AttentionRecorder
from tavid_planner.video.decoded import check_finite
from tavid_planner.video.guidance import guidance_at
from tavid_planner.video.step_cache import forget_steps


@dataclass(frozen=True)
class GenerationRequest:
    """What the samples that start from one image are asked for.

    Attributes:
        extra_blocks: captured in addition to the usual ones.
        contrast_mask: like mask, marks that mean something else, which the first contrast_steps are led away from with
            contrast_scale (1 is not at all).
        Others as the arguments of a call of `TargetAwarePipeline`.
    """

    image: Any
    mask: Any = None
    prompt: str = ""
    height: int | None = None
    width: int | None = None
    num_frames: int = 49
    num_inference_steps: int = 50
    guidance_scale: float = 6.0
    guidance: str = "static"
    negative_prompt: str = ""
    mask_reduction: str = "area"
    capture_attention: bool = False
    max_sequence_length: int | None = None
    extra_blocks: Sequence[int] = ()
    contrast_mask: Any = None
    contrast_scale: float = 1.0
    contrast_steps: int = 1


@dataclass(frozen=True)
class Start:
    """Where a generation starts.

    Attributes:
        noise: (1, F, C, h, w). image: (1, F, C', h, w), see `Backbone.inputs`.
        image_embeds: (1, N, D) of an image encoder, where a family has one.
    """

    noise: torch.Tensor
    image: torch.Tensor
    image_embeds: torch.Tensor | None = None


@dataclass(frozen=True)
class Contrast:
    """Guidance on the marks: away from what the same picture would become with other instances marked.

    Attributes:
        condition: (1, F, extra, h, w), the conditioning of those other marks.
        scale: how far to extrapolate from the prediction for the other marks beyond that for the right ones; 1 is none.
        steps: number of first steps with this guidance; after them the course of the video is decided.
    """

    condition: torch.Tensor  # (1, F, extra, h, w)
    scale: float
    steps: int


@dataclass(frozen=True)
class SharedInputs:
    """What all samples of a request share.

    Attributes:
        text: (branches, N, D), the branch without text first where there is guidance.
        condition: (1, F, extra, h, w) of what is marked, None without an adapter.
        contrast: what the first steps are guided away from, None for nothing.
        timesteps: of all steps.
        guidance, guidance_scale: see `guidance.guidance_at`.
        num_frames: of the clip.
        target_tokens: of the target word, for capture.
        blocks: whose attention is captured, may be empty. extra_blocks: captured as well, returned only on request.
    """

    text: torch.Tensor  # (branches, N, D)
    condition: torch.Tensor | None  # (1, F, extra, h, w)
    timesteps: torch.Tensor
    guidance: str
    guidance_scale: float
    num_frames: int
    target_tokens: tuple[int, ...] = ()
    blocks: tuple[int, ...] = ()
    extra_blocks: tuple[int, ...] = ()
    contrast: Contrast | None = None

    @property
    def recorded(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys((*self.blocks, *self.extra_blocks)))


@dataclass
class _Sample:
    start: Start
    generator: torch.Generator | None
    scheduler: Any  # of diffusers, which has no type for all
    latents: torch.Tensor  # (1, F, C, h, w)
    memory: dict = field(default_factory=dict)
    step: int = 0
    maps: torch.Tensor | float = 0.0  # (blocks, f, h, w), summed over steps


class Generation:
    """The samples of one request, each with its own noise, scheduler and generator, independent of the others.

    Args:
        pipeline: the TargetAwarePipeline whose samples these are. starts, generators: of each sample.
        cancel: checked before every step; the pipeline checks it within a step.
    """

    def __init__(
        self,
        pipeline,
        given: SharedInputs,
        starts: Sequence[Start],
        generators: Sequence[torch.Generator | None],
        cancel: CancelToken,
    ):
        self._pipeline, self._given, self._cancel = pipeline, given, cancel
        self._samples = [
            _Sample(start, generator, copy.deepcopy(pipeline.scheduler), start.noise)
            for start, generator in zip(starts, generators)
        ]

    @property
    def steps(self) -> int:
        """How many steps take a sample from noise to a clip."""
        return len(self._given.timesteps)

    @property
    def contrasted(self) -> bool:
        """Whether the first steps are guided away from other marks."""
        return self._given.contrast is not None

    def begin_at(self, number: int, clean: torch.Tensor, step: int) -> None:
        """Let a sample begin at a later step, from clean latents with that step's noise (SDEdit, Meng et al. 2022).

        Args:
            clean: (1, F, C, h, w). step: from 0; for schedulers that add noise at a timestep, as CogVideoX's do.
        """
        sample, time = self._samples[number], self._given.timesteps[step : step + 1]
        sample.latents = sample.scheduler.add_noise(clean.to(sample.latents), sample.start.noise, time)
        sample.step = step

    @torch.no_grad()
    def denoise(
        self, numbers: Sequence[int], until: int | None = None, on_step: Callable[[], None] = lambda: None
    ) -> None:
        """Denoise samples up to step `until` (None: the last), in one batch; all must be at the same step.

        Args:
            on_step: called after every step.
        """
        given, samples = self._given, [self._samples[k] for k in numbers]
        first, last = samples[0].step, self.steps if until is None else until
        recorder = None
        forget_steps(self._pipeline.transformer)
        if given.recorded:
            rows = slice(-len(samples), None)  # the fully conditioned branch comes last
            recorder = AttentionRecorder(self._pipeline.transformer, given.target_tokens, given.recorded, rows)
        with recorder or nullcontext(), self._pipeline.progress_bar(total=last - first) as bar:
            for i in range(first, last):
                self._cancel.raise_if_cancelled()
                predicted = self._predicted(samples, i)
                for k, sample in enumerate(samples):
                    sample.latents = self._pipeline.step(
                        sample.scheduler,
                        predicted[k : k + 1],
                        given.timesteps[i],
                        sample.latents,
                        sample.generator,
                        sample.memory,
                    ).to(sample.latents.dtype)
                    sample.step = i + 1
                if recorder is not None:
                    for sample, maps in zip(samples, recorder.step_maps()):
                        sample.maps = sample.maps + maps
                bar.update()
                on_step()

    def _predicted(self, samples: list[_Sample], i: int) -> torch.Tensor:  # (n, F, C, h, w)
        """The transformer's prediction, with guidance, for samples at step `i`.

        Branches of the batch, in order: with other marks, without text, with all that is given.
        """
        given, backbone = self._given, self._pipeline.backbone
        contrast = given.contrast if given.contrast is not None and i < given.contrast.steps else None
        texts, conditions = list(given.text.split(1)), [given.condition] * len(given.text)
        if contrast is not None:
            texts, conditions = [texts[-1], *texts], [contrast.condition, *conditions]
        count, t = len(samples), given.timesteps[i]
        latents = torch.cat([s.latents for s in samples] * len(texts))
        image = torch.cat([s.start.image for s in samples] * len(texts))
        condition = None
        if given.condition is not None:
            condition = torch.cat(conditions).repeat_interleave(count, dim=0)
        # a step cache compares steps of the same branches only
        with self._pipeline.transformer.cache_context(f"{len(texts)} branches"):
            predicted = backbone.predict(
                backbone.inputs(latents, image, condition),
                torch.cat(texts).repeat_interleave(count, dim=0),
                backbone.frame_times(t.expand(len(latents)), latents.shape[1]),
                samples[0].start.image_embeds,  # of the image, which is the same for all
            ).float()
        branches = predicted.chunk(len(texts))
        answer = given_all = branches[-1]
        if len(given.text) == 2:
            scale = guidance_at(given.guidance, given.guidance_scale, i, t.item(), self.steps)
            answer = branches[-2] + scale * (given_all - branches[-2])
        if contrast is not None:
            answer = answer + (contrast.scale - 1) * (given_all - branches[0])
        return answer

    @torch.no_grad()
    def frames(self, number: int, output_type: str):
        """The clip of a fully denoised sample, in diffusers' format.

        Raises:
            VideoError: GENERATION_FAILED for NaN or infinity.
        """
        pipeline, sample = self._pipeline, self._samples[number]
        self._cancel.raise_if_cancelled()
        latents = pipeline.finished(sample.latents, sample.start)
        if not torch.isfinite(latents).all():
            raise VideoError(
                ErrorCode.GENERATION_FAILED,
                f"the {latents.dtype} latents hold NaN or infinity after {counted(sample.step, 'step')}",
                "use bfloat16 or float32, and a lower guidance scale",
            )
        if output_type == "latent":
            return latents
        decoded = pipeline.decoded(latents, self._given.num_frames)
        check_finite(decoded, pipeline.vae.dtype)
        return pipeline.video_processor.postprocess_video(decoded, output_type=output_type)

    def attention(self, number: int, blocks: Sequence[int] | None = None) -> torch.Tensor | None:  # (f, h, w)
        """The share of the video tokens' attention on the target word: the mean over steps and blocks.

        Args:
            blocks: of those that are recorded; None for `SharedInputs.blocks`.

        Returns:
            float32 on the CPU; None when nothing is captured.
        """
        given, sample = self._given, self._samples[number]
        if not given.recorded:
            return None
        rows = [given.recorded.index(block) for block in (given.blocks if blocks is None else blocks)]
        return sample.maps[rows].mean(dim=0) / sample.step
