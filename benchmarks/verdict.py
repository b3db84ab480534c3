"""The value of a verdict: whether PASS, margins and simulated tries predict the robot's success on the true object.

python -m benchmarks.verdict --robot panda_wide --cases 22 --samples 4 [--known] [--depth] --out FILE

For every case of TargetBench some videos are made, lifted, checked, repaired and planned for a robot, as in the
planner. Then the plan is executed with the true objects, which it does not know (benchmarks/planned.py): everything
known before is compared with that success. AUROC: how often a plan that works has a higher value than one that does
not, 0.5 by chance. Intervals are from bootstrap over cases, or Wilson's.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import planned
from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.errors import TavidError
from tavid_planner.sample import TRUSTED_CHANCE
from training.bench.intervals import wilson_interval

CASES = 22
SAMPLES = 4
DRAWS = 2000
SIGNALS = {
    "PASS, as lifted": lambda s: float(s["lifted_verdict"] == "PASS"),
    "smallest margin, as lifted": lambda s: _number(s["lifted_margin"]),
    "PASS": lambda s: float(s["verdict"] == "PASS"),
    "smallest margin": lambda s: _number(s["margin"]),
    "works in its own scene": lambda s: float(bool(s["own"])),
    "chance": lambda s: s["chance"],
}
RULES = ("first", "verdict", "chance")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robot", default="panda_wide", help="name or YAML file of an arm")
    parser.add_argument(
        "--cases", type=int, default=CASES, help="cases of TargetBench with one person, classes in turn"
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first; for development 20 and up")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="videos per case")
    parser.add_argument("--depth", action="store_true", help="the lift gets the first frame's depth image")
    parser.add_argument("--known", action="store_true", help="it gets camera pose and height of the support")
    parser.add_argument("--videos", default="", help="folder that keeps the model's videos")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="JSON lines, one per case; an interrupted run continues from it")
    add_save_option(parser, "verdict")
    arguments = parser.parse_args(argv)
    jobs = planned.jobs_of(arguments.cases, arguments.first)
    settings = {name: getattr(arguments, name) for name in ("robot", "samples", "depth", "known", "videos")}
    rows = measure_pieces(measure, jobs, arguments.out, arguments.workers, **settings)
    print("\n".join(table(rows)))
    if arguments.save:
        given = "_".join(["verdict", *(name for name in ("depth", "known") if settings[name])])
        name = given if arguments.save == "verdict" else arguments.save
        save(name, f"what predicts the success of {arguments.robot}, {len(rows)} cases", values(rows))
    return 0


def measure(case, robot: str, samples: int, depth: bool, known: bool, videos: str) -> dict:
    """Every sample of a case with what is known before and its outcome, and which one each rule keeps."""
    import torch

    from hoi_motion.execute.task import task_of
    from tavid_planner.request import InteractionRequest
    from tavid_planner.sample import choose

    torch.set_num_threads(1)
    config = planned.profile()
    size = config.video.height, config.video.width
    scene = case.scene(*size, config.video.num_frames, config.video.fps, with_depth=depth)
    request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K)
    made, rows = [], []
    for seed in range(samples):
        frames = planned.video_of(case, scene, config.video, videos, seed)
        sample, row = _measure_sample(seed, frames, scene, robot, depth, known)
        made.append(sample)
        rows.append(row)
    kept = {}
    if any(s.report is not None for s in made):
        without = [replace(s, robot=None) for s in made]
        kept = {"first": 0, "verdict": choose(without, request).seed, "chance": choose(made, request).seed}
    kind = task_of(scene.motion, "target").kind
    return {"what": " ".join(scene.triplet[1:]), "kind": kind, "kept": kept, "of_samples": rows}


def _measure_sample(seed: int, frames, scene, robot: str, depth: bool, known: bool):
    """The planner's knowledge of one video, and the robot's true outcome; `why_not` is empty for a success."""
    from hoi_motion.execute.chance import tried_beside
    from hoi_motion.execute.execute import execute
    from hoi_motion.execute.feeling.search import Feeler
    from hoi_motion.execute.task import task_of
    from hoi_motion.lift import lift_video
    from hoi_motion.physics import repair_motion
    from hoi_motion.retarget.act import with_act
    from hoi_motion.retarget.arm.unsure import unsure_arm
    from tavid_planner.plan import InteractionVideo
    from tavid_planner.planner import obstacles_in
    from tavid_planner.robot_stage import NOT_FOR_THIS_MOTION, RobotPlan, told_act
    from tavid_planner.sample import Sample
    from training.scenes.scene import free_body

    config, body, truth, arm = planned.profile(), free_body(), scene.motion, planned.arm_of(robot, "")
    fps, noun = config.video.fps, scene.triplet[2].split()[-1]
    row = {"verdict": "NOT_RUN", "margin": None, "lifted_verdict": "NOT_RUN", "lifted_margin": None, "checks": {}}
    row |= {"own": False, "chance": 0.0}
    sample = Sample(seed, InteractionVideo(frames, fps))
    try:
        clip = planned.clip_of(scene, frames, fps, depth)
        lifted = lift_video(clip, config=config.lift, known=planned.known_scene(truth) if known else None, body=body)
    except TavidError as error:
        return replace(sample, error=error), row | {"why_not": "no lift"}
    result = repair_motion(lifted, config.check, body=body)
    row |= {"verdict": str(result.report.verdict), "margin": result.report.margin}
    row |= {"lifted_verdict": str(result.before.verdict), "lifted_margin": result.before.margin}
    row["checks"] = {c.name: c.margin if c.limit else None for c in result.before.checks}
    row |= {name: planned.found(lifted, truth)[name] for name in ("rest_cm", "sight_cm", "source")}
    row["before"] = of_lift(lifted)
    sample = replace(sample, motion=result.motion, report=result.report)
    if not lifted.contacts:
        return replace(sample, missed=True), row | {"why_not": "no hand on the target"}
    plan = planned.in_true_world(result.motion, truth, body)
    try:
        plan = with_act(plan, told_act(scene.caption), body)
        made = unsure_arm(plan, arm, body, obstacles=obstacles_in(clip, plan, body))
    except TavidError as error:
        if error.code not in NOT_FOR_THIS_MOTION:
            raise
        robot_plan = RobotPlan(robot, error=error.message)
        return replace(sample, robot=robot_plan), row | {"why_not": "unreachable"}
    motion, feeler = made.plan, None if made.feeling is None else Feeler(made.feeling, plan, body)
    own = execute(motion, arm, plan, noun=noun, feeler=feeler)
    answer = RobotPlan(robot, motion, own, beside=tried_beside(motion, arm, plan, own.done, noun=noun, feeler=feeler))
    row |= {"own": own.done, "beside": list(answer.beside), "chance": answer.chance}
    row["before"] |= of_plan(plan, motion, own, arm)
    if task_of(plan, "target").kind != task_of(truth, "target").kind:
        return replace(sample, robot=answer), row | {"why_not": "another act"}
    done = planned.on_the_truth(motion, plan, truth, noun, arm, feeler)
    return replace(sample, robot=answer), row | {"why_not": done.why_not, "stage": done.stage}


def of_lift(lifted) -> dict[str, float]:
    """A lift's own estimates, in their own units, and how well it saw the hand on the target."""
    told = {name: value for name, value in lifted.diagnostics.items() if isinstance(value, int | float)}
    told = {name: float(value) for name, value in told.items() if not name.startswith("seconds_")}
    sizes = np.ptp(lifted.target.vertices_m, axis=0)
    return told | {
        "touch_confidence": max((c.confidence for c in lifted.contacts), default=0.0),
        "touch_frame": float(min((c.start_frame for c in lifted.contacts), default=-1)),
        "touch_frames": float(max((c.end_frame - c.start_frame for c in lifted.contacts), default=0)),
        "widest_m": float(sizes.max()),
        "narrowest_m": float(sizes.min()),
    }


