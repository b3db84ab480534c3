"""True motions for `benchmarks.check --wider --mocap`: what people of the wider world and recorded people do."""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.faults import FAULTS
from benchmarks.lift import num_frames
from benchmarks.mocap_figures import HALVES, kind_of, taking_turns
from benchmarks.results import Value
from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.camera import Camera
from hoi_motion.motion import HoiMotion

FIRST_SEED = {"development": 700_000, "held-out": 1_000_000}
FRAMES, FPS = "25-49", 8.0
SIZE = 48, 72  # of pictures that nobody looks at
STREAM = 78  # of random numbers, which no scene uses
FIGURES = 12
RECORDED_ARM, RECORDED_LEG = ("lhumerus", "lradius", "lwrist"), ("lfemur", "ltibia")


def wider_jobs(half: str, count: int) -> dict[str, tuple]:
    """Scenes of every version of the wider world."""
    from training.scenes.acting import VERSIONS

    halves = FIRST_SEED if half == "all" else [half]
    return {
        f"wider {version}, {seed}": (f"wider {version}", partial(_wider, seed, version), seed)
        for version in VERSIONS
        for chosen in halves
        for seed in range(FIRST_SEED[chosen], FIRST_SEED[chosen] + count)
    }


def recorded_jobs(folder: Path, half: str, count: int) -> dict[str, tuple]:
    """Segments of recordings, each once.

    Raises:
        InputError: FILE_INVALID when there is none.
    """
    from training.scenes.recorded_motion import segments

    found = segments(folder)
    own = sum(s.number % 2 in HALVES[half] for s in found)
    chosen = dict.fromkeys(s for s, _ in taking_turns(found, HALVES[half], 10 * own))
    return {
        f"{s.recording} from {s.start}": ("recorded", partial(_recorded, s), s.number) for s in list(chosen)[:count]
    }


def _wider(seed: int, version: int, body) -> tuple[str, HoiMotion]:
    from training.scenes.wider import generate_wider_scene, kind_of

    count, kind = num_frames(FRAMES, seed), kind_of(seed, version)
    scene = generate_wider_scene(seed, *SIZE, count, FPS, kind, version, supersampling=1, body=body)
    return kind, scene.motion


def _recorded(segment, body) -> tuple[str, HoiMotion]:
    """A figure that moves like a segment, on the floor and with nothing beside it.

    Of several figures the one whose arms, measured in legs, are the most like those of the recorded person: longer arms
    reach through the floor where theirs touched it.
    """
    from training.scenes.figure import sample_figure
    from training.scenes.recorded_motion import CLIP_FPS, figure_motion, recorded

    motion, rng = recorded(segment.path), np.random.default_rng([STREAM, segment.number])
    lengths_m = {bone.name: float(np.linalg.norm(bone.offset_m)) for bone in motion.skeleton.bones}
    arm_m, leg_m = (sum(lengths_m[name] for name in names) for names in (RECORDED_ARM, RECORDED_LEG))
    figures = [sample_figure(body, rng) for _ in range(FIGURES)]
    figure = min(figures, key=lambda f: abs(_arm_to_leg(f.body.rest_joints_m) - arm_m / leg_m))
    pose_rad, transl_m = figure_motion(motion, figure.body, segment.frames(motion.fps))
    nowhere = Camera(np.array([[500.0, 0, 240], [0, 500, 180], [0, 0, 1]]), np.eye(4), 480, 360)
    moved = HoiMotion(pose_rad, transl_m, figure.betas, CLIP_FPS, body.name, nowhere)
    return kind_of(moved), moved


def _arm_to_leg(rest_joints_m: np.ndarray) -> float:
    def length_m(*names: str) -> float:
        joints = rest_joints_m[[JOINT_NAMES.index(f"left_{name}") for name in names]]
        return float(np.linalg.norm(np.diff(joints, axis=0), axis=1).sum())

    return length_m("shoulder", "elbow", "wrist") / length_m("hip", "knee", "ankle")


def values(rows: list[dict]) -> dict[str, Value]:
    """Of each group and of all: passing motions, faults found, false alarms."""
    found = {}
    for group, own in (_groups(rows) | {"all": rows}).items():
        key = group.replace(" ", "_")
        found[key] = Value(len(own))
        found[f"{key}_passed"] = Value(sum(not row["geometric"] for row in own))
        for name, side in (("caught", "above"), ("false_alarms", "below")):
            outcomes = _outcomes(own, FAULTS, side)
            found |= {f"{key}_{name}": Value(sum(outcomes)), f"{key}_{name}_of": Value(len(outcomes))}
    return found


def table(rows: list[dict]) -> str:
    """By group: truth that passes, faults found, false alarms; the faults; what failed by check and by kind."""
    groups = _groups(rows) | {"all": rows}
    lines = [f"{'':<28}{'truth passes':>14}{'caught':>12}{'false alarms':>14}"]
    for name, own in groups.items():
        passed = f"{sum(not row['geometric'] for row in own)}/{len(own)}"
        lines.append(f"{name:<28}{passed:>14}{_share(own, FAULTS, 'above'):>12}{_share(own, FAULTS, 'below'):>14}")
    lines += [f"{f'  {f}':<42}{_share(rows, [f], 'above'):>12}{_share(rows, [f], 'below'):>14}" for f in FAULTS]
    for name, own in groups.items():
        failed = Counter(check for row in own for check in row["geometric"])
        lines.append(f"{name} fails: {', '.join(f'{c} {n}' for c, n in failed.most_common()) or 'nothing'}")
    for kind in sorted({row["about"] for row in rows}):
        own = [row for row in rows if row["about"] == kind]
        passed = f"{sum(not row['geometric'] for row in own)}/{len(own)}"
        lines.append(f"{kind:<28}{passed:>14}")
    lines += [f"  {r['piece']}: {c}: {why}" for r in rows for c, why in r["geometric"].items()]
    wrong = [
        f"  {r['piece']}: {fault} of strength {strength:.2f} {'missed' if side == 'above' else 'alarms'}"
        for r in rows
        for fault, sides in r["faults"].items()
        for side, (strength, fails) in sides.items()
        if fails != (side == "above")
    ]
    return "\n".join(lines + wrong)


def _groups(rows: list[dict]) -> dict[str, list[dict]]:
    return {group: [r for r in rows if r["group"] == group] for group in dict.fromkeys(r["group"] for r in rows)}


def _outcomes(rows: list[dict], faults, side: str) -> list[bool]:
    return [row["faults"][f][side][1] for row in rows for f in faults if side in row["faults"].get(f, {})]


def _share(rows: list[dict], faults, side: str) -> str:
    outcomes = _outcomes(rows, faults, side)
    return f"{sum(outcomes)}/{len(outcomes)}"
