"""Legs that nobody sees step where the fitted body glides (person/feet/steps.py)."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial.transform import Rotation, Slerp

from hoi_motion.body import BodyModel
from hoi_motion.body.joints import index_of
from hoi_motion.frames import closed
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.leg_ik import with_foot
from hoi_motion.lift.person.feet.planted import FOOT_POINTS, SOLE_M, feet_seen
from hoi_motion.lift.person.feet.steps import glides, stands, stepped, swings_of
from hoi_motion.lift.person.fit import BodyFit

SIDES = ("left", "right")
ANKLES = [index_of(f"{side}_ankle") for side in SIDES]
HIPS = [index_of(f"{side}_hip") for side in SIDES]
KNEES = (kp.L_KNEE, kp.R_KNEE)
SURE = 0.65
"""A knee seen with less confidence is a guess: of hidden ones MediaPipe is sure by up to 0.6."""
GLIMPSE_S = 0.3
ON_FLOOR_M = 0.12
"""A fitted foot that nobody sees is no better known than this: up to there it stands on the floor."""


@dataclass(frozen=True)
class UnseenWalk:
    """Where legs that nobody sees glide along.

    Attributes:
        hidden: (T, 2) bool, neither foot nor knee of the left and the right leg is seen.
        glides: first and last frames.
    """

    hidden: np.ndarray
    glides: list[tuple[int, int]]

    def frames(self) -> int:
        """How many frames have such a leg."""
        return sum(int(self.hidden[start : end + 1].any(1).sum()) for start, end in self.glides)


def unseen_walk(fit: BodyFit, track: kp.KeypointTrack, fps: float) -> UnseenWalk:
    """A leg that is glimpsed for a moment is not seen: of one behind a table a detector is sure now and then."""
    unsure = ~feet_seen(track) & (track.body_px[:, KNEES, 2] < SURE)  # (T, 2)
    hidden = np.stack([closed(side, round(GLIMPSE_S * fps)) for side in unsure.T], axis=1)
    return UnseenWalk(hidden, glides(fit.points_m[:, ANKLES], hidden, fps))


def with_steps(body: BodyModel, fit: BodyFit, walk: UnseenWalk, fps: float) -> BodyFit:
    """The fit, whose unseen legs step where they glide along. Only their hips, knees and ankles change."""
    if not walk.glides:
        return fit
    ankles_m, feet, pose = _stood(fit), _feet(body, fit), fit.pose_rad
    across = np.diff(fit.points_m[:, HIPS, :2], axis=1)[:, 0]
    yaw_rad = np.unwrap(np.arctan2(across[:, 1], across[:, 0]))
    for start, end in walk.glides:
        swings = swings_of(ankles_m, yaw_rad, start, end, fps)
        for side, name in enumerate(SIDES):
            there = np.flatnonzero(walk.hidden[start : end + 1, side])
            if len(there):
                ankle_m = stepped(ankles_m[:, side], swings, side, start, end)[there]
                before, after, share = stands(swings, side, there + start)
                turn = feet[side](before).inv() * feet[side](after)
                R_foot = feet[side](before) * Rotation.from_rotvec(share[:, None] * turn.as_rotvec())
                pose = with_foot(body, pose, fit.transl_m, fit.betas, name, there + start, ankle_m, R_foot.as_matrix())
    points_m = body.joints(pose, fit.transl_m, fit.betas).numpy()
    return replace(fit, pose_rad=pose, points_m=points_m)


def _stood(fit: BodyFit) -> np.ndarray:  # (T, 2, 3)
    """The ankles as they are with the soles on the floor."""
    ankles_m = fit.points_m[:, ANKLES].astype(float)
    over_m = fit.points_m[:, FOOT_POINTS, 2].min(-1) - fit.floor_m - SOLE_M
    ankles_m[..., 2] -= np.where(over_m < ON_FLOOR_M, over_m, 0)
    return ankles_m


def _feet(body: BodyModel, fit: BodyFit) -> list[Slerp]:
    """The rotations of left and right foot at any time, in frames."""
    pose, transl, betas = (torch.as_tensor(np.asarray(x, np.float32)) for x in (fit.pose_rad, fit.transl_m, fit.betas))
    _, rotations = body.skeleton.keypoints_and_rotations(pose, transl, betas.expand(len(pose), -1))
    frames = np.arange(len(pose))
    return [Slerp(frames, Rotation.from_matrix(rotations[:, ankle].double().numpy())) for ankle in ANKLES]


def walk_notes(walk: UnseenWalk | None, steps: bool) -> tuple[str, ...]:
    """What a reader of the motion should know of its legs."""
    if walk is None or not walk.glides:
        return ()
    where = f"in {walk.frames()} of {len(walk.hidden)} frames"
    if steps:
        return (f"legs that nobody sees take made-up steps {where}",)
    return (f"legs that nobody sees glide along {where}; --steps (lift.steps) lets them step",)
