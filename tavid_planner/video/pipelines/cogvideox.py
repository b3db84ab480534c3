"""Target-aware generation with CogVideoX 1.0 and 1.5."""

import math
from typing import ClassVar

import torch
from diffusers import CogVideoXDDIMScheduler, CogVideoXDPMScheduler, CogVideoXImageToVideoPipeline

from hoi_motion.errors import shown
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.generation import Start
from tavid_planner.video.model_files import missing
from tavid_planner.video.pipeline import TargetAwarePipeline
from tavid_planner.video.vae_on_cpu import speed_up_vae

# (rows, columns) of latents in the config of 1.5, which are a limit; and (height, width) px of what it was trained on
ANY_SIZE = 300, 300
SIZE_1_5_PX = 768, 1360


class CogVideoXTargetAwarePipeline(TargetAwarePipeline, CogVideoXImageToVideoPipeline):
    """CogVideoX image-to-video that takes a target mask as an extra latent channel."""

    SCHEDULERS: ClassVar[dict[str, type]] = {"dpm": CogVideoXDPMScheduler, "ddim": CogVideoXDDIMScheduler}
    # the causal VAE gives the first latent frame one pixel frame only when their number is odd
    frame_step = 8

    def check_base(self) -> None:
        channels, wanted = self.transformer.config.in_channels, 2 * self.vae.config.latent_channels
        if channels < wanted:
            raise missing(
                f"{self.base} is no image-to-video model: its transformer takes {channels} channels",
                f"one with {wanted} channels is needed",
            )
        scale = self.vae.config.scaling_factor
        if not (isinstance(scale, (int, float)) and 0 < scale < math.inf):
            raise missing(f"{self.base} says {shown(scale)} of its VAE's scaling_factor", "download the model again")

    def speed_up_on_cpu(self) -> None:
        speed_up_vae(self.vae)

    def tile_vae(self) -> None:
        vae, cell = self.vae, self.vae_scale_factor_spatial
        vae.enable_tiling()
        height = whole_tile(vae.tile_latent_min_height, cell, vae.tile_overlap_factor_height)
        width = whole_tile(vae.tile_latent_min_width, cell, vae.tile_overlap_factor_width)
        vae.enable_tiling(tile_sample_min_height=cell * height, tile_sample_min_width=cell * width)

    def own_size_px(self) -> tuple[int, int]:
        config, cell = self.transformer.config, self.vae_scale_factor_spatial
        if (config.sample_height, config.sample_width) == ANY_SIZE:
            return SIZE_1_5_PX
        return config.sample_height * cell, config.sample_width * cell

    def own_fps(self) -> float:
        return 8.0 if self.transformer.config.patch_size_t is None else 16.0

    def check_size(self, height: int, width: int, num_frames: int) -> None:
        cell, step = self.vae_scale_factor_spatial, self.vae_scale_factor_temporal
        learned = self.backbone.learned_latents
        if learned is None or self.backbone.has_positions((num_frames - 1) // step + 1, height // cell, width // cell):
            return
        frames, rows, columns = learned
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{num_frames} frames of {width}x{height} px are asked for",
            f"this model has learned positions for up to {(frames - 1) * step + 1} frames of {columns * cell}x"
            f"{rows * cell} only",
        )

    def start(self, image, height, width, num_frames, dtype, device, generator) -> Start:
        pixels = self.video_processor.preprocess(image, height=height, width=width).to(device, dtype)
        latents, image_latents = self.prepare_latents(
            pixels,
            num_channels_latents=self.vae.config.latent_channels,
            # CogVideoX 1.5 patches time, its latent frames are padded to whole patches
            num_frames=num_frames + self._padding_frames(num_frames) * self.vae_scale_factor_temporal,
            height=height,
            width=width,
            dtype=dtype,
            device=device,
            generator=generator,
        )
        return Start(latents, image_latents)

    def step(self, scheduler, predicted, t, latents, generator, memory: dict) -> torch.Tensor:
        extra = self.prepare_extra_step_kwargs(generator, 0.0)
        if not isinstance(scheduler, CogVideoXDPMScheduler):
            return scheduler.step(predicted, t, latents, **extra, return_dict=False)[0]
        # the DPM scheduler looks one step back
        latents, memory["clean"] = scheduler.step(
            predicted, memory.get("clean"), t, memory.get("before"), latents, **extra, return_dict=False
        )
        memory["before"] = t
        return latents

    def decoded(self, latents, num_frames: int) -> torch.Tensor:
        return self.decode_latents(latents[:, self._padding_frames(num_frames) :])

    def encoded_clip(self, pixels) -> torch.Tensor:
        return self._means(pixels).transpose(1, 2) * self.vae.config.scaling_factor

    def encoded_image(self, pixels) -> torch.Tensor:
        scale = self.vae.config.scaling_factor
        return self._means(pixels)[:, :, 0] * (1 / scale if self.vae.config.invert_scale_latents else scale)

    def _means(self, pixels: torch.Tensor) -> torch.Tensor:  # (B, 3, T, H, W) -> (B, C, F, h, w)
        return self.vae.encode(pixels.to(self._execution_device, self.vae.dtype)).latent_dist.mean

    def _padding_frames(self, num_frames: int) -> int:
        latent_frames = (num_frames - 1) // self.vae_scale_factor_temporal + 1
        return -latent_frames % self.backbone.patch[0]


def whole_tile(latents: int, cell: int, overlap: float) -> int:
    """The side of a tile: `latents`, or the next larger one whose overlap is equally wide in latents and in pixels.

    Otherwise the tiles of CogVideoX's VAE do not match the frame: the picture comes out larger and sheared.
    """

    def step_and_kept(side: int) -> tuple[int, int]:
        return int(side * (1 - overlap)), side - int(side * overlap)

    while len({*step_and_kept(latents), *(pixels / cell for pixels in step_and_kept(latents * cell))}) > 1:
        latents += 1
    return latents
