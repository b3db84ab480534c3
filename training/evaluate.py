"""Does the generated hand go to the masked object?

    python -m training.evaluate --count 60                 # scenes of 2, 3 and 4 identical candidates
    python -m training.evaluate --bench --workers 2        # TargetBench: 280 scenes in 14 classes of difficulty
    python -m training.evaluate --ablation                 # what the attention loss is worth, several seeds a row
    python -m training.evaluate --ablation --matrix        # what MATRIX's losses are worth, in scenes with two people

Held-out scenes, a video for each from the first frame, the mask and the caption, scored by the project's own contact
detector: which candidate the acting hand is on, frame by frame, the nearest one counting. A hit: it stays at the masked
one longest without a break; contact: it touches that one in at least one frame. The ground-truth clips of the same
scenes show how accurate the detector is, and what the other scores are for perfect clips; the same clips through the
VAE and back show how much of what is missing the VAE alone loses. All numbers come with 95% intervals.
"""

import argparse
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from hoi_motion.files import write_whole
from hoi_motion.scripts.outputs import check_outputs
from tavid_planner.config import VideoConfig, load_profile
from tavid_planner.errors import ErrorCode, InputError, TavidError
from training.arguments import given_path, positive, positive_number
from training.bench.cases import DIFFICULTIES, bench_cases
from training.bench.runner import CONTESTANTS, USUAL_CONTESTANTS, clip_of, judge_cases, run_bench
from training.bench.scoring import VideoScore
from training.bench.table import summary
from training.scenes.scene import HELD_OUT_SEED, SceneSample, generate_scene


@dataclass(frozen=True)
class HeldOutCase:
    """A scene with a number of identical candidates, as training scenes are otherwise."""

    seed: int
    candidates: int

    def scene(self, height: int, width: int, num_frames: int, fps: float) -> SceneSample:
        return generate_scene(self.seed, height, width, num_frames, fps, num_candidates=self.candidates)


def held_out_case(index: int, first: int = HELD_OUT_SEED) -> HeldOutCase:  # 2, 3 and 4 candidates in turn
    return HeldOutCase(first + index, 2 + index % 3)


def _row(scene: SceneSample, frames: np.ndarray, verdict: str) -> np.ndarray:
    """First frame with the mask outlined, then the generated clip."""
    first = cv2.resize(scene.frames[0], None, fx=2, fy=2)
    mask = cv2.resize(scene.target_mask.astype(np.uint8), first.shape[1::-1])
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(first, outline, -1, (255, 0, 255), 1)
    cv2.putText(first, verdict, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0), 1)
    picks = np.linspace(0, len(frames) - 1, 6).astype(int)
    return np.concatenate([first] + [cv2.resize(frames[t], first.shape[1::-1]) for t in picks], axis=1)


def _print_row(name: str, scores: list[VideoScore]) -> dict:
    numbers = summary(scores)
    print(f"{name} ({len(scores)} scenes)")
    for kind, number in numbers.items():
        if number["value"] is None:
            continue
        digits = 2 if kind in ("hit", "wrong", "none", "lost", "contact", "permanence") else 3
        low, high = (f"{number[end]:.{digits}f}" for end in ("low", "high"))
        print(f"  {kind:<20} {number['value']:6.{digits}f}  [{low}, {high}]")
    return {"name": name, "numbers": numbers, "scores": [asdict(s) for s in scores]}


