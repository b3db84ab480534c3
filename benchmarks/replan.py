"""Objects pushed between planning and grasping: successes with and without monitoring of the plan.

python -m benchmarks.replan --robot panda_wide --scenes 20 --out FILE

Ground-truth motions of held-out scenes are planned; while the arm approaches, the object is pushed by 5 to 10 cm to
where it and its goal are still on their supports. Without: the plan is executed unchanged. With: the arm stops when the
object is observed elsewhere, and a new plan is executed. Only scenes that succeed without a push count.
"""

import argparse
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.pieces import measure_pieces

PUSH_M = (0.05, 0.10)
PUSH_SHARE = 0.4  # share of the time until the touch
TRIES = 200
EDGE_M = 0.03  # clearance from the edge
BESIDE_M = 0.06  # clearance from other objects
GOAL = 0.6


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robot", default="panda_wide", help="name or YAML file of an arm")
    parser.add_argument("--scenes", type=int, default=20, help="how many; default 20")
    parser.add_argument("--first", type=int, default=0, help="number of the first; 5000 and up are for development")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="JSON lines, one per scene; an interrupted run continues from it")
    arguments = parser.parse_args(argv)
    jobs = {i: (i,) for i in range(arguments.first, arguments.first + arguments.scenes)}
    rows = measure_pieces(measure, jobs, arguments.out, arguments.workers, robot=arguments.robot)
    print(f"{arguments.robot}, {len(rows)} scenes")
    print("\n".join(table(rows)))
    return 0


@lru_cache(maxsize=1)
def _loaded(robot: str):
    from hoi_motion.retarget.arm.arm import Arm
    from hoi_motion.retarget.robots.config import load_robot_config
    from training.scenes.scene import free_body

    return Arm(load_robot_config(robot)), free_body()


def measure(number: int, robot: str) -> dict:
    """Outcome for one pushed object, without and with monitoring; `left_out` says why a scene does not count."""
    from hoi_motion.errors import ErrorCode, RetargetError
    from hoi_motion.execute.execute import execute
    from hoi_motion.execute.task import task_of
    from hoi_motion.execute.watch import Push, replanned, transplanted, watch
    from hoi_motion.retarget.arm.trajectory import retarget_arm
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    arm, body = _loaded(robot)
    scene = generate_scene(HELD_OUT_SEED + number, 48, 72, 25, supersampling=1)
    motion, noun = scene.motion, scene.triplet[2].split()[-1]
    row = {"what": " ".join(scene.triplet[1:]), "kind": task_of(motion, "target").kind, "left_out": ""}
    try:
        plan = retarget_arm(motion, arm, body)
    except RetargetError as error:
        if error.code is not ErrorCode.UNREACHABLE:
            raise
        return row | {"left_out": "out of reach"}
    if not execute(plan, arm, motion, noun=noun).done:
        return row | {"left_out": "fails without a push"}
    T_pushed = pushed(motion, plan.facts["object"], np.random.default_rng(number))
    if T_pushed is None:
        return row | {"left_out": "no room for a push"}
    there = transplanted(motion, plan.facts["object"], T_pushed, body)
    row["without"] = execute(plan, arm, there, noun=noun).why_not
    seen = watch(plan, arm, motion, Push(PUSH_SHARE * plan.facts["touch_s"], T_pushed), noun)
    if seen is None:
        return row | {"with": "not noticed", "noticed_s": None}
    try:
        anew, now = replanned(plan, arm, motion, body, seen)
    except RetargetError as error:
        return row | {"with": f"no new plan: {error.message}", "noticed_s": seen.time_s}
    return row | {"with": execute(anew, arm, now, noun=noun).why_not, "noticed_s": seen.time_s}


def pushed(motion, name: str, rng: np.random.Generator) -> np.ndarray | None:  # (4, 4)
    """The object moved by PUSH_M to where it and its goal are on its support, away from other objects."""
    thing = motion.object_named(name)
    T_start, T_goal = thing.T_world_object[0], thing.T_world_object[-1]
    radius = float(np.linalg.norm(thing.vertices_m[:, :2], axis=1).max())
    bottom = float((thing.vertices_m @ T_start[:3, :3].T)[:, 2].min() + T_start[2, 3])
    tables = [s for s in motion.supports if abs(s.T_world_box[2, 3] + s.size_m[2] / 2 - bottom) < 0.03]
    others = [o.T_world_object[0, :2, 3] for o in motion.objects if o.name != name]
    for _ in range(TRIES):
        angle, way = rng.uniform(0, 2 * np.pi), rng.uniform(*PUSH_M)
        step = way * np.array([np.cos(angle), np.sin(angle)])
        places = [T[:2, 3] + step for T in (T_start, T_goal)]
        free = all(np.linalg.norm(place - other) > radius + BESIDE_M for place in places for other in others)
        if free and (not tables or any(_on(table, place) for table in tables for place in places[:1])):
            if not tables or T_goal[2, 3] - T_start[2, 3] > 0.02 or any(_on(table, places[1]) for table in tables):
                T = T_start.copy()
                T[:2, 3] += step
                return T
    return None


def _on(table, place_m: np.ndarray) -> bool:
    local = (place_m - table.T_world_box[:2, 3]) @ table.T_world_box[:2, :2]
    return bool((np.abs(local) < table.size_m[:2] / 2 - EDGE_M).all())


def table(rows: list[dict]) -> list[str]:
    """Successes without and with monitoring; one line per failure."""
    counted = [r for r in rows if not r["left_out"]]
    lines = [f"left out: {dict(Counter(r['left_out'] for r in rows if r['left_out']))}"]
    for which, goal in (("without", "0"), ("with", f"{GOAL:.0%} or more")):
        well = sum(not r[which] for r in counted)
        share = f" ({well / len(counted):.0%})" if counted else ""
        lines.append(f"{which} monitoring, pushed by 5 to 10 cm: {well} of {len(counted)} succeed{share}, goal {goal}")
        causes = Counter((r["kind"], r[which]) for r in counted if r[which])
        lines += [f"  {kind}, {cause}: {count}" for (kind, cause), count in sorted(causes.items())]
    return lines


if __name__ == "__main__":
    sys.exit(main())
