"""hoi-ground on recorded motion with tilt, drift and jitter added: python -m benchmarks.ground --mocap DIR

Every recording of the CMU database under DIR is put on the average body (`benchmarks.mocap`), cut into pieces of 5 s,
and degraded like a lifted motion: the camera is tilted, its frame drifts slowly, mostly along its line of sight, and
the distance jitters. The result is compared with the recording.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.mocap import FPS, read_recording
from hoi_motion.body import load_body
from hoi_motion.body.change import in_world
from hoi_motion.ground import ground_motion
from hoi_motion.motion import HoiMotion
from hoi_motion.rigid import R_about_z

PIECE_S = 5.0
COMPARED_S = 2.0
TILT_DEG = (5.0, 25.0)
DRIFT_M_S = np.array([0.03, 0.15, 0.03])  # across, along the line of sight, up
WAVE_M = np.array([0.03, 0.15, 0.03])
JITTER_M = np.array([0.003, 0.02, 0.003])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, required=True, metavar="DIR", help="unpacked ASF/AMC recordings")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    body = load_body()
    rows = []
    print(f"{'recording':12} {'tilt':>12} {'floor':>12} {'path 2 s':>14} {'slide':>14}")
    for amc in sorted(arguments.mocap.rglob("*.amc")):
        for number, truth in enumerate(pieces(read_recording(amc, body))):
            rng = np.random.default_rng([arguments.seed, len(rows)])
            rows.append(measured(truth, body, rng))
            print(f"{amc.stem}-{number:<6} {_line(rows[-1])}", flush=True)
    for name, of in (("median", np.median), ("worst", np.max)):
        print(f"{name:12} {_line({key: of([row[key] for row in rows]) for key in rows[0]})}")
    return 0


def pieces(motion: HoiMotion) -> list[HoiMotion]:
    length = round(PIECE_S * FPS)
    starts = range(0, max(1, motion.num_frames - length // 2), length)
    parts = [slice(start, start + length) for start in starts]
    return [motion.replace(pose_rad=motion.pose_rad[part], transl_m=motion.transl_m[part]) for part in parts]


def spoilt(truth: HoiMotion, body, rng: np.random.Generator) -> tuple[HoiMotion, float]:
    """The motion as a lifter would give it, and its tilt in degrees."""
    tilt_deg = rng.uniform(*TILT_DEG)
    axis = Rotation.from_euler("z", rng.uniform(0, 2 * np.pi)).apply([1, 0, 0])
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(np.deg2rad(tilt_deg) * axis).as_matrix() @ R_about_z(rng.uniform(0, 2 * np.pi))
    T[:3, 3] = rng.normal(0, 2, 3)
    seconds = np.arange(truth.num_frames)[:, None] / truth.fps
    drift_m = DRIFT_M_S * rng.normal(0, 1, 3) * seconds
    drift_m = drift_m + WAVE_M * np.sin(2 * np.pi * (seconds / rng.uniform(2, 5, 3) + rng.uniform(0, 1, 3)))
    drift_m = drift_m + rng.normal(0, 1, (truth.num_frames, 3)) * JITTER_M
    motion = in_world(truth, T, body)
    return motion.replace(transl_m=motion.transl_m + drift_m), tilt_deg


def measured(truth: HoiMotion, body, rng: np.random.Generator) -> dict[str, float]:
    given, tilt_deg = spoilt(truth, body, rng)
    done = ground_motion(given, body)
    up = (
        Rotation.from_rotvec(done.motion.pose_rad[:, 0].astype(float))
        * Rotation.from_rotvec(truth.pose_rad[:, 0].astype(float)).inv()
    )
    true_points, points = (body.joints(m.pose_rad, m.transl_m, m.betas).numpy() for m in (truth, done.motion))
    return {
        "tilt_before_deg": tilt_deg,
        "tilt_deg": float(np.rad2deg(np.arccos(np.clip(up.as_matrix()[:, 2, 2], -1, 1)).mean())),
        "floor_before_cm": 100 * float(np.abs(given.transl_m[:, 2] - truth.transl_m[:, 2]).mean()),
        "floor_cm": 100 * float(np.abs(points[..., 2].min(1) - true_points[..., 2].min(1)).mean()),
        "path_before_cm": path_error_cm(given, truth),
        "path_cm": path_error_cm(done.motion, truth),
        "slide_before_cm_s": 100 * done.slide_before_m_s,
        "slide_cm_s": 100 * done.slide_after_m_s,
    }


def path_error_cm(motion: HoiMotion, truth: HoiMotion) -> float:
    """Mean distance of the paths over COMPARED_S, with the first frames' positions and headings aligned."""
    length = min(truth.num_frames, round(COMPARED_S * FPS))
    errors = []
    for start in range(0, truth.num_frames - length + 1, max(1, length // 2)):
        moved = []
        for one in (motion, truth):
            root = Rotation.from_rotvec(one.pose_rad[start, 0].astype(float)).as_matrix()
            heading = np.arctan2(root[1, 2], root[0, 2])
            moved.append((one.transl_m[start : start + length] - one.transl_m[start]) @ R_about_z(-heading).T)
        errors.append(np.linalg.norm(moved[0] - moved[1], axis=1).mean())
    return 100 * float(np.mean(errors))


def _line(row: dict[str, float]) -> str:
    return (
        f"{row['tilt_before_deg']:5.1f} {row['tilt_deg']:5.1f}° "
        f"{row['floor_before_cm']:5.0f} {row['floor_cm']:4.1f} cm "
        f"{row['path_before_cm']:5.1f} {row['path_cm']:5.1f} cm "
        f"{row['slide_before_cm_s']:5.0f} {row['slide_cm_s']:4.1f} cm/s"
    )


if __name__ == "__main__":
    raise SystemExit(main())