def quick_evaluation(args, config: VideoConfig) -> None:
    """Scenes of 2 to 4 identical candidates."""
    cases = [held_out_case(i, args.first_scene) for i in range(args.count or 60)]
    contestants = ["truth", "adapter"] if args.without_baseline else USUAL_CONTESTANTS
    jobs = [(c, contestants) for c in cases]
    results = list(judge_cases(jobs, config, args.keypoints, args.seed, args.workers, "held-out scenes"))
    chance = float(np.mean([1 / c.candidates for c in cases]))
    print(f"mean [95% interval]; hit by chance: {chance:.2f}; contact judged by {args.keypoints} keypoints")
    rows = []
    for contestant in contestants:
        mine = sorted((r for r in results if r.contestant == contestant), key=lambda r: r.case.seed)
        name = f"{args.profile}, {CONTESTANTS[contestant]}" if contestant == "adapter" else CONTESTANTS[contestant]
        rows.append(_print_row(name, [r.score for r in mine]))
        if contestant != "adapter":
            continue
        for candidates in (2, 3, 4):
            if part := [r.score for r in mine if r.candidates == candidates]:
                rows.append(_print_row(f"{args.profile}, of these with {candidates} candidates", part))
    if args.out:
        found = {"chance": chance, "keypoints": args.keypoints, "rows": rows}
        write_whole(args.out, (json.dumps(found, indent=1) + "\n").encode())
    if args.sheet:
        outcomes = {r.case: r.score.outcome for r in results if r.contestant == "adapter"}
        cv2.imwrite(str(args.sheet), cv2.cvtColor(_sheet(cases[:12], outcomes, config, args.seed), cv2.COLOR_RGB2BGR))


def _sheet(cases: list[HeldOutCase], outcomes: dict, config: VideoConfig, seed: int) -> np.ndarray:
    scenes = [c.scene(config.height, config.width, config.num_frames, config.fps) for c in cases]
    return np.concatenate(
        [_row(scene, clip_of("adapter", scene, config, seed), outcomes[case]) for case, scene in zip(cases, scenes)]
    )


