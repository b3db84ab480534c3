"""The physics check on ground-truth scenes (must PASS) and on faults planted into them (must FAIL for that reason).

python -m benchmarks.check --count 100 --workers 2
python -m benchmarks.check --wider --mocap DIR --count 40        # held-out; for development: --half development

A fault of strength s is s times the limit of its check: ten strengths from 1.05 to 4, which the check must find, and
ten from 0.05 to 0.5, at which it must pass. Every scene that passes unchanged gets each fault twice, at one strength of
each ten. Only the unchanged scenes are simulated. With --out an interrupted run continues where it stopped.

--wider checks scenes of every version of the wider world, --mocap figures that move as people were recorded (DIR as in
benchmarks.mocap_figures); neither is simulated. --count is then the number of each.
"""

import argparse
import sys
import time
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks import check_people as people
from benchmarks.faults import FAULTS, NEED_AN_OBJECT
from benchmarks.mocap_figures import HALVES
from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.errors import TavidError
from hoi_motion.physics import CheckConfig, Verdict
from hoi_motion.progress import CancelToken, silent

LIMITS = CheckConfig()
ABOVE = np.linspace(1.05, 4.0, 10)
BELOW = np.linspace(0.05, 0.5, 10)
CAUGHT_SHARE = 0.98
FALSE_SHARE = 0.02
TRUTH_SHARE = 0.97
TRACKED_SHARE = 0.9
TRACKED_M = 0.06


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="number of scenes; default 20")
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--fps", type=float, default=16.0)
    parser.add_argument("--workers", type=int, default=1, help="processes; times are those of one core each")
    parser.add_argument("--wider", action="store_true", help="scenes of the wider world, of every version")
    parser.add_argument("--mocap", type=Path, metavar="DIR", help="folder of recordings: figures that move like them")
    parser.add_argument("--half", choices=HALVES, default="held-out", help="of those; default %(default)s")
    parser.add_argument("--out", type=Path, help="JSON lines, one per scene; an interrupted run continues from it")
    add_save_option(parser, "check")
    arguments = parser.parse_args(argv)
    if arguments.wider or arguments.mocap:
        return _measure_people(arguments)
    settings = {"frames": arguments.frames, "fps": arguments.fps}
    jobs = {i: (i,) for i in range(arguments.count)}
    rows = measure_pieces(measure_scene, jobs, arguments.out, arguments.workers, **settings)
    print(table(rows, **settings))
    if arguments.save:
        save(arguments.save, f"physics check on {len(rows)} scenes and on faults planted into them", values(rows))
    return 0


def _measure_people(arguments: argparse.Namespace) -> int:
    """The run with --wider or --mocap."""
    jobs = people.wider_jobs(arguments.half, arguments.count) if arguments.wider else {}
    if arguments.mocap:
        try:
            jobs |= people.recorded_jobs(arguments.mocap, arguments.half, arguments.count)
        except TavidError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    rows = measure_pieces(measure_people, jobs, arguments.out, arguments.workers)
    print(people.table(rows))
    if arguments.save:
        save(
            arguments.save, f"physics check on {len(rows)} motions of the wider world and recorded", people.values(rows)
        )
    return 0


def measure_people(group: str, make, number: int) -> dict:
    """Failed checks of a true motion, and which faults planted into it are found."""
    from hoi_motion.physics import check_motion

    body = _body()
    about, motion = make(body)
    report = check_motion(motion, body=body)
    failed = {c.name: c.reason for c in report.checks if c.verdict is Verdict.FAIL}
    return {"group": group, "about": about, "geometric": failed, "faults": _planted(motion, number, body, failed)}


def values(rows: list[dict]) -> dict[str, Value]:
    """Shares of passing scenes, of faults found and of false alarms, and the tracking error in simulation."""
    passed = [r for r in rows if not r["geometric"]]
    found = {"scenes": Value(len(rows)), "passed": Value(len(passed))}
    for name, side in (("caught", "above"), ("false_alarms", "below")):
        outcomes = [r["faults"][fault][side][1] for r in passed for fault in FAULTS if side in r["faults"][fault]]
        found |= {name: Value(sum(outcomes)), f"{name}_of": Value(len(outcomes))}
    errors_cm = [100 * r["tracking_mean"] for r in rows]
    return found | {
        "followed": Value(sum("tracking" not in r["simulated"] for r in rows)),
        "tracking_cm": Value(float(np.mean(errors_cm)), "cm"),
        "tracking_cm_worst": Value(float(np.max(errors_cm)), "cm"),
    }


@lru_cache(maxsize=1)
def _body():
    import torch

    from hoi_motion.body import load_body

    torch.set_num_threads(1)
    return load_body()


