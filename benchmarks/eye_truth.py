"""Manual annotation of a real clip, and the error of a lifted motion against it.

A clip's folder holds clip.mp4, mask.png and truth.json: for some frames 13 joints (`xy` in pixels, `visible`) and the
box of the target's visible part, and for the whole clip which hands touch it in which frames (inclusive).
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.motion import HANDS, HoiMotion

_PAIRS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = ("nose", *(f"{side}_{part}" for part in _PAIRS for side in ("left", "right")))
MIRRORED = np.array([0, *(i + 1 if i % 2 else i - 1 for i in range(1, len(JOINTS)))])
KEYPOINTS = (kp.NOSE, *range(kp.L_SHOULDER, kp.R_WRIST + 1), *range(kp.L_HIP, kp.R_ANKLE + 1))
BONES = [(f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (*zip(_PAIRS, _PAIRS[1:]),)]
BONES = [(a, b) for a, b in BONES if "wrist" not in a]
BONES += [("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")]
BONES += [(f"{side}_shoulder", f"{side}_hip") for side in ("left", "right")]
# segments as shares of body height, joint to joint (Winter, Biomechanics of Human Movement, section 4.1)
TRUNK = 0.29
THIGH = 0.245
SHANK = 0.246
UPPER_ARM = 0.186
SHOULDERS = 0.24
# a frame whose person looks shorter than this share of the clip's usual height takes its neighbour's height
SHORT = 0.6
# left and right count as swapped if the other side's joints fit this much better: as a ratio, and in person heights
SWAPPED = 0.7
SWAPPED_BY = 0.03
# a frame with a larger mean error shows the person elsewhere than the lift
RIGHT = 0.05


@dataclass(frozen=True)
class EyeTruth:
    """truth.json of a clip.

    Attributes:
        frames: (F,) annotated ones; joints_px: (F, 13, 2), NaN where unknown; visible: (F, 13) bool.
        boxes_px: (F, 4) x0 y0 x1 y1 of the target, NaN where it is not seen.
        hand: left, right, both or none; touched, judged: (T,) bool, frames of contact, and frames where this is
            visible.
        size_px: width, height.
    """

    name: str
    frames: np.ndarray
    joints_px: np.ndarray
    visible: np.ndarray
    boxes_px: np.ndarray
    hand: str
    touched: np.ndarray
    judged: np.ndarray
    size_px: np.ndarray

    @cached_property
    def height_px(self) -> np.ndarray:  # (F,)
        """The person's height in every annotated frame, from the least foreshortened segment."""
        at = {name: self.joints_px[:, i] for i, name in enumerate(JOINTS)}

        def longest(share: float, a: str, b: str) -> np.ndarray:
            both = [np.linalg.norm(at[f"{s}_{a}"] - at[f"{s}_{b}"], axis=-1) for s in ("left", "right")]
            return np.fmax(*both) / share

        legs = np.fmax(longest(THIGH, "hip", "knee"), longest(SHANK, "knee", "ankle"))
        middle = [(at[f"left_{j}"] + at[f"right_{j}"]) / 2 for j in ("shoulder", "hip")]
        trunk = np.linalg.norm(middle[0] - middle[1], axis=-1) / TRUNK
        trunk = np.where(np.isfinite(trunk), trunk, longest(TRUNK, "shoulder", "hip"))
        across = np.linalg.norm(at["left_shoulder"] - at["right_shoulder"], axis=-1) / SHOULDERS
        height = np.fmax(legs, trunk)
        height = np.where(np.isfinite(height), height, np.fmax(longest(UPPER_ARM, "shoulder", "elbow"), across))
        good = np.flatnonzero(height > SHORT * np.nanmedian(height))
        return height[good[np.abs(good[None] - np.arange(len(height))[:, None]).argmin(1)]]


def read_truth(folder: Path) -> EyeTruth:
    data = json.loads((folder / "truth.json").read_text())
    known = [[f["joints"][j] or {"xy": [np.nan] * 2, "visible": False} for j in JOINTS] for f in data["frames"]]
    touched, judged = np.zeros(data["num_frames"], bool), np.ones(data["num_frames"], bool)
    for first, last in data["contact"]["intervals"]:
        touched[first : last + 1] = True
    for first, last in data["contact"]["uncertain_frames"]:
        judged[first : last + 1] = False
    return EyeTruth(
        name=folder.name,
        frames=np.array([f["frame"] for f in data["frames"]]),
        joints_px=np.array([[j["xy"] for j in joints] for joints in known], float),
        visible=np.array([[j["visible"] for j in joints] for joints in known], bool),
        boxes_px=np.array([f["object_box"] or [np.nan] * 4 for f in data["frames"]], float),
        hand=data["contact"]["hand"],
        touched=touched,
        judged=judged,
        size_px=np.array(data["size_px"]),
    )


