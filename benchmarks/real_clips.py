"""The lift on real clips, of which only the picture is known.

python -m benchmarks.real_clips --clips DIR

DIR holds one folder per scene: mask.png, the target in the first frame, and any number of videos that start with that
frame. Per video: share of frames that the lift considers within 5% of the body's height, largest step of a body joint
between two frames, which hand touches the target in which frames, seconds of the lift and of its parts.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.results import Value, add_save_option, save
from hoi_motion.errors import TavidError
from hoi_motion.motion import HoiMotion

VIDEOS = (".mp4", ".mkv", ".avi", ".webm", ".gif")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", required=True, type=Path, metavar="DIR", help="folder of scenes")
    parser.add_argument("--only", default="", metavar="NAME", help="only clips whose name (scene/video) contains this")
    parser.add_argument("--overlays", type=Path, metavar="DIR", help="also write each video with its lift drawn in")
    add_save_option(parser, "real_clips")
    arguments = parser.parse_args(argv)
    videos = [v for v in find_videos(arguments.clips) if arguments.only in clip_name(v)]
    if not videos:
        print(f"error: no folder under {arguments.clips} holds mask.png and a video", file=sys.stderr)
        return 2
    print(f"{'clip':24}{'within 5%':>10}{'jump cm':>9}  {'contact':8}{'hand':7}{'frames':12}{'seconds':>8}")
    failed, jumps_cm = 0, []
    for video in videos:
        try:
            motion, line = lift_clip(video, arguments.overlays)
        except TavidError as error:
            failed += 1
            print(f"{clip_name(video):24}{error}", flush=True)
            continue
        print(line)
        jumps_cm.append(100 * largest_jump_m(motion))
        parts = {k[8:]: v for k, v in motion.diagnostics.items() if k.startswith("seconds_")}
        print(f"{'':24}" + ", ".join(f"{part} {seconds:.1f}" for part, seconds in parts.items()) + " s", flush=True)
    if arguments.save:
        values = {"clips": Value(len(videos)), "lifted": Value(len(jumps_cm))}
        values |= {"jump_cm_worst": Value(max(jumps_cm), "cm")} if jumps_cm else {}
        save(arguments.save, "real clips, lifted", values)
    return 1 if failed else 0


def find_videos(folder: Path) -> list[Path]:
    """Videos beside a mask.png, in order of their names."""
    return sorted(v for mask in folder.glob("*/mask.png") for v in mask.parent.iterdir() if v.suffix.lower() in VIDEOS)


def clip_name(video: Path) -> str:
    return f"{video.parent.name}/{video.stem}"


def lift_clip(video: Path, overlays: Path | None = None) -> tuple[HoiMotion, str]:
    """The lifted motion of a video and its row of the table."""
    from hoi_motion.lift import Clip, LiftConfig, lift_video
    from hoi_motion.masks import checked_mask
    from hoi_motion.media.image_files import read_mask
    from hoi_motion.media.video_file import read_video, write_video

    clip = read_video(video, LiftConfig().max_frames)
    mask = clip.fitted(checked_mask(read_mask(video.parent / "mask.png"), clip.size_px))
    motion = lift_video(Clip(clip.frames, clip.fps, mask))
    if overlays is not None:
        from hoi_motion.body import PosedBody, load_body
        from hoi_motion.media.overlay import draw_overlay

        overlays.mkdir(parents=True, exist_ok=True)
        drawn = draw_overlay(clip.frames, motion, mask, PosedBody(load_body(), motion).keypoints_m)
        write_video(overlays / f"{video.parent.name}_{video.stem}.mp4", drawn, clip.fps)
    verdict, hand, frames = contact_verdict(motion)
    numbers = motion.diagnostics
    seconds = sum(v for k, v in numbers.items() if k.startswith("seconds_"))
    share, jump = numbers["frames_within_5_percent"], 100 * largest_jump_m(motion)
    return motion, f"{clip_name(video):24}{share:10.2f}{jump:9.1f}  {verdict:8}{hand:7}{frames:12}{seconds:8.1f}"


def contact_verdict(motion: HoiMotion) -> tuple[str, str, str]:
    """("yes" or "no", the hand that touches the target longest, its frames)."""
    touches = [c for c in motion.contacts if c.object_name == motion.target.name]
    if not touches:
        return "no", "-", "-"
    length = {
        hand: sum(c.end_frame - c.start_frame for c in touches if c.hand == hand) for hand in {c.hand for c in touches}
    }
    hand = max(sorted(length), key=length.get)
    frames = [(c.start_frame, c.end_frame - 1) for c in touches if c.hand == hand]
    return "yes", hand.removesuffix("_hand"), f"{frames[0][0]}-{frames[-1][1]}"


def largest_jump_m(motion: HoiMotion) -> float:
    """Largest step of one of the 22 body joints between two frames, in the world."""
    from hoi_motion.body import load_body

    body = load_body(num_betas=len(motion.betas))
    joints = body.joints(motion.pose_rad, motion.transl_m, motion.betas).numpy()[:, :22]
    return float(np.linalg.norm(np.diff(joints, axis=0), axis=-1).max())


if __name__ == "__main__":
    sys.exit(main())
