"""Keypoints as a detector draws them on real people, who are drawn otherwise than rendered figures.

By eye, on six clips, MediaPipe draws real people's hips 5 to 6 cm higher than figures', head, shoulders and knees 2
cm lower, ankles 2 to 4 cm higher; SHIFTS is what the committed weights were trained with. Both sides alike, which the
scatter of single keypoints is not: to a lifter that knows figures only, a trunk that is drawn shorter is one that
leans. So each clip of the training lies somewhere between figure and person, and a little beside.
"""

from dataclasses import dataclass

import torch

from hoi_motion.keypoints import model_points as km
from hoi_motion.lift.person.lifter import HIPS, SHOULDERS

UP, AHEAD, OUT, LIMB = "up", "ahead", "out", "limb"
"""Along the trunk; ahead of it; from its middle to the keypoint's side; along the bone that ends at the keypoint."""
BEYOND = -0.25, 1.25
"""From figures (0) to real people (1), of whom few were measured: a little beyond both."""
_HEAD, _FEET = (0, 2, 5, 7, 8), (29, 30, 31, 32)
_LIMBS = {13: 11, 14: 12, 15: 13, 16: 14, 25: 23, 26: 24, 27: 25, 28: 26}  # where the bone begins that ends there
_AT = {k: i for i, k in enumerate(km.BODY_KEYPOINTS)}


@dataclass(frozen=True)
class Shift:
    """By how much keypoints are drawn beside where they are on figures.

    Attributes:
        keypoints: MediaPipe's numbers; along: one of UP, AHEAD, OUT, LIMB.
        people_cm: on real people; scatter_cm: about that, of all these keypoints alike, from clip to clip.
    """

    keypoints: tuple[int, ...]
    along: str
    people_cm: float
    scatter_cm: float


SHIFTS = (
    Shift((23, 24), UP, 5.0, 1.0),
    Shift((23, 24), AHEAD, 0.0, 1.0),
    Shift((23, 24), OUT, 0.0, 0.7),
    Shift((11, 12), UP, -2.0, 0.7),
    Shift((11, 12), AHEAD, 0.0, 0.7),
    Shift((11, 12), OUT, 0.0, 0.7),
    Shift(_HEAD, UP, -2.0, 0.7),
    Shift((13, 14), LIMB, 0.0, 1.0),
    Shift((13, 14), AHEAD, 0.0, 0.7),
    Shift((15, 16), LIMB, 0.0, 1.0),
    Shift((15, 16), AHEAD, 0.0, 0.7),
    Shift((25, 26), LIMB, 2.0, 1.2),
    Shift((25, 26), AHEAD, 0.0, 0.7),
    Shift((27, 28), LIMB, -2.0, 1.2),
    Shift((27, 28), AHEAD, 0.0, 0.7),
    Shift(_FEET, UP, 0.0, 1.0),
)


def shifted(
    found: torch.Tensor, true: torch.Tensor, shifts: tuple[Shift, ...], share: torch.Tensor, scatter: torch.Tensor
) -> torch.Tensor:  # (B, T, N, 3)
    """Where the keypoints are found, on people.

    Args:
        found: (B, T, N, 3) on figures, m; true: (B, T, N, 3) what they mean.
        share: (B,) from a figure, 0, to a real person, 1; scatter: (B, S) standard normal, of each shift.
    """
    up = _unit(true[:, :, SHOULDERS].mean(2) - true[:, :, HIPS].mean(2))
    left = _unit(true[:, :, HIPS[0]] - true[:, :, HIPS[1]])
    ahead = _unit(torch.linalg.cross(left, up))
    found = found.clone()
    for shift, drawn in zip(shifts, scatter.T):
        size = ((shift.people_cm * share + shift.scatter_cm * drawn) / 100)[:, None, None]
        for side, k in enumerate(shift.keypoints):
            if shift.along == LIMB:
                along = _unit(true[:, :, _AT[k]] - true[:, :, _AT[_LIMBS[k]]])
            else:
                along = {UP: up, AHEAD: ahead, OUT: -left if side else left}[shift.along]
            found[:, :, _AT[k]] += size * along
    return found


def _unit(v: torch.Tensor) -> torch.Tensor:
    return v / v.norm(dim=-1, keepdim=True).clamp(min=1e-6)
