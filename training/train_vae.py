"""Train the small video VAE: `python -m training.train_vae --data DIR|shapes --out runs/vae`.

First on moving shapes (no data needed), then on windows of scenes from `python -m training.scenes`, last on whole
frames; docs/training.md has the recipe of `models/tavid-mini` with times. Runs under torchrun too.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from tavid_planner.video.vae_on_cpu import speed_up_vae
from training.data.moving_shapes import moving_shapes
from training.models import build_vae, save_checkpoint
from training.muon import Muon
from training.processes import agreed_clock, average_gradients, join_processes


def reconstruction_loss(output, clip, foreground=None, motion_weight: float = 8.0, foreground_weight: float = 4.0):
    """L1 on pixels, on their differences, and on colours at a quarter of the size.

    The few pixels of people and objects, and of what changes over the clip, count more.

    Args:
        output, clip: (B, 3, T, H, W) in -1..1.
        foreground: (B, 1, T, H, W) in 0..1, where people and objects are; optional.
    """
    moved = (clip - clip[:, :, :1]).abs().amax(1, keepdim=True).amax(2, keepdim=True)
    weight = 1 + motion_weight * (moved > 0.15).float()
    if foreground is not None:
        weight = weight + foreground_weight * foreground
    error = output - clip
    loss = _weighted_mean(error.abs(), weight)
    for axis in (-1, -2):
        inner = weight.narrow(axis, 1, weight.shape[axis] - 1)
        loss = loss + 0.5 * (inner * error.diff(dim=axis).abs()).mean()
    coarse, coarse_weight = (F.avg_pool3d(x, (1, 4, 4)) for x in (error, weight.expand_as(error)))
    colour = coarse - coarse.mean(1, keepdim=True)
    return loss + _weighted_mean(coarse.abs() + 2 * colour.abs(), coarse_weight)


def probe_targets(clip):  # (B, C, T, H, W) -> (B, 2, C, 4, F, H / 8, W / 8)
    """Means over the quarters of each 8x8 cell and over the earlier and later frames of each latent frame."""
    cells = F.pixel_unshuffle(F.avg_pool3d(clip, (1, 4, 4)).transpose(1, 2), 2)  # (B, T, 4 C, h, w)
    first, rest = cells[:, :1], cells[:, 1:]
    halves = rest.unflatten(1, (-1, 2, 2)).mean(3)  # (B, F - 1, 2, 4 C, h, w)
    both = torch.cat([torch.stack([first, first], 2), halves], 1)
    return both.unflatten(3, (-1, 4)).permute(0, 2, 3, 4, 1, 5, 6)


def probe_loss(read, clip, weight):
    """How badly a linear probe reads coarse colours from the latent.

    Without it no latent holds the rarer hues: an encoder that leaves them out and a decoder that ignores them are at a
    saddle point of the reconstruction loss.

    Args:
        read: (B, 24, F, H / 8, W / 8), what the probe makes of the latent.
        clip, weight: (B, 3 or 1, T, H, W).
    """
    error = read.unflatten(1, (2, 3, 4)) - probe_targets(clip)
    hue = error - error.mean(2, keepdim=True)
    return _weighted_mean(error.abs() + 2 * hue.abs(), probe_targets(weight))


def _weighted_mean(values, weight):
    return (weight * values).sum() / weight.expand_as(values).sum()


def _window(rng, clip, height: int, width: int) -> np.ndarray:
    y, x = int(rng.integers(clip.shape[1] - height + 1)), int(rng.integers(clip.shape[2] - width + 1))
    return clip[:, y : y + height, x : x + width]


def _motion(clip) -> float:  # reaching hands are what is hardest to draw
    return float(np.abs(clip[-1, ..., :3].astype(np.int16) - clip[0, ..., :3]).mean())


class ClipSource:
    """Random windows of clips: from a folder of scenes, or moving shapes."""

    def __init__(self, data: str, seed: int):
        self.rng = np.random.default_rng(seed)
        self.clips, self.drawn = None, 0
        if data != "shapes":
            from training.data.clips import ClipFolder

            self.clips = ClipFolder(data)

    def window(self, frames: int, height: int, width: int) -> np.ndarray:  # (T, H, W, 4) u8, the last is the foreground
        rng = self.rng
        if self.clips is None:
            clip = moving_shapes(rng, frames, height, width)
            clip = np.concatenate([clip, np.zeros_like(clip[..., :1])], axis=-1)
        else:
            self.drawn += 1
            if self.drawn % 500 == 0:
                self.clips.refresh()
            full = self.clips.frames_and_foreground(int(rng.integers(len(self.clips))))
            T, H, W = full.shape[:3]
            t = int(rng.integers(T - frames + 1))
            tries = 1 if (H, W) == (height, width) else 3
            clip = max((_window(rng, full[t : t + frames], height, width) for _ in range(tries)), key=_motion)
        if rng.random() < 0.5:
            clip = clip[:, :, ::-1]
        if rng.random() < 0.1:  # new colours
            clip = clip[..., [*rng.permutation(3), 3]]
        return np.ascontiguousarray(clip)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of scenes, or the word shapes")
    parser.add_argument("--out", type=Path, required=True, help="run folder; an existing run is resumed")
    parser.add_argument("--init", type=Path, help="run folder whose weights to start from")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--frames", type=int, default=9)
    parser.add_argument("--size", default="64x64", help="HxW of the training windows")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--kl", type=float, default=1e-6)
    parser.add_argument("--probe", type=float, default=1.0, help="weight of the loss of a linear probe of the latent")
    parser.add_argument("--decoder-only", action="store_true", help="keep the latents: train the decoder alone")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rank = join_processes()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    height, width = map(int, args.size.split("x"))

    vae = speed_up_vae(build_vae())
    if args.init:
        vae.load_state_dict(torch.load(args.init / "last.pt", weights_only=True)["vae"])
    probe = torch.nn.Conv3d(vae.config.latent_channels, 24, 1)
    trained = list((vae.decoder if args.decoder_only else vae).parameters())
    if not args.decoder_only:
        trained += list(probe.parameters())
    optimizers = [
        Muon([p for p in trained if p.ndim > 1], lr=args.lr),
        torch.optim.AdamW([p for p in trained if p.ndim == 1], lr=args.lr, betas=(0.9, 0.99), weight_decay=0.0),
    ]
    step, spent_s = 0, 0.0
    if (args.out / "last.pt").exists():
        state = torch.load(args.out / "last.pt", weights_only=True)
        vae.load_state_dict(state["vae"])
        probe.load_state_dict(state["probe"])
        for optimizer, saved in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        step, spent_s = state["step"], state["spent_s"]
    source = ClipSource(args.data, 1000 * rank + args.seed + step)
    torch.manual_seed(1000 * rank + args.seed + step)

    started, budget_s = time.monotonic() - spent_s, args.minutes * 60
    log = open(args.out / "log.csv", "a")
    bar = tqdm(total=int(budget_s), initial=int(spent_s), unit="s", disable=rank > 0)
    average = None
    while (elapsed := agreed_clock(time.monotonic() - started)) < budget_s:
        # warm-up, then cosine over the time budget
        rate = float(args.lr * min(1, (step + 1) / 50) * (0.05 + 0.475 * (1 + np.cos(np.pi * elapsed / budget_s))))
        for group in (g for o in optimizers for g in o.param_groups):
            group["lr"] = rate
        clip = np.stack([source.window(args.frames, height, width) for _ in range(args.batch)])
        clip = torch.from_numpy(clip).permute(0, 4, 1, 2, 3).float()
        clip, foreground = clip[:, :3] / 127.5 - 1, clip[:, 3:] / 255
        with torch.set_grad_enabled(not args.decoder_only):
            posterior = vae.encode(clip).latent_dist
            latent = posterior.sample()
        output = vae.decode(latent).sample
        loss = reconstruction_loss(output, clip, foreground)
        if not args.decoder_only:
            loss = loss + args.kl * posterior.kl().mean()
            loss = loss + args.probe * probe_loss(probe(latent), clip, 1 + 4 * foreground)
        for parameter in trained:
            parameter.grad = None
        loss.backward()
        average_gradients(trained)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        step += 1
        psnr = float(-10 * torch.log10(F.mse_loss(output.detach().clamp(-1, 1), clip) / 4))
        average = psnr if average is None else 0.98 * average + 0.02 * psnr
        bar.n = int(elapsed)
        bar.set_postfix(step=step, psnr=f"{average:.1f} dB")
        if rank > 0:
            continue
        if step % 50 == 0:
            log.write(f"{step},{elapsed:.0f},{average:.3f}\n")
            log.flush()
            _save(args.out, vae, probe, optimizers, step, elapsed)
    if rank > 0:
        return
    _save(args.out, vae, probe, optimizers, step, elapsed)
    bar.close()
    print(f"step {step}: PSNR {average:.2f} dB on training windows, weights in {args.out / 'last.pt'}")


def _save(out: Path, vae, probe, optimizers, step: int, spent_s: float) -> None:
    states = {"vae": vae.state_dict(), "probe": probe.state_dict(), "optimizers": [o.state_dict() for o in optimizers]}
    save_checkpoint(out / "last.pt", **states, step=step, spent_s=spent_s)


if __name__ == "__main__":
    main()
