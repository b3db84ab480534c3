"""Fingers that open where the object is: behind it they are hardly seen."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from hoi_motion.body import BodyModel
from hoi_motion.body.anatomy import fingers_in_range
from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.lift.object.inside import signed_distance_m
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.motion import HANDS, SIDE_OF_HAND
from hoi_motion.progress import CancelToken, check_cancelled
from hoi_motion.rigid import moved_back

FINGERS = ("index", "middle", "ring", "pinky", "thumb")
FINGER_JOINTS = np.array(
    [[JOINT_NAMES.index(f"{SIDE_OF_HAND[h]}_{f}{k}") for k in (1, 2, 3)] for h in HANDS for f in FINGERS]
)
"""Joints of the fingers of both hands, (10, 3), the left hand's first."""
SHARES = np.array([1.0, 0.85, 0.7, 0.55, 0.4, 0.25, 0.1, 0.0, -0.25, -0.5])
"""Shares of its bend that a finger may keep; negative ones bend it back, as far as its joints go."""
CALM_FRAMES = 3
"""A finger opens and closes over about so many frames."""
AT_ONCE = 32  # frames whose skin is worked out together: a cancel waits for no more
YIELDS_M = 0.01
"""Skin yields, and a body that is fitted to a picture errs, by about so much."""


@dataclass(frozen=True)
class Fingers:
    """Those of a posed body.

    Attributes:
        pose_rad: (T, 55, 3) of the whole body; transl_m: (T, 3) in the world; betas: (B,).
    """

    body: BodyModel
    pose_rad: np.ndarray
    transl_m: np.ndarray
    betas: np.ndarray

    def opened(self, shape: Primitive, T_world_object: np.ndarray, cancel: CancelToken | None = None) -> "Fingers":
        """Fingers that are in the object, (T, 4, 4), opened until they are out of it, or as far as that helps.

        Raises:
            ControlError: CANCELLED.
        """
        depth_m = np.zeros((len(SHARES), len(FINGER_JOINTS), len(self.pose_rad)))
        frames = np.arange(len(self.pose_rad))
        for i, share in enumerate(SHARES):
            for some in np.array_split(frames, -(-len(frames) // AT_ONCE)):
                check_cancelled(cancel)
                depth_m[i][:, some] = self._depths_m(share, shape, T_world_object, some)
            if i == 0:
                frames = np.flatnonzero((depth_m[0] > YIELDS_M).any(0))
                if not len(frames):
                    return self
        out = depth_m <= YIELDS_M
        chosen = np.where(out.any(0), out.argmax(0), depth_m.argmin(0))  # (10, T)
        share = minimum_filter1d(SHARES[chosen], CALM_FRAMES, axis=1)
        return self.bent_to(uniform_filter1d(share, CALM_FRAMES, axis=1))

    def bent_to(self, share: np.ndarray) -> "Fingers":  # (10, T)
        """Fingers bent to these shares of what they were, within the range of their joints."""
        pose = np.array(self.pose_rad)
        for finger, kept in zip(FINGER_JOINTS, share):
            pose[:, finger] *= kept[:, None, None]
        return replace(self, pose_rad=fingers_in_range(pose))

    def _depths_m(self, share: float, shape: Primitive, T_world_object, frames: np.ndarray) -> np.ndarray:  # (10, N)
        """How deep each finger is in the object, bent to a share of what it is."""
        ids = [np.flatnonzero(np.isin(self.body.vertex_joint, finger)) for finger in FINGER_JOINTS]
        ends, skin = np.cumsum([len(i) for i in ids])[:-1], self.body.skin(np.concatenate(ids))
        pose = self.bent_to(np.full((len(FINGER_JOINTS), len(self.pose_rad)), share)).pose_rad[frames]
        with torch.no_grad():
            places = self.body.joints(pose, self.transl_m[frames], self.betas, skin)[:, len(JOINT_NAMES) :].numpy()
        distances = [signed_distance_m(shape, moved_back(T, at)) for T, at in zip(T_world_object[frames], places)]
        return np.array([[-part.min() for part in np.split(distance, ends)] for distance in distances]).T
