"""Train the keypoint network for small, blurred pictures (hoi_motion/keypoints/low_resolution.py) from nothing.

python -m training.networks.low_resolution --scenes runs/scenes --latents runs/latents --model models/tavid-mini \
    --out hoi_motion/keypoints/weights/low_resolution.safetensors --bfloat16

What a video model makes is seldom where the truth is. So the network learns from ground-truth clips, whose keypoints
are known, in two forms: as they are, and as the video model gives them back when noise has hidden them in part (one
prediction of the clean latents from timesteps NOISED). Masks are no input of it. No seed is a held-out one.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints.low_resolution import (
    CELL_PX,
    NEAR_CELLS,
    NUM_BODY,
    POINTS_MATRIX,
    TIPS,
    LowResolutionNetwork,
    network_mark,
    network_picture,
    read_maps,
)
from hoi_motion.keypoints.track import L_KNEE, MIRRORED_BODY
from hoi_motion.scripts.command import command_parser, run_command
from hoi_motion.scripts.outputs import OutFile
from training.arguments import given_path, positive, positive_number
from training.configuration import load_training_config
from training.data.clips import ClipFolder
from training.data.latents import LatentCache
from training.models import load_vae
from training.networks.descent import Descent
from training.objectives.few_steps import clean_and_noise
from training.scenes.figure import ACTOR_INSTANCE
from training.scenes.scene import SceneSample, free_body
from training.tasks.base import BaseTask
from training.tasks.diffusion import Clips, DiffusionTask

BASE_OPTIONS = Path("config/training/base.yaml")
NOISED = (350, 900)
TARGET_SPREAD_CELLS = 0.8
LEGS = np.array([km.BODY_KEYPOINTS.index(k) for k in km.BODY_KEYPOINTS if k >= L_KNEE])
HIDDEN_PX = -1e4
MIRRORED = torch.tensor(
    [km.BODY_KEYPOINTS.index(MIRRORED_BODY[k]) for k in km.BODY_KEYPOINTS]
    + [NUM_BODY + (i + len(TIPS)) % (2 * len(TIPS)) for i in range(2 * len(TIPS))]
)
# what reaches counts most
ARMS_COUNT = torch.tensor([3.0 if 13 <= k <= 22 else 1.0 for k in km.BODY_KEYPOINTS] + [1.5] * (2 * len(TIPS)))
WINDOW = 9


@dataclass
class KeypointClips:
    """Clips, and where people's keypoints are in them.

    Attributes:
        frames: (C, 2, T, H, W, 3) u8, true and given back by the model.
        points_px: (P, T, N, 2), of P people in them.
        clip: (P,) each person's clip; None: one person a clip, in order.
        whose: (P, H, W) bool, where each person is in the first frame; None where the network is not told.
    """

    frames: torch.Tensor
    points_px: torch.Tensor
    clip: torch.Tensor | None = None
    whose: torch.Tensor | None = None

    def frames_of(self, person: int) -> torch.Tensor:  # (2, T, H, W, 3)
        return self.frames[person if self.clip is None else self.clip[person]]


def true_points_px(scene: SceneSample, person: int = ACTOR_INSTANCE) -> np.ndarray:  # (T, N, 2)
    """Where somebody's keypoints are; those of hidden legs are HIDDEN_PX, since the network is not to guess them.

    A hand behind the object that it takes is asked for: an arm leads to it.
    """
    motion = scene.motion if person == ACTOR_INSTANCE else scene.company.motion
    joints = free_body().joints(motion.pose_rad.copy(), motion.transl_m.copy(), motion.betas.copy())
    points = scene.motion.camera.project(torch.einsum("kj,tjc->tkc", torch.tensor(POINTS_MATRIX), joints).numpy())
    there = scene.instance_ids == person  # (T, H, W)
    height, width = there.shape[1:]
    for t, body in enumerate(there):
        near = cv2.dilate(body.astype(np.uint8), np.ones((3, 3), np.uint8))
        column, row = np.clip(points[t, LEGS].round().astype(int), 0, [width - 1, height - 1]).T
        points[t, LEGS[near[row, column] == 0]] = HIDDEN_PX
    return points


@torch.no_grad()
def given_back(
    task: DiffusionTask, vae, clips: Clips, scale: float, rng: np.random.Generator
) -> torch.Tensor:  # (B, T, H, W, 3) u8
    """Clips as the model sees them through noise, whatever it predicts; scale: of their latents."""
    timestep = int(rng.integers(*NOISED))
    batch = task.batch(clips, 0, rng, timestep)
    noisy = batch.inputs[:, :, : batch.target.shape[2]]  # which come before image and marks
    clean, _ = clean_and_noise(task.noise_scheduler, noisy, task.predict(batch).float(), timestep)
    pictures = vae.decode((clean / scale).transpose(1, 2)).sample  # (B, 3, T, H, W)
    return ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1)


def load_clips(scenes: Path, latents: Path, model: Path, count: int, seed: int = 0) -> KeypointClips:
    """The first clips of a folder of scenes, encoded in `latents`.

    Raises:
        InputError: CONFIG_INVALID when none of its clips is encoded there.
    """
    layers = json.loads((model / "transformer" / "config.json").read_text())["num_layers"]
    options = [f"latents={latents}", f"init={model}", f"layers={layers}", "mask_share=1.0", "text_dropout=0.0"]
    config = load_training_config(BASE_OPTIONS, [*options, "attention.blocks=0"])
    task, vae = BaseTask(config, torch.device("cpu")).eval(), load_vae(model)
    rows = {name: row for row, name in enumerate(LatentCache.load(latents / "latents.pt").names)}
    folder, rng, frames, points = ClipFolder(scenes), np.random.default_rng([seed, 5]), [], []
    chosen = [path for path in folder.paths if path.name in rows][:count]
    if not chosen:
        told = f"no clip of {scenes} is in {latents}"
        raise InputError(ErrorCode.CONFIG_INVALID, told, "encode these scenes with training.data.latents")
    for path in tqdm(chosen, desc="clips", unit="clip", mininterval=5):
        scene = folder[folder.paths.index(path)]
        back = given_back(task, vae, task.clips(np.array([rows[path.name]]), rng), task.cache.scale, rng)[0]
        frames.append(torch.stack([torch.from_numpy(scene.frames), back]))
        points.append(torch.from_numpy(true_points_px(scene)).float())
    return KeypointClips(torch.stack(frames), torch.stack(points))


def batch(clips: KeypointClips, size: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (B, T, C, H, W) as the network takes them, and where their keypoints are (B, T, N, 2) in its pixels."""
    pictures, places = [], []
    for c in rng.integers(len(clips.points_px), size=size):
        start = int(rng.integers(clips.frames.shape[2] - WINDOW + 1))
        window = slice(start, start + WINDOW)
        picture = network_picture(clips.frames_of(c)[int(rng.random() < 0.7), window])
        points = clips.points_px[c, window]
        height, width = picture.shape[-2:]
        if clips.whose is not None:
            mark = drawn_by_hand(clips.whose[c], rng)
            picture = torch.cat([picture, network_mark(mark, picture)], 1)
        # 1. mirrored, nearer or further, elsewhere
        if rng.random() < 0.5:
            picture = picture.flip(-1)
            points = points[:, MIRRORED] * torch.tensor([-1.0, 1]) + torch.tensor([width - 1.0, 0])
        zoom, shift = float(np.exp(rng.normal(0, 0.12))), torch.tensor(rng.normal(0, 0.08, 2) * [width, height]).float()
        middle = torch.tensor([(width - 1) / 2, (height - 1) / 2])
        points = (points - middle) * zoom + middle + shift
        theta = torch.tensor(
            [[1 / zoom, 0, -2 * shift[0] / width / zoom], [0, 1 / zoom, -2 * shift[1] / height / zoom]]
        )
        grid = F.affine_grid(theta[None].expand(WINDOW, -1, -1), picture.shape, align_corners=False)
        picture = F.grid_sample(picture, grid, padding_mode="border", align_corners=False)
        picture, mark = picture[:, :3], picture[:, 3:]
        # 2. other colours, more or less light, blur, noise
        colour = torch.tensor(np.exp(rng.normal(0, 0.12, (3, 1, 1)))).float()
        picture = picture * colour + float(rng.normal(0, 0.1))
        if rng.random() < 0.4:
            small = [max(24, int(side * rng.uniform(0.35, 0.9))) for side in (height, width)]
            smaller = F.interpolate(picture, small, mode="bilinear", antialias=True)
            picture = F.interpolate(smaller, (height, width), mode="bilinear")
        picture = picture + rng.uniform(0, 0.08) * torch.from_numpy(rng.standard_normal(picture.shape, np.float32))
        pictures.append(torch.cat([picture, mark], 1))
        places.append(points)
    return torch.stack(pictures), torch.stack(places)


