"""The value of choosing among K samples: how often the plan PASSES at the right target, on TargetBench.

python -m benchmarks.best_of --cases 55 --workers 2 --out runs/best_of

Eight videos are made once for every case. For each K, the first K are what the planner would have had, and its own
rules choose among them: videos that miss the target are dropped before lifting, then the best by verdict, touch,
alignment and margin is taken. Right target: in the chosen video the hand stays longest at the masked candidate. If none
of K videos touches the target, the case fails whatever the planner would do, so these are not lifted. An interrupted
run continues where it stopped.
"""

import argparse
import sys
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.keypoints.sources import keypoint_source
from hoi_motion.physics.report import Verdict
from tavid_planner.config import PlannerConfig, load_profile, resolve_model, with_options
from tavid_planner.errors import TavidError
from tavid_planner.planner import FAILURES_OF_ONE_SAMPLE, clip_of
from tavid_planner.request import InteractionRequest
from tavid_planner.sample import Sample, choose, score
from training.bench.cases import BENCH_VERSION, ONE_PERSON_CLASSES, Case, bench_cases
from training.bench.intervals import wilson_interval
from training.bench.scoring import candidate_masks
from training.bench.scoring import score as score_video
from training.claims import claim

KS = (1, 2, 4, 8)
GAIN_AT = 4
GAIN = 0.10


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.OPTION=VALUE", help="as in tavid-plan")
    parser.add_argument("--cases", type=int, default=22, help="cases of TargetBench with one person, classes in turn")
    parser.add_argument("--seed", type=int, default=0, help="of the first sample; the others count up from it")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/best_of"),
        help="folder for the rows; an interrupted run continues from it",
    )
    add_save_option(parser, "best_of")
    arguments = parser.parse_args(argv)
    try:
        config = with_options(load_profile(arguments.profile), arguments.set)
        cases = bench_cases(list(ONE_PERSON_CLASSES), arguments.cases)
        rows = run(config, cases, arguments.seed, arguments.workers, arguments.out)
    except TavidError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(table(rows))
    if arguments.save:
        repaired = "with" if config.check.repair else "without"
        save(arguments.save, f"best of K samples, {len(rows)} cases of TargetBench, {repaired} repair", values(rows))
    return 0


def values(rows: list[dict]) -> dict[str, Value]:
    """For every K, the share of cases with a PASS at the right target, and the share with the right target."""
    found = {"cases": Value(len(rows))}
    for k in KS:
        right, passed = _outcomes(rows, k)
        for name, hits in (("pass_right", right & passed), ("right", right)):
            share = float(hits.mean())
            found[f"{name}_{k}"] = Value(share, interval=wilson_interval(int(hits.sum()), len(rows)))
    return found


def _outcomes(rows: list[dict], k: int) -> tuple[np.ndarray, np.ndarray]:
    """For every case, whether the sample chosen of K has the right target, and whether it passes."""
    chosen = [r["chosen"][str(k)] for r in rows]
    right = np.array([c is not None and c["outcome"] == "hit" for c in chosen])
    return right, np.array([c is not None and c["verdict"] == Verdict.PASS for c in chosen])


def run(config: PlannerConfig, cases: list[Case], seed: int, workers: int, out: Path) -> list[dict]:
    """One row per case, also written to `cases.jsonl` in the folder `out`.

    Raises:
        InputError: CONFIG_INVALID when the folder holds rows of another model or setting.
    """
    out.mkdir(parents=True, exist_ok=True)
    _claim(out / "best_of.json", config, seed)
    jobs = {f"{c.name} {c.index}": (c, config, seed) for c in cases}
    return measure_pieces(measure_case, jobs, out / "cases.jsonl", workers)


def _claim(path: Path, config: PlannerConfig, seed: int) -> None:
    from tavid_planner.video.model_files import model_folder, weights_digest

    names = [name for name in (config.video.base, config.video.adapter) if name]
    models = [weights_digest(model_folder(resolve_model(name))) for name in names]
    wanted = {"bench": BENCH_VERSION, "seed": seed, "profile": asdict(config), "models": models}
    claim(path, wanted, "results")


@lru_cache(maxsize=1)
def _loaded(config: PlannerConfig):
    import torch

    from hoi_motion.body import load_body
    from tavid_planner.video import load_pipeline

    torch.set_num_threads(1)
    return load_pipeline(config.video), load_body(config.lift.body_model)


