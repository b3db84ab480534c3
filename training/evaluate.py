"""Does the generated hand go to the masked object?

    python -m training.evaluate --count 60                 # scenes of 2, 3 and 4 identical candidates
    python -m training.evaluate --bench --workers 2        # TargetBench: 220 scenes in 11 classes of difficulty
    python -m training.evaluate --ablation                 # what the attention loss is worth, several seeds a row

Held-out scenes, a video for each from the first frame, the mask and the caption, scored by the project's own contact
detector: in how many frames is a hand on each candidate, each frame counting for the nearest one. A hit: the masked
candidate is touched in more frames than any other; contact: in at least one. The detector's own accuracy, and what the
other scores are for perfect clips, is measured on the ground-truth clips of the same scenes; these clips through the
VAE and back show how much of what is missing the VAE alone loses. All numbers come with 95% intervals.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from tavid_planner.config import VideoConfig, load_profile
from tavid_planner.errors import ErrorCode, InputError, TavidError
from tavid_planner.request import InteractionRequest
from training.bench.cases import DIFFICULTIES, bench_cases
from training.bench.runner import CONTESTANTS, run_bench, through_vae
from training.bench.scoring import VideoScore, candidate_masks, score
from training.bench.table import summary
from training.scenes.scene import HELD_OUT_SEED, SceneSample, generate_scene


def evaluate(config: VideoConfig, scenes: list[SceneSample], seed: int, sheet: Path | None = None) -> list[VideoScore]:
    """Generate a video for every scene and judge it."""
    from tavid_planner.video import generate_video, load_pipeline

    pipeline = load_pipeline(config)
    scores, rows = [], []
    for scene in tqdm(scenes, unit="video", desc=config.adapter or "without adapter"):
        request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K)
        video = generate_video(pipeline, request, config, seed)
        scores.append(score(video.frames, scene.frames[0], candidate_masks(scene)))
        if sheet and len(rows) < 12:
            rows.append(_row(scene, video.frames, scores[-1].outcome))
    if sheet:
        cv2.imwrite(str(sheet), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    return scores


def clips_through_vae(config: VideoConfig, scenes: list[SceneSample]) -> list[VideoScore]:
    """Scores of the ground-truth clips after encoding and decoding: no transformer can be better."""
    from tavid_planner.video import load_pipeline

    vae = load_pipeline(config).vae
    return [
        score(through_vae(vae, scene.frames), scene.frames[0], candidate_masks(scene))
        for scene in tqdm(scenes, unit="clip", desc="truth through the VAE")
    ]


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
    """Scenes of 2 to 4 identical candidates, as training scenes are otherwise."""
    count = args.count or 60
    scenes = [
        generate_scene(
            args.first_scene + i, config.height, config.width, config.num_frames, config.fps, num_candidates=2 + i % 3
        )
        for i in tqdm(range(count), unit="scene", desc="held-out scenes")
    ]
    with_adapter = evaluate(config, scenes, args.seed, args.sheet)
    bar = tqdm(scenes, unit="clip", desc="detector on truth")
    truth = [score(s.frames, s.frames[0], candidate_masks(s)) for s in bar]
    chance = float(np.mean([1 / len(s.candidate_ids) for s in scenes]))
    print(f"mean [95% interval]; hit by chance: {chance:.2f}")
    rows = [_print_row("ground-truth clips", truth)]
    if not args.without_baseline:
        rows.append(_print_row("ground-truth clips through the VAE", clips_through_vae(config, scenes)))
    rows.append(_print_row(f"{args.profile}, mask and adapter", with_adapter))
    for candidates in (2, 3, 4):
        part = [o for o, s in zip(with_adapter, scenes) if len(s.candidate_ids) == candidates]
        if part:
            rows.append(_print_row(f"{args.profile}, of these with {candidates} candidates", part))
    if not args.without_baseline:
        rows.append(_print_row("base without mask", evaluate(replace(config, adapter=""), scenes, args.seed)))
    if args.out:
        args.out.write_text(json.dumps({"chance": chance, "rows": rows}, indent=1) + "\n")


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
    text = report(run_bench(config, cases, contestants, out, args.seed, args.workers))
    (out / "report.md").write_text(text + "\n")
    print(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--count", type=int, help="number of scenes; of the bench the first of every class, ...")
    parser.add_argument("--seed", type=int, default=0, help="of the sampler")
    parser.add_argument("--out", type=Path, help="JSON with every outcome; with --bench and --ablation the run's folder")
    parser.add_argument("--workers", type=int, default=1, help="processes (--bench, --ablation)")
    quick = parser.add_argument_group("scenes of 2 to 4 candidates (without --bench and --ablation)")
    quick.add_argument("--first-scene", type=int, default=HELD_OUT_SEED, help="seed of the first held-out scene")
    quick.add_argument("--without-baseline", action="store_true", help="leave out the base without mask, and the VAE alone")
    quick.add_argument("--sheet", type=Path, help="contact sheet (PNG) of the first 12 videos")
    bench = parser.add_argument_group("TargetBench")
    bench.add_argument("--bench", action="store_true", help="220 scenes in 11 classes of difficulty")
    bench.add_argument("--classes", type=lambda text: text.split(","), help="some of its classes, comma-separated")
    bench.add_argument(
        "--contestants", type=lambda text: text.split(","), default=list(CONTESTANTS), metavar="A,B",
        help=f"some of {', '.join(CONTESTANTS)}",
    )  # fmt: skip
    bench.add_argument("--preview", type=Path, metavar="PNG", help="only draw its scenes")
    ablation = parser.add_argument_group("ablation of the attention loss")
    ablation.add_argument("--ablation", action="store_true", help="train and judge an adapter for every row of the table")
    ablation.add_argument("--config", type=Path, default=Path("config/training/ablation.yaml"), help="of the trainings")
    ablation.add_argument("--rows", type=lambda text: text.split(","), help="some of its rows, comma-separated")
    ablation.add_argument("--seeds", type=int, default=3, help="trainings of each row")
    ablation.add_argument("--scenes", type=int, default=66, help="of TargetBench, to judge each training by")
    ablation.add_argument("--minutes-per-run", type=float, default=10, help="of each training; all make equally many steps")
    args = parser.parse_args()
    if args.first_scene < HELD_OUT_SEED:
        parser.error(f"scenes below seed {HELD_OUT_SEED} are training data")
    if unknown := [c for c in args.contestants if c not in CONTESTANTS]:
        parser.error(f"unknown contestant {unknown[0]!r}; there are {', '.join(CONTESTANTS)}")
    try:
        config = replace(load_profile(args.profile).video, capture_attention=False)
        if args.ablation:
            from training.bench.ablation import run_ablation

            print(run_ablation(args, config))
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
