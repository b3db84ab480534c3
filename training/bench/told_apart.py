"""Do the marks tell who acts, or on what?

    python -m training.bench.told_apart --adapter DIR --cache runs/cache-held-pairs

Of pairs of clips that begin with the same picture (`python -m training.scenes`, with `--pairs` or `--company pairs`),
the share of what differs between the two that one prediction explains, by timestep: 0 when the marks change nothing, 1
when the two are told apart exactly. At the last timestep there is nothing but noise, the same for both: there the marks
have to do it.
"""

import argparse
import sys

import numpy as np
import torch

from tavid_planner.errors import ErrorCode, InputError, TavidError
from tavid_planner.video.conditioning import Conditioning
from training.arguments import positive
from training.bench.intervals import mean_interval
from training.configuration import AdapterConfig, AttentionLossConfig
from training.data.cache import ClipCache
from training.objectives.diffusion import difference_loss
from training.scenes.held_out import is_training_scene
from training.scenes.scene import HELD_OUT_SEED
from training.tasks.adapter import AdapterTask, prepare_adapter, start_from, take_conditioning

TIMESTEPS = (999, 749, 499)
NOTHING = "nothing"  # in place of an adapter: the base, which sees no marks


class JudgedAdapter(AdapterTask):
    """An adapter of any rank, which is not trained any further."""

    @staticmethod
    def prepare(transformer, config: AdapterConfig, digest: str) -> Conditioning:
        wanted = Conditioning(config.conditioning)
        if not config.init:
            prepare_adapter(transformer, config, digest)
        else:
            transformer.requires_grad_(False)
            take_conditioning(transformer, start_from(transformer, config, digest).conditioning, wanted, config.init)
        return wanted


def load_pairs(adapter: str, base: str, cache: str) -> AdapterTask:
    """An adapter with the clips of a cache, seen through an ID map; an adapter that knows one mask sees that.

    Raises:
        InputError: CONFIG_INVALID, FILE_INVALID. VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE.
    """
    config = AdapterConfig(
        init="" if adapter == NOTHING else adapter,
        base=base,
        cache=cache,
        trigger=ClipCache(cache).settings.trigger,
        conditioning="id_map",
        text_dropout=0.0,
        image_dropout=0.0,
        moving_weight=8.0,
        attention=AttentionLossConfig(weight=0.0, blocks="0"),
    )
    return JudgedAdapter(config, torch.device("cpu")).eval()


@torch.no_grad()
def explained(task: AdapterTask, timestep: int, count: int | None = None, seed: int = 0) -> np.ndarray:  # (N,)
    """Share of the difference that is explained, of each of the first `count` pairs (None: of all).

    Raises:
        InputError: CONFIG_INVALID when the cache has no pairs.
    """
    partners = ((row, task.cache.partner(row)) for row in range(len(task.cache)))
    pairs = [(row, other) for row, other in partners if other is not None and row < other][:count]
    if not pairs:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{task.config.cache} holds no pairs of clips",
            "encode clips that were made with --pairs or --company pairs",
        )
    shares = []
    for row, other in pairs:
        rng = np.random.default_rng([seed, row])
        batch = task.batch(task.clips([row, other], ((0, 1),), rng), 0, rng, timestep)
        off = difference_loss(task.predict(batch)[:, None], batch.target[:, None], batch.weight[:, None])
        shares.append(1 - float(off))
    return np.array(shares)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", required=True, help=f"its folder, or the word {NOTHING}: the base by itself")
    parser.add_argument("--base", default="models/tavid-mini")
    parser.add_argument("--cache", required=True, help="clips to judge on, see training.data.cache")
    parser.add_argument("--count", type=positive, help="pairs, the first of the cache (default: all)")
    args = parser.parse_args(argv)
    try:
        task = load_pairs(args.adapter, args.base, args.cache)
        shares = {timestep: explained(task, timestep, args.count) for timestep in TIMESTEPS}
    except TavidError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    trained_on = [name for name in task.clip_names if is_training_scene(name)]
    if trained_on:
        print(
            f"note: {len(trained_on)} of {len(task.cache)} clips are scenes that a training may have seen, the first "
            f"{trained_on[0]}; held out are seeds from {HELD_OUT_SEED} on",
            file=sys.stderr,
        )
    print(f"{args.adapter} on {len(shares[TIMESTEPS[0]])} pairs of {args.cache}: share explained, mean [95% interval]")
    for timestep, values in shares.items():
        print("{:8d}  {:.3f} [{:.3f}, {:.3f}]".format(timestep, *mean_interval(values)))


if __name__ == "__main__":
    main()
