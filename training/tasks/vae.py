"""The small video VAE, from nothing."""

# pyright: reportAttributeAccessIssue=false
# diffusers types what its models return as a tuple or a class, as the caller asks

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from hoi_motion.reading.text import read_json
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.media import write_png
from tavid_planner.video.vae_on_cpu import speed_up_vae
from training.checkpoints import put_weights, start_weights
from training.configuration import VaeConfig
from training.data.clips import ClipFolder
from training.data.own_latents import OwnLatents
from training.data.windows import Windows
from training.models import build_vae
from training.objectives.adversary import Adversary, adversary_loss, sharpness_loss
from training.objectives.reconstruction import (
    FOREGROUND_WEIGHT,
    PROBE_CHANNELS,
    probe_loss,
    psnr_db,
    reconstruction_loss,
)
from training.tasks.task import Task
from training.validation import spread_frames


class VaeBatch(NamedTuple):
    clip: torch.Tensor  # (B, 3, T, H, W) in -1..1
    foreground: torch.Tensor  # (B, 1, T, H, W) in 0..1
    noise: torch.Tensor  # (B, C, F, h, w), of the sampled latents
    level: torch.Tensor  # (B, 1, 1, 1, 1) of the noise that is added, a share of the latents' standard deviation
    latents: torch.Tensor | None = None  # (B, C, F, h, w), scaled, that are decoded in place of the clip's


class VaeTask(Task):
    """Raises: InputError: CONFIG_INVALID, FILE_INVALID."""

    def __init__(self, config: VaeConfig, device):
        super().__init__()
        self.config, self.device = config, device
        self.windows = Windows(config.clips, config.frames, config.height, config.width)
        self.data_digest = self.windows.digest
        self.clip_names, self.clips_from = self.windows.names, config.clips
        self.vae = build_vae(config.cell_px, config.latent_channels)
        if device.type == "cpu":
            speed_up_vae(self.vae)
        self.probe = torch.nn.Conv3d(self.vae.config.latent_channels, PROBE_CHANNELS, 1)
        if config.init:
            weights = start_weights(config.init)
            own = dict(self.named_parameters())
            put_weights({n: p for n, p in own.items() if n.startswith("vae.") or n in weights}, weights, config.init)
        self.weights = {"reconstruction": 1.0, "kl": config.kl_weight, "probe": config.probe_weight, "psnr_db": 0.0}
        if not config.probe_weight:  # no loss moves it: processes would wait for its gradients in vain
            self.probe.requires_grad_(False)
        if config.decoder_only:
            self.requires_grad_(False)
            self.vae.decoder.requires_grad_(True)
        self.own_latents = self._own_latents(config) if config.own_latents else None
        self.adversary = None
        if config.adversary:
            self.adversary = Adversary().to(memory_format=torch.channels_last)
            self.weights |= {"adversary": 1.0, "sharpness": config.adversary}

    def _own_latents(self, config: VaeConfig) -> OwnLatents:
        """Raises: InputError: CONFIG_INVALID without a model folder to start from, whose scale they have."""
        path = Path(config.init) / "vae" / "config.json"
        if not (config.init and path.is_file()):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"option own_latents is given, but init, {config.init or 'empty'}, is no model folder with a VAE",
                "give the model that made them",
            )
        self.latent_scale = float(read_json(path, "a VAE's configuration")["scaling_factor"])
        size = config.frames, config.height, config.width
        return OwnLatents(config.own_latents, ClipFolder(config.clips), size, config.cell_px)

    def draw(self, step: int, rng: np.random.Generator) -> VaeBatch:
        config, latents = self.config, None
        if self.own_latents is None:
            windows = np.stack([self.windows.draw(rng) for _ in range(config.batch_size)])
        else:
            drawn = [self.own_latents.draw(rng, config.true_share) for _ in range(config.batch_size)]
            windows, latents = (np.stack(parts) for parts in zip(*drawn))
            latents = torch.from_numpy(latents) / self.latent_scale
        windows = torch.from_numpy(windows).permute(0, 4, 1, 2, 3).float()
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        size = (config.frames - 1) // 4 + 1, config.height // config.cell_px, config.width // config.cell_px
        noise = torch.randn((len(windows), config.latent_channels, *size), generator=generator)
        level = config.latent_noise * torch.rand((len(windows), 1, 1, 1, 1), generator=generator)
        return VaeBatch(windows[:, :3] / 127.5 - 1, windows[:, 3:] / 255, noise, level, latents)

    def forward(self, batch: VaeBatch, held: ExitStack) -> dict[str, torch.Tensor]:
        config = self.config
        if batch.latents is not None:
            return self._losses(self.vae.decode(batch.latents).sample, batch)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not config.decoder_only):
            posterior = self.vae.encode(batch.clip).latent_dist
            # what the transformer gets wrong is larger than the posterior's spread, and must not show as flecks
            added = batch.level * posterior.mean.std()  # not detached: else larger latents would always be better
            latent = posterior.mean + (posterior.std**2 + added**2).sqrt() * batch.noise
        losses = self._losses(self.vae.decode(latent).sample, batch)
        if not config.decoder_only:
            weight = 1 + FOREGROUND_WEIGHT * batch.foreground
            losses["kl"] = posterior.kl().mean()
            losses["probe"] = probe_loss(self.probe(latent), batch.clip, weight)
        return losses

    def _losses(self, output: torch.Tensor, batch: VaeBatch) -> dict[str, torch.Tensor]:
        """Those of the decoder."""
        reconstruction = reconstruction_loss(output, batch.clip, batch.foreground)
        losses = {"reconstruction": reconstruction, "psnr_db": psnr_db(output.detach(), batch.clip)}
        if self.adversary is not None:
            losses["adversary"] = adversary_loss(self.adversary, output, batch.clip)
            if torch.is_grad_enabled():
                losses["sharpness"] = sharpness_loss(self.adversary, output, batch.clip, reconstruction)
        return losses

    def is_matrix(self, name: str, parameter: torch.nn.Parameter) -> bool:
        return parameter.ndim > 1

    @torch.no_grad()
    def validate(self, folder: Path) -> list[np.ndarray]:
        """Windows that are the same in every validation, and below each what is left of it."""
        videos = []
        for index in range(self.config.validation.clips):
            window = self.windows.draw(np.random.default_rng([self.config.seed, index]))[..., :3]
            clip = torch.from_numpy(window).permute(3, 0, 1, 2)[None].float().to(self.device) / 127.5 - 1
            output = self.vae.decode(self.vae.encode(clip).latent_dist.mean).sample[0]
            videos.append((output.float().clamp(-1, 1) / 2 + 0.5).permute(1, 2, 3, 0).cpu().numpy())
            rows = [window, (videos[-1] * 255).round().astype(np.uint8)]
            write_png(folder / f"{index}.png", np.concatenate([spread_frames(row) for row in rows]))
        return videos

    def export(self, out: Path, step: int) -> None:
        """Write `model/vae` in diffusers format; its scaling factor is set when the model folder is put together."""
        self.vae.save_pretrained(out / "model" / "vae")