def target_bench(args, config: VideoConfig) -> None:
    """TargetBench, or a part of it: scores or, with --preview, its scenes as a picture."""
    from training.bench.report import preview, report

    if args.preview:
        cases = bench_cases(args.classes, args.count or 2 * len(args.classes or DIFFICULTIES))
        size = config.height, config.width, config.num_frames, config.fps
        scenes = [(case, case.scene(*size)) for case in tqdm(cases, unit="scene", desc="bench scenes")]
        cv2.imwrite(str(args.preview), cv2.cvtColor(preview(scenes), cv2.COLOR_RGB2BGR))
        print(f"{len(scenes)} scenes: {args.preview}")
        return
    contestants = [c for c in CONTESTANTS if c in args.contestants]
    if not config.adapter and "adapter" in contestants:
        message = f"profile {args.profile} has no adapter"
        raise InputError(ErrorCode.CONFIG_INVALID, message, "leave that contestant out")
    cases, out = bench_cases(args.classes, args.count), args.out or Path("runs/bench")
    results = run_bench(config, cases, contestants, out, args.keypoints, args.seed, args.workers)
    text = f"Contact judged by {args.keypoints} keypoints\n{report(results)}"
    write_whole(out / "report.md", (text + "\n").encode())
    print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--count", type=positive, help="number of scenes; of the bench the first of every class, ...")
    parser.add_argument(
        "--keypoints", help="contact is judged by: mediapipe, low-resolution, ...; default: the profile's"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sampler")
    parser.add_argument(
        "--out", type=given_path, help="JSON with every outcome; with --bench and --ablation the run's folder"
    )
    parser.add_argument("--workers", type=positive, default=min(2, os.cpu_count() or 1), help="processes")
    quick = parser.add_argument_group("scenes of 2 to 4 candidates (without --bench and --ablation)")
    quick.add_argument("--first-scene", type=int, default=HELD_OUT_SEED, help="seed of the first held-out scene")
    quick.add_argument(
        "--without-baseline", action="store_true", help="leave out the base without mask, and the VAE alone"
    )
    quick.add_argument("--sheet", type=given_path, help="contact sheet (PNG) of the first 12 videos")
    bench = parser.add_argument_group("TargetBench")
    bench.add_argument("--bench", action="store_true", help="280 scenes in 14 classes of difficulty")
    bench.add_argument("--classes", type=lambda text: text.split(","), help="some of its classes, comma-separated")
    bench.add_argument(
        "--contestants",
        type=lambda text: text.split(","),
        default=USUAL_CONTESTANTS,
        metavar="A,B",
        help=f"some of {', '.join(CONTESTANTS)}",
    )
    bench.add_argument("--preview", type=given_path, metavar="PNG", help="only draw its scenes")
    ablation = parser.add_argument_group("ablation of the attention loss")
    ablation.add_argument(
        "--ablation", action="store_true", help="train and judge an adapter for every row of the table"
    )
    ablation.add_argument(
        "--matrix", action="store_true", help="the rows of MATRIX, judged by interaction fidelity with two people"
    )
    ablation.add_argument(
        "--pairs", type=given_path, metavar="CACHE", help="with --matrix: judged by held-out pairs of clips, in seconds"
    )
    ablation.add_argument(
        "--config",
        type=given_path,
        help="of the trainings; default config/training/ablation.yaml, or matrix-ablation.yaml",
    )
    ablation.add_argument("options", nargs="*", help="option=value of all trainings, in place of the config's")
    ablation.add_argument("--rows", type=lambda text: text.split(","), help="some of its rows, comma-separated")
    ablation.add_argument("--seeds", type=positive, default=3, help="trainings of each row")
    ablation.add_argument("--scenes", type=positive, default=66, help="of TargetBench, to judge each training by")
    ablation.add_argument(
        "--minutes-per-run", type=positive_number, default=10, help="of each training; all make equally many steps"
    )
    ablation.add_argument("--steps-per-run", type=positive, help="so many, instead of minutes")
    return parser


def _check_options(args, parser: argparse.ArgumentParser) -> None:
    if args.first_scene < HELD_OUT_SEED:
        parser.error(f"scenes below seed {HELD_OUT_SEED} are training data")
    scored_by_class = args.bench or args.preview or (args.ablation and args.matrix and not args.pairs)
    for option, given, where, works in (
        ("--matrix", args.matrix, "--ablation", args.ablation),
        ("--pairs", args.pairs, "--ablation --matrix", args.ablation and args.matrix),
        ("--rows", args.rows, "--ablation", args.ablation),
        ("--config", args.config, "--ablation", args.ablation),
        ("--steps-per-run", args.steps_per_run, "--ablation", args.ablation),
        ("--classes", args.classes, "--bench, --preview or --ablation --matrix", scored_by_class),
    ):
        if given and not works:
            parser.error(f"{option} goes with {where}, without which it would do nothing")
    if args.bench and args.ablation:
        parser.error("--bench and --ablation are two things: ask for one of them")
    if args.options and not args.ablation:
        parser.error(f"{args.options[0]!r} is an option of trainings, which --ablation makes")
    if unknown := [c for c in args.contestants if c not in CONTESTANTS]:
        parser.error(f"unknown contestant {unknown[0]!r}; there are {', '.join(CONTESTANTS)}")


def ablation(args, config: VideoConfig) -> None:
    """The table of the attention loss, or of MATRIX, as --matrix and --pairs ask."""
    from training.bench.ablation import run_ablation
    from training.intergeneval.ablation import run_matrix_ablation
    from training.intergeneval.pair_ablation import run_pair_ablation

    default = "matrix-ablation" if args.matrix else "ablation"
    args.config = args.config or Path(f"config/training/{default}.yaml")
    if args.matrix and args.pairs:
        print(run_pair_ablation(args))
    else:
        print(run_matrix_ablation(args, config) if args.matrix else run_ablation(args, config))


def main(argv: list[str] | None = None) -> None:
    parser = _parser()
    args = parser.parse_args(argv)
    _check_options(args, parser)
    try:
        folder = args.bench or args.ablation
        check_outputs(args, *filter(None, (args.sheet, args.preview, None if folder else args.out)))
        profile = load_profile(args.profile)
        config = replace(profile.video, capture_attention=False)
        args.keypoints = args.keypoints or profile.lift.keypoints
        if args.ablation:
            ablation(args, config)
        elif args.bench or args.preview:
            target_bench(args, config)
        else:
            quick_evaluation(args, config)
    except TavidError as error:
        parser.exit(2, f"{error}\n")
    except KeyboardInterrupt:
        parser.exit(130, "stopped; the same command goes on\n" if args.bench or args.ablation else "stopped\n")


if __name__ == "__main__":
    main()
