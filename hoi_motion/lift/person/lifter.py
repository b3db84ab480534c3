"""A small temporal network from 2D keypoints to 3D: what the fit starts from and leans on.

Trained on procedural and recorded motion (`training/networks/lifter.py`). Input and output live in a camera turned
towards the person, in units of the person's size, at LIFTER_FPS; it needs a focal length, but no picture.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp

WEIGHTS = Path(__file__).with_name("lifter.safetensors")
LIFTER_FPS = 8.0
NUM_POINTS = len(km.BODY_KEYPOINTS)
# frames between those that a layer of the network mixes; further layers begin again
DILATIONS = 1, 2, 4
# a keypoint unseen for no longer than this is interpolated between its sightings, or held at its only one
MAX_GAP_S = 0.4
# on detected keypoints it errs by this factor more than it says, right, down and ahead
UNDERSTATED = np.array([1.3, 1.3, 1.0])
# shoulders to hips, as a usual person has it
TRUNK_M = 0.5
SHOULDERS, HIPS = (
    [km.BODY_KEYPOINTS.index(k) for k in pair] for pair in ((kp.L_SHOULDER, kp.R_SHOULDER), (kp.L_HIP, kp.R_HIP))
)
# the row of the other side's point
MIRRORED = [km.BODY_KEYPOINTS.index(kp.MIRRORED_BODY[k]) for k in km.BODY_KEYPOINTS]


@dataclass(frozen=True)
class Lifted:
    """What the network says, in camera axes (x right, y down, z ahead).

    Attributes:
        points_m: (T, N, 3) of km.BODY_KEYPOINTS, from the middle of the hips.
        axes: (3, 3) rows are right, down and ahead of a camera turned towards the person.
        spread_m: (T, N, 3) scatter expected along them.
        up: (3,) unit, against gravity.
    """

    points_m: np.ndarray
    axes: np.ndarray
    spread_m: np.ndarray
    up: np.ndarray

    @property
    def pitch_rad(self) -> float:
        """Of the camera; positive looks up."""
        return float(np.arcsin(np.clip(self.up[2], -1, 1)))

    @property
    def lean_rad(self) -> np.ndarray:  # (T,)
        """Of the trunk from upright."""
        trunk = self.points_m[:, SHOULDERS].mean(1) - self.points_m[:, HIPS].mean(1)
        upright = (trunk @ self.up) / np.maximum(np.linalg.norm(trunk, axis=1), 1e-6)
        return np.arccos(np.clip(upright, -1, 1))


class LifterNetwork(nn.Module):
    """(B, T, N, 3) x, y, seen and (B,) size -> points (B, T, N, 3), log spread (B, T, N, 2), up (B, T, 3)."""

    def __init__(self, width: int = 384, layers: int = 5):
        super().__init__()
        dilations = [DILATIONS[layer % len(DILATIONS)] for layer in range(layers)]
        self.enter = nn.Conv1d(3 * NUM_POINTS + 1, width, 1)
        self.mix = nn.ModuleList(
            nn.Conv1d(width, width, 3, dilation=d, padding=d, padding_mode="replicate") for d in dilations
        )
        self.think = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in dilations)
        self.norm = nn.ModuleList(nn.GroupNorm(1, width) for _ in dilations)
        self.leave = nn.Conv1d(width, 5 * NUM_POINTS + 3, 1)

    def forward(self, xy_seen: torch.Tensor, size: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        B, T = xy_seen.shape[:2]
        flat = torch.cat([xy_seen.flatten(2), size[:, None, None].expand(B, T, 1)], 2).transpose(1, 2)
        hidden = self.enter(flat)
        for mix, think, norm in zip(self.mix, self.think, self.norm):
            hidden = hidden + think(torch.relu(mix(torch.relu(norm(hidden)))))
        out = self.leave(torch.relu(hidden)).transpose(1, 2)
        points, spread, up = out.split([3 * NUM_POINTS, 2 * NUM_POINTS, 3], 2)
        points = points.reshape(B, T, NUM_POINTS, 3)
        points = points - points[:, :, HIPS].mean(2, keepdim=True)
        return points, spread.reshape(B, T, NUM_POINTS, 2), nn.functional.normalize(up, dim=-1)


def normalised(rays: torch.Tensor, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Network input from rays (B, T, N, 2) x/z, y/z and seen (B, T, N) 0 or 1.

    Returns:
        (B, T, N, 3); size (B,), the trunk's as an angle; (B, 3, 3) turned camera's axes as rows, in the camera.
    """
    ones = torch.ones_like(rays[..., :1])
    sight = torch.cat([rays[:, :, SHOULDERS].mean((1, 2)), ones[:, 0, 0]], -1)
    sight = nn.functional.normalize(sight, dim=-1)
    right = nn.functional.normalize(torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0]).expand_as(sight), sight), dim=-1)
    R = torch.stack([right, torch.linalg.cross(sight, right), sight], 1)
    turned = torch.cat([rays, ones], -1) @ R.transpose(1, 2)[:, None]
    xy = turned[..., :2] / turned[..., 2:].clamp(min=0.1)
    trunk = (xy[:, :, SHOULDERS].mean(2) - xy[:, :, HIPS].mean(2)).norm(dim=-1)
    # of people seen from the side, or bent towards the camera, the other of the two is foreshortened
    across = (xy[:, :, SHOULDERS[0]] - xy[:, :, SHOULDERS[1]]).norm(dim=-1)
    size = torch.maximum(trunk, 1.2 * across).quantile(0.8, dim=1).clamp(min=1e-3)
    xy = xy / size[:, None, None, None] * seen[..., None]
    return torch.cat([xy, seen[..., None]], -1), size, R


