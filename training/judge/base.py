"""The error of a base model: `python -m training.judge.base --run runs/base --latents runs/held-latents`

The mean squared error of the clean latents that one prediction gives, by timestep, in cells that move and in cells that
stand still. A base that has learned its clips by heart is much better on them than on others, above all where noise
hides all but the first frame.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hoi_motion.options import from_mapping
from tavid_planner.errors import ErrorCode, InputError, TavidError
from training.arguments import given_path, positive
from training.configuration import BaseConfig
from training.data.latents import LatentCache
from training.tasks.base import BaseTask

TIMESTEPS = (100, 200, 400, 600, 800, 950)


def load_run(run: Path, latents: Path) -> BaseTask:
    """The base of a run, also of an unfinished one, with clips of its own or of others.

    Args:
        latents: folder of training.data.latents, encoded by the VAE of the run's clips.

    Raises:
        InputError: CONFIG_INVALID, FILE_INVALID.
    """
    try:
        options = json.loads((run / "run.json").read_text())["config"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(ErrorCode.FILE_INVALID, f"cannot read {run / 'run.json'}: {error}") from error
    config = from_mapping(BaseConfig, options)
    everything = dict(mask_share=1.0, text_dropout=0.0, image_dropout=0.0, moving_weight=1.0)
    task = BaseTask(replace(config, latents=str(latents), init=str(run), **everything), torch.device("cpu")).eval()
    task.cache.scale = LatentCache.load(Path(config.latents) / "latents.pt").scale
    return task


@torch.no_grad()
def errors(task: BaseTask, timestep: int, count: int, seed: int = 0) -> tuple[float, float]:
    """Mean squared errors of the scaled clean latents, moving and still cells; noise depends on the seed alone."""
    rng, scheduler = np.random.default_rng(seed), task.noise_scheduler
    alpha = scheduler.alphas_cumprod[timestep].float()
    sums = torch.zeros(2, 2)
    for rows in np.array_split(np.arange(count), -(-count // task.config.batch_size)):
        batch = task.batch(task.clips(rows, rng), 0, rng, timestep)
        off = task.predict(batch) - batch.target
        if scheduler.config.prediction_type == "v_prediction":
            off = (1 - alpha).sqrt() * off
        square, moving = (off**2).mean(2, keepdim=True), batch.weight > 1
        for which, cells in enumerate((moving, ~moving)):
            sums[which] += torch.stack([square[cells].sum(), cells.sum()])
    moving, still = (sums[:, 0] / sums[:, 1]).tolist()
    return moving, still


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=given_path, required=True, help="folder of a run of config/training/base.yaml")
    parser.add_argument(
        "--latents", type=given_path, required=True, help="clips to judge on, see training.data.latents"
    )
    parser.add_argument("--count", type=positive, default=60, help="clips, the first of the folder")
    args = parser.parse_args()
    try:
        task = load_run(args.run, args.latents)
    except TavidError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    count = min(args.count, len(task.cache.captions))
    print(
        f"{args.run} on {count} clips of {args.latents}: mean squared error of the clean latents\n"
        "timestep  moving   still"
    )
    for timestep in TIMESTEPS:
        print("{:8d}  {:.4f}  {:.4f}".format(timestep, *errors(task, timestep, count)))


if __name__ == "__main__":
    main()