def lifted_joints_px(motion: HoiMotion, truth: EyeTruth) -> np.ndarray:  # (T, 13, 2)
    from hoi_motion.body import load_body
    from hoi_motion.body.joints import index_of

    body = load_body(num_betas=len(motion.betas))
    joints = body.joints(motion.pose_rad.copy(), motion.transl_m.copy(), motion.betas.copy()).numpy()
    return motion.camera.project(joints[:, [index_of(j) for j in JOINTS]]) * _scale(motion, truth)


def joint_errors(truth: EyeTruth, joints_px: np.ndarray) -> np.ndarray:  # (T, 13, 2) -> (F, 13)
    """Distances of visible joints in person heights; NaN without a comparison, 9 where a joint is missing."""
    miss = np.linalg.norm(joints_px[truth.frames] - truth.joints_px, axis=-1) / truth.height_px[:, None]
    return np.where(truth.visible, np.nan_to_num(miss, nan=9.0, posinf=9.0), np.nan)


def swapped_frames(truth: EyeTruth, joints_px: np.ndarray) -> np.ndarray:  # (F,) bool
    """Annotated frames in which left and right exchanged fit better."""
    straight, crossed = (joint_errors(truth, px)[:, 1:] for px in (joints_px, joints_px[:, MIRRORED]))
    straight, crossed = (np.nan_to_num(np.nanmedian(e, axis=1)) for e in (straight, crossed))
    enough = truth.visible[:, 1:].sum(1) >= 3
    return enough & (crossed < SWAPPED * straight) & (straight - crossed > SWAPPED_BY)


def box_errors(truth: EyeTruth, motion: HoiMotion) -> np.ndarray:  # (N, 2)
    """Per annotated box: distance of the projected object's centre, in units of the box's longer side; and IoU."""
    rows = []
    for frame, box in zip(truth.frames, truth.boxes_px):
        if not np.isfinite(box).all():
            continue
        points = motion.camera.project(motion.target.vertices_world(int(frame))) * _scale(motion, truth)
        points = points[np.isfinite(points).all(-1)]
        if not len(points):
            rows.append((9.0, 0.0))
            continue
        ends, true = np.stack([points.min(0), points.max(0)]), box.reshape(2, 2)
        offset = np.linalg.norm(ends.mean(0) - true.mean(0)) / np.ptp(true, axis=0).max()
        inside = np.clip(ends, 0, truth.size_px)
        common = np.clip(np.minimum(inside[1], true[1]) - np.maximum(inside[0], true[0]), 0, None).prod()
        area = np.ptp(inside, axis=0).prod() + np.ptp(true, axis=0).prod() - common
        rows.append((offset, common / max(area, 1e-9)))
    return np.array(rows).reshape(-1, 2)


def touching(motion: HoiMotion) -> dict[str, np.ndarray]:  # hand -> (T,) bool
    return {hand: motion.contact_mask(hand, motion.target.name) for hand in HANDS}


def contact_scores(truth: EyeTruth, motion: HoiMotion) -> dict:
    """Whether the hand that touches longest is correct, whether all are, and the IoU of the contact frames."""
    touch = touching(motion)
    sides = [hand.removesuffix("_hand") for hand in HANDS if touch[hand].any()]
    says = "both" if len(sides) == 2 else sides[0] if sides else "none"
    longest = max(HANDS, key=lambda hand: touch[hand].sum()).removesuffix("_hand") if sides else "none"
    any_hand = np.any(list(touch.values()), axis=0)[: len(truth.judged)]
    either, both = ((op(any_hand, truth.touched) & truth.judged).sum() for op in (np.logical_or, np.logical_and))
    return {
        "says": says,
        "right": bool(longest == truth.hand or truth.hand == "both" and sides),
        "exact": says == truth.hand,
        "iou": float(both / either) if either else 1.0,
    }


def _scale(motion: HoiMotion, truth: EyeTruth) -> np.ndarray:
    return truth.size_px / [motion.camera.width, motion.camera.height]