def of_plan(plan, motion, own, arm) -> dict[str, float]:
    """Measures of a robot's plan and its simulated execution: distance, width, duration, and margin to failure."""
    way_m = planned.centre_m(plan)[-1] - planned.centre_m(plan)[0]
    return {
        "way_m": float(np.linalg.norm(way_m)),
        "rise_m": float(way_m[2]),
        "room_m": float(arm.gripper.open_width_m - motion.facts["width_m"]),
        "pinched": float(motion.facts["grip"] == "pinch"),
        "straight": float(motion.facts["path"] == "straight"),
        "attempts": float(motion.facts["attempts"]),
        "stretch": float(motion.stretch),
        "place_error_m": own.place_error_m,
        "turn_error_rad": own.turn_error_rad,
        "slip_m": own.slip_m,
        "reach_error_m": own.reach_error_m,
        "hit_n": max(own.collisions.values(), default=0.0),
    }


def _number(margin: float | None) -> float:
    return -10.0 if margin is None else margin


def auroc(scores: np.ndarray, works: np.ndarray) -> float:
    """How often a success has a higher score than a failure; ties count half. NaN without both."""
    good, bad = scores[works], scores[~works]
    if not len(good) or not len(bad):
        return float("nan")
    return float((np.sign(good[:, None] - bad).mean() + 1) / 2)


