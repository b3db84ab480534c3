"""Motions executed in simulation: how often a robot succeeds, and the causes of failures.

python -m benchmarks.execute --robot panda panda_wide --scenes 40 --out FILE
python -m benchmarks.execute --robot so101 --urdf Simulation/SO101/so101_new_calib.urdf --boxes
python -m benchmarks.execute --robot FILE.yaml --lifts [--jaw_share 0.6]
python -m benchmarks.execute --planned --robot panda panda_wide [--depth] [--known] --out FILE

The first uses ground-truth motions of held-out scenes. --boxes and --lifts are for arms smaller than a person's: boxes
of several widths, lifted by 10 cm, and the lifts of those scenes alone, at their true size or with the object as wide
as a share of the opening of the gripper (benchmarks/jaw_sized.py). --planned starts from a picture and a mask: plans
for the first 22 cases of TargetBench, each from one video of the mini model, executed on the true objects
(benchmarks/planned.py).

Motions are retargeted, then executed: motors with limits, free objects, friction 0.5, no artificial attachment. Success
is defined in hoi_motion/execute/task.py. With --out an interrupted run continues where it stopped.
"""

import argparse
import sys
import time
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks import planned
from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.execute.feeling.wrist import NOISE_N
from training.arguments import positive

KINDS = ("touch", "slide", "lift")
SCENES = 40
CASES = 22
GOALS = {"panda": 28, "panda_wide": 38}  # of 40
BOXES_MM = (15, 25, 35, 45, 55, 65, 75)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robot", nargs="+", default=["panda"], help="names or YAML files of arms")
    parser.add_argument("--urdf", default="", help="URDF of the one robot, instead of that named in its YAML file")
    parser.add_argument(
        "--boxes",
        nargs="*",
        type=positive,
        metavar="MM",
        help=f"boxes of these widths instead of scenes; default {', '.join(map(str, BOXES_MM))}",
    )
    parser.add_argument("--lifts", action="store_true", help="only those of the scenes in which something is lifted")
    parser.add_argument(
        "--jaw_share", type=float, default=0.0, help="lifts: width of the object over the gripper's opening; 0: true"
    )
    parser.add_argument(
        "--planned", action="store_true", help="plans from a frame and a mask instead of the true motions"
    )
    parser.add_argument("--depth", action="store_true", help="planned: the lift gets the first frame's depth image")
    parser.add_argument("--known", action="store_true", help="planned: the lift gets camera pose and support height")
    parser.add_argument(
        "--noise", type=float, default=NOISE_N, help="planned: of the force sensor in the wrist, N; default %(default)s"
    )
    parser.add_argument("--videos", default="", help="planned: folder that keeps the model's videos")
    parser.add_argument("--scenes", type=int, help=f"how many; default {SCENES}, planned {CASES}")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first; for development 5000 and up, planned 20 and up"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes; times are those of one core")
    parser.add_argument("--out", type=Path, help="JSON lines, one per scene; an interrupted run continues from it")
    add_save_option(parser, "execute")
    arguments = parser.parse_args(argv)
    if arguments.urdf and len(arguments.robot) > 1:
        parser.error("--urdf is of one robot, and --robot names several: write theirs into YAML files")
    if arguments.jaw_share and not (arguments.lifts and 0 < arguments.jaw_share <= 1):
        parser.error("--jaw_share is a share of the opening, above 0 and at most 1, and goes with --lifts")
    if (arguments.boxes is not None) + arguments.lifts + arguments.planned > 1:
        parser.error("give one of --boxes, --lifts and --planned")
    (_planned if arguments.planned else _true)(arguments)
    return 0


def _true(arguments) -> None:
    """The motions of the scenes themselves, or boxes."""
    first, count = arguments.first, arguments.scenes or SCENES
    name, what, settings = "execute", f"true motions of {count} scenes carried out in physics", {}
    if arguments.boxes is not None:
        jobs = {f"{width_mm} mm": (width_mm,) for width_mm in arguments.boxes or BOXES_MM}
        name, what = "execute_boxes", f"{len(jobs)} boxes lifted by friction alone"
    else:
        jobs = {i: (i,) for i in range(first, first + count)}
    if arguments.lifts:
        settings = {"jaw_share": arguments.jaw_share}
        name = "execute_lifts_scaled" if arguments.jaw_share else "execute_lifts"
        what = f"lifts of {count} scenes carried out in physics"
        what += f", objects of {arguments.jaw_share:g} of the gripper's opening" if arguments.jaw_share else ""
        jobs = _lifts(jobs)
    how = measure if arguments.boxes is None else measure_box
    goals = GOALS if name == "execute" else {}
    found = {}
    for robot in arguments.robot:
        settings |= {"robot": robot, "urdf": arguments.urdf}
        rows = measure_pieces(how, jobs, arguments.out, arguments.workers, **settings)
        print(f"{robot}, {what}" if goals is not GOALS else f"{robot}, {len(rows)} scenes")
        print("\n".join(table(rows, goals.get(robot))))
        found[Path(robot).stem] = Value(sum(not r["why_not"] for r in rows))
        if name != "execute":
            found[f"{Path(robot).stem}_of"] = Value(len(rows))
    if arguments.save:
        save(name if arguments.save == "execute" else arguments.save, what, found)


def _lifts(jobs: dict) -> dict:
    """Those of the scenes in which the target is lifted."""
    from hoi_motion.execute.task import task_of

    return {i: job for i, job in jobs.items() if task_of(_scene(i).motion, "target").kind == "lift"}


