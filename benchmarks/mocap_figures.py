"""Lifting error on rendered figures with recorded human motion, which our scene generator did not make.

python -m benchmarks.mocap_figures --mocap DIR --count 40 --out FILE

DIR holds recordings, .amc with the .asf of their person beside them. They are cut into segments of 3 s, numbered in the
order of their file names: even ones are for development, odd ones are held out (the default). Recordings take turns; a
segment is reused with another figure and camera. Joints as in benchmarks.lift. Path: mean distance of the pelvis in the
world from the true one over the 2 s after both were at the same place, given the camera's heading; its end: the
distance after 2 s. Worst frame: mean over its joints, as a share of the person's height, relative to the pelvis in 3D
and in the picture.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.lift import SAYS, compare, joints_m
from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.errors import TavidError
from hoi_motion.motion import HoiMotion

HALVES = {"development": (0,), "held-out": (1,), "all": (0, 1)}
PATH_S = 2.0
# thresholds for a clip's kind: distance walked, angle turned, angle leaned, height of a crouch as a share
WALKS_M = 0.8
TURNS_DEG = 45.0
LEANS_DEG = 45.0
LOWERED = 0.75
COLUMNS = {
    "mpjpe_mm": "MPJPE mm",
    "pa_mpjpe_mm": "PA mm",
    "wrist_mm": "wrist mm",
    "path_cm": "path cm",
    "path_end_cm": "its end",
    "worst_frame_space": "worst 3D",
    "worst_frame_picture": "worst 2D",
    "swapped": "swapped",
}
UNITS = {"mpjpe_mm": "mm", "pa_mpjpe_mm": "mm", "wrist_mm": "mm", "path_cm": "cm", "path_end_cm": "cm"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mocap", required=True, type=Path, metavar="DIR", help="folder of recordings")
    parser.add_argument("--count", type=int, default=40, help="number of clips; default 40")
    parser.add_argument("--half", choices=HALVES, default="held-out", help="which segments; default %(default)s")
    parser.add_argument("--size", default="480x720", help="HxW pixels; default 480x720")
    parser.add_argument("--depth", action="store_true", help="give the lift the first frame's depth image")
    parser.add_argument("--out", type=Path, help="JSON lines, one per clip; an interrupted run continues from it")
    add_save_option(parser, "mocap_figures")
    arguments = parser.parse_args(argv)

    from training.scenes.recorded_motion import segments

    try:
        chosen = taking_turns(segments(arguments.mocap), HALVES[arguments.half], arguments.count)
    except TavidError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    jobs = {f"{s.recording} from {s.start}, view {view}": (s, view) for s, view in chosen}
    rows = measure_pieces(
        measure_clip, jobs, arguments.out, settings={"size": arguments.size, "depth": arguments.depth}
    )
    print(table(rows))
    lifted = [row for row in rows if "error" not in row]
    if not lifted:
        return 1
    if arguments.save:
        save(arguments.save, f"lifting {len(rows)} figures with recorded motion, error against the truth", values(rows))
    return 0


def taking_turns(segments, parities: tuple[int, ...], count: int) -> list[tuple]:
    """(segment, view) of a number of clips: recordings in turn with their segments in turn, then the next view.

    Args:
        parities: of the segments' numbers.
    """
    by_recording: dict[str, list] = {}
    for segment in segments:
        if segment.number % 2 in parities:
            by_recording.setdefault(segment.recording, []).append(segment)
    rounds = range(-(-count // max(len(by_recording), 1)))
    chosen = [(own[k % len(own)], k // len(own)) for k in rounds for own in by_recording.values()]
    return chosen[:count]


def measure_clip(segment, view: int, settings: dict) -> dict:
    """Errors of one lifted clip, or the error code of the lift."""
    from hoi_motion.lift import Clip, lift_video
    from training.scenes.recorded_scene import recorded_scene

    size = (int(v) for v in settings["size"].split("x"))
    scene = recorded_scene(segment, view, *size, with_depth=settings["depth"])
    about = {"recording": segment.recording, "kind": kind_of(scene.motion)}
    depth_m = scene.depth_m[0] if settings["depth"] else None
    try:
        motion = lift_video(Clip(scene.frames, scene.fps, scene.target_mask, intrinsics=scene.K, depth_m=depth_m))
    except TavidError as error:
        return about | {"error": str(error), "code": error.code.name}
    row = about | compare(motion, scene.motion) | path_errors(motion, scene.motion)
    return row | {name: motion.diagnostics[name] for name in SAYS}


def kind_of(truth: HoiMotion) -> str:
    """walks, bends, turns or stands."""
    from scipy.spatial.transform import Rotation

    joints = joints_m(truth)
    ahead = Rotation.from_rotvec(truth.pose_rad[:, 0]).as_matrix()[:, :2, 2]
    trunk = joints[:, 12] - joints[:, 0]
    lean = np.rad2deg(np.arccos(np.clip(trunk[:, 2] / np.linalg.norm(trunk, axis=1), -1, 1)))
    if np.linalg.norm(np.ptp(joints[:, 0, :2], axis=0)) > WALKS_M:
        return "walks"
    if lean.max() > LEANS_DEG or joints[:, 0, 2].min() < LOWERED * joints[:, 0, 2].max():
        return "bends"
    return "turns" if np.ptp(np.rad2deg(np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0])))) > TURNS_DEG else "stands"


def path_errors(motion: HoiMotion, truth: HoiMotion) -> dict[str, float]:
    """Error of the pelvis' path in the world over PATH_S, on average and at its end."""
    ours, theirs = (_level(m) for m in (motion, truth))
    steps = min(round(PATH_S * truth.fps), len(ours) - 1)
    off = np.array([ours[i : i + steps + 1] - theirs[i : i + steps + 1] for i in range(len(ours) - steps)])
    off = np.linalg.norm(off - off[:, :1], axis=-1)
    return {"path_cm": 100 * float(off.mean()), "path_end_cm": 100 * float(off[:, -1].mean())}