def interval(scores: list[np.ndarray], works: list[np.ndarray]) -> tuple[float, float]:
    """95% interval of the AUROC by bootstrap over cases; samples of one case are not independent."""
    every = np.concatenate(works)
    if every.all() or not every.any():
        return float("nan"), float("nan")
    rng, found = np.random.default_rng(0), []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(scores), len(scores))
        found.append(auroc(np.concatenate([scores[i] for i in drawn]), np.concatenate([works[i] for i in drawn])))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)


def _column(rows: list[dict], of_sample) -> list[np.ndarray]:
    return [np.array([of_sample(s) for s in row["of_samples"]]) for row in rows]


def table(rows: list[dict]) -> list[str]:
    """AUROC of every signal, precision by chance, success of the sample kept by each rule, AUROC of checks."""
    works = _column(rows, lambda s: not s["why_not"])
    all_works = np.concatenate(works)
    lines = [f"{len(rows)} cases, {len(all_works)} plans, of which {all_works.sum()} work on the true object"]
    lines.append("predictor (AUROC [95% interval], 0.5 is chance)")
    for name, of_sample in SIGNALS.items():
        scores = _column(rows, of_sample)
        low, high = interval(scores, works)
        lines.append(f"  {name:<28} {auroc(np.concatenate(scores), all_works):.2f} [{low:.2f}, {high:.2f}]")
    chance = np.concatenate(_column(rows, SIGNALS["chance"]))
    lines.append("plans by chance: how many, and the share that works")
    for value in np.unique(chance.round(2)):
        of_value = all_works[np.isclose(chance, value, atol=0.005)]
        lines.append(f"  {value:.1f}: {len(of_value):>3}  {_share(int(of_value.sum()), len(of_value))}")
    bet = all_works[chance >= TRUSTED_CHANCE - 1e-9]
    lines.append(
        f"trusted from {TRUSTED_CHANCE:.1f} on: {len(bet)} of {len(all_works)} plans, "
        f"{_share(int(bet.sum()), len(bet))}"
    )
    for rule in RULES:
        won = _kept(rows, rule)
        lines.append(f"one of {len(rows[0]['of_samples'])} samples kept by {rule}: {_share(int(won.sum()), len(won))}")
    lines.append("checks, as lifted: AUROC of the margin; works where it passes, and where it fails")
    return lines + _of_checks(rows)


def _kept(rows: list[dict], rule: str) -> np.ndarray:  # (cases,) bool
    return np.array([bool(r["kept"]) and not r["of_samples"][r["kept"][rule]]["why_not"] for r in rows])


def _of_checks(rows: list[dict]) -> list[str]:
    samples = [s for row in rows for s in row["of_samples"]]
    names = sorted({name for s in samples for name, margin in s["checks"].items() if margin is not None})
    lines = []
    for name in names:
        had = [s for s in samples if s["checks"].get(name) is not None]
        margins = np.array([s["checks"][name] for s in had])
        works = np.array([not s["why_not"] for s in had])
        passed = margins >= 0
        cells = [_share(int(works[which].sum()), int(which.sum())) for which in (passed, ~passed)]
        lines.append(f"  {name:<26} {auroc(margins, works):.2f}  {cells[0]:<28} {cells[1]}")
    return lines


def _share(hits: int, count: int) -> str:
    if not count:
        return "none"
    low, high = wilson_interval(hits, count)
    return f"{hits}/{count} = {hits / count:.2f} [{low:.2f}, {high:.2f}]"


def values(rows: list[dict]) -> dict[str, Value]:
    """AUROC of verdict, margin and chance, precision of trusted plans, and success by each rule."""
    works = _column(rows, lambda s: not s["why_not"])
    all_works = np.concatenate(works)
    found = {"cases": Value(len(rows)), "plans": Value(len(all_works)), "work": Value(int(all_works.sum()))}
    for field, name in (("auroc_pass", "PASS"), ("auroc_margin", "smallest margin"), ("auroc_chance", "chance")):
        if all_works.all() or not all_works.any():
            continue  # nothing to distinguish
        scores = _column(rows, SIGNALS[name])
        found[field] = Value(auroc(np.concatenate(scores), all_works), interval=interval(scores, works))
    bet = all_works[np.concatenate(_column(rows, SIGNALS["chance"])) >= TRUSTED_CHANCE - 1e-9]
    found["bets"] = Value(len(bet))
    if len(bet):
        found["precision"] = Value(float(bet.mean()), interval=wilson_interval(int(bet.sum()), len(bet)))
    for rule in RULES:
        won = _kept(rows, rule)
        found[f"best_{rule}"] = Value(float(won.mean()), interval=wilson_interval(int(won.sum()), len(won)))
    return found


if __name__ == "__main__":
    sys.exit(main())
