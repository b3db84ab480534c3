"""The ablation of TaViD's attention loss with a small model: a training for every row and seed, then the bench.

Rows are those of the paper. What it reports for attention modulation without training is not in its table.
"""

import itertools
import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hoi_motion.files import write_whole
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading
from tavid_planner.config import VideoConfig, resolve_model
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.adapter import CONV_PATTERN
from training.bench.cases import bench_cases
from training.bench.runner import run_bench
from training.bench.scoring import VideoScore
from training.bench.table import markdown_table, summary
from training.claims import refuse_another
from training.configuration import AdapterConfig, TrainConfig, load_training_config
from training.json_lines import read_lines
from training.objectives.block_choice import parse_block_choice

TIMED_STEPS = 3


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name, shows: of the line; options: of its trainings, None where nothing is trained.
        paper_contact: contact score that TaViD reports, None where it does not.
        contestant: of the bench (training.bench.runner.CONTESTANTS), which is judged.
    """

    name: str
    shows: str
    options: tuple[str, ...] | None
    paper_contact: float | None = None
    contestant: str = "adapter"


def ablation_rows(supervised: int, num_blocks: int) -> tuple[Row, ...]:
    """All rows, for a model of `num_blocks` blocks of which the config supervises `supervised`."""
    return (
        Row("no_mask", "base without mask, nothing trained", None, contestant="base"),
        Row("modulation", "base without mask, attention modulated, nothing trained", None, contestant="modulation"),
        Row("data_only", "lambda 0: mask channel and LoRA without the loss", ("attention.weight=0",), 0.688),
        Row("lambda_0.01", "lambda 0.01", ("attention.weight=0.01",), 0.756),
        Row("lambda_0.1", "lambda 0.1, blocks of the config", ("attention.weight=0.1",), 0.896),
        Row("lambda_1", "lambda 1", ("attention.weight=1",), 0.904),
        Row(
            "random_blocks",
            "lambda 0.1, blocks drawn from all",
            ("attention.weight=0.1", f"attention.blocks={supervised} fixed of 0-{num_blocks - 1}"),
            0.84,
        ),
        Row(
            "uniform_blocks",
            "lambda 0.1, blocks spread over all",
            ("attention.weight=0.1", f"attention.blocks={supervised} uniform"),
            0.84,
        ),
        Row("t2v", "lambda 0.1, text asks video", ("attention.weight=0.1", "attention.direction=t2v"), 0.784),
    )


def run_ablation(args, video: VideoConfig) -> str:
    """Train and judge what is missing in the folder args.out; the table as text, also in `table.md`.

    Args:
        args: config and options (of the trainings), rows, seeds, scenes, minutes_per_run, steps_per_run, out, workers,
            keypoints.

    Raises:
        InputError: CONFIG_INVALID; an unknown row lists the valid names.
        TavidError: of the training and of the bench.
    """
    out = args.out or Path("runs/ablation")
    config = load_training_config(args.config, args.options)
    if not isinstance(config, AdapterConfig):
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"{args.config} trains no adapter", "give a training of the task adapter"
        )
    video = replace(video, base=config.base, adapter="")
    check_size(config, video)
    rows = chosen_rows(_rows_of(config), args.rows)
    steps = agreed_steps(out, config, args.minutes_per_run, args.steps_per_run)
    cases = bench_cases(count=args.scenes)
    scores: dict[str, list[list[VideoScore]]] = {row.name: [] for row in rows}
    for row, seed in tqdm(list(itertools.product(rows, range(args.seeds))), unit="run", desc="ablation"):
        run = out / f"{row.name}-seed{seed}"
        if row.options is not None:
            options = [*args.options, *row.options, f"steps={steps}", f"seed={seed}"]
            train_once(args.config, options, run, steps)
            judged = replace(video, adapter=str(run / "adapter"))
        else:
            judged = video
        results = run_bench(judged, cases, [row.contestant], run / "bench", args.keypoints, seed, args.workers)
        scores[row.name].append([r.score for r in results])
    text = ablation_table(rows, scores, steps, len(cases))
    write_whole(out / "table.md", (text + "\n").encode())
    return text


def ablation_table(
    rows: tuple[Row, ...], scores: dict[str, list[list[VideoScore]]], steps: int, num_scenes: int
) -> str:
    """The rows' scores pooled over seeds, the contact score of every seed, and where the order is not the paper's."""
    pooled = {row.name: list(itertools.chain(*scores[row.name])) for row in rows}
    columns = {
        "contact": "contact",
        "hit": "target hit",
        "wrong": "wrong object",
        "target_share": "share of frames",
        "dynamic_degree": "dynamic",
    }
    shown = [(f"{row.name}: {row.shows}", pooled[row.name]) for row in rows]
    table = markdown_table(shown, columns, trainings=len(scores[rows[0].name])).splitlines()
    table[0] += " contact by seed | paper |"
    table[1] += "---|---|"
    for index, row in enumerate(rows):
        seeds = ", ".join(f"{_contact(part):.2f}" for part in scores[row.name])
        table[index + 2] += f" {seeds} | {row.paper_contact or '-'} |"
    title = f"{steps} steps a training, {num_scenes} scenes of TargetBench; value [95% interval over scenes]"
    return "\n".join([title, *table, _order(rows, pooled)])


def _order(rows: tuple[Row, ...], pooled: dict[str, list[VideoScore]]) -> str:
    other = [
        f"{a.name} {_contact(pooled[a.name]):.2f} against {b.name} {_contact(pooled[b.name]):.2f}"
        for a, b in itertools.combinations([r for r in rows if r.paper_contact is not None], 2)
        if (a.paper_contact - b.paper_contact) * (_contact(pooled[a.name]) - _contact(pooled[b.name])) < 0
    ]
    return "Contact scores in another order than the paper's (ties left out): " + (
        "; ".join(other) if other else "none"
    )


def _contact(scores: list[VideoScore]) -> float:
    return summary(scores)["contact"]["value"]


def _rows_of(config: AdapterConfig) -> tuple[Row, ...]:
    from tavid_planner.video.model_files import model_folder

    folder = model_folder(resolve_model(config.base))
    num_blocks = json.loads((folder / "transformer" / "config.json").read_text())["num_layers"]
    choice = parse_block_choice(config.attention.blocks, num_blocks)
    return ablation_rows(choice.drawn or len(choice.candidates), num_blocks)


def chosen_rows(rows: tuple[Row, ...], names: list[str] | None) -> tuple[Row, ...]:
    valid = [row.name for row in rows]
    for name in names or ():
        if name not in valid:
            raise InputError(ErrorCode.CONFIG_INVALID, f"unknown row {name!r}", f"valid names: {', '.join(valid)}")
    return tuple(row for row in rows if not names or row.name in names)


def check_size(config: AdapterConfig, video: VideoConfig) -> None:
    from training.data.cache import ClipCache

    there = ClipCache(config.cache).settings
    size, wanted = (there.height, there.width, there.num_frames), (video.height, video.width, video.num_frames)
    if size != wanted:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{config.cache} holds clips of {size} (height, width, frames), the profile generates {wanted}",
            "encode clips of the profile's size",
        )


def agreed_steps(out: Path, config: TrainConfig, minutes: float, steps: int | None = None) -> int:
    """Steps of every training; written down, so that later runs make the same.

    Args:
        minutes: of a training with the loss, timed here; steps: so many instead.

    Raises:
        InputError: CONFIG_INVALID when the folder was begun with other minutes, other steps or another config.
    """
    path, facts = out / "ablation.json", {"minutes_per_run": minutes, "config": repr(config)}
    if steps is not None:
        facts = {**facts, "minutes_per_run": None, "steps": steps}
    if path.is_file():
        hint = "delete it, and the trainings beside it if they made other numbers of steps"
        there = read_json(path, "what the trainings of an ablation share", hint=hint)
        refuse_another(out, there, facts, "an ablation")
        with reading(path, "what the trainings of an ablation share", hint=hint):
            return int(there["steps"])
    out.mkdir(parents=True, exist_ok=True)
    if steps is not None:
        write_whole(path, json.dumps(facts, indent=1).encode())
        return steps
    from training.trainer import Trainer

    trainer = Trainer(replace(config, out=str(out / "timing"), steps=10_000))
    trainer.train_step()  # the first one also allocates
    times = []
    for _ in range(TIMED_STEPS):
        start = time.perf_counter()
        trainer.train_step()
        times.append(time.perf_counter() - start)
    steps = max(1, round(60 * minutes / float(np.median(times))))
    write_whole(path, json.dumps({**facts, "steps": steps}, indent=1).encode())
    return steps


def train_once(config: Path, options: list[str], run: Path, steps: int) -> None:
    """A training in a process of its own; one that was stopped goes on, one that is done stays.

    Raises:
        InputError: CONFIG_INVALID when it failed; its own words are above.
    """
    log = read_lines(run / "log.jsonl")
    whole = any((run / "adapter").glob(CONV_PATTERN))  # which is written last
    if log and log[-1]["step"] >= steps and whole:
        return
    # a limit in minutes, which a config may have, would give every training other steps
    options = [*options, f"out={run}", "validation.every=0", "minutes=0"]
    command = [sys.executable, "-m", "training.train", "--config", str(config), *options]
    done = subprocess.run(command, stdout=subprocess.DEVNULL)
    if done.returncode:
        message = f"the training of {run.name} ended with {done.returncode}"
        raise InputError(ErrorCode.CONFIG_INVALID, message, "see its own message above")
