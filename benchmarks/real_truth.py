"""The lift on real clips against manual annotation.

python -m benchmarks.real_truth --clips DIR --motions runs/real_truth --sheets runs/real_truth/sheets

DIR holds one folder per clip, with clip.mp4, mask.png and truth.json (eye_truth.py). Motions and their keypoints are
kept in --motions and reused, so that an interrupted run can continue; delete them after a change of the lift. Joints:
median distance of visible ones as a share of the person's height, and the share within 5% and 10% (PCK); `found` is the
detector's own median. Frame: the worst annotated frame's mean. Object: distance of the box's centre in units of its
longer side, and IoU. Right: share of annotated frames whose mean is within 5%, in truth and according to the lift.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.eye_truth import (
    KEYPOINTS,
    RIGHT,
    EyeTruth,
    box_errors,
    contact_scores,
    joint_errors,
    lifted_joints_px,
    read_truth,
    swapped_frames,
)
from hoi_motion.errors import TavidError
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.motion import HoiMotion

HEAD = (
    f"{'clip':16}{'joints':>7}{'PCK5':>6}{'PCK10':>6}{'found':>7} |{'frame':>6}{'mean':>7}{'swaps':>6} |"
    f"{'right':>6}{'says':>6} |{'object':>7}{'IoU':>6} | {'hands (truth)':18}{'right':>6}{'exact':>6}{'IoU':>6}"
)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", required=True, type=Path, metavar="DIR", help="folder of clips with truth.json")
    parser.add_argument("--motions", type=Path, default=Path("runs/real_truth"), help="default %(default)s")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="also draw truth and lift, one .png per clip")
    parser.add_argument("--only", default="", metavar="NAME", help="only clips whose name contains this")
    arguments = parser.parse_args(argv)
    folders = sorted(p.parent for p in arguments.clips.glob("*/truth.json") if arguments.only in p.parent.name)
    if not folders:
        print(f"error: no folder under {arguments.clips} holds truth.json", file=sys.stderr)
        return 2
    for folder in (arguments.motions, arguments.sheets):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    print(HEAD)
    rows, refused = [], 0
    for folder in folders:
        truth = read_truth(folder)
        try:
            motion, track = lifted(folder / "clip.mp4", folder / "mask.png", arguments.motions / folder.name)
        except TavidError as error:
            refused += 1
            print(f"{folder.name:16}{error}", flush=True)
            continue
        rows.append(measure(truth, motion, track.body_px))
        print(line(folder.name, [rows[-1]]), flush=True)
        if arguments.sheets is not None:
            _draw(folder, truth, motion, arguments.sheets / f"{folder.name}.png")
    if rows:
        print(line(f"all {len(rows)} clips", rows))
    return 1 if refused else 0


def lifted(video: Path, mask: Path, kept: Path, actor: Path | None = None) -> tuple[HoiMotion, KeypointTrack]:
    """The lifted motion of a video and the detector's keypoints, from an earlier run or new.

    Args:
        mask: of the object in the first frame; actor: of the person, where there is one.
        kept: where the motion is kept (KEPT.npz), and its keypoints (KEPT.keypoints.npz).
    """
    from hoi_motion.keypoints.file import SavedKeypoints, read_keypoints
    from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints
    from hoi_motion.lift import Clip, LiftConfig, lift_video
    from hoi_motion.masks import checked_mask
    from hoi_motion.media.image_files import read_mask
    from hoi_motion.media.video_file import read_video

    motion_file, keypoint_file = (kept.with_name(f"{kept.name}{end}.npz") for end in ("", ".keypoints"))
    if not (motion_file.exists() and keypoint_file.exists()):
        clip = read_video(video, LiftConfig().max_frames)
        target, person = (
            None if file is None else clip.fitted(checked_mask(read_mask(file), clip.size_px)) for file in (mask, actor)
        )
        source = SavedKeypoints(MediaPipeKeypoints(), keypoint_file)
        lift_video(Clip(clip.frames, clip.fps, target, person), keypoints=source).save(motion_file)
    return HoiMotion.load(motion_file), read_keypoints(keypoint_file)[0]


def measure(truth: EyeTruth, motion: HoiMotion, keypoints_px: np.ndarray) -> dict:
    """All numbers of a clip's row."""
    joints_px = lifted_joints_px(motion, truth)
    errors = joint_errors(truth, joints_px)
    compared = np.isfinite(errors).any(1)
    frame_mean = np.nanmean(errors[compared], axis=1)
    return {
        "errors": errors[np.isfinite(errors)],
        "found": _known(joint_errors(truth, keypoints_px[:, KEYPOINTS, :2])),
        "frame_mean": frame_mean,
        "worst_frame": int(truth.frames[compared][frame_mean.argmax()]),
        "swaps": int(swapped_frames(truth, joints_px).sum()),
        "says": motion.diagnostics.get("frames_within_5_percent", np.nan),
        "boxes": box_errors(truth, motion),
        "truth": truth.hand,
        "contact": contact_scores(truth, motion),
    }


def _known(errors: np.ndarray) -> np.ndarray:
    return errors[np.isfinite(errors)]


def line(name: str, rows: list[dict]) -> str:
    """A row of the table: one clip, or all of them with every point, box and clip counted once."""
    errors, found, boxes = (np.concatenate([row[key] for row in rows]) for key in ("errors", "found", "boxes"))
    worst = max(rows, key=lambda row: row["frame_mean"].max())
    right = np.concatenate([row["frame_mean"] for row in rows]) <= RIGHT
    contact = [row["contact"] for row in rows]
    hands = f"{contact[0]['says']} ({rows[0]['truth']})" if len(rows) == 1 else ""
    frame = worst["worst_frame"] if len(rows) == 1 else ""
    offset, iou = (np.median(boxes[:, 0]), boxes[:, 1].mean()) if len(boxes) else (np.nan, np.nan)
    return (
        f"{name:16}{100 * np.median(errors):6.1f}%{np.mean(errors <= 0.05):6.2f}{np.mean(errors <= 0.1):6.2f}"
        f"{100 * np.median(found):6.1f}% |{frame:>6}{100 * worst['frame_mean'].max():6.1f}%"
        f"{sum(row['swaps'] for row in rows):6} |{right.mean():6.2f}{np.mean([row['says'] for row in rows]):6.2f} |"
        f"{100 * offset:6.0f}%{iou:6.2f} | {hands:18}{np.mean([c['right'] for c in contact]):6.2f}"
        f"{np.mean([c['exact'] for c in contact]):6.2f}{np.mean([c['iou'] for c in contact]):6.2f}"
    )


def _draw(folder: Path, truth: EyeTruth, motion: HoiMotion, path: Path) -> None:
    import cv2

    from benchmarks.truth_sheet import truth_sheet
    from hoi_motion.media.video_file import read_video

    frames = read_video(folder / "clip.mp4", 10 * len(truth.judged)).frames
    if (truth.size_px != frames.shape[2:0:-1]).any():
        frames = np.stack([cv2.resize(frame, tuple(int(v) for v in truth.size_px)) for frame in frames])
    cv2.imwrite(str(path), truth_sheet(truth, frames, motion)[..., ::-1])


if __name__ == "__main__":
    sys.exit(main())
