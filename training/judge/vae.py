"""What a VAE keeps of clips: `python -m training.judge.vae --vae runs/vae/model --scenes runs/scenes --count 16`

PSNR after encoding and decoding, of all pixels and of those that move, also with noise on the latents, as a transformer
that is not perfect leaves it; and how much of brightness and of the two colour axes a linear regression reads from the
latents of the first frames. With `--hits 12`: in how many held-out scenes the contact detector still sees the right
touch after encoding and decoding, which no transformer can improve on.
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from hoi_motion.errors import ErrorCode, InputError, TavidError
from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints
from training.arguments import given_path, positive
from training.bench.runner import through_vae
from training.bench.scoring import candidate_masks, score
from training.data.clips import ClipFolder
from training.evaluate import HeldOutCase, held_out_case
from training.models import load_vae
from training.objectives.reconstruction import moved, psnr_db

AXES = {"brightness": (1, 1, 1), "green - magenta": (-1, 2, -1), "red - blue": (1, 0, -1)}
NOISE = (0.0, 0.15, 0.3)
"""Shares of the latents' standard deviation."""


def explained_variance(latents: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:  # (N, C), (N, A) -> (A,)
    """Share of the variance of the last quarter's colours that a regression on the rest explains; can be negative."""
    inputs = torch.cat([latents, torch.ones(len(latents), 1)], dim=1)
    split = 3 * len(inputs) // 4
    weights = torch.linalg.lstsq(inputs[:split], colours[:split]).solution
    left = colours[split:] - inputs[split:] @ weights
    return 1 - left.var(0) / colours[split:].var(0)


def kept_db(vae, clip: torch.Tensor, latent: torch.Tensor, noise: float) -> tuple[float, float]:
    """PSNR of all pixels of a clip (1, 3, T, H, W) and of those that move; only its size changes the noise."""
    generator = torch.Generator().manual_seed(0)
    noisy = latent + noise * latent.std() * torch.randn(latent.shape, generator=generator)
    output, moving = vae.decode(noisy).sample, moved(clip)[0, 0]
    return float(psnr_db(output, clip)), float(psnr_db(output[0, :, moving], clip[0, :, moving]))


def touches_seen(vae, cases: list[HeldOutCase], height: int, width: int) -> tuple[int, int]:
    """In how many scenes MediaPipe sees the target touched: in the ground truth, and in what the VAE keeps of it."""
    seen, source = [0, 0], MediaPipeKeypoints()
    for case in tqdm(cases, desc="held-out scenes"):
        scene = case.scene(height, width, num_frames=17, fps=8.0)
        for which, frames in enumerate((scene.frames, through_vae(vae, scene.frames))):
            seen[which] += score(frames, scene.frames[0], candidate_masks(scene), scene.fps, source).outcome == "hit"
    true, given_back = seen
    return true, given_back


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vae", type=given_path, required=True, help="model folder")
    parser.add_argument("--scenes", required=True)
    parser.add_argument("--count", type=positive, default=16, help="clips, evenly spread over the folder")
    parser.add_argument("--hits", type=int, default=0, help="held-out scenes to judge by the contact detector")
    args = parser.parse_args()
    try:
        print("\n".join(judged(args)))
    except TavidError as error:
        parser.exit(2, f"{error}\n")


@torch.no_grad()
def judged(args: argparse.Namespace) -> list[str]:
    """What a VAE keeps, line by line. Raises: TavidError for clips or a VAE that cannot be used."""
    vae, clips = load_vae(args.vae), ClipFolder(args.scenes)
    if not len(clips):
        raise InputError(ErrorCode.FILE_INVALID, f"{args.scenes} holds no clips", "make some with training.scenes")
    psnrs, latents, colours = [], [], []
    for index in np.linspace(0, len(clips) - 1, min(args.count, len(clips))).astype(int):
        clip = torch.from_numpy(clips[index].frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        latent = vae.encode(clip).latent_dist.mean
        psnrs.append([kept_db(vae, clip, latent, noise) for noise in NOISE])
        latents.append(latent[0, :, 0].flatten(1).T)
        colours.append(F.avg_pool2d(clip[0, :, 0], clip.shape[-1] // latent.shape[-1]).flatten(1).T)
    axes = torch.tensor(list(AXES.values()), dtype=torch.float32)
    explained = explained_variance(torch.cat(latents), torch.cat(colours) @ axes.T)
    lines = [f"{len(psnrs)} clips, median PSNR in dB", "noise   all  moving"]
    for noise, (everything, moving) in zip(NOISE, np.nanmedian(psnrs, axis=0)):
        lines.append(f"{noise:5.2f}{everything:6.1f}{moving:8.1f}")
    lines += [f"{name} explained by the latent: {share:.2f}" for name, share in zip(AXES, explained.tolist())]
    if args.hits:
        height, width = clip.shape[-2:]
        truth, kept = touches_seen(vae, [held_out_case(i) for i in range(args.hits)], height, width)
        lines.append(f"right touch seen in {truth} of {args.hits} held-out clips, through the VAE in {kept}")
    return lines


if __name__ == "__main__":
    main()