def network_of(weights: Path) -> LifterNetwork:
    """The network that a file holds."""
    from safetensors.torch import load_file

    values = {name: value.float() for name, value in load_file(weights).items()}
    layers = sum(name.startswith("mix.") and name.endswith(".bias") for name in values)
    network = LifterNetwork(len(values["enter.bias"]), layers)
    network.load_state_dict(values)
    return network


@lru_cache(maxsize=1)
def _network() -> LifterNetwork:
    return network_of(WEIGHTS).eval().requires_grad_(False)


def lift_keypoints(track: kp.KeypointTrack, K: np.ndarray, fps: float, min_confidence: float) -> Lifted:
    """3D keypoints of a track, in every one of its frames.

    Args:
        K: (3, 3) pixels; min_confidence: keypoints below are not shown to the network, unless for a moment only.
    """
    body = track.body_px[:, list(km.BODY_KEYPOINTS)]
    rays = (body[..., :2] - K[:2, 2]) / [K[0, 0], K[1, 1]]
    seen = (kp.believed(track.body_px, min_confidence)[:, list(km.BODY_KEYPOINTS)] > 0).astype(float)
    rays, seen = _bridged(rays, seen, int(MAX_GAP_S * fps))
    times = np.arange(track.num_frames) / fps
    steps = np.arange(0, times[-1] + 0.5 / LIFTER_FPS, 1 / LIFTER_FPS)
    there = [torch.tensor(_at(steps, times, v), dtype=torch.float32)[None] for v in (rays, seen)]
    with torch.no_grad():
        xy_seen, size, R = normalised(there[0], (there[1] > 0.5).float())
        points, spread, up = both_views(_network(), xy_seen, size)
    R = R[0].double().numpy()
    points, spread = (_at(times, steps, v[0].double().numpy()) for v in (points, spread.exp()))
    up = up[0].double().mean(0).numpy() @ R
    spread_m = UNDERSTATED * TRUNK_M * spread[..., [0, 0, 1]]
    return Lifted(TRUNK_M * points @ R, R, spread_m, up / np.linalg.norm(up))


def both_views(
    network: LifterNetwork,
    xy_seen: torch.Tensor,  # (1, T, N, 3)
    size: torch.Tensor,  # (1,)
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the network says of the person and of their mirror image, on average: each view errs in its own way."""
    turned = xy_seen[:, :, MIRRORED] * torch.tensor([-1.0, 1, 1])
    points, spread, up = network(torch.cat([xy_seen, turned]), size.repeat(2))
    points = (points[:1] + points[1:, :, MIRRORED] * torch.tensor([-1.0, 1, 1])) / 2
    up = up[:1] + up[1:] * torch.tensor([-1.0, 1, 1])
    return points, (spread[:1] + spread[1:, :, MIRRORED]) / 2, nn.functional.normalize(up, dim=-1)


def _bridged(rays: np.ndarray, seen: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, N, 2) and (T, N) with gaps of at most so many frames filled: a point that blurs in fast motion is not gone.

    Between two sightings along a straight line; at the clip's ends what is seen next to them stays.
    """
    rays, filled, frames = rays.copy(), seen.copy(), np.arange(len(seen))
    for n in range(seen.shape[1]):
        known = np.flatnonzero(seen[:, n])
        for before, after in zip([-1, *known], [*known, len(seen)]):
            gap = frames[before + 1 : after]
            if len(known) and 0 < len(gap) <= most:
                rays[gap, n] = np.stack([np.interp(gap, known, rays[known, n, c]) for c in range(2)], -1)
                filled[gap, n] = 1
    return rays, filled


def _at(wanted_s: np.ndarray, known_s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (T, ...) between known times, by linear interpolation; constant outside."""
    low = np.clip(np.searchsorted(known_s, wanted_s, side="right") - 1, 0, max(len(known_s) - 2, 0))
    high = np.minimum(low + 1, len(known_s) - 1)
    step = np.where(high > low, known_s[high] - known_s[low], 1.0)
    share = np.clip((wanted_s - known_s[low]) / step, 0, 1).reshape(-1, *[1] * (values.ndim - 1))
    return values[low] * (1 - share) + values[high] * share
