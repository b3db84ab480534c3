"""A cache of latents, text tokens and masks, so that the VAE runs once a clip and not once a step.

`python -m training.data.latents --scenes DIR --vae runs/vae --out runs/latents`
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from training.data.clips import ClipFolder

IMAGE_VARIANTS = 3
"""First-frame encodings a clip: one clean, the others with the noise of CogVideoX training."""


@dataclass
class LatentCache:
    """All clips of a data set, encoded.

    Attributes:
        latents: (N, F, C, h, w) float16, posterior means, unscaled.
        images: (N, IMAGE_VARIANTS, C, h, w) float16, the first frame alone, encoded with and without noise.
        masks: (N, H, W) uint8 target masks in model pixels.
        captions: N sentences with [TGT].
        scale: the VAE scaling factor, one over the latents' standard deviation.
    """

    latents: torch.Tensor
    images: torch.Tensor
    masks: torch.Tensor
    captions: list[str]
    scale: float

    @classmethod
    def load(cls, path: Path) -> "LatentCache":
        return cls(**torch.load(path, weights_only=True))

    def save(self, path: Path) -> None:
        partial = path.with_suffix(".partial")
        torch.save(vars(self), partial)
        partial.replace(path)


@torch.no_grad()
def encode(vae, clips: ClipFolder, seed: int = 0) -> LatentCache:
    """Encode every clip. First-frame noise: sigma = exp(N(-3, 0.5)) on pixels, as CogVideoX image-to-video trains."""
    generator = torch.Generator().manual_seed(seed)
    latents, images, masks, captions = [], [], [], []
    for index in tqdm(range(len(clips)), unit="clip", desc="encoding"):
        clip = clips[index]
        video = torch.from_numpy(clip.frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        latents.append(vae.encode(video).latent_dist.mean[0].transpose(0, 1).half())  # (F, C, h, w)
        first = video[:, :, :1].repeat(IMAGE_VARIANTS, 1, 1, 1, 1)
        sigma = torch.exp(torch.randn(IMAGE_VARIANTS, 1, 1, 1, 1, generator=generator) * 0.5 - 3.0)
        sigma[0] = 0
        first = first + sigma * torch.randn(first.shape, generator=generator)
        images.append(vae.encode(first).latent_dist.mean[:, :, 0].half())
        masks.append(torch.from_numpy(clip.target_mask.astype(np.uint8)))
        captions.append(clip.caption)
    stacked = torch.stack(latents)
    return LatentCache(stacked, torch.stack(images), torch.stack(masks), captions, float(1 / stacked.float().std()))


def main() -> None:
    from tavid_planner.video.conv3d_on_cpu import use_2d_convolutions
    from training.models import build_vae

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", required=True)
    parser.add_argument("--vae", type=Path, required=True, help="run folder of training.train_vae")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    vae = use_2d_convolutions(build_vae()).eval()
    vae.load_state_dict(torch.load(args.vae / "last.pt", weights_only=True)["vae"])
    args.out.mkdir(parents=True, exist_ok=True)
    cache = encode(vae, ClipFolder(args.scenes))
    cache.save(args.out / "latents.pt")
    print(f"{len(cache.captions)} clips, scaling factor {cache.scale:.4f}")


if __name__ == "__main__":
    main()
