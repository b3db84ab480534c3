"""Train the lifter (hoi_motion/lift/person/lifter.py) from nothing: procedural motion, simulated cameras, noise.

python -m training.networks.lifter --out hoi_motion/lift/person/lifter.safetensors

Nothing is rendered but the scenes from which MediaPipe's errors are measured. No seed is a held-out one.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from hoi_motion.keypoints import model_points as km
from hoi_motion.lift.person.lifter import (
    HIPS,
    LIFTER_FPS,
    MIRRORED,
    NUM_POINTS,
    SHOULDERS,
    TRUNK_M,
    LifterNetwork,
    network_of,
    normalised,
)
from hoi_motion.lift.person.priors import SPREAD_RAD
from hoi_motion.scripts.command import command_parser, run_command
from hoi_motion.scripts.outputs import OutFile
from training.arguments import given_path
from training.networks.descent import Descent
from training.networks.keypoint_noise import (
    LEANING_RAD,
    LEANS_RAD,
    KeypointNoise,
    carried,
    measured_noise,
    observed,
)
from training.networks.lifter_acts import acts
from training.networks.lifter_motion import CLIP_SECONDS, FRAMES, random_poses, reaches, recordings, walks
from training.scenes.recorded_motion import Segment, segments
from training.scenes.scene import free_body

LENGTHS = 8, 31
"""Frames of the clips that the network sees: at least, and less than."""
SPEEDS = 0.6, 2.0
PAN_SHARE = 0.3
"""Of the clips."""
PAN_RAD = 0.06, 0.015, 0.015
"""How far a camera pans, nods and rolls, by half, scatter."""
TAILS = 4
MOST_TAIL = 5.0
"""Degrees of freedom of the keypoints' scatter, a Student's t, some err more than usual; by this factor at most."""
AVERAGED = 0.998
"""Share of the averaged weights that each step keeps."""
ENDS = "enter.", "leave."
"""Layers in the units of keypoints, which AdamW trains; Muon trains those between."""

# elbows, wrists and hands count double
ARMS_COUNT = torch.tensor([2.0 if 13 <= k <= 22 else 1.0 for k in km.BODY_KEYPOINTS])[:, None]
# which share of the scatter of a crouching person a keypoint has
CROUCHING = torch.tensor([1.0 if k in (23, 24) else 0.5 if k in (25, 26) else 0.0 for k in km.BODY_KEYPOINTS])


@dataclass(frozen=True)
class MotionCounts:
    """How many clips of each kind (lifter_motion.py, lifter_acts.py); recorded ones of `pieces`."""

    reaches: int
    random: int
    walks: int
    recorded: int
    acts: int = 0
    pieces: tuple[Segment, ...] = ()


def motion_points(counts: MotionCounts, noise: KeypointNoise, seed: int = 0) -> torch.Tensor:
    """(C, 2, FRAMES, N, 3): what the keypoints mean, and where they are seen, in the world (z up).

    All but random poses come as they are and with their joints bent at random.
    """
    body, rng, pairs = free_body(), np.random.default_rng([seed, 3]), []

    def add(pose_rad, clip):
        points, rotations = carried(body, pose_rad, clip.transl_m, clip.betas)
        seen = points + np.einsum("tnab,nb->tna", rotations, noise.offset_m)
        pairs.append(np.stack([points, seen]).astype(np.float32))

    kinds = [
        ("reaches", counts.reaches, reaches(counts.reaches, seed)),
        ("walks", counts.walks, walks(counts.walks, seed)),
        ("acts", counts.acts, acts(counts.acts, seed)),
        ("random poses", counts.random, random_poses(counts.random, seed)),
    ]
    if counts.pieces:
        kinds.append(("recorded", counts.recorded, recordings(counts.recorded, list(counts.pieces), seed)))
    for name, count, clips in kinds:
        for clip in tqdm(clips, total=count, desc=name, disable=None):
            add(clip.pose_rad, clip)
            if name != "random poses":
                add(clip.pose_rad + bends(rng), clip)
    return torch.tensor(np.stack(pairs))


def bends(rng: np.random.Generator) -> np.ndarray:  # (FRAMES, 55, 3)
    """Slow random changes of the body's joint angles and of the whole body's attitude."""
    ends = rng.uniform(0.1, 0.5) * SPREAD_RAD * rng.normal(size=(3, 21, 3))
    share = np.linspace(0, 1, FRAMES)[:, None, None]
    out = np.zeros((FRAMES, 55, 3))
    out[:, 1:22] = ends[0] * (1 - share) + ends[1] * share + ends[2] * np.sin(np.pi * share)
    out[:, 0] = rng.normal(0, 0.08, 3)
    return out


def batch(points: torch.Tensor, noise: KeypointNoise, size: int, generator: torch.Generator):
    """Clips as the network sees them: input (B, T, N, 3), sizes (B,), target points (B, T, N, 3) and up (B, 3)."""

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(*(shape or (size,)), generator=generator)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    # 1. clips, faster or slower, with what comes before and after: stillness, or the motion backwards
    T = int(torch.randint(*LENGTHS, (), generator=generator))
    chosen = points[torch.randint(len(points), (size,), generator=generator)]
    speed = uniform(*np.log(SPEEDS)).exp() * (FRAMES - 1) / (CLIP_SECONDS * LIFTER_FPS)
    at = uniform(-0.3, 0.5)[:, None] * FRAMES + torch.arange(T) * speed[:, None]
    last = FRAMES - 1.001
    back = last - (last - at.abs() % (2 * last)).abs()
    at = torch.where(torch.rand(size, 1, generator=generator) < 0.5, back, at.clamp(0, last))
    low, rows = at.long(), torch.arange(size)[:, None]
    share = (at - low)[:, :, None, None, None]
    chosen = chosen.transpose(1, 2)  # (B, FRAMES, 2, N, 3)
    clips = (1 - share) * chosen[rows, low] + share * chosen[rows, low + 1]
    mirror = torch.rand(size, generator=generator) < 0.5
    clips = torch.where(mirror[:, None, None, None, None], clips[:, :, :, MIRRORED] * torch.tensor([1.0, -1, 1]), clips)

    # 2. a camera: mostly in front, looking down a little, framed on head and arms or on all of the body
    anywhere = torch.rand(size, generator=generator) < 0.3
    azimuth = torch.where(anywhere, uniform(-np.pi, np.pi), 0.5 * normal(size))
    elevation, roll = uniform(-0.1, 0.5), 0.02 * normal(size)
    half_height = torch.tan(uniform(np.deg2rad(30), np.deg2rad(65)) / 2)
    half_width = half_height * uniform(0.7, 1.8)
    back = torch.stack([elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()], -1)
    right = torch.stack([-azimuth.sin(), azimuth.cos(), torch.zeros(size)], -1)
    down = torch.linalg.cross(-back, right)
    c, s = roll.cos()[:, None], roll.sin()[:, None]
    R = torch.stack([c * right + s * down, c * down - s * right, -back], 1)  # rows: camera axes in the world
    local = clips @ R.transpose(1, 2)[:, None, None]
    whole = torch.rand(size, generator=generator) < 0.4
    framed = torch.tensor([k < 23 for k in km.BODY_KEYPOINTS]) | whole[:, None]  # (B, N)
    inside = framed[:, None, :, None]
    flat = local[:, :, 0, :, :]
    lowest = torch.where(inside, flat, torch.tensor(torch.inf)).amin((1, 2))
    highest = torch.where(inside, flat, torch.tensor(-torch.inf)).amax((1, 2))
    middle, half = (lowest + highest) / 2, (highest - lowest) / 2
    fill = uniform(0.45, 1.05)
    distance = torch.maximum(half[:, 0] / half_width, half[:, 1] / half_height) / fill + half[:, 2]
    room = torch.stack([half_width, half_height], -1) * (1 - fill)[:, None] * distance[:, None] * 0.8
    shift = torch.cat([middle[:, :2] + room * uniform(-1, 1, size, 2), middle[:, 2:] - distance[:, None]], -1)
    local = local - shift[:, None, None, None]
    pans = (torch.rand(size, 1, generator=generator) < PAN_SHARE) * torch.tensor(PAN_RAD)[[1, 0, 2]] * normal(size, 3)
    turn = (pans[:, None] * torch.linspace(-1, 1, T)[:, None])[:, :, None, None].expand_as(local)
    local = local + torch.linalg.cross(turn, local)

    # 3. keypoints: constant and changing noise, points that are out of the picture or not seen
    true, found = local[:, :, 0], local[:, :, 1]
    amount = uniform(0.7, 1.6)[:, None, None, None]
    heavy = normal(TAILS, size, 1, NUM_POINTS, 1).square().sum(0)
    scatter = torch.tensor(noise.clip_m, dtype=torch.float32)[:, None] * normal(size, 1, NUM_POINTS, 2)
    scatter = scatter + torch.tensor(noise.frame_m, dtype=torch.float32)[:, None] * normal(size, T, NUM_POINTS, 2)
    scatter = scatter * (TAILS / heavy.clamp(min=TAILS / MOST_TAIL**2)).sqrt()
    # hips and knees of a crouching person are a guess of the detector
    height = clips[:, :, 0, HIPS, 2].mean(2) - clips[:, :, 0, :, 2].amin((1, 2))[:, None]  # (B, T)
    crouch = (1 - height / height.amax(1, keepdim=True)).clamp(0, 0.6)[..., None, None]
    scatter = scatter + noise.crouch_m * crouch * CROUCHING[:, None] * normal(size, 1, NUM_POINTS, 2)
    found = _slid(found, true, clips[:, :, 0], noise, normal(size, 1))
    rays = (found[..., :2] + amount * scatter) / found[..., 2:].clamp(min=0.3)
    limits = torch.stack([half_width, half_height], -1)[:, None, None]
    seen = (rays.abs() < limits).all(-1).float()
    seen = seen * (torch.rand(size, 1, NUM_POINTS, generator=generator) > 0.03)
    seen = seen * ~_hidden_legs(size, T, generator)
    xy_seen, sizes, turned = normalised(rays, seen)
    target = (true - true[:, :, HIPS].mean(2, keepdim=True)) @ turned.transpose(1, 2)[:, None] / TRUNK_M
    up = (turned @ R[:, :, 2:])[..., 0]
    return xy_seen, sizes, target, up


def _slid(found, true, world, noise: KeypointNoise, drawn: torch.Tensor) -> torch.Tensor:  # (B, T, N, 3)
    """The points where they are found, (B, T, N, 3), with the hips of leaning people further down the trunk.

    Args:
        true, world: (B, T, N, 3) the model's points before the camera and in the world; drawn: (B, 1) standard normal.
    """
    up, trunk = (p[:, :, SHOULDERS].mean(2) - p[:, :, HIPS].mean(2) for p in (world, true))
    lean = torch.acos((up[..., 2] / up.norm(dim=-1).clamp(min=1e-6)).clamp(-1, 1))
    share = torch.tensor(np.interp(lean.numpy(), LEANS_RAD, noise.slide), dtype=torch.float32)
    share = share + noise.slide_clip * drawn * (lean / LEANING_RAD).clamp(max=1)
    found = found.clone()
    found[:, :, HIPS] -= (share[..., None] * trunk)[:, :, None]
    return found


def _hidden_legs(size: int, T: int, generator: torch.Generator) -> torch.Tensor:  # (size, T, N) bool
    """Knees and all below them, or all below the knees, out of sight: throughout, at first, or later."""
    draw = torch.rand(4, size, 1, 1, generator=generator)
    lowest_seen = torch.where(draw[0] < 0.5, 25, 27)
    legs = torch.tensor(km.BODY_KEYPOINTS) >= lowest_seen
    change, time = torch.randint(1, T, (size, 1, 1), generator=generator), torch.arange(T)[:, None]
    when = (draw[1] < 0.6) | torch.where(draw[2] < 0.5, time < change, time >= change)
    return legs & when & (draw[3] < 0.5)


def loss(network: LifterNetwork, xy_seen, sizes, target, up) -> tuple[torch.Tensor, torch.Tensor]:
    """Laplace negative log-likelihood of the points plus the angle of up; and the mean error in metres."""
    points, spread, said_up = (value.float() for value in network(xy_seen, sizes))
    spread = spread.clamp(-4.5, 1.5)
    miss = (points - target).abs()
    likelihood = (miss[..., :2].sum(-1) / spread[..., 0].exp() + 2 * spread[..., 0]).mean()
    likelihood = likelihood + (miss[..., 2] / spread[..., 1].exp() + spread[..., 1]).mean()
    miss = miss * ARMS_COUNT
    turn = (said_up - up[:, None]).norm(dim=-1).mean()
    return likelihood + 2 * miss.mean() + 3 * turn, (points - target).norm(dim=-1).mean() * TRUNK_M


def train(
    points: torch.Tensor,
    noise: KeypointNoise,
    steps: int,
    seed: int = 0,
    size: int = 96,
    start: LifterNetwork | None = None,
    rate: float = 2e-3,
    bfloat16: bool = False,
) -> LifterNetwork:
    """A network trained from nothing, or on from `start`: the moving average of its weights.

    Args:
        bfloat16: the network computes in that, which is faster where the processor can.
    """
    torch.manual_seed(seed)
    network, generator = start or LifterNetwork(), torch.Generator().manual_seed(seed)
    warmup = min(100, 1 + steps // 10)
    descent = Descent(network, lambda name: not name.startswith(ENDS), steps, rate, 0.75 * rate, warmup, AVERAGED)
    bar, mean = tqdm(range(steps), desc="steps", mininterval=5), None
    for _ in bar:
        clips = batch(points, noise, size, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            value, error = loss(network, *clips)
        descent.step(value)
        error = float(error.detach())
        mean = error if mean is None else 0.98 * mean + 0.02 * error
        bar.set_postfix_str(f"{1000 * mean:.0f} mm")
    descent.finish()
    return network.eval()


def main(argv: list[str] | None = None) -> int:
    return run_command(_train_lifter, argv)


def _train_lifter(argv: list[str]) -> int:
    parser = command_parser("training.networks.lifter", __doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=OutFile, help="safetensors file to write")
    what.add_argument("--offsets", action="store_true", help="only print where MediaPipe draws its keypoints")
    parser.add_argument("--scenes", type=int, default=20, help="rendered scenes from which keypoint noise is measured")
    parser.add_argument("--reaches", type=int, default=2000, help="procedural reaches")
    parser.add_argument("--random", type=int, default=1400, help="clips of random poses")
    parser.add_argument("--walks", type=int, default=1000, help="procedural walks")
    parser.add_argument(
        "--mocap", type=given_path, metavar="DIR", help="recordings, of which the development half is used"
    )
    parser.add_argument("--recorded", type=int, default=1000, help="clips of recordings")
    parser.add_argument("--acts", type=int, default=3000, help="clips of what people do in the wider world")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument(
        "--start", type=given_path, metavar="FILE", help="weights to go on from; default: none, from nothing"
    )
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate; default %(default)s")
    parser.add_argument("--bfloat16", action="store_true", help="faster, on processors that compute in it")
    arguments = parser.parse_args(argv)
    from training.networks.half_weights import save_half
    from training.slow_bfloat16 import warn_if_slow

    if arguments.bfloat16:
        warn_if_slow("cpu", "leave out --bfloat16")

    start = time.perf_counter()
    noise = measured_noise(tqdm(observed(arguments.scenes), total=arguments.scenes, desc="keypoint noise"))
    if arguments.offsets:
        for k, offset in zip(km.BODY_KEYPOINTS, 100 * noise.offset_m):
            print(f"{k:3}: " + ", ".join(f"{value:.1f}" for value in offset))
        return 0
    pieces = tuple(s for s in segments(arguments.mocap) if s.number % 2 == 0) if arguments.mocap else ()
    counts = MotionCounts(
        arguments.reaches, arguments.random, arguments.walks, arguments.recorded, arguments.acts, pieces
    )
    points = motion_points(counts, noise)
    begun = None if arguments.start is None else network_of(arguments.start)
    network = train(points, noise, arguments.steps, start=begun, rate=arguments.rate, bfloat16=arguments.bfloat16)
    save_half(network, Path(arguments.out), start)
    return 0


if __name__ == "__main__":
    sys.exit(main())
