"""Lifting error against ground truth on procedural scenes that training never sees.

python -m benchmarks.lift --count 20 --size 480x720 --frames 25-49 --out FILE

All positions are compared in the camera frame and relative to the pelvis. Joints: the 22 of the SMPL-X body. Wrist:
mean of both. Object: its centre. Path: the pelvis from where it was first. Tilt: of up in the camera. Distance: of the
pelvis along the optical axis, median over the frames. Contact: frames in which any hand touches the target. With --out
an interrupted run continues with the missing scenes.
"""

import argparse
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.errors import TavidError
from hoi_motion.motion import HANDS, HoiMotion

LEFT_RIGHT = np.array([0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20])
COLUMNS = (
    "mpjpe_mm",
    "pa_mpjpe_mm",
    "wrist_mm",
    "object_cm",
    "path_cm",
    "tilt_deg",
    "distance_percent",
    "contact_f1",
    "hand_right",
    "swapped",
    "seconds",
)
UNITS = {"mpjpe_mm": "mm", "pa_mpjpe_mm": "mm", "wrist_mm": "mm", "object_cm": "cm", "path_cm": "cm", "tilt_deg": "deg"}
UNITS |= {"distance_percent": "%", "seconds": "s"}
# the lift's own estimates (self_judgement.py)
SAYS = ("frames_within_5_percent", "wrong_probability")
LARGE_IS_GOOD = ("contact_f1", "hand_right")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="number of scenes; default 20")
    parser.add_argument("--first", type=int, default=0, help="number of the first held-out scene; default 0")
    parser.add_argument("--size", default="480x720", help="HxW pixels; default 480x720")
    parser.add_argument("--frames", default="25", help="N, or LOW-HIGH: drawn from each scene's seed; default 25")
    parser.add_argument("--fps", type=float, default=8.0)
    parser.add_argument("--depth", action="store_true", help="give the lift the first frame's depth image")
    parser.add_argument("--no-intrinsics", action="store_true", help="let the lift assume the focal length")
    parser.add_argument("--out", type=Path, help="JSON lines, one per scene; an interrupted run continues from it")
    add_save_option(parser, "lift")
    arguments = parser.parse_args(argv)

    from training.scenes.scene import HELD_OUT_SEED

    seeds = [HELD_OUT_SEED + arguments.first + i for i in range(arguments.count)]
    settings = {k: getattr(arguments, k) for k in ("size", "frames", "fps", "depth", "no_intrinsics")}
    rows = measure_pieces(measure_scene, {seed: (seed,) for seed in seeds}, arguments.out, settings=settings)
    print(table(rows, settings))
    if all("error" in row for row in rows):
        return 1
    if arguments.save:
        name = "lift_depth" if arguments.depth and arguments.save == "lift" else arguments.save
        save(name, f"lifting {len(rows)} rendered scenes, error against the truth", values(rows))
    return 0


def values(rows: list[dict]) -> dict[str, Value]:
    """Median, mean and worst scene of every error of the lifted scenes; how long it took is no result of this."""
    lifted, found = [row for row in rows if "error" not in row], {}
    for column in COLUMNS[:-1]:
        numbers, unit = np.array([row[column] for row in lifted]), UNITS.get(column, "")
        worst = numbers.min() if column in LARGE_IS_GOOD else numbers.max()
        found |= {column: Value(float(np.median(numbers)), unit), f"{column}_mean": Value(float(numbers.mean()), unit)}
        found[f"{column}_worst"] = Value(float(worst), unit)
    return found | {"scenes": Value(len(rows)), "lifted": Value(len(lifted))}


def num_frames(frames: str, seed: int) -> int:
    """Length of a scene's clip: "25", or "25-49" for one of these lengths, drawn from the seed."""
    low, _, high = frames.partition("-")
    return int(np.random.default_rng(seed).integers(int(low), int(high or low), endpoint=True))


