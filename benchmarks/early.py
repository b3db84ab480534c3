"""What stopping unpromising samples after their first steps costs and saves: best of K on TargetBench, with and
without.

python -m benchmarks.early --cases 44 --out runs/early.jsonl

Every case is planned in three ways: full, all samples to the end; early, with `video.early_steps`; and again, with
`video.early_again` as well. Their order changes from case to case. Times are of whole plans with loaded models, without
saving. A plan succeeds when it PASSES its check and the hand in its video stays longest at the target; `right` requires
only the latter. With --out an interrupted run continues where it stopped.
"""

import argparse
import sys
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.keypoints.sources import keypoint_source
from hoi_motion.options import to_mapping
from hoi_motion.physics.report import Verdict
from tavid_planner.config import PlannerConfig, load_profile, with_options
from tavid_planner.errors import TavidError
from tavid_planner.planner import FAILURES_OF_ONE_SAMPLE, Planner
from tavid_planner.request import InteractionRequest
from training.bench.cases import ONE_PERSON_CLASSES, Case, bench_cases
from training.bench.intervals import wilson_interval
from training.bench.scoring import candidate_masks, score
from training.scenes.scene import SceneSample

WAYS = ("full", "early", "again")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="as in tavid-plan")
    parser.add_argument("--steps", type=int, default=1, help="video.early_steps")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--cases", type=int, default=44, help="cases of TargetBench with one person, classes in turn")
    parser.add_argument("--out", type=Path, help="JSON lines; an interrupted run continues from it")
    add_save_option(parser, "early")
    arguments = parser.parse_args(argv)
    config = with_options(load_profile(arguments.profile), arguments.set)
    early = dict(early_steps=arguments.steps)
    options = {
        "full": dict(early_steps=0),
        "early": early | dict(early_again=False),
        "again": early | dict(early_again=True),
    }
    configs = {way: replace(config, video=replace(config.video, **options[way])) for way in WAYS}
    cases = bench_cases(list(ONE_PERSON_CLASSES), arguments.cases)
    orders = [WAYS[k:] + WAYS[:k] for k in range(len(WAYS))]
    jobs = {f"{case.name} {case.index}": (case, configs, orders[k % 3]) for k, case in enumerate(cases)}
    about = {"profile": to_mapping(config), "steps": arguments.steps}
    rows = measure_pieces(measure_case, jobs, arguments.out, about=about, samples=arguments.samples)
    found = values(rows)
    for way in WAYS:
        print(
            f"{way:<6} succeeds {found[f'{way}_success'].value:.3f}, right {found[f'{way}_right'].value:.3f}, "
            f"{found[f'{way}_s'].value:.1f} s a plan"
        )
    print(f"{len(rows)} cases, {arguments.samples} samples")
    for way in WAYS[1:]:
        time_ratio, gain, won, lost = (found[f"{way}_{name}"].value for name in ("time_ratio", "gain", "won", "lost"))
        print(
            f"{way:<6} time {time_ratio:.0%} of the full, success {100 * gain:+.1f} points "
            f"({won:.0f} cases won, {lost:.0f} lost)"
        )
    if arguments.save:
        save(arguments.save, f"samples that stop early, best of {arguments.samples}, TargetBench", found)
    return 0


def values(rows: list[dict]) -> dict[str, Value]:
    """Success, right target and seconds of every way, and how they compare with the full."""
    found = {"cases": Value(len(rows))}
    success = {way: np.array([row[way]["right"] and row[way]["passes"] for row in rows]) for way in WAYS}
    for way in WAYS:
        right = np.array([row[way]["right"] for row in rows])
        for name, hits in (("success", success[way]), ("right", right)):
            found[f"{way}_{name}"] = Value(float(hits.mean()), interval=wilson_interval(int(hits.sum()), len(rows)))
        found[f"{way}_s"] = Value(float(np.mean([row[way]["seconds"] for row in rows])), "s")
    for way in WAYS[1:]:
        found |= {
            f"{way}_won": Value(int((success[way] & ~success["full"]).sum())),
            f"{way}_lost": Value(int((success["full"] & ~success[way]).sum())),
            f"{way}_gain": Value(float(success[way].mean() - success["full"].mean())),
            f"{way}_time_ratio": Value(found[f"{way}_s"].value / found["full_s"].value),
        }
    return found


@lru_cache(maxsize=len(WAYS))
def _planner(config: PlannerConfig) -> Planner:
    planner = Planner(config)
    planner.load()
    return planner


def measure_case(case: Case, configs: dict[str, PlannerConfig], order: tuple, samples: int) -> dict:
    """Outcome and seconds of a case's plans in all ways."""
    planners = {way: _planner(configs[way]) for way in WAYS}
    video = configs["full"].video
    scene = case.scene(video.height, video.width, video.num_frames, video.fps)
    request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K, samples=samples)
    return {way: _planned(planners[way], request, scene) for way in order}


def _planned(planner: Planner, request: InteractionRequest, scene: SceneSample) -> dict:
    began = time.perf_counter()
    try:
        plan = planner.plan(request)
    except TavidError as error:
        if error.code not in FAILURES_OF_ONE_SAMPLE:
            raise
        return {"right": False, "passes": False, "seconds": time.perf_counter() - began, "error": str(error)}
    seconds = time.perf_counter() - began
    source = keypoint_source(planner.config.lift.keypoints)
    outcome = score(plan.video.frames, scene.frames[0], candidate_masks(scene), scene.fps, source).outcome
    return {
        "right": outcome == "hit",
        "passes": plan.verdict is Verdict.PASS,
        "seconds": seconds,
        "seed": plan.provenance["chosen_seed"],
        "verdicts": [str(s.verdict) for s in plan.samples],
        "early": [None if s.early is None else s.early.alignment for s in plan.samples],
    }


if __name__ == "__main__":
    sys.exit(main())
