"""Lift with the keypoints of your own network: here COCO-WholeBody points (T, 133, 3) from a file.

python examples/own_keypoint_source.py clip.mp4 mask.png keypoints.npy motion.npz
"""

import sys

import numpy as np

from hoi_motion import Clip, KeypointTrack, LiftConfig, lift_video, read_mask, read_video
from hoi_motion.keypoints.coco import track_from_coco
from hoi_motion.keypoints.track import completed


class OwnNetwork:
    """A KeypointSource: any class with this method can be passed to `lift_video`."""

    def __init__(self, path: str):
        self.path = path

    def detect(self, frames, *, near_px=None, actor_mask=None, on_progress=None, cancel=None) -> KeypointTrack:
        points_px = np.load(self.path)  # (T, 133, 3) x, y, confidence: run your network on the frames instead
        return completed(track_from_coco(points_px), frames.shape[1:3])


def main(video: str, mask: str, keypoints: str, out: str) -> None:
    film = read_video(video, LiftConfig().max_frames)
    clip = Clip(film.frames, film.fps, film.fitted(read_mask(mask) > 0))
    motion = lift_video(clip, keypoints=OwnNetwork(keypoints))
    print(f"reprojection error {motion.diagnostics['reprojection_error_mean']:.1%} of the person's height")
    motion.save(out)


if len(sys.argv) != 5:
    sys.exit(__doc__)
main(*sys.argv[1:])