def measure_scene(number: int, frames: int, fps: float) -> dict:
    """All numbers of one held-out scene, as written to the file."""
    from hoi_motion.physics.check import run_checks
    from hoi_motion.physics.checks.simulation import tracking_of
    from hoi_motion.physics.geometry import MotionGeometry
    from hoi_motion.physics.world import PhysicsWorld
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    body = _body()
    scene = generate_scene(HELD_OUT_SEED + number, 48, 72, frames, fps, supersampling=1, body=body)
    row = {"verb": scene.triplet[1]}
    for kind, config in (("geometric", CheckConfig()), ("simulated", CheckConfig(simulate=True))):
        start = time.perf_counter()
        geometry = MotionGeometry(scene.motion, config, body)
        with PhysicsWorld(geometry.parts, geometry.surfaces, geometry.supports) as world:
            report = run_checks(geometry, world, silent, CancelToken())
        row[f"{kind}_s"] = time.perf_counter() - start
        row[kind] = {c.name: c.reason for c in report.checks if c.verdict is Verdict.FAIL}
    values = {c.name: c.value for c in report.checks}
    row |= {name: values[name] for name in ("tracking", "root_wrench", "object_settles", "object_follows")}
    row["tracking_mean"] = float(tracking_of(geometry).error_m.mean())
    row["faults"] = {} if row["geometric"] else _planted(scene.motion, number, body, {})
    return row


def _planted(motion, number: int, body, failed) -> dict[str, dict[str, list]]:
    """Fault -> "above" and "below" -> strength, and whether its check fails, for checks that the truth passes."""
    from hoi_motion.physics.checks import CHECKS
    from hoi_motion.physics.geometry import MotionGeometry
    from hoi_motion.physics.world import PhysicsWorld

    checks, found = {check.__name__: check for check in CHECKS}, {}
    truth = MotionGeometry(motion, CheckConfig(), body)
    for k, (name, fault) in enumerate(FAULTS.items()):
        found[name] = {}
        if fault.check in failed or (name in NEED_AN_OBJECT and motion.target is None):
            continue
        for side, strengths in (("above", ABOVE), ("below", BELOW)):
            strength = float(strengths[(number + k) % len(strengths)])
            faulty = fault(truth, strength)
            if faulty is None:
                continue
            same = all(np.array_equal(getattr(faulty, k), getattr(motion, k)) for k in ("pose_rad", "transl_m"))
            geometry = truth.with_scene(faulty) if same else MotionGeometry(faulty, CheckConfig(), body)
            with PhysicsWorld(geometry.parts, geometry.surfaces, geometry.supports) as world:
                result = checks[fault.check](geometry, world)
            found[name][side] = [strength, result.verdict is Verdict.FAIL]
    return found


def table(rows: list[dict], frames: int, fps: float) -> str:
    """Measured values beside their goals."""
    count = len(rows)
    passed = [r for r in rows if not r["geometric"]]
    lines = [f"{count} scenes of {frames} frames at {fps:g} fps"]
    lines.append(f"ground truth: {len(passed)}/{count} PASS (goal {TRUTH_SHARE:.0%})")
    lines += [f"  scene {r['piece']}: {name}: {why}" for r in rows for name, why in r["geometric"].items()]
    lines.append(f"{'planted fault':<28} {'check':<25} {'caught':>9} {'false alarms':>14}")
    sums = np.zeros((2, 2), int)
    for name, fault in FAULTS.items():
        cells = []
        for i, side in enumerate(("above", "below")):
            found = [r["faults"][name][side][1] for r in passed if side in r["faults"][name]]
            sums[i] += sum(found), len(found)
            cells.append(f"{sum(found)}/{len(found)}")
        lines.append(f"{name:<28} {fault.check:<25} {cells[0]:>9} {cells[1]:>14}")
    (caught, planted), (false, silent) = sums.tolist()
    lines.append(
        f"all: caught {caught / max(planted, 1):.1%} (goal {CAUGHT_SHARE:.0%}), "
        f"false alarms {false / max(silent, 1):.1%} (goal {FALSE_SHARE:.0%})"
    )
    lines += _simulated(rows)
    lines.append(
        f"seconds of one check on one core, median (90%): geometric {_spread(rows, 'geometric_s')}, "
        f"with simulation {_spread(rows, 'simulated_s')}"
    )
    return "\n".join(lines)


def _simulated(rows: list[dict]) -> list[str]:
    errors = np.array([r["tracking_mean"] for r in rows])
    followed = sum("tracking" not in r["simulated"] for r in rows)
    lines = [
        f"simulated person: follows in {followed}/{len(rows)} (goal {TRACKED_SHARE:.0%}), mean joint error "
        f"{errors.mean() * 100:.1f} cm, worst scene {errors.max() * 100:.1f} cm (goal {TRACKED_M * 100:.0f} cm)",
        f"root wrench: median {np.median([r['root_wrench'] for r in rows]):.0%} of the weight, "
        f"at most {max(r['root_wrench'] for r in rows):.0%}",
    ]
    for verb in sorted({r["verb"] for r in rows}):
        off = np.array([r["object_follows"] for r in rows if r["verb"] == verb and r["object_follows"] is not None])
        lines.append(
            f"object left to contact and friction, {verb!r}: within {LIMITS.object_follow_m * 100:.0f} cm in "
            f"{int((off <= LIMITS.object_follow_m).sum())}/{len(off)}, median {np.median(off) * 100:.1f} cm"
        )
    failed = [(r["piece"], n, why) for r in rows for n, why in r["simulated"].items() if n not in r["geometric"]]
    return lines + [f"  failed only in simulation: scene {scene}: {n}: {why}" for scene, n, why in failed]


def _spread(rows: list[dict], key: str) -> str:
    seconds = [r[key] for r in rows]
    return f"{np.median(seconds):.1f} ({np.percentile(seconds, 90):.1f})"


if __name__ == "__main__":
    sys.exit(main())
