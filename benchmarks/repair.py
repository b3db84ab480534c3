"""Repair of planted faults: how many pass afterwards, whether hand contact is kept, how far joints were moved.

python -m benchmarks.repair --count 4

Faults of 1.1 to 2 times the limit are planted into ground-truth scenes that pass (the same as in `benchmarks.check`); a
planted fault that the check does not find is not counted. The change is the median over joints and frames relative to
the faulty motion, then the median over all repaired motions; the error left is the same relative to the ground truth.
"""

import argparse
import sys
import time

import numpy as np

from benchmarks.faults import FAULTS, Fault
from benchmarks.results import Value, add_save_option, save
from hoi_motion.motion import HoiMotion
from hoi_motion.physics import CheckConfig, Verdict

LEFT_OUT = ("impossible_joint", "hovering_object")
"""The first has no fix; the second is planted two metres away, farther than a repair may move an object."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=4, help="number of scenes; default 4")
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--fps", type=float, default=8.0)
    add_save_option(parser, "repair")
    arguments = parser.parse_args(argv)

    from hoi_motion.body import load_body
    from hoi_motion.physics import check_motion
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    body = load_body()
    motions = []
    for i in range(arguments.count):
        scene = generate_scene(HELD_OUT_SEED + i, 48, 72, arguments.frames, arguments.fps, supersampling=1, body=body)
        if check_motion(scene.motion, body=body).verdict is Verdict.PASS:
            motions.append(scene.motion)
    strengths = np.linspace(1.1, 2.0, max(len(motions), 2))
    print(f"{len(motions)} scenes, strengths {', '.join(f'{s:.2f}' for s in strengths)} of the limit")
    print(f"{'fault':<28} {'passes':>7} {'contact':>8} {'change cm':>10} {'left cm':>8} {'seconds':>8}  others")
    rows = []
    for number, (name, fault) in enumerate((n, f) for n, f in FAULTS.items() if n not in LEFT_OUT):
        share = np.roll(strengths, -number)
        found = [_repair(name, fault, m, float(share[k % len(share)]), body) for k, m in enumerate(motions)]
        found = [row for row in found if row is not None]
        rows += found
        print(_line(name, found), flush=True)
    print(_line("all", rows))
    if arguments.save:
        save(arguments.save, f"faults of 1.1 to 2 limits planted into {len(motions)} scenes, repaired", values(rows))
    return 0


def values(rows: list[dict]) -> dict[str, Value]:
    passed = [r for r in rows if r["passes"]]
    found = {"faults": Value(len(rows)), "passes": Value(len(passed))}
    if passed:
        found["left_cm"] = Value(float(np.median([r["left_cm"] for r in passed])), "cm")
    return found | {"contact_kept": Value(sum(r["contact"] for r in rows))}


def _repair(name: str, fault: Fault, motion: HoiMotion, strength: float, body) -> dict | None:
    """One planted and repaired fault; None if it cannot be planted or is not found."""
    from hoi_motion.physics import repair_motion
    from hoi_motion.physics.geometry import MotionGeometry
    from hoi_motion.physics.repair import RepairOutcome

    faulty = fault(MotionGeometry(motion, CheckConfig(), body), strength)
    if faulty is None:
        return None
    start = time.perf_counter()
    result = repair_motion(faulty, body=body)
    seconds = time.perf_counter() - start
    if result.outcome is RepairOutcome.NOT_NEEDED:
        return None
    if result.outcome is not RepairOutcome.REPAIRED:
        print(f"  {name} x{strength:.2f}: {result.outcome}: {result.reason}", file=sys.stderr)
    truth, repaired = (body.joints(m.pose_rad, m.transl_m, m.betas)[:, :55] for m in (motion, result.motion))
    contact = next(c for c in result.report.checks if c.name == "contact_kept")
    return {
        "outcome": str(result.outcome),
        "passes": result.outcome is RepairOutcome.REPAIRED,
        "contact": contact.verdict is not Verdict.FAIL,
        "change_cm": result.joint_change_m[0] * 100,
        "left_cm": float((truth - repaired).norm(dim=-1).median()) * 100,
        "seconds": seconds,
    }


def _line(name: str, rows: list[dict]) -> str:
    if not rows:
        return f"{name:<28} {'-':>7}"
    passed = [r for r in rows if r["passes"]]
    change, left = (np.median([r[key] for r in passed]) if passed else np.nan for key in ("change_cm", "left_cm"))
    others = ", ".join(sorted({r["outcome"] for r in rows if not r["passes"]}))
    return (
        f"{name:<28} {len(passed):>3}/{len(rows):<3} {sum(r['contact'] for r in rows):>4}/{len(rows):<3} "
        f"{change:>10.2f} {left:>8.2f} {np.median([r['seconds'] for r in rows]):>8.1f}  {others}"
    )


if __name__ == "__main__":
    sys.exit(main())
