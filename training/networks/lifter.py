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
from hoi_motion.lift.person.lifter import TRUNK_M, LifterNetwork, network_of
from hoi_motion.lift.person.priors import SPREAD_RAD
from hoi_motion.reading.untrusted import reading
from hoi_motion.scripts.command import command_parser, run_command
from hoi_motion.scripts.outputs import OutFile
from training.arguments import given_path, not_negative, positive, positive_number
from training.networks.descent import Descent
from training.networks.keypoint_noise import KeypointNoise, carried, measured_noise, observed
from training.networks.lifter_acts import acts
from training.networks.lifter_batch import batch
from training.networks.lifter_motion import FRAMES, random_poses, reaches, recordings, walks
from training.scenes.recorded_motion import Segment, segments
from training.scenes.scene import free_body

AVERAGED = 0.998
"""Share of the averaged weights that each step keeps."""
ENDS = "enter.", "leave."
"""Layers in the units of keypoints, which AdamW trains; Muon trains those between."""

# elbows, wrists and hands count double
ARMS_COUNT = torch.tensor([2.0 if 13 <= k <= 22 else 1.0 for k in km.BODY_KEYPOINTS])[:, None]


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
    stop_after: int | None = None,
) -> LifterNetwork:
    """A network trained from nothing, or on from `start`: the moving average of its weights.

    Args:
        stop_after: so many of the steps are made, while the rate is still high. The average of weights that move much
            is a smoother network than one at which the rate has run out.
        bfloat16: the network computes in that, which is faster where the processor can.
    """
    torch.manual_seed(seed)
    network, generator = start or LifterNetwork(), torch.Generator().manual_seed(seed)
    warmup = min(100, 1 + steps // 10)
    descent = Descent(network, lambda name: not name.startswith(ENDS), steps, rate, 0.75 * rate, warmup, AVERAGED)
    made = steps if stop_after is None else min(stop_after, steps)
    bar, mean = tqdm(range(made), desc="steps", mininterval=5), None
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
    parser.add_argument(
        "--scenes", type=positive, default=20, help="rendered scenes that keypoint noise is measured on"
    )
    parser.add_argument("--reaches", type=not_negative, default=2000, help="procedural reaches")
    parser.add_argument("--random", type=not_negative, default=1400, help="clips of random poses")
    parser.add_argument("--walks", type=not_negative, default=1000, help="procedural walks")
    parser.add_argument(
        "--mocap", type=given_path, metavar="DIR", help="recordings, of which the development half is used"
    )
    parser.add_argument("--recorded", type=not_negative, default=1000, help="clips of recordings, with --mocap")
    parser.add_argument("--acts", type=not_negative, default=3000, help="clips of what people do in the wider world")
    parser.add_argument("--steps", type=positive, default=5000)
    parser.add_argument("--stop-after", type=positive, metavar="STEPS", help="make only so many of --steps")
    parser.add_argument(
        "--start", type=given_path, metavar="FILE", help="weights to go on from; default: none, from nothing"
    )
    parser.add_argument("--rate", type=positive_number, default=2e-3, help="highest learning rate; default %(default)s")
    parser.add_argument("--bfloat16", action="store_true", help="faster, on processors that compute in it")
    arguments = parser.parse_args(argv)
    counts = {name: getattr(arguments, name) for name in ("reaches", "random", "walks", "acts")}
    counts["recorded"] = arguments.recorded if arguments.mocap else 0
    if not (any(counts.values()) or arguments.offsets):
        parser.error("there is no clip to train on: give one of --reaches, --random, --walks and --acts more than 0")
    from training.networks.half_weights import save_half
    from training.slow_bfloat16 import warn_if_slow

    if arguments.bfloat16:
        warn_if_slow("cpu", "leave out --bfloat16")

    begun = None
    if arguments.start is not None:
        with reading(arguments.start, "the weights of a lifter", hint="name a file that this command wrote"):
            begun = network_of(arguments.start)
    pieces = tuple(s for s in segments(arguments.mocap) if s.number % 2 == 0) if arguments.mocap else ()
    start = time.perf_counter()
    noise = measured_noise(tqdm(observed(arguments.scenes), total=arguments.scenes, desc="keypoint noise"))
    if arguments.offsets:
        for k, offset in zip(km.BODY_KEYPOINTS, 100 * noise.offset_m):
            print(f"{k:3}: " + ", ".join(f"{value:.1f}" for value in offset))
        return 0
    points = motion_points(MotionCounts(**counts, pieces=pieces), noise)
    network = train(
        points,
        noise,
        arguments.steps,
        start=begun,
        rate=arguments.rate,
        bfloat16=arguments.bfloat16,
        stop_after=arguments.stop_after,
    )
    save_half(network, Path(arguments.out), start)
    return 0


if __name__ == "__main__":
    sys.exit(main())
