"""Checks that a change of structure did not change any result.

python -m benchmarks.behaviour --out runs/before          (before the change)
python -m benchmarks.behaviour --out runs/after --against runs/before

Writes motions of held-out scenes lifted with and without a depth image, of real clips, plans by the mini profile, their
physics reports, an arm's and a humanoid's motion, each as one .npz of plain arrays; `--against` prints the largest
difference of each; exit code 1 if any is more than 1e-6.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

TOLERANCE = 1e-6
SCENES = 12
PLANS = 4
CLIPS = ("mug_left", "ta_teddy")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path, help="folder for this run's results")
    parser.add_argument("--against", type=Path, help="folder of an earlier run")
    parser.add_argument("--clips", type=Path, help="folder of real clips; left out without it")
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, make in pieces(arguments.clips):
        path = arguments.out / f"{name}.npz"
        if not path.exists():
            np.savez(path, **make())
            print(f"made {name}", flush=True)
    return 0 if arguments.against is None else compare(arguments.out, arguments.against)


def pieces(clips: Path | None):
    """(name, function that returns a dict of arrays) of everything that is compared."""
    for number in range(SCENES):
        for depth in (False, True):
            name = f"scene{number:02d}{'_depth' if depth else ''}"
            yield name, lambda number=number, depth=depth: lifted_scene(number, depth)
    for clip in CLIPS if clips is not None else ():
        yield f"clip_{clip}", lambda clip=clip: lifted_clip(clips / clip)
    for number in range(PLANS):
        yield f"plan{number}", lambda number=number: planned(number)
    for robot in ("panda_wide", "humanoid"):
        yield f"robot_{robot}", lambda robot=robot: retargeted(robot)


def lifted_scene(number: int, with_depth: bool) -> dict:
    from hoi_motion.lift import Clip, lift_video
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    scene = generate_scene(HELD_OUT_SEED + number, 240, 360, 25, 8.0, with_depth=with_depth)
    depth_m = scene.depth_m[0] if with_depth else None
    clip = Clip(scene.frames, scene.fps, scene.target_mask, intrinsics=scene.K, depth_m=depth_m)
    return of_motion(lift_video(clip))


def lifted_clip(folder: Path) -> dict:
    import cv2

    from hoi_motion.lift import Clip, lift_video
    from hoi_motion.lift.config import LiftConfig
    from hoi_motion.media.video_file import read_video

    clip = read_video(folder / "clip.mp4", LiftConfig().max_frames)
    mask = cv2.imread(str(folder / "mask.png"), cv2.IMREAD_GRAYSCALE) > 127
    return of_motion(lift_video(Clip(clip.frames, clip.fps, mask)))


def planned(number: int) -> dict:
    from tavid_planner.config import load_profile, with_options
    from tavid_planner.planner import Planner
    from tavid_planner.request import InteractionRequest
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    scene = generate_scene(HELD_OUT_SEED + number, 128, 192, 25, 8.0)
    request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, seed=number)
    # without repair: the check of the motion as lifted
    plan = Planner(with_options(load_profile("mini"), ["check.repair=false"])).plan(request)
    return {"frames": plan.video.frames, **of_motion(plan.motion), **of_report(plan.report)}


def retargeted(robot: str) -> dict:
    from hoi_motion import retarget
    from hoi_motion.physics import check_motion
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    motion = generate_scene(HELD_OUT_SEED, 48, 72, 25, supersampling=1).motion
    result = retarget(motion, robot)
    return {"joints": result.positions_rad, "root": result.root_pose, **of_report(check_motion(motion))}


def of_motion(motion) -> dict:
    contacts = [(c.hand == "left_hand", c.start_frame, c.end_frame, c.confidence) for c in motion.contacts]
    thing = motion.target
    return {
        "pose_rad": motion.pose_rad,
        "transl_m": motion.transl_m,
        "betas": motion.betas,
        "T_world_camera": motion.camera.T_world_camera,
        "vertices_m": thing.vertices_m,
        "T_world_object": thing.T_world_object,
        "contacts": np.array(contacts, float).reshape(-1, 4),
        "supports": np.array([[*s.size_m, *s.T_world_box[:3, 3]] for s in motion.supports]).reshape(-1, 6),
    }


def of_report(report) -> dict:
    return {
        f"check_{c.name}": np.array([np.nan if c.value is None else c.value, str(c.verdict) == "PASS"], float)
        for c in report.checks
    }


def compare(ours: Path, theirs: Path) -> int:
    worst = 0.0
    for path in sorted(theirs.glob("*.npz")):
        with np.load(path) as before, np.load(ours / path.name) as after:
            miss = max((difference(before[k], after[k]) for k in before if k in after), default=0.0)
            gone = sorted(set(before) ^ set(after))
        print(f"{path.stem:24}{miss:12.3g}" + (f"  only in one: {', '.join(gone)}" if gone else ""))
        worst = max(worst, np.inf if gone else miss)
    print(f"largest difference {worst:.3g}, tolerance {TOLERANCE:g}")
    return int(worst > TOLERANCE)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        return np.inf
    return float(np.nanmax(np.abs(a.astype(float) - b.astype(float)), initial=0.0))


if __name__ == "__main__":
    sys.exit(main())
