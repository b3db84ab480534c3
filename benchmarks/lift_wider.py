"""Lifting error against ground truth on held-out scenes of more kinds (`training.scenes.wider`).

python -m benchmarks.lift_wider --count 60 --out FILE
python -m benchmarks.lift_wider --count 60 --version 2 --out FILE      # with more kinds, and patterns on things
python -m benchmarks.lift_wider --count 12 --version 3 --kinds "takes with both hands" "steps up" --out FILE
python -m benchmarks.lift_wider --count 60 --steps --check --save lift_wider_check     # as a plan has it

The same numbers as `benchmarks.lift`, in all and by kind of scene. The lift is given the actor's mask and the object's
noun, as in a plan. Positions are measured in the first frame's camera, in a world that stands still where it pans. With
--out an interrupted run continues with the missing scenes. With --kinds the scenes are of these kinds in turn. With
--true-keypoints, for scenes whose camera stands still (--still), the body's keypoints are the true ones: what is left
is no error of the detector. With --check each lift goes through the physics check, and through its repair where it
fails, as in a plan; for the repaired ones the errors before and after tell whether the repair came nearer to the truth,
and the checks that fail are counted. Seats of people who sit are compared with the scene's.
"""

import argparse
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.lift import SAYS, UNITS, compare, num_frames, table, values
from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from benchmarks.true_keypoints import TrueKeypoints
from hoi_motion.errors import TavidError
from hoi_motion.motion import HoiMotion
from hoi_motion.physics import Verdict, repair_motion

REPAIRED_COLUMNS = ("mpjpe_mm", "pa_mpjpe_mm", "wrist_mm", "object_cm")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60, help="number of scenes; default 60")
    parser.add_argument("--first", type=int, default=0, help="number of the first held-out scene; default 0")
    parser.add_argument("--size", default="480x720", help="HxW pixels; default 480x720")
    parser.add_argument("--frames", default="25-49", help="N, or LOW-HIGH: drawn from each scene's seed")
    parser.add_argument("--fps", type=float, default=8.0)
    parser.add_argument("--version", type=int, default=1, help="of the wider world, 1 to 3; default 1")
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="of scenes, in turn; default: each seed's own")
    parser.add_argument("--depth", action="store_true", help="give the lift the first frame's depth image")
    parser.add_argument("--still", action="store_true", help="only the scenes whose camera stands still")
    parser.add_argument("--true-keypoints", action="store_true", help="give the lift the body's true keypoints")
    parser.add_argument("--steps", action="store_true", help="let legs that nobody sees step, as in a plan")
    parser.add_argument("--check", action="store_true", help="check each lift, and repair it, as a plan does")
    parser.add_argument("--out", type=Path, help="JSON lines, one per scene; an interrupted run continues from it")
    add_save_option(parser, "lift_wider")
    arguments = parser.parse_args(argv)

    from training.scenes.acting import VERSIONS
    from training.scenes.scene import HELD_OUT_SEED
    from training.scenes.wider import camera_pans

    kinds = VERSIONS.get(arguments.version, ())
    if arguments.true_keypoints and not arguments.still:
        parser.error("--true-keypoints is for scenes whose camera stands still: add --still")
    if not set(arguments.kinds or ()) <= set(kinds):
        parser.error(f"version {arguments.version} has the kinds {', '.join(map(repr, kinds))}")
    seeds = [HELD_OUT_SEED + arguments.first + i for i in range(arguments.count)]
    settings = {k: getattr(arguments, k) for k in ("size", "frames", "fps", "depth")}
    settings |= {"version": arguments.version} if arguments.version > 1 else {}
    settings |= {"kinds": arguments.kinds} if arguments.kinds else {}
    settings |= {"true_keypoints": True} if arguments.true_keypoints else {}
    settings |= {"steps": True} if arguments.steps else {}
    settings |= {"check": True} if arguments.check else {}
    if arguments.still:
        seeds = [seed for seed in seeds if not camera_pans(seed, arguments.version)]
    rows = measure_pieces(measure_scene, {seed: (seed,) for seed in seeds}, arguments.out, settings=settings)
    told = settings | {"no_intrinsics": False}
    print(table(rows, told))
    if arguments.check:
        print("\n".join(f"{name:28} {value.value:8.2f} {value.unit}" for name, value in verdicts(rows).items()))
        print(f"checks that fail: {_counted(row.get('fails', ()) for row in rows)}")
    for kind in sorted({row["kind"] for row in rows}):
        print(f"\n{kind}\n{table([row for row in rows if row['kind'] == kind], told)}")
    if all("error" in row for row in rows):
        return 1
    if arguments.save:
        what = f"lifting {len(rows)} scenes of more kinds, error against the truth"
        save(arguments.save, what, values(rows) | (verdicts(rows) if arguments.check else {}))
    return 0


