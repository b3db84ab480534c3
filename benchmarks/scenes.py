"""Speed of the scene generator: python -m benchmarks.scenes [--count 24 --size 128x192 --frames 25 --workers 2].

Every worker generates its share of held-out scenes in memory (nothing is written); compiling and loading are not
counted. Prints clips per minute of all workers together, the median over clips, and what the clips hold.
"""

import argparse
import multiprocessing
import time

import numpy as np

from benchmarks.results import Value, add_save_option, save
from training.scenes.__main__ import positive, size
from training.scenes.scene import HELD_OUT_SEED, generate_scene

READABLE_PX = 9 / 144  # an object this wide, as a share of the image, is recognisable in the small model's pictures


def measure(arguments: tuple[list[int], tuple[int, int], int]) -> list[dict]:
    """Time and contents of every clip of one worker."""
    import torch

    torch.set_num_threads(1)
    seeds, (height, width), frames = arguments
    generate_scene(HELD_OUT_SEED - 1, 32, 48, 2)  # compile
    rows = []
    for seed in seeds:
        started, cpu = time.perf_counter(), time.process_time()
        sample = generate_scene(seed, height, width, frames)
        columns = [np.flatnonzero((sample.instance_ids[0] == i).any(0)) for i in sample.candidate_ids]
        rows.append(
            {
                "wall_s": time.perf_counter() - started,
                "cpu_s": time.process_time() - cpu,
                "candidates": len(sample.candidate_ids),
                "readable": np.mean([np.ptp(c) + 1 >= READABLE_PX * width if len(c) else False for c in columns]),
                "actor_share": float((sample.instance_ids == 1).mean()),
                "touches": sample.contact_labels.any(),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=positive, default=24)
    parser.add_argument("--size", type=size, default=(128, 192), metavar="HxW")
    parser.add_argument("--frames", type=positive, default=25)
    parser.add_argument("--workers", type=positive, default=2)
    add_save_option(parser, "scenes")
    arguments = parser.parse_args()
    seeds = list(range(HELD_OUT_SEED, HELD_OUT_SEED + arguments.count))
    shares = [(seeds[i :: arguments.workers], arguments.size, arguments.frames) for i in range(arguments.workers)]
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        rows = [row for rows in pool.map(measure, shares) for row in rows]
    column = {name: np.array([row[name] for row in rows], float) for name in rows[0]}
    height, width = arguments.size
    print(f"{len(rows)} clips of {height}x{width}x{arguments.frames}, {arguments.workers} workers")
    values = {}
    for name, label in (("wall_s", "wall clock"), ("cpu_s", "processor time, one free core a worker")):
        median, mean = (60 * arguments.workers / f(column[name]) for f in (np.median, np.mean))
        values |= {name.replace("_s", "_median"): Value(median), name.replace("_s", "_mean"): Value(mean)}
        print(f"clips per minute, {label:<40} median {median:6.0f}   mean {mean:6.0f}")
    print(f"scenes with several identical objects {100 * (column['candidates'] > 1).mean():.0f} %")
    print(f"candidates at least 9 px wide at 144 px {100 * column['readable'].mean():.0f} %")
    print(f"actor's share of the picture {100 * column['actor_share'].mean():.0f} %")
    print(f"clips with a touch {100 * column['touches'].mean():.0f} %")
    if arguments.save:
        save(arguments.save, "procedural clips a minute, of all workers together", values)


if __name__ == "__main__":
    main()
