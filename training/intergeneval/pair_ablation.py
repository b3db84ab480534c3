"""The ablation of MATRIX's losses by a smaller question: how much better are the marks used?

Each training is judged by held-out pairs of clips with the same first frame (training.bench.told_apart), which takes
seconds and no clip: the share of what differs between the two that the marks explain, where there is nothing but noise.
A base that sees no marks explains nothing but what the sentences say. The shares of every training are kept in
`pairs.jsonl`, seed by seed, so that an ablation that is cut short has whole seeds.
"""

import itertools
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hoi_motion.files import write_whole
from training.bench.ablation import agreed_steps, chosen_rows, train_once
from training.bench.intervals import mean_interval
from training.bench.told_apart import NOTHING, TIMESTEPS, explained, load_pairs
from training.claims import claim
from training.configuration import AdapterConfig, load_training_config
from training.data.cache import ClipCache
from training.intergeneval.ablation import MATRIX_ROWS, REFERENCE, MatrixRow, checked_config
from training.json_lines import append_line, drop_cut_line, read_lines

JUDGED_AT = TIMESTEPS[0]


def run_pair_ablation(args) -> str:
    """Train and judge what is missing in the folder args.out; the table as text, also in `table.md`.

    Args:
        args: config and options (of the trainings), pairs (a cache of held-out ones), rows, seeds, minutes_per_run,
            steps_per_run, out.

    Raises:
        InputError: CONFIG_INVALID when the folder holds shares of other pairs; an unknown row lists the valid names.
        TavidError: of the training.
    """
    out = args.out or Path("runs/pair-ablation")
    config = checked_config(args.config, args.options)
    rows = chosen_rows(MATRIX_ROWS, args.rows)
    full = load_training_config(args.config, [*args.options, *MATRIX_ROWS[-1].options(config)])
    steps = agreed_steps(out, full, args.minutes_per_run, args.steps_per_run)
    claim(out / "pairs.json", {"pairs": ClipCache(args.pairs).digest}, "shares")
    drop_cut_line(out / "pairs.jsonl")
    for seed, row in tqdm(list(itertools.product(range(args.seeds), rows)), unit="run", desc="ablation"):
        _train_and_judge(args, config, row, seed, steps, out)
        text = pair_table(rows, read_lines(out / "pairs.jsonl"), steps)
        write_whole(out / "table.md", (text + "\n").encode())
    return text


def _train_and_judge(args, config: AdapterConfig, row: MatrixRow, seed: int, steps: int, out: Path) -> None:
    done = {(line["row"], line["seed"]) for line in read_lines(out / "pairs.jsonl")}
    if (row.name, seed) in done:
        return
    options, run = row.options(config), out / f"{row.name}-seed{seed}"
    adapter = NOTHING
    if options is not None:
        train_once(args.config, [*args.options, *options, f"steps={steps}", f"seed={seed}"], run, steps)
        adapter = str(run / "adapter")
    task = load_pairs(adapter, config.base, str(args.pairs))
    shares = {str(timestep): explained(task, timestep).tolist() for timestep in TIMESTEPS}
    append_line(out / "pairs.jsonl", {"row": row.name, "seed": seed, "steps": steps, "explained": shares})


def pair_table(rows: tuple[MatrixRow, ...], lines: list[dict], steps: int) -> str:
    """Mean shares with 95% intervals over pairs, by seed, and what a row adds to data alone on the same pairs.

    A pair's share is its mean over seeds; compared are seeds that both rows have.
    """
    judged: dict[str, dict[int, np.ndarray]] = {}
    for line in lines:
        judged.setdefault(line["row"], {})[line["seed"]] = np.array(line["explained"][str(JUDGED_AT)])
    count = max((len(values) for seeds in judged.values() for values in seeds.values()), default=0)
    text = [
        f"{steps} steps a training, {count} held-out pairs; share explained at timestep {JUDGED_AT} [95% interval]",
        "| | seeds | explained | by seed | against data alone (by seed) | IF in the paper |",
        "|---|---|---|---|---|---|",
    ]
    reference = judged.get(REFERENCE, {})
    for row in rows:
        if row.name not in judged:
            continue
        seeds = judged[row.name]
        both = sorted(seeds.keys() & reference.keys())
        against = "-"
        if both and row.name != REFERENCE:
            gains = [seeds[s] - reference[s] for s in both]
            each = ", ".join(f"{gain.mean():+.3f}" for gain in gains)
            against = f"{_shown(np.mean(gains, axis=0), '+.3f')} ({each})"
        by_seed = ", ".join(f"{seeds[s].mean():.3f}" for s in sorted(seeds))
        mean = _shown(np.mean(list(seeds.values()), axis=0), ".3f")
        paper = row.paper_fidelity or "-"
        text.append(f"| {row.name}: {row.shows} | {len(seeds)} | {mean} | {by_seed} | {against} | {paper} |")
    return "\n".join(text)


def _shown(values: np.ndarray, digits: str) -> str:
    mean, low, high = (format(number, digits) for number in mean_interval(values))
    return f"{mean} [{low}, {high}]"
