"""What a detector's errors cost: its keypoints with the body where it truly is."""

from dataclasses import replace

import numpy as np

from benchmarks.lift import joints_and_landmarks_m
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints.track import KeypointSource, KeypointTrack
from hoi_motion.motion import HoiMotion


class TrueKeypoints:
    """A keypoint source: another one's confidences and hands, the body's keypoints projected from a scene's truth.

    Args:
        source: detects everything first, so that only places differ.
        truth: the motion in the scene, filmed by a camera that stands still.
    """

    def __init__(self, source: KeypointSource, truth: HoiMotion):
        self.source, self.truth = source, truth

    def detect(self, frames, **how) -> KeypointTrack:
        track = self.source.detect(frames, **how)
        body_px = track.body_px.copy()
        places_m = np.einsum("kj,tjc->tkc", km.BODY_MATRIX, joints_and_landmarks_m(self.truth))
        body_px[:, list(km.BODY_KEYPOINTS), :2] = self.truth.camera.project(places_m)
        # nobody drew these points: what is known of the detector's habits does not hold
        return replace(track, body_px=body_px, detector="")
