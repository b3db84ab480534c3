"""How different the samples of one request are: is there anything to choose from?

python -m benchmarks.diversity --scenes 12 --samples 4

Scenes are held out from training and not in TargetBench; K videos with K seeds are made of each. Spread: a pixel's
distance from the mean of the samples (RMS, of 255), over the pixels that move in any of them, relative to its distance
from the input picture; 0 means K identical videos. Ends: centre of the most changed pixels in the last frame.
"""

import argparse
import sys
from itertools import combinations

import numpy as np

from benchmarks.results import Value, add_save_option, save

FIRST_SCENE = 7_000_000  # beyond every seed of training and of TargetBench
MOVES = 12.0  # of 255: a pixel that changes more than this moves


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="as in tavid-plan")
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--samples", type=int, default=4)
    add_save_option(parser, "diversity")
    arguments = parser.parse_args(argv)
    rows = np.array(measure(arguments.profile, arguments.set, arguments.scenes, arguments.samples))
    spread, motion, apart = rows.mean(0)
    print(
        f"{len(rows)} scenes, {arguments.samples} samples each: spread {spread:.1f}, motion {motion:.1f} of 255, "
        f"spread by motion {spread / motion:.2f}; ends {apart:.1%} of the width apart"
    )
    if arguments.save:
        found = dict(scenes=Value(len(rows)), spread=Value(spread), motion=Value(motion), ratio=Value(spread / motion))
        save(arguments.save, f"{arguments.samples} samples of a request", found | {"ends_apart": Value(apart)})
    return 0


def measure(profile: str, options: list[str], scenes: int, samples: int) -> list[tuple[float, float, float]]:
    """Spread, motion and distance of the ends of every scene."""
    from tqdm import tqdm

    from tavid_planner.config import load_profile, with_options
    from tavid_planner.request import InteractionRequest
    from tavid_planner.video import generate_video, load_pipeline
    from training.scenes.scene import generate_scene

    video = with_options(load_profile(profile), options).video
    pipeline, rows = load_pipeline(video), []
    for number in tqdm(range(scenes), unit="scene", disable=not sys.stderr.isatty()):
        scene = generate_scene(FIRST_SCENE + number, video.height, video.width, video.num_frames)
        request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption)
        clips = [generate_video(pipeline, request, video, seed).frames for seed in range(samples)]
        rows.append(spread_of(np.array(clips), request.rgb))
    return rows


def spread_of(clips: np.ndarray, picture: np.ndarray) -> tuple[float, float, float]:
    """Spread, motion, and distance of the ends as a share of the width.

    Args:
        clips: (K, T, H, W, 3) uint8. picture: (H, W, 3) uint8.
    """
    clips = clips.astype(np.float32)
    change = np.abs(clips - picture).mean(-1)  # (K, T, H, W)
    moving = (change > MOVES).any(0)
    if not moving.any():
        return 0.0, 0.0, 0.0
    spread = np.sqrt(((clips - clips.mean(0)) ** 2).mean((0, -1))[moving].mean())
    motion = np.sqrt(((clips - picture) ** 2).mean((0, -1))[moving].mean())
    ends = [_middle(np.maximum(one[-1] - MOVES, 0)) for one in change]
    apart = np.mean([np.linalg.norm(a - b) for a, b in combinations(ends, 2)]) if len(ends) > 1 else 0.0
    return float(spread), float(motion), float(apart / picture.shape[1])


def _middle(weights: np.ndarray) -> np.ndarray:  # (H, W) -> (2,)
    total = weights.sum()
    rows, columns = np.indices(weights.shape)
    return np.array([(weights * rows).sum(), (weights * columns).sum()]) / max(total, 1e-6)


if __name__ == "__main__":
    sys.exit(main())
