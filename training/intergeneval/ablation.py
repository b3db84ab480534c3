"""The ablation of MATRIX's losses with a small model: a training for every row and seed, then InterGenEval.

Rows are those of MATRIX's table, TaViD's loss, and both at a tenth of their weight and at ten times; what is judged is
scenes with two people.
"""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hoi_motion.files import write_whole
from tavid_planner.config import VideoConfig
from tavid_planner.errors import ErrorCode, InputError
from training.bench.ablation import agreed_steps, check_size, chosen_rows, train_once
from training.bench.cases import COMPANY_CLASSES, bench_cases
from training.bench.intervals import mean_interval
from training.configuration import AdapterConfig, load_training_config
from training.intergeneval.judges import judge_named
from training.intergeneval.run import GEOMETRIC, Asking, fidelities, judge_clips, table

REFERENCE = "data_only"


@dataclass(frozen=True)
class MatrixRow:
    """One line of the table.

    Attributes:
        name, shows: of the line; weights: of target, SPA and SGA loss as shares of the config's, None where nothing is
            trained; direction: of SGA; paper_fidelity: IF that MATRIX reports, None where it does not.
    """

    name: str
    shows: str
    weights: tuple[float, float, float] | None
    direction: str = "v2t"
    paper_fidelity: float | None = None

    def options(self, config: AdapterConfig) -> list[str] | None:
        if self.weights is None:
            return None
        target, propagation, grounding = self.weights
        return [
            f"attention.weight={target * config.attention.weight:g}",
            f"alignment.propagation.weight={propagation * config.alignment.propagation.weight:g}",
            f"alignment.grounding.weight={grounding * config.alignment.grounding.weight:g}",
            f"alignment.grounding.direction={self.direction}",
        ]


MATRIX_ROWS = (
    MatrixRow("base", "nothing trained, nothing marked", None, paper_fidelity=0.449),
    MatrixRow(REFERENCE, "LoRA and ID map on the data, no loss on attention", (0, 0, 0), paper_fidelity=0.486),
    MatrixRow("target", "with TaViD's loss", (1, 0, 0)),
    MatrixRow("target_tenth", "with a tenth of TaViD's loss", (0.1, 0, 0)),
    MatrixRow("target_tenfold", "with ten times TaViD's loss", (10, 0, 0)),
    MatrixRow("spa", "with SPA", (0, 1, 0), paper_fidelity=0.496),
    MatrixRow("sga_t2v", "with SGA, text asks video", (0, 0, 1), "t2v", 0.531),
    MatrixRow("sga_v2t", "with SGA, video asks text", (0, 0, 1), "v2t", 0.550),
    MatrixRow("spa_sga", "with SPA and SGA", (0, 1, 1), "v2t", 0.593),
    MatrixRow("spa_sga_tenth", "with a tenth of SPA and SGA", (0, 0.1, 0.1)),
    MatrixRow("spa_sga_tenfold", "with ten times SPA and SGA", (0, 10, 10)),
    MatrixRow("all", "with SPA, SGA and TaViD's loss", (1, 1, 1)),
)


def run_matrix_ablation(args, video: VideoConfig) -> str:
    """Train and judge what is missing in the folder args.out; the table as text, also in `table.md`.

    Args:
        args: config and options (of the trainings), rows, seeds, scenes, classes, minutes_per_run, steps_per_run, out,
            keypoints.

    Raises:
        InputError: CONFIG_INVALID; an unknown row or class lists the valid names.
        TavidError: of the training, the generation and the judge.
    """
    out = args.out or Path("runs/matrix-ablation")
    config = checked_config(args.config, args.options)
    video = replace(video, base=config.base, adapter="")
    check_size(config, video)
    rows = chosen_rows(MATRIX_ROWS, args.rows)
    full = load_training_config(args.config, [*args.options, *MATRIX_ROWS[-1].options(config)])
    steps = agreed_steps(out, full, args.minutes_per_run, args.steps_per_run)
    cases = bench_cases(args.classes or list(COMPANY_CLASSES), args.scenes)
    judged: dict[str, list[list[dict]]] = {row.name: [] for row in rows}
    for row, seed in tqdm(list(itertools.product(rows, range(args.seeds))), unit="run", desc="ablation"):
        run, options = out / f"{row.name}-seed{seed}", row.options(config)
        model = video
        if options is not None:
            train_once(args.config, [*args.options, *options, f"steps={steps}", f"seed={seed}"], run, steps)
            model = replace(video, adapter=str(run / "adapter"))
        contestant = "base" if options is None else "adapter"
        asking = Asking(judge_named(GEOMETRIC), GEOMETRIC, "", args.keypoints, seed)
        judged[row.name].append(judge_clips(asking, cases, [contestant], model, run / "answers")[contestant])
    text = matrix_table(rows, judged, steps)
    write_whole(out / "table.md", (text + "\n").encode())
    return text


def checked_config(path: Path, options: list[str]) -> AdapterConfig:
    """The config of the trainings. Raises: InputError: CONFIG_INVALID when it trains no adapter with an ID map."""
    config = load_training_config(path, options)
    if not isinstance(config, AdapterConfig) or config.conditioning != "id_map":
        message = f"{path} trains no adapter with an ID map"
        raise InputError(
            ErrorCode.CONFIG_INVALID, message, "give a training of the task adapter with conditioning id_map"
        )
    return config


def matrix_table(rows: tuple[MatrixRow, ...], judged: dict[str, list[list[dict]]], steps: int) -> str:
    """Scores pooled over seeds, every seed's IF, and what each row adds to data alone on the same scenes."""
    pooled = [(f"{row.name}: {row.shows}", list(itertools.chain(*judged[row.name]))) for row in rows]
    lines = table(pooled, trainings=len(judged[rows[0].name])).splitlines()
    lines[1] += " IF by seed | against data alone | paper |"
    lines[2] += "---|---|---|"
    for number, row in enumerate(rows):
        seeds = ", ".join(f"{np.mean([f.fidelity for f in fidelities(clips)]):.3f}" for clips in judged[row.name])
        against = paired(judged[row.name], judged[REFERENCE]) if REFERENCE in judged else "-"
        lines[number + 3] += f" {seeds} | {against} | {row.paper_fidelity or '-'} |"
    title = f"{steps} steps a training; value [95% interval over scenes]"
    return "\n".join([title, *lines])


def paired(mine: list[list[dict]], reference: list[list[dict]]) -> str:
    """Mean difference of IF, scene by scene, each scene's mean over seeds, with its 95% interval."""
    values = [
        np.mean([[f.fidelity for f in fidelities(clips)] for clips in judged], axis=0) for judged in (mine, reference)
    ]
    difference = values[0] - values[1]
    mean, low, high = mean_interval(difference)
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