def _level(motion: HoiMotion) -> np.ndarray:  # (T, 3)
    """The pelvis, z up, y where the camera looks."""
    ahead = motion.camera.T_world_camera[:2, 2]
    c, s = ahead / np.linalg.norm(ahead)
    return joints_m(motion)[:, 0] @ np.array([[s, -c, 0], [c, s, 0], [0, 0, 1]]).T


def values(rows: list[dict]) -> dict[str, Value]:
    """Median, mean and worst of every number of the lifted clips."""
    lifted, found = [row for row in rows if "error" not in row], {}
    for column in COLUMNS:
        numbers, unit = np.array([row[column] for row in lifted]), UNITS.get(column, "")
        found |= {column: Value(float(np.median(numbers)), unit), f"{column}_mean": Value(float(numbers.mean()), unit)}
        found[f"{column}_worst"] = Value(float(numbers.max()), unit)
    return found | {"clips": Value(len(rows)), "lifted": Value(len(lifted))}


def table(rows: list[dict]) -> str:
    """Medians by kind and by recording, of all, and the worst clips."""
    lifted = [row for row in rows if "error" not in row]
    lines = [f"{len(lifted)} of {len(rows)} clips lifted"]
    lines += [f"  {row['piece']}: {row['error']}" for row in rows if "error" in row]
    if not lifted:
        return "\n".join(lines)
    lines.append(f"{'median':16}{'clips':>6}" + "".join(f"{title:>10}" for title in COLUMNS.values()))
    for key in ("kind", "recording"):
        lines += [_line(name, [r for r in lifted if r[key] == name]) for name in sorted({r[key] for r in lifted})]
    lines += [_line("all", lifted), _line("worst", lifted, np.max)]
    for column in ("mpjpe_mm", "path_cm"):
        worst = max(lifted, key=lambda row: row[column])
        lines.append(f"worst {COLUMNS[column]}: {worst['piece']}, {worst[column]:.1f}")
    return "\n".join(lines)


def _line(name: str, rows: list[dict], of=np.median) -> str:
    return f"{name:16}{len(rows):6}" + "".join(f"{of([row[column] for row in rows]):10.2f}" for column in COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
