"""A LoRA for few denoising steps, distilled from the same model with more of them."""

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from peft import LoraConfig

from tavid_planner.config import resolve_model
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.adapter import save_lora
from tavid_planner.video.backbone import backbone_of
from tavid_planner.video.conditioning import Conditioning
from tavid_planner.video.loras import fuse_loras
from tavid_planner.video.model_files import model_folder, weights_digest
from training.configuration import FewStepsConfig
from training.objectives.diffusion import add_noise, denoising_loss
from training.objectives.few_steps import one_step_target, stepped
from training.tasks.adapter import AdapterTask, start_from
from training.tasks.diffusion import Clips
from training.tasks.own_inputs import deterministic_sampler, sampler_times


class FewStepsBatch(NamedTuple):
    """Noisy latents at one time of the student's schedule, and what else the transformer sees."""

    noisy: torch.Tensor  # (B, F, C, h, w)
    image: torch.Tensor  # (B, F, C', h, w)
    condition: torch.Tensor | None  # (B, F, channels, h, w)
    text: torch.Tensor  # (B, L, D)
    empty_text: torch.Tensor  # (B, L, D)
    weight: torch.Tensor  # (B, F, 1, h, w)
    student_step: int


class FewStepsTask(AdapterTask):
    """The adapter that the LoRA goes with is fused into the base, which is teacher and, with the LoRA, student.

    Raises:
        InputError: CONFIG_INVALID, FILE_INVALID.
        VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE.
    """

    config: FewStepsConfig

    def __init__(self, config: FewStepsConfig, device):
        super().__init__(config, device)
        if config.init:  # which is a part of the teacher
            self.model_digest += f" {weights_digest(model_folder(resolve_model(config.init)))}"
        samplers = self.pipeline_kind.SCHEDULERS
        self.sampler = deterministic_sampler(samplers)
        self.times = [*sampler_times(samplers, self.noise_scheduler, config.teacher_steps), None]

    @staticmethod
    def prepare(transformer, config: FewStepsConfig, digest: str) -> Conditioning:
        transformer.requires_grad_(False)
        conditioning = Conditioning(config.conditioning)
        if config.init:
            conditioning = start_from(transformer, config, digest).conditioning
            fuse_loras(transformer)
        if conditioning.kind != config.conditioning:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"{config.init} has the conditioning {conditioning.kind!r}, option conditioning is "
                f"{config.conditioning!r}",
                "set the option to what the adapter has",
            )
        layers = backbone_of(transformer).layers_with_lora(feed_forward=config.lora_layers == "all")
        transformer.add_adapter(
            LoraConfig(r=config.rank, lora_alpha=config.alpha, init_lora_weights="gaussian", target_modules=layers)
        )
        return conditioning

    def batch(self, clips: Clips, step: int, rng: np.random.Generator) -> FewStepsBatch:
        """Clips with the noise of one step of the student, which is drawn."""
        clean = self.backbone.padded(clips.latents)
        frames = clean.shape[1]
        student_step = int(rng.integers(self.config.student_steps))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        noise = torch.randn(clean.shape, generator=generator)
        start = torch.full((len(clean),), float(self.times[student_step * self._stride]))
        condition = None
        if self.backbone.extra_channels:
            condition = self._marked(clips, frames, *clean.shape[3:]) * clips.has_mask.view(-1, 1, 1, 1, 1)
        weight = self.backbone.padded(self.cell_weight(clips))
        if self.backbone.first_frame_given:
            weight[:, 0] = 0
        return FewStepsBatch(
            add_noise(self.noise_scheduler, clean, noise, start)[0],
            self.backbone.first_frame(clips.image_latents, frames),
            condition,
            clips.text,
            torch.stack([self.cache.empty_text] * len(clean)),
            weight,
            student_step,
        )

    def forward(self, batch: FewStepsBatch, held: ExitStack) -> dict[str, torch.Tensor]:
        first = batch.student_step * self._stride
        start, *others = self.times[first : first + self._stride + 1]
        with torch.no_grad(), self._teacher():
            reached, before = batch.noisy, start
            for after in others:
                reached = stepped(self.noise_scheduler, reached, self._guided(batch, reached, before), before, after)
                before = after
        target, scale = one_step_target(self.noise_scheduler, batch.noisy, reached, start, before)
        prediction = self._say(batch, batch.noisy, start, batch.text)
        return {"diffusion": denoising_loss(prediction, target, scale, batch.weight)}

    @property
    def _stride(self) -> int:
        return self.config.teacher_steps // self.config.student_steps

    @contextmanager
    def _teacher(self):
        """The transformer without the LoRA that is trained."""
        self.transformer.disable_adapters()
        try:
            yield
        finally:
            self.transformer.enable_adapters()

    def _guided(self, batch: FewStepsBatch, latents: torch.Tensor, time: float) -> torch.Tensor:
        """The teacher's prediction, led by its text."""
        said, guidance = self._say(batch, latents, time, batch.text), self.config.teacher_guidance
        if guidance == 1:
            return said
        without = self._say(batch, latents, time, batch.empty_text)
        return without + guidance * (said - without)

    def _say(self, batch: FewStepsBatch, latents, time: float, text) -> torch.Tensor:  # (B, F, C, h, w)
        dtype = next(self.transformer.parameters()).dtype
        times = self.backbone.frame_times(latents.new_full((len(latents),), float(time)), latents.shape[1])
        inputs = self.backbone.inputs(latents, batch.image, batch.condition)
        return self.backbone.predict(inputs.to(dtype), text.to(dtype), times).float()

    def export(self, out: Path, step: int) -> None:
        """Write `adapter/`, a LoRA as diffusers keeps it, for the option `video.speed_adapter`."""
        save_lora(out / "adapter", self.transformer)
