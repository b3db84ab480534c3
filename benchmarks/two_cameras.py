"""How far lifts of one moment by two cameras disagree: poses in 3D on real people, without any truth.

python -m benchmarks.two_cameras --moments DIR --motions runs/two_cameras

DIR holds one folder per moment, with CAMERA.mp4 of every camera, all from the same time on at the same rate, beside it
CAMERA.mask.png, the object, and where several people are in view CAMERA.actor.png. Motions and their keypoints are kept
in --motions and reused, as in benchmarks.real_truth. For each pair of cameras, in frames of which the detector sees at
least 8 of 13 joints in both, those joints of one lift are brought onto the other's by a similarity (Procrustes); what
is left is the pair's disagreement, in mm of the second lift's person, the mean over joints and frames. The same of the
detector's own landmarks in 3D stands beside it. The two lifts' errors together are at least that much; where they err
alike they agree, so that a prior alone makes it smaller.
"""

import argparse
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks.eye_truth import JOINTS, KEYPOINTS
from benchmarks.lift import procrustes
from benchmarks.real_truth import lifted
from hoi_motion.errors import TavidError

# confidence from which a joint is seen; joints, and frames of a pair, that are enough
SEEN = 0.6
LEAST_JOINTS = 8
LEAST_FRAMES = 8
HEAD = f"{'moment':16}{'cameras':20}{'frames':>7}{'lift':>8}{'detector':>10}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", required=True, type=Path, metavar="DIR", help="folder of moments")
    parser.add_argument("--motions", type=Path, default=Path("runs/two_cameras"), help="default %(default)s")
    arguments = parser.parse_args(argv)
    moments = sorted({video.parent for video in arguments.moments.glob("*/*.mp4")})
    if not moments:
        print(f"error: no folder under {arguments.moments} holds .mp4 files", file=sys.stderr)
        return 2
    print(HEAD)
    rows, refused = [], 0
    for moment in moments:
        kept, views = arguments.motions / moment.name, {}
        kept.mkdir(parents=True, exist_ok=True)
        for video in sorted(moment.glob("*.mp4")):
            try:
                views[video.stem] = seen_from(video, kept / video.stem)
            except TavidError as error:
                refused += 1
                print(f"{moment.name:16}{video.stem:20}{error}", flush=True)
        for (one, a), (other, b) in combinations(views.items(), 2):
            frames = min(len(a.seen), len(b.seen))
            seen = a.seen[:frames] & b.seen[:frames]
            pair = disagreement(a.lift_m, b.lift_m, seen), disagreement(a.detector_m, b.detector_m, seen)
            if np.isfinite(pair[0]).any(1).sum() >= LEAST_FRAMES:
                rows.append(pair)
                print(line(moment.name, f"{one}, {other}", [pair]), flush=True)
    if rows:
        print(line(f"all {len(rows)} pairs", "", rows))
        lift = [np.nanmean([mean_mm(pair[0][:, i]) for pair in rows]) for i in range(len(JOINTS))]
        print("the lift's joints: " + ", ".join(f"{joint} {mm:.0f}" for joint, mm in zip(JOINTS, lift)))
    return 1 if refused else 0


@dataclass(frozen=True)
class View:
    """One camera's view of a moment.

    Attributes:
        lift_m, detector_m: (T, 13, 3) joints of the lift, and of the detector's own landmarks in 3D, in any axes.
        seen: (T, 13) bool, by the detector.
    """

    lift_m: np.ndarray
    detector_m: np.ndarray
    seen: np.ndarray


def seen_from(video: Path, kept: Path) -> View:
    """A camera's view: its video is lifted, or was before."""
    from hoi_motion.body import load_body
    from hoi_motion.body.joints import index_of

    actor = video.with_suffix(".actor.png")
    motion, track = lifted(video, video.with_suffix(".mask.png"), kept, actor if actor.exists() else None)
    body = load_body(num_betas=len(motion.betas))
    points_m = body.joints(motion.pose_rad.copy(), motion.transl_m.copy(), motion.betas.copy()).numpy()
    points, keypoints = [index_of(joint) for joint in JOINTS], list(KEYPOINTS)
    return View(points_m[:, points], track.body_hint_m[:, keypoints], track.body_px[:, keypoints, 2] >= SEEN)


def disagreement(one_m: np.ndarray, other_m: np.ndarray, seen: np.ndarray) -> np.ndarray:  # (T, J)
    """Distances in mm of one view's seen joints from the other's, frame by frame after the similarity between them.

    NaN for joints that are not seen, in frames with fewer than LEAST_JOINTS, and where a view has no points.

    Args:
        one_m, other_m: (at least T, J, 3); seen: (T, J) bool.
    """
    apart = np.full(seen.shape, np.nan)
    for t in np.flatnonzero(seen.sum(1) >= LEAST_JOINTS):
        there = seen[t]
        one, other = one_m[t, there], other_m[t, there]
        if np.ptp(one, axis=0).any() and np.ptp(other, axis=0).any():
            apart[t, there] = 1000 * np.linalg.norm(procrustes(one[None], other[None])[0] - other, axis=1)
    return apart


def mean_mm(apart: np.ndarray) -> float:
    """Mean of the numbers among distances; NaN without any."""
    known = apart[np.isfinite(apart)]
    return float(known.mean()) if len(known) else np.nan


def line(moment: str, cameras: str, pairs: list) -> str:
    """A row of the table: one pair of cameras, or the mean of all."""
    frames = sum(int(np.isfinite(lift).any(1).sum()) for lift, _ in pairs)
    lift, detector = (np.nanmean([mean_mm(pair[i]) for pair in pairs]) for i in range(2))
    return f"{moment:16}{cameras:20}{frames:7}{lift:8.1f}{detector:10.1f}"


if __name__ == "__main__":
    sys.exit(main())