def measure_scene(seed: int, settings: dict) -> dict:
    """Errors of one lifted scene, or the error code of the lift."""
    from hoi_motion.lift import Clip, lift_video
    from training.scenes.scene import generate_scene

    size, count = (int(v) for v in settings["size"].split("x")), num_frames(settings["frames"], seed)
    scene = generate_scene(seed, *size, count, settings["fps"], with_depth=settings["depth"])
    start = time.perf_counter()
    try:
        motion = lift_video(
            Clip(
                scene.frames,
                scene.fps,
                scene.target_mask,
                intrinsics=None if settings["no_intrinsics"] else scene.K,
                depth_m=scene.depth_m[0] if settings["depth"] else None,
            )
        )
    except TavidError as error:
        return {"error": str(error), "code": error.code.name}
    row = {"num_frames": count, **compare(motion, scene.motion), "seconds": time.perf_counter() - start}
    row |= {name: motion.diagnostics[name] for name in SAYS}
    row["parts"] = {k[8:]: v for k, v in motion.diagnostics.items() if k.startswith("seconds_")}
    # of the process so far, scenes included; Linux counts in KiB
    return row | {"peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def compare(motion: HoiMotion, truth: HoiMotion) -> dict[str, float]:
    """Errors of a lifted motion."""
    ours, theirs = (_body_in_camera(m) for m in (motion, truth))
    ours_root, theirs_root = ours - ours[:, :1], theirs - theirs[:, :1]
    error = np.linalg.norm(ours_root - theirs_root, axis=-1)
    crossed = np.linalg.norm(ours_root[:, LEFT_RIGHT] - theirs_root, axis=-1)
    aligned = np.linalg.norm(procrustes(ours, theirs) - theirs, axis=-1)
    thing = _object_in_camera(motion) - ours[:, 0] - (_object_in_camera(truth) - theirs[:, 0])
    touch, true_touch = (_touches(m).any(0) for m in (motion, truth))
    return {
        "mpjpe_mm": 1000 * float(error.mean()),
        "pa_mpjpe_mm": 1000 * float(aligned.mean()),
        "wrist_mm": 1000 * float(error[:, [20, 21]].mean()),
        "object_cm": 100 * float(np.median(np.linalg.norm(thing, axis=-1))),
        "path_cm": 100 * float(np.linalg.norm((ours - ours[:1] - theirs + theirs[:1])[:, 0], axis=-1).mean()),
        "tilt_deg": tilt_deg(motion, truth),
        "distance_percent": 100 * float(np.abs(np.median(ours[:, 0, 2] / theirs[:, 0, 2]) - 1)),
        "contact_f1": f1(touch, true_touch),
        "hand_right": float(np.array_equal(_touches(motion).any(1), _touches(truth).any(1))),
        "swapped": float((crossed.mean(1) < error.mean(1)).mean()),
        **worst_frames(motion, truth),
    }


def tilt_deg(motion: HoiMotion, truth: HoiMotion) -> float:
    """Angle between up in the camera as it is lifted and as it is."""
    ours, theirs = (m.camera.T_world_camera[2, :3] for m in (motion, truth))
    return float(np.degrees(np.arccos(np.clip(ours @ theirs, -1, 1))))


def procrustes(points: np.ndarray, target: np.ndarray) -> np.ndarray:  # (T, J, 3)
    """Each frame's points after the similarity that brings them closest to the target's."""
    result = np.empty_like(points)
    for t, (p, q) in enumerate(zip(points, target)):
        p0, q0 = p - p.mean(0), q - q.mean(0)
        u, s, vt = np.linalg.svd(p0.T @ q0)
        sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
        rotation = (u * sign) @ vt
        result[t] = p0 @ rotation * (s * sign).sum() / (p0**2).sum() + q.mean(0)
    return result


def f1(found: np.ndarray, true: np.ndarray) -> float:
    """F1 of boolean frames; 1 where both are empty."""
    both = (found & true).sum()
    return 1.0 if not (found.any() or true.any()) else float(2 * both / (found.sum() + true.sum()))


def worst_frames(motion: HoiMotion, truth: HoiMotion) -> dict[str, float]:
    """Mean error of the worst frame's joints in shares of the person's height: in space from the pelvis, and in the
    picture."""
    ours, theirs = (_body_in_camera(m) for m in (motion, truth))
    height_m = _height_m(truth)
    space = np.linalg.norm((ours - ours[:, :1]) - (theirs - theirs[:, :1]), axis=-1) / height_m
    apart = np.linalg.norm(motion.camera.project(joints_m(motion)) - truth.camera.project(joints_m(truth)), axis=-1)
    picture = apart * theirs[..., 2] / (truth.camera.K[0, 0] * height_m)
    return {
        "worst_frame_space": float(space.mean(1).max()),
        "worst_frame_picture": float(picture.mean(1).max()),
        "frames_within": float((picture.mean(1) <= 0.05).mean()),
    }


def joints_m(motion: HoiMotion) -> np.ndarray:  # (T, 22, 3)
    return joints_and_landmarks_m(motion)[:, :22]


def joints_and_landmarks_m(motion: HoiMotion) -> np.ndarray:  # (T, 76, 3)
    from hoi_motion.body import load_body

    body = load_body(num_betas=len(motion.betas))
    return body.joints(motion.pose_rad.copy(), motion.transl_m.copy(), motion.betas.copy()).numpy()


def _height_m(motion: HoiMotion) -> float:
    """Height of the person in the rest pose."""
    from hoi_motion.body import load_body

    body = load_body(num_betas=len(motion.betas))
    vertices, _ = body.vertices_and_joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), motion.betas.copy())
    return float(np.ptp(vertices[0, :, 1].numpy()))