def measure_case(case: Case, config: PlannerConfig, seed: int) -> dict:
    """The samples of one case, and for every K the planner's choice and its outcome."""
    video = config.video
    scene = case.scene(video.height, video.width, video.num_frames, video.fps)
    request = InteractionRequest(
        scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K, seed=seed, samples=max(KS)
    )
    samples, outcomes = [], {}
    for sample_seed in range(seed, seed + max(KS)):
        sample = _sample(request, config, sample_seed)
        if sample.report is not None:
            source = keypoint_source(config.lift.keypoints)
            judged = score_video(sample.video.frames, scene.frames[0], candidate_masks(scene), scene.fps, source)
            outcomes[sample_seed] = judged.outcome
        samples.append(sample)
    chosen = {str(k): _chosen(samples[:k], request, outcomes) for k in KS}
    scores = [
        {"verdict": str(s.verdict), "alignment": s.target_alignment, "margin": s.margin, "failed": s.failed_checks}
        | {"outcome": outcomes.get(s.seed), "error": s.error}
        for s in (score(sample, request) for sample in samples)
    ]
    return {"chosen": chosen, "samples": scores}


def _sample(request: InteractionRequest, config: PlannerConfig, seed: int) -> Sample:
    """One video; lifted and checked as by the planner if a hand touches the target in it."""
    from hoi_motion.lift import lift_video, observe_clip
    from hoi_motion.physics import check_motion, repair_motion
    from tavid_planner.video import generate_video

    pipeline, body = _loaded(config)
    sample = Sample(seed)
    try:
        sample = replace(sample, video=generate_video(pipeline, request, config.video, seed))
        clip = clip_of(request, sample.video)
        observation = observe_clip(clip, config=config.lift)
        if not observation.contacts:
            return replace(sample, missed=True)
        motion = lift_video(clip, config=config.lift, body=body, observation=observation)
        if config.check.repair:
            result = repair_motion(motion, config.check, body=body)
            return replace(sample, motion=result.motion, report=result.report)
        return replace(sample, motion=motion, report=check_motion(motion, config.check, body=body))
    except TavidError as error:
        if error.code not in FAILURES_OF_ONE_SAMPLE:
            raise
        return replace(sample, error=error)


def _chosen(samples: list[Sample], request: InteractionRequest, outcomes: dict[int, str]) -> dict | None:
    """Seed, verdict and outcome of the sample that the planner takes; None when none touches the target."""
    if all(s.report is None for s in samples):
        return None
    best = choose(samples, request)
    return {"seed": best.seed, "verdict": str(best.report.verdict), "outcome": outcomes[best.seed]}


def table(rows: list[dict]) -> str:
    """One line per K, with 95% intervals (Wilson)."""
    lines = [f"{len(rows)} cases of TargetBench, share of plans [95% interval]"]
    lines.append(f"{'K':>2}  {'PASS at the right target':<26} {'right target':<22} {'PASS, touching it':<22}")
    rates = {}
    for k in KS:
        right, passed = _outcomes(rows, k)
        rates[k] = float((right & passed).mean())
        cells = [_share(int(values.sum()), len(rows)) for values in (right & passed, right, passed)]
        lines.append(f"{k:>2}  {cells[0]:<26} {cells[1]:<22} {cells[2]:<22}")
    lines.append(
        f"gain at K={GAIN_AT} over one sample: {100 * (rates[GAIN_AT] - rates[1]):+.0f} points (goal {100 * GAIN:+.0f})"
    )
    samples = [s for r in rows for s in r["samples"]]
    touching = [s for s in samples if s["outcome"] is not None]
    failed = [name for s in touching for name in s["failed"]]
    lines.append(
        f"of {len(samples)} samples {len(touching)} touch the target, {sum(s['outcome'] == 'hit' for s in touching)} "
        f"of them more than another candidate, {sum(s['verdict'] == Verdict.PASS for s in touching)} PASS"
    )
    counts = sorted(((failed.count(name), name) for name in set(failed)), reverse=True)
    lines.append("checks that fail: " + (", ".join(f"{name} {count}" for count, name in counts) or "none"))
    return "\n".join(lines)


def _share(hits: int, count: int) -> str:
    low, high = wilson_interval(hits, count)
    return f"{hits / count:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    sys.exit(main())
