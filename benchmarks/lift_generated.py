"""The lift on clips that the video model generates for TargetBench's scenes: blurred, and without ground truth.

python -m benchmarks.lift_generated --count 60 --out FILE

TargetBench does not keep its clips, so they are generated again, with the same scenes and sampler seed. Per clip: the
error of the lift, if any; whether the joints of every frame are within 5% of the body's height of their keypoints,
which are not ground truth; and in how many frames the lift itself considers them right by that measure. With --out an
interrupted run continues with the missing clips.
"""

import argparse
import resource
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from benchmarks.pieces import measure_pieces
from benchmarks.results import Value, add_save_option, save
from hoi_motion.errors import TavidError

WITHIN = 0.05  # of the body's height


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--count", type=int, default=22, help="clips, the first of every class, ...; default 22")
    parser.add_argument("--seed", type=int, default=0, help="of the sampler")
    parser.add_argument("--out", type=Path, help="JSON lines, one per clip; an interrupted run continues from it")
    parser.add_argument("--overlays", type=Path, metavar="DIR", help="also write each clip with its lift drawn in")
    add_save_option(parser, "lift_generated")
    arguments = parser.parse_args(argv)

    from tavid_planner.config import load_profile, resolve_model
    from tavid_planner.video.model_files import model_folder, weights_digest
    from training.bench.cases import bench_cases

    profile = load_profile(arguments.profile)
    digests = {k: weights_digest(model_folder(resolve_model(getattr(profile.video, k)))) for k in ("base", "adapter")}
    settings = {
        "seed": arguments.seed,
        "video": asdict(profile.video),
        "lift": asdict(profile.lift),
        "digests": digests,
    }
    jobs = {f"{c.name}_{c.index}": (c, profile, arguments.overlays) for c in bench_cases(count=arguments.count)}
    rows = measure_pieces(lift_case, jobs, arguments.out, settings=settings)
    print(table(rows))
    if arguments.save and any("error" not in row for row in rows):
        save(arguments.save, f"lifting {len(rows)} clips of the profile {arguments.profile}", values(rows))
    return 0


def values(rows: list[dict]) -> dict[str, Value]:
    lifted = [row for row in rows if "error" not in row]
    errors = [100 * row["error_mean"] for row in lifted]
    return {
        "clips": Value(len(rows)),
        "lifted": Value(len(lifted)),
        "every_frame_within_5": Value(sum(row["error_worst_frame"] <= WITHIN for row in lifted)),
        "says_within_5_percent": Value(100 * float(np.mean([row["within_5_percent"] for row in lifted])), "%"),
        "error_percent": Value(float(np.median(errors)), "%"),
        "error_percent_worst": Value(max(errors), "%"),
        "contact": Value(sum(row["contact"] for row in lifted)),
        "seconds": Value(float(np.median([row["seconds"] for row in lifted])), "s"),
        "seconds_worst": Value(max(row["seconds"] for row in lifted), "s"),
        "peak_gib": Value(max(row["peak_gib"] for row in lifted), "GiB"),
    }


def lift_case(case, profile, overlays: Path | None, settings: dict) -> dict:
    """Numbers of one clip, or the error code of the lift."""
    from hoi_motion.lift import Clip, lift_video
    from training.bench.runner import clip_of

    config = replace(profile.video, capture_attention=False)
    scene = case.scene(config.height, config.width, config.num_frames, config.fps)
    frames = clip_of("adapter", scene, config, settings["seed"])
    start = time.perf_counter()
    try:
        motion = lift_video(Clip(frames, config.fps, scene.target_mask, intrinsics=scene.K), config=profile.lift)
    except TavidError as error:
        return {"error": str(error), "code": error.code.name}
    if overlays is not None:
        _draw(frames, motion, scene.target_mask, overlays / f"{case.name}_{case.index}.mp4")
    numbers = motion.diagnostics
    return {
        "num_frames": motion.num_frames,
        "within_5_percent": numbers["frames_within_5_percent"],
        "error_mean": numbers["reprojection_error_mean"],
        "error_worst_frame": numbers["reprojection_error_worst_frame"],
        "contact": any(c.object_name == motion.target.name for c in motion.contacts),
        "seconds": time.perf_counter() - start,
        # of the process so far, video model included; Linux counts in KiB
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def _draw(frames, motion, target_mask, path: Path) -> None:
    from hoi_motion.body import PosedBody, load_body
    from hoi_motion.media.overlay import draw_overlay
    from hoi_motion.media.video_file import write_video
    from tavid_planner.media import enlarge, enlarged_camera, viewing_scale

    path.parent.mkdir(parents=True, exist_ok=True)
    scale = viewing_scale(*target_mask.shape)
    large = np.stack([enlarge(frame, scale) for frame in frames])
    keypoints_m = PosedBody(load_body(), motion).keypoints_m
    drawn = draw_overlay(large, enlarged_camera(motion, scale), enlarge(target_mask, scale), keypoints_m)
    write_video(path, drawn, motion.fps)


def table(rows: list[dict]) -> str:
    """Share lifted, errors by code, and how well the lifted bodies fit the picture."""
    lifted = [row for row in rows if "error" not in row]
    lines = [f"{len(lifted)} of {len(rows)} clips lifted ({100 * len(lifted) / len(rows):.0f}%)"]
    lines += [f"  {count} {code}" for code, count in Counter(row["code"] for row in rows if "error" in row).items()]
    if lifted:
        found = values(rows)
        worst = lifted[int(np.argmax([row["error_mean"] for row in lifted]))]
        lines += [
            f"every frame within 5% of its keypoints: {found['every_frame_within_5'].value} of {len(lifted)} clips",
            f"frames that the lift considers right: {found['says_within_5_percent'].value:.1f}%",
            f"mean error: median {100 * np.median([row['error_mean'] for row in lifted]):.1f}%, "
            f"worst clip {100 * worst['error_mean']:.1f}% ({worst['piece']})",
            f"a hand on the target: {sum(row['contact'] for row in lifted)} of {len(lifted)}",
            f"lift: median {np.median([row['seconds'] for row in lifted]):.1f} s, "
            f"worst {max(row['seconds'] for row in lifted):.1f} s; "
            f"peak memory {max(row['peak_gib'] for row in lifted):.2f} GiB, video model included",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