def _body_in_camera(motion: HoiMotion) -> np.ndarray:  # (T, 22, 3)
    return motion.camera.to_camera(joints_m(motion))


def _object_in_camera(motion: HoiMotion) -> np.ndarray:  # (T, 3)
    thing = motion.target
    low, high = thing.vertices_m.min(0), thing.vertices_m.max(0)
    centre = thing.T_world_object @ np.append((low + high) / 2, 1.0)
    return motion.camera.to_camera(centre[:, :3])


def _touches(motion: HoiMotion) -> np.ndarray:  # (2, T)
    return np.array([motion.contact_mask(hand, motion.target.name) for hand in HANDS])


def table(rows: list[dict], settings: dict) -> str:
    """Median, mean and worst scene of every number; errors by code."""
    lifted = [row for row in rows if "error" not in row]
    given = "assumed focal length" if settings["no_intrinsics"] else "given intrinsics"
    depth = ", depth image" if settings["depth"] else ""
    how = f"{settings['size']}, {settings['frames']} frames, {given}{depth}"
    lines = [f"{len(lifted)} of {len(rows)} scenes lifted, {how}"]
    lines += [f"  {count} {code}" for code, count in Counter(row["code"] for row in rows if "error" in row).items()]
    if not lifted:
        return "\n".join(lines)
    lines.append(f"{'':14}{'median':>9}{'mean':>9}{'worst':>9}  scene")
    for column in COLUMNS:
        values = np.array([row[column] for row in lifted])
        worst = int(values.argmin() if column in LARGE_IS_GOOD else values.argmax())
        numbers = f"{np.median(values):9.2f}{values.mean():9.2f}{values[worst]:9.2f}"
        lines.append(f"{column:14}{numbers}  {lifted[worst]['piece']}")
    for part in lifted[0]["parts"]:
        seconds = [row["parts"][part] for row in lifted]
        lines.append(f"{'  ' + part + ' s':14}{np.median(seconds):9.2f}{np.mean(seconds):9.2f}{np.max(seconds):9.2f}")
    lines.append(f"peak memory {max(row['peak_gib'] for row in lifted):.2f} GiB, scenes included")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