def measure_scene(seed: int, settings: dict) -> dict:
    """Errors of one lifted scene, or the error code of the lift."""
    from hoi_motion.body import load_body
    from hoi_motion.ground.still_world import in_still_world
    from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints
    from hoi_motion.lift import Clip, LiftConfig, lift_video
    from training.scenes.figure import ACTOR_INSTANCE
    from training.scenes.wider import generate_wider_scene, kind_of

    size, count = (int(v) for v in settings["size"].split("x")), num_frames(settings["frames"], seed)
    version = settings.get("version", 1)
    kinds = settings.get("kinds") or [kind_of(seed, version)]
    kind = kinds[seed % len(kinds)]
    scene = generate_wider_scene(seed, *size, count, settings["fps"], kind, version, with_depth=settings["depth"])
    about, start = {"kind": kind}, time.perf_counter()
    depth_m = scene.depth_m[0] if settings["depth"] else None
    noun = scene.id_names[scene.target_id].split()[-1]
    actor = scene.instance_ids[0] == ACTOR_INSTANCE
    given = dict(intrinsics=scene.K, depth_m=depth_m, target_noun=noun)
    clip = Clip(scene.frames, scene.fps, scene.target_mask, actor, **given)
    source = TrueKeypoints(MediaPipeKeypoints(), scene.motion) if settings.get("true_keypoints") else None
    try:
        motion = lift_video(clip, config=LiftConfig(steps=settings.get("steps", False)), keypoints=source)
    except TavidError as error:
        return about | {"error": str(error), "code": error.code.name}
    motion = in_still_world(motion, load_body())
    row = about | {"num_frames": count, **compare(motion, scene.motion), "seconds": time.perf_counter() - start}
    row |= {name: motion.diagnostics[name] for name in SAYS}
    row["parts"] = {k[8:]: v for k, v in motion.diagnostics.items() if k.startswith("seconds_")}
    if settings.get("check"):
        row |= checked(motion, scene.motion)
    return row | {"peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def checked(motion: HoiMotion, truth: HoiMotion) -> dict:
    """Whether a lift passes the physics check, before and after its repair; errors after it where it has changed."""
    result = repair_motion(motion)
    row = {"passes": result.before.verdict is Verdict.PASS, "passes_repaired": result.report.verdict is Verdict.PASS}
    row |= {"fails": [c.name for c in result.before.checks if c.verdict is Verdict.FAIL], "repair": result.reason}
    row |= {"seat_m": _seat_m(motion), "true_seat_m": _seat_m(truth)}
    return row if result.motion is motion else row | {"repaired": compare(result.motion, truth)}


def verdicts(rows: list[dict]) -> dict[str, Value]:
    """How many lifts pass, and what the repair does to those that it makes pass: medians of their errors.

    Also how many of the seats that people sit on are found, how many where there is none, and how high.
    """
    lifted = [row for row in rows if "passes" in row]
    found = {name: Value(sum(row[name] for row in lifted)) for name in ("passes", "passes_repaired")}
    repaired = [row for row in lifted if "repaired" in row]
    for column in REPAIRED_COLUMNS if repaired else ():
        before, after = ([row[column] for row in some] for some in (repaired, [row["repaired"] for row in repaired]))
        found[f"{column}_before_repair"] = Value(float(np.median(before)), UNITS[column])
        found[f"{column}_after_repair"] = Value(float(np.median(after)), UNITS[column])
    seats = [(row["seat_m"], row["true_seat_m"]) for row in lifted if row["seat_m"] or row["true_seat_m"]]
    both = [abs(ours - true) for ours, true in seats if ours and true]
    found |= {"seats": Value(sum(true is not None for _, true in seats)), "seats_found": Value(len(both))}
    found["seats_where_none_is"] = Value(sum(true is None for _, true in seats))
    return found | ({"seat_height_cm": Value(100 * float(np.median(both)), "cm")} if both else {})


def _seat_m(motion: HoiMotion) -> float | None:
    """Height of the seat, if the motion has one."""
    tops = [box.T_world_box[2, 3] + box.size_m[2] / 2 for box in motion.supports if box.name == "seat"]
    return float(tops[0]) if tops else None


def _counted(names) -> str:  # an iterable of lists
    counts = Counter(name for some in names for name in some)
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "none"


if __name__ == "__main__":
    sys.exit(main())