def _planned(arguments) -> None:
    """Plans made of a frame and a mask."""
    jobs = planned.jobs_of(arguments.scenes or CASES, arguments.first)
    given = {"depth": arguments.depth, "known": arguments.known}
    settings = {"robots": arguments.robot, "urdf": arguments.urdf, "videos": arguments.videos, **given}
    settings["noise_n"] = arguments.noise
    rows = measure_pieces(planned.measure, jobs, arguments.out, arguments.workers, **settings)
    print("\n".join(planned.table(rows, arguments.robot, **given)))
    if arguments.save:
        name = "_".join(["execute_planned", *(word for word, is_given in given.items() if is_given)])
        name = name if arguments.save == "execute" else arguments.save
        save(
            name,
            f"plans of {len(rows)} frames and masks carried out on the true objects",
            planned.values(rows, arguments.robot),
        )


@lru_cache(maxsize=1)
def _loaded(robot: str, urdf: str):
    """Arm and body."""
    import torch

    from hoi_motion.retarget.arm.arm import Arm
    from hoi_motion.retarget.robots.config import load_robot_config
    from training.scenes.scene import free_body

    torch.set_num_threads(1)
    return Arm(load_robot_config(robot, urdf)), free_body()


@lru_cache(maxsize=64)
def _scene(number: int):
    """A held-out scene of which only the motion is used."""
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    return generate_scene(HELD_OUT_SEED + number, 48, 72, 25, supersampling=1)


def measure(number: int, robot: str, urdf: str, jaw_share: float = 0.0) -> dict:
    """Outcome of one held-out scene; `why_not` is empty if the robot succeeds."""
    from benchmarks.jaw_sized import scaled_object
    from hoi_motion.retarget.arm.grasp import least_width_m

    arm, _ = _loaded(robot, urdf)
    scene = _scene(number)
    what, noun, motion = " ".join(scene.triplet[1:]), scene.triplet[2].split()[-1], scene.motion
    if jaw_share:
        thing = motion.object_named("target")
        width_m = least_width_m(thing, thing.T_world_object[0, 2, :3])
        motion = scaled_object(motion, "target", jaw_share * arm.gripper.open_width_m / width_m)
    return _outcome(motion, what, noun, robot, urdf)


def measure_box(width_mm: int, robot: str, urdf: str) -> dict:
    """Outcome of a box; as `measure`."""
    from benchmarks.jaw_sized import box_lift

    return _outcome(box_lift(width_mm / 1000), "a box", "box", robot, urdf)


def _outcome(motion, what: str, noun: str, robot: str, urdf: str) -> dict:
    """A motion planned for a robot and carried out."""
    from hoi_motion.errors import ErrorCode, RetargetError
    from hoi_motion.execute.execute import execute
    from hoi_motion.execute.task import task_of
    from hoi_motion.retarget.arm.trajectory import retarget_arm

    arm, body = _loaded(robot, urdf)
    row = {"what": what, "kind": task_of(motion, "target").kind}
    start = time.process_time()
    try:
        plan = retarget_arm(motion, arm, body)
    except RetargetError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
        seconds = time.process_time() - start
        return row | {"why_not": "unreachable", "stage": "none", "told": error.message, "plan_s": seconds}
    planned = time.process_time()
    done = execute(plan, arm, motion, noun=noun)
    row |= {"plan_s": planned - start, "execute_s": time.process_time() - planned, "robot_s": done.seconds}
    row |= {"told": done.sentence(), "why_not": done.why_not, "stage": done.stage, "place_m": done.place_error_m}
    row |= {"slip_m": done.slip_m, "hits": len(done.collisions), "saturated": max(done.saturated.values(), default=0.0)}
    return row | {name: plan.facts[name] for name in ("grip", "path")} | {"stretch": plan.stretch}


def table(rows: list[dict], goal: int | None) -> list[str]:
    """Successes by kind, the goal, the causes of failures and one line per failure."""
    failed = [r for r in rows if r["why_not"]]
    parts = []
    for kind in KINDS:
        of_kind = [r for r in rows if r["kind"] == kind]
        parts.append(f"{kind} {sum(not r['why_not'] for r in of_kind)}/{len(of_kind)}")
    wanted = f" (goal {goal} of 40)" if goal else ""
    lines = [f"done in physics: {len(rows) - len(failed)}/{len(rows)}{wanted}; {', '.join(parts)}"]
    executed = [r for r in rows if "execute_s" in r]
    if executed:
        column = {name: np.array([r[name] for r in executed]) for name in ("place_m", "slip_m", "execute_s", "stretch")}
        both = np.array([r["plan_s"] + r["execute_s"] for r in executed])
        lines += [
            f"of {len(executed)} carried out: {dict(Counter(r['grip'] for r in executed))}, path "
            f"{dict(Counter(r['path'] for r in executed))}",
            f"object from its place: median {1000 * np.median(column['place_m']):.0f} mm; slip in the gripper: median "
            f"{1000 * np.median(column['slip_m']):.0f}, at most {1000 * column['slip_m'].max():.0f} mm",
            f"unwanted contacts in {sum(r['hits'] > 0 for r in executed)}, motors at their limit in "
            f"{sum(r['saturated'] > 0 for r in executed)}; stretch: median {np.median(column['stretch']):.2f}",
            f"seconds on one core: executed in {np.median(column['execute_s']):.2f} (median), with retargeting in "
            f"{np.median(both):.2f}, at most {both.max():.2f}",
        ]
    causes = Counter((r["kind"], r["why_not"]) for r in failed)
    lines += [f"{kind}, {cause}: {count}" for (kind, cause), count in sorted(causes.items())]
    return lines + [f"{_piece(r['piece'])}, {r['what']}: {r['told']}" for r in failed]


def _piece(name) -> str:
    return f"scene {name}" if isinstance(name, int) else name


if __name__ == "__main__":
    sys.exit(main())