def drawn_by_hand(mask: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:  # (H, W) bool
    """A mask as somebody might draw it: too wide, too tight, or with a corner missing."""
    how, picture = rng.random(), mask.numpy().astype(np.uint8)
    side = int(rng.integers(2, 6))
    if how < 0.3:
        picture = cv2.dilate(picture, np.ones((side, side), np.uint8))
    elif how < 0.5:
        picture = cv2.erode(picture, np.ones((side, side), np.uint8))
    if rng.random() < 0.2:
        row, column = rng.integers(0, mask.shape)
        picture[row : row + mask.shape[0] // 4, column : column + mask.shape[1] // 4] = 0
    return torch.from_numpy(picture > 0) if picture.any() else mask


def target_maps(points_px: torch.Tensor, height_px: int, width_px: int) -> torch.Tensor:  # (..., 2) -> (..., h * w + 1)
    """What the maps should be: a small Gaussian, or all of it outside the picture."""
    h, w = height_px // CELL_PX, width_px // CELL_PX
    x, y = ((points_px + 0.5) / CELL_PX - 0.5).unbind(-1)
    inside = (x > -0.5) & (x < w - 0.5) & (y > -0.5) & (y < h - 0.5)
    across, down = (
        torch.exp(-0.5 * ((torch.arange(n) - v[..., None]) / TARGET_SPREAD_CELLS) ** 2) for n, v in ((w, x), (h, y))
    )
    maps = (down[..., None] * across[..., None, :]).flatten(-2)
    maps = maps / maps.sum(-1, keepdim=True).clamp(min=1e-6) * inside[..., None]
    return torch.cat([maps, (~inside)[..., None].float()], -1)


def train(
    clips: KeypointClips,
    steps: int,
    size: int,
    rate: float,
    seed: int = 0,
    bfloat16: bool = False,
    start: dict[str, torch.Tensor] | None = None,
) -> LowResolutionNetwork:
    """A network that is told whose keypoints are meant where the clips say so.

    Args:
        bfloat16: the network computes in that, which is faster where the processor can.
        start: weights to go on from; None: from nothing.

    Raises:
        InputError: CONFIG_INVALID for clips that are shorter than a window.
    """
    if clips.frames.shape[2] < WINDOW:
        told = f"the clips have {clips.frames.shape[2]} frames, at least {WINDOW} are needed"
        raise InputError(ErrorCode.CONFIG_INVALID, told, "give longer ones")
    torch.manual_seed(seed)
    network = LowResolutionNetwork(3 if clips.whose is None else 4)
    if start is not None:
        network.load_state_dict(start)
    network = network.to(memory_format=torch.channels_last).train()
    descent = Descent(network, lambda name: "leave" not in name and "outside" not in name, steps, rate)
    bar, mean, rng = tqdm(range(steps), desc="steps", mininterval=5), None, np.random.default_rng([seed, 6])
    for _ in bar:
        pictures, places = batch(clips, size, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = network(pictures)
        wanted = target_maps(places, *pictures.shape[-2:])
        loss = -(wanted * logits.log_softmax(-1)).sum(-1)
        loss = (loss * ARMS_COUNT).mean()
        descent.step(loss)
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        bar.set_postfix_str(f"{mean:.3f}")
    descent.finish()
    return network.eval()


@torch.inference_mode()
def judged(network: LowResolutionNetwork, clips: KeypointClips) -> list[str]:
    """Lines: share of keypoints within NEAR_CELLS of the truth, confidence said, by form and kind."""
    names = {
        "wrists": (15, 16),
        "knuckles": (17, 18, 19, 20),
        "elbows": (13, 14),
        "head": (0, 2, 5, 7, 8),
        "shoulders": (11, 12),
        "legs": tuple(range(23, 33)),
    }
    kinds = {name: [km.BODY_KEYPOINTS.index(k) for k in keys] for name, keys in names.items()}
    kinds["tips"] = list(range(NUM_BODY, NUM_BODY + 2 * len(TIPS)))
    lines = []
    for form, what in enumerate(("true", "given back")):
        found = []
        for c in range(len(clips.points_px)):
            picture = network_picture(clips.frames_of(c)[form])
            if clips.whose is not None:
                picture = torch.cat([picture, network_mark(clips.whose[c], picture)], 1)
            found.append(read_maps(network(picture[None])[0], picture.shape[-1]))
        found = torch.stack(found)
        off, there = (found[..., :2] - clips.points_px).norm(dim=-1), clips.points_px[..., 0] != HIDDEN_PX
        for name, index in kinds.items():
            seen, sure = there[:, :, index], found[:, :, index, 2]
            miss_px = off[:, :, index][seen]
            share = (miss_px < NEAR_CELLS * CELL_PX).float().mean()
            lines.append(
                f"{what:>10} {name:<10} within {NEAR_CELLS * CELL_PX} px {share:.2f}, said {sure[seen].mean():.2f}; "
                f"median {miss_px.median():.1f} px"
                + (f"; hidden, said {sure[~seen].mean():.2f}" if not seen.all() else "")
            )
    return lines


def main(argv: list[str] | None = None) -> int:
    return run_command(_train_network, argv)


def _train_network(argv: list[str]) -> int:
    parser = command_parser("training.networks.low_resolution", __doc__.splitlines()[0])
    parser.add_argument("--scenes", type=given_path, required=True, help="clips of training.scenes")
    parser.add_argument("--latents", type=given_path, required=True, help="the same, encoded by training.data.latents")
    parser.add_argument("--model", type=given_path, default=Path("models/tavid-mini"), help="video model")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=OutFile, help="safetensors file to write")
    what.add_argument("--judge", type=given_path, metavar="FILE", help="only judge these weights on the clips")
    parser.add_argument("--clips", type=positive, default=1200)
    parser.add_argument("--steps", type=positive, default=2300)
    parser.add_argument("--batch", type=positive, default=6)
    parser.add_argument("--rate", type=positive_number, default=3e-3)
    parser.add_argument("--bfloat16", action="store_true", help="faster, on processors that compute in it")
    arguments = parser.parse_args(argv)
    from training.networks.half_weights import read_half, save_half
    from training.slow_bfloat16 import warn_if_slow

    if arguments.bfloat16:
        warn_if_slow("cpu", "leave out --bfloat16")
    start = time.perf_counter()
    clips = load_clips(arguments.scenes, arguments.latents, arguments.model, arguments.clips)
    if arguments.judge:
        network = LowResolutionNetwork()
        read_half(network, arguments.judge)
        print("\n".join(judged(network.eval(), clips)))
        return 0
    network = train(clips, arguments.steps, arguments.batch, arguments.rate, bfloat16=arguments.bfloat16)
    save_half(network, Path(arguments.out), start)
    return 0


if __name__ == "__main__":
    sys.exit(main())
