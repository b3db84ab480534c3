"""Lifting error against ground truth on procedural scenes that training never sees.

python -m benchmarks.lift --count 20 --size 480x720 --frames 25

All positions are compared in the camera frame and relative to the pelvis. Joints: the 22 of the SMPL-X body. Wrist: mean
of both. Object: its centre. Contact: frames in which any hand touches the target.
"""

import argparse
import json
import sys
import time

import numpy as np

from hoi_motion.errors import TavidError
from hoi_motion.motion import HANDS, HoiMotion

LEFT_RIGHT = np.array([0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20])
COLUMNS = ("mpjpe_mm", "pa_mpjpe_mm", "wrist_mm", "object_cm", "contact_f1", "hand_right", "swapped", "seconds")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="number of scenes; default 20")
    parser.add_argument("--first", type=int, default=0, help="number of the first held-out scene; default 0")
    parser.add_argument("--size", default="480x720", help="HxW pixels; default 480x720")
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--fps", type=float, default=8.0)
    parser.add_argument("--depth", action="store_true", help="give the lift the first frame's depth image")
    parser.add_argument("--no-intrinsics", action="store_true", help="let the lift assume the focal length")
    parser.add_argument("--json", help="also write every scene's numbers to this file")
    arguments = parser.parse_args(argv)
    height, width = (int(v) for v in arguments.size.split("x"))

    from hoi_motion.lift import lift_video
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    rows, parts, failed = [], [], []
    for i in range(arguments.count):
        seed = HELD_OUT_SEED + arguments.first + i
        scene = generate_scene(seed, height, width, arguments.frames, arguments.fps, with_depth=arguments.depth)
        start = time.perf_counter()
        try:
            motion = lift_video(
                scene.frames, scene.fps, scene.target_mask,
                intrinsics=None if arguments.no_intrinsics else scene.K,
                depth_m=scene.depth_m[0] if arguments.depth else None,
            )  # fmt: skip
        except TavidError as error:
            failed.append((seed, error))
            print(f"scene {seed}: {error}", file=sys.stderr)
            continue
        row = {"seed": seed, **compare(motion, scene.motion), "seconds": time.perf_counter() - start}
        rows.append(row)
        parts.append({k[8:]: v for k, v in motion.diagnostics.items() if k.startswith("seconds_")})
        print(f"scene {seed}: " + "  ".join(f"{c} {row[c]:.2f}" for c in COLUMNS), file=sys.stderr)
    if not rows:
        print("no scene was lifted", file=sys.stderr)
        return 1
    _print_table(rows, parts, failed, arguments)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(rows, file, indent=1)
    return 0


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
        "contact_f1": f1(touch, true_touch),
        "hand_right": float(np.array_equal(_touches(motion).any(1), _touches(truth).any(1))),
        "swapped": float((crossed.mean(1) < error.mean(1)).mean()),
    }


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


def _body_in_camera(motion: HoiMotion) -> np.ndarray:  # (T, 22, 3)
    from hoi_motion.body import load_body

    body = load_body(num_betas=max(10, len(motion.betas)))
    joints = body.joints(motion.pose_rad.copy(), motion.transl_m.copy(), motion.betas.copy()).numpy()
    return motion.camera.to_camera(joints[:, :22])


def _object_in_camera(motion: HoiMotion) -> np.ndarray:  # (T, 3)
    thing = motion.target
    low, high = thing.vertices_m.min(0), thing.vertices_m.max(0)
    centre = thing.T_world_object @ np.append((low + high) / 2, 1.0)
    return motion.camera.to_camera(centre[:, :3])


def _touches(motion: HoiMotion) -> np.ndarray:  # (2, T)
    return np.array([motion.contact_mask(hand, motion.target.name) for hand in HANDS])


def _print_table(rows, parts, failed, arguments) -> None:
    given = "assumed focal length" if arguments.no_intrinsics else "given intrinsics"
    print(f"{len(rows)} of {len(rows) + len(failed)} scenes lifted, {arguments.size}, {arguments.frames} frames, {given}"
          f"{', depth image' if arguments.depth else ''}")  # fmt: skip
    print(f"{'':14}{'median':>9}{'mean':>9}{'worst':>9}  scene")
    for column in COLUMNS:
        values = np.array([row[column] for row in rows])
        worst = int(values.argmin() if column in ("contact_f1", "hand_right") else values.argmax())
        print(f"{column:14}{np.median(values):9.2f}{values.mean():9.2f}{values[worst]:9.2f}  {rows[worst]['seed']}")
    for part in parts[0]:
        seconds = [p[part] for p in parts]
        print(f"{'  ' + part + ' s':14}{np.median(seconds):9.2f}{np.mean(seconds):9.2f}{np.max(seconds):9.2f}")


if __name__ == "__main__":
    sys.exit(main())
