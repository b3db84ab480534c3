"""Target-aware generation with Wan: 2.2 TI2V, and 2.1 I2V with its image encoder."""

from typing import ClassVar

import PIL.Image
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler, WanImageToVideoPipeline
from diffusers.pipelines.wan.pipeline_wan_i2v import prompt_clean

from hoi_motion.lazy import optional
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.generation import Start
from tavid_planner.video.model_files import missing
from tavid_planner.video.pipeline import TargetAwarePipeline
from tavid_planner.video.weight_sizes import WAN_IN_FLOAT32

# (height, width) px of the clips that these models were trained on; their configs do not say it
TI2V_SIZE_PX = 704, 1280
I2V_SIZE_PX = 480, 832


class WanTargetAwarePipeline(TargetAwarePipeline, WanImageToVideoPipeline):
    """Wan image-to-video that takes a target mask as an extra latent channel."""

    SCHEDULERS: ClassVar[dict[str, type]] = {
        "unipc": UniPCMultistepScheduler,
        "euler": FlowMatchEulerDiscreteScheduler,
    }
    IN_FLOAT32 = WAN_IN_FLOAT32
    frame_step = 4

    def check_base(self) -> None:
        optional("ftfy")  # diffusers cleans every prompt of Wan with it
        if self.config["boundary_ratio"] is not None or self.transformer_2 is not None:
            raise missing(
                f"{self.base} has two transformers, for high and low noise",
                "use a Wan model with one: 2.2 TI2V 5B, or 2.1 I2V 14B",
            )
        channels, latents = self.transformer.config.in_channels, self.vae.config.z_dim
        first_frame_given = self.backbone.first_frame_given
        if self.config["expand_timesteps"] != first_frame_given or channels < latents:
            wanted = "the image in its first frame" if self.config["expand_timesteps"] else "the image beside the noise"
            raise missing(
                f"{self.base} is no image-to-video model: it wants {wanted}, its transformer takes {channels} channels",
                "use Wan 2.2 TI2V 5B, or 2.1 I2V 14B",
            )
        if self.transformer.config.image_dim is not None and self.image_encoder is None:
            raise missing(f"{self.base} has no image encoder, which its transformer needs", "download the model again")
        if self.transformer.config.pos_embed_seq_len is not None:
            raise missing(f"{self.base} wants a last frame beside the first", "use Wan 2.2 TI2V 5B, or 2.1 I2V 14B")

    def sampler(self, name: str):
        # the two families of samplers name the shift of the noise schedule differently
        config = dict(self.scheduler.config)
        shift = config.get("flow_shift", config.get("shift", 1.0))
        flow = dict(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
        return self.SCHEDULERS[name].from_config(config, **(flow if name == "unipc" else dict(shift=shift)))

    def own_size_px(self) -> tuple[int, int]:
        return TI2V_SIZE_PX if self.config["expand_timesteps"] else I2V_SIZE_PX

    def own_fps(self) -> float:
        return 24.0 if self.config["expand_timesteps"] else 16.0

    def check_size(self, height: int, width: int, num_frames: int) -> None:
        if num_frames % self.vae_scale_factor_temporal != 1:
            near = max(1, round((num_frames - 1) / self.frame_step)) * self.frame_step + 1
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"num_frames is {num_frames}",
                f"it must be {self.frame_step}k + 1, for example {near}",
            )

    def read_text(self, prompt: str) -> str:
        return prompt_clean(prompt)

    def start(self, image, height, width, num_frames, dtype, device, generator) -> Start:
        pixels = self.video_processor.preprocess(image, height=height, width=width).to(device, torch.float32)
        channels, exact = self.vae.config.z_dim, torch.float32
        latents, encoded, *_ = self.prepare_latents(
            pixels, 1, channels, height, width, num_frames, exact, device, generator
        )
        embeds = None
        if self.transformer.config.image_dim is not None:
            if not isinstance(image, PIL.Image.Image):
                image = self.video_processor.pt_to_numpy(image)
                image = self.video_processor.numpy_to_pil(image)
            embeds = self.encode_image(image, device).to(self.transformer.dtype)
        return Start(latents.transpose(1, 2), encoded.transpose(1, 2), embeds)

    def step(self, scheduler, predicted, t, latents, generator, memory: dict) -> torch.Tensor:
        return scheduler.step(predicted, t, latents, return_dict=False)[0]

    def finished(self, latents, start: Start) -> torch.Tensor:
        if not self.backbone.first_frame_given:
            return latents
        return torch.cat([start.image[:, :1], latents[:, 1:]], dim=1)

    def decoded(self, latents, num_frames: int) -> torch.Tensor:
        mean, std = self._statistics(latents)
        latents = (latents * std + mean).transpose(1, 2).to(self._execution_device, self.vae.dtype)
        return self.vae.decode(latents, return_dict=False)[0]

    def encoded_clip(self, pixels) -> torch.Tensor:
        means = self.vae.encode(pixels.to(self._execution_device, self.vae.dtype)).latent_dist.mode().transpose(1, 2)
        mean, std = self._statistics(means)
        return (means - mean) / std

    def encoded_image(self, pixels) -> torch.Tensor:
        return self.encoded_clip(pixels)[:, 0]

    def _statistics(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # each (1, 1, C, 1, 1)
        """Per-channel mean and standard deviation of the VAE's latents, by which scaled latents are normalised."""
        config = self.vae.config
        mean, std = (
            torch.tensor(v).view(1, 1, -1, 1, 1).to(latents) for v in (config.latents_mean, config.latents_std)
        )
        return mean, std
