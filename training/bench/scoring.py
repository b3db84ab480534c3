"""What one generated clip does, judged from its pixels by the project's own contact detector."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.errors import LiftError
from hoi_motion.keypoints.track import KeypointSource
from training.bench.candidates import taken_candidate, touched_candidates
from training.bench.video_scores import dynamic_degree, first_frame_psnr_db, motion_smoothness, object_permanence
from training.scenes.scene import SceneSample


def candidate_masks(scene: SceneSample) -> list[np.ndarray]:
    """First-frame masks of the identical objects, the target first."""
    others = [i for i in scene.candidate_ids if i != scene.target_id]
    return [scene.target_mask] + [scene.instance_ids[0] == i for i in others]


@dataclass(frozen=True)
class VideoScore:
    """What one clip does.

    Attributes:
        outcome: "hit", "wrong" (the hand stays at another candidate longest), "none" (no touch) or "lost" (no person).
        target_share: share of the frames in which the hand is on the masked object.
        permanence, first_frame_psnr_db, dynamic_degree, motion_smoothness: see training.bench.video_scores.
    """

    outcome: str
    target_share: float
    permanence: str
    first_frame_psnr_db: float
    dynamic_degree: float
    motion_smoothness: float


def score(
    frames: np.ndarray, image: np.ndarray, masks: list[np.ndarray], fps: float, keypoints: KeypointSource
) -> VideoScore:
    """Judge a clip (T, H, W, 3) made from `image`; `masks` are the candidates in the first frame, the target first."""
    try:
        near_px = np.mean([np.argwhere(m).mean(0)[::-1] for m in masks], axis=0)
        touched = touched_candidates(keypoints.detect(frames, near_px=near_px), masks, fps)
        outcome = {None: "none", 0: "hit"}.get(taken_candidate(touched), "wrong")
    except LiftError:
        touched, outcome = np.full(len(frames), -1), "lost"
    return VideoScore(
        outcome,
        float((touched == 0).mean()),
        object_permanence(frames, masks),
        first_frame_psnr_db(frames, image),
        dynamic_degree(frames),
        motion_smoothness(frames),
    )
