"""What stopping hopeless samples after their first steps costs and saves: on TargetBench, best of K with and without.

python -m benchmarks.early --cases 44 --out runs/early.jsonl

Every case is planned twice by one planner, all samples to the end, and with `video.early_steps`; which way comes first
changes from case to case. Time is that of a whole plan whose models are loaded, in memory: nothing is saved. A plan
succeeds when it PASSES its check and the hand of its video stays longest at the target; `right` asks for the latter
alone. With --out a run that was stopped goes on with what is missing.
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
from hoi_motion.physics.report import Verdict
from tavid_planner.config import PlannerConfig, load_profile, with_options
from tavid_planner.errors import TavidError
from tavid_planner.planner import FAILURES_OF_ONE_SAMPLE, Planner
from tavid_planner.request import InteractionRequest
from training.bench.cases import ONE_PERSON_CLASSES, Case, bench_cases
from training.bench.scoring import candidate_masks, score, wilson_interval
from training.scenes.scene import SceneSample

WAYS = ("full", "early")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="as of tavid-plan")
    parser.add_argument("--steps", type=int, default=1, help="video.early_steps of the second way")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--cases", type=int, default=44, help="of TargetBench: one person, every class in turn")
    parser.add_argument("--out", type=Path, help="file with which a stopped run goes on")
    add_save_option(parser, "early")
    arguments = parser.parse_args(argv)
    config = with_options(load_profile(arguments.profile), arguments.set)
    configs = {
        "full": replace(config, video=replace(config.video, early_steps=0)),
        "early": replace(config, video=replace(config.video, early_steps=arguments.steps)),
    }
    cases = bench_cases(list(ONE_PERSON_CLASSES), arguments.cases)
    jobs = {f"{case.name} {case.index}": (case, configs, k % 2 == 1) for k, case in enumerate(cases)}
    rows = measure_pieces(measure_case, jobs, arguments.out, samples=arguments.samples, steps=arguments.steps)
    found = values(rows)
    for way in WAYS:
        print(
            f"{way:<6} succeeds {found[f'{way}_success'].value:.3f}, right {found[f'{way}_right'].value:.3f}, "
            f"{found[f'{way}_s'].value:.1f} s a plan"
        )
    print(
        f"{len(rows)} cases, {arguments.samples} samples: time {found['time_ratio'].value:.0%} of the full, success "
        f"{100 * found['gain'].value:+.1f} points ({found['won'].value:.0f} cases won, {found['lost'].value:.0f} lost)"
    )
    if arguments.save:
        save(arguments.save, f"samples that stop early, best of {arguments.samples}, TargetBench", found)
    return 0


def values(rows: list[dict]) -> dict[str, Value]:
    """Success, right target and seconds of both ways, and how they compare."""
    found = {"cases": Value(len(rows))}
    success = {way: np.array([row[way]["right"] and row[way]["passes"] for row in rows]) for way in WAYS}
    for way in WAYS:
        right = np.array([row[way]["right"] for row in rows])
        for name, hits in (("success", success[way]), ("right", right)):
            found[f"{way}_{name}"] = Value(float(hits.mean()), interval=wilson_interval(int(hits.sum()), len(rows)))
        found[f"{way}_s"] = Value(float(np.mean([row[way]["seconds"] for row in rows])), "s")
    won, lost = success["early"] & ~success["full"], success["full"] & ~success["early"]
    return found | {
        "won": Value(int(won.sum())),
        "lost": Value(int(lost.sum())),
        "gain": Value(float(success["early"].mean() - success["full"].mean())),
        "time_ratio": Value(found["early_s"].value / found["full_s"].value),
    }


@lru_cache(maxsize=len(WAYS))
def _planner(config: PlannerConfig) -> Planner:
    planner = Planner(config)
    planner.load()
    return planner


def measure_case(case: Case, configs: dict[str, PlannerConfig], early_first: bool, samples: int, steps: int) -> dict:
    """What the plans of both ways are, and the seconds that they took."""
    planners = {way: _planner(configs[way]) for way in WAYS}
    video = configs["full"].video
    scene = case.scene(video.height, video.width, video.num_frames, video.fps)
    request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K, samples=samples)
    ways = WAYS[::-1] if early_first else WAYS
    return {way: _planned(planners[way], request, scene) for way in ways}


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
