"""Clips as the lifter sees them in training: motion of people, filmed by random cameras, with a detector's errors."""

from dataclasses import dataclass

import numpy as np
import torch

from hoi_motion.keypoints import model_points as km
from hoi_motion.lift.person.lifter import HIPS, LIFTER_FPS, MIRRORED, NUM_POINTS, SHOULDERS, TRUNK_M, normalised
from training.networks.drawn_on_people import BEYOND, shifted
from training.networks.keypoint_noise import LEANING_RAD, LEANS_RAD, KeypointNoise
from training.networks.lifter_motion import CLIP_SECONDS, FRAMES

LENGTHS = 8, 31
"""Frames of the clips that the network sees: at least, and less than."""
SPEEDS = 0.6, 2.0
PAN_SHARE = 0.3
"""Of the clips."""
PAN_RAD = 0.06, 0.015, 0.015
"""How far a camera pans, nods and rolls, by half, scatter."""
TAILS = 4
MOST_TAIL = 5.0
"""Degrees of freedom of the keypoints' scatter, a Student's t, some err more than usual; by this factor at most."""

# which share of the scatter of a crouching person a keypoint has
CROUCHING = torch.tensor([1.0 if k in (23, 24) else 0.5 if k in (25, 26) else 0.0 for k in km.BODY_KEYPOINTS])


@dataclass(frozen=True)
class _Draws:
    """Random numbers for a batch: one a clip, or of a shape."""

    size: int
    generator: torch.Generator

    def share(self, *shape: int) -> torch.Tensor:
        return torch.rand(*(shape or (self.size,)), generator=self.generator)

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * self.share(*shape)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*(shape or (self.size,)), generator=self.generator)


@dataclass(frozen=True)
class _Cameras:
    """One camera a clip.

    Attributes:
        R: (B, 3, 3) rows are the camera's axes in the world; half_size: (B, 2) half of the picture at distance 1.
    """

    R: torch.Tensor
    half_size: torch.Tensor


def batch(
    points: torch.Tensor, noise: KeypointNoise, size: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random clips of people: what the network is shown, and what it should say.

    Args:
        points: (C, 2, FRAMES, N, 3) what keypoints mean, and where they are seen, world; size: B, the number of clips.

    Returns:
        Input (B, T, N, 3) and sizes (B,) as of `normalised`, target points (B, T, N, 3) in trunks from the middle of
        the hips and up (B, 3), both in the turned camera.
    """
    draws = _Draws(size, generator)
    clips = _clips(points, draws)
    cameras = _cameras(draws)
    local = _panned(_framed(clips @ cameras.R.transpose(1, 2)[:, None, None], cameras, draws), draws)
    rays, seen = _detected(local, clips[:, :, 0], cameras, noise, draws)
    xy_seen, sizes, turned = normalised(rays, seen)
    true = local[:, :, 0]
    target = (true - true[:, :, HIPS].mean(2, keepdim=True)) @ turned.transpose(1, 2)[:, None] / TRUNK_M
    up = (turned @ cameras.R[:, :, 2:])[..., 0]
    return xy_seen, sizes, target, up


def _clips(points: torch.Tensor, draws: _Draws) -> torch.Tensor:  # (B, T, 2, N, 3)
    """Clips, faster or slower, with what comes before and after: stillness, or the motion backwards."""
    size = draws.size
    T = int(torch.randint(*LENGTHS, (), generator=draws.generator))
    chosen = points[torch.randint(len(points), (size,), generator=draws.generator)]
    speed = draws.uniform(*np.log(SPEEDS)).exp() * (FRAMES - 1) / (CLIP_SECONDS * LIFTER_FPS)
    at = draws.uniform(-0.3, 0.5)[:, None] * FRAMES + torch.arange(T) * speed[:, None]
    last = FRAMES - 1.001
    backwards = last - (last - at.abs() % (2 * last)).abs()
    at = torch.where(draws.share(size, 1) < 0.5, backwards, at.clamp(0, last))
    low, rows = at.long(), torch.arange(size)[:, None]
    share = (at - low)[:, :, None, None, None]
    chosen = chosen.transpose(1, 2)  # (B, FRAMES, 2, N, 3)
    clips = (1 - share) * chosen[rows, low] + share * chosen[rows, low + 1]
    mirror = draws.share() < 0.5
    return torch.where(mirror[:, None, None, None, None], clips[:, :, :, MIRRORED] * torch.tensor([1.0, -1, 1]), clips)


def _cameras(draws: _Draws) -> _Cameras:
    """Mostly in front, looking down a little."""
    anywhere = draws.share() < 0.3
    azimuth = torch.where(anywhere, draws.uniform(-np.pi, np.pi), 0.5 * draws.normal())
    elevation, roll = draws.uniform(-0.1, 0.5), 0.02 * draws.normal()
    half_height = torch.tan(draws.uniform(np.deg2rad(30), np.deg2rad(65)) / 2)
    half_width = half_height * draws.uniform(0.7, 1.8)
    back = torch.stack([elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()], -1)
    right = torch.stack([-azimuth.sin(), azimuth.cos(), torch.zeros(draws.size)], -1)
    down = torch.linalg.cross(-back, right)
    c, s = roll.cos()[:, None], roll.sin()[:, None]
    R = torch.stack([c * right + s * down, c * down - s * right, -back], 1)
    return _Cameras(R, torch.stack([half_width, half_height], -1))


def _framed(local: torch.Tensor, cameras: _Cameras, draws: _Draws) -> torch.Tensor:  # (B, T, 2, N, 3)
    """Clips in camera axes, moved to where the picture holds head and arms, or all of the body."""
    whole = draws.share() < 0.4
    framed = torch.tensor([k < 23 for k in km.BODY_KEYPOINTS]) | whole[:, None]  # (B, N)
    inside, true = framed[:, None, :, None], local[:, :, 0]
    lowest = torch.where(inside, true, torch.tensor(torch.inf)).amin((1, 2))
    highest = torch.where(inside, true, torch.tensor(-torch.inf)).amax((1, 2))
    middle, half = (lowest + highest) / 2, (highest - lowest) / 2
    fill, half_size = draws.uniform(0.45, 1.05), cameras.half_size
    distance = torch.maximum(half[:, 0] / half_size[:, 0], half[:, 1] / half_size[:, 1]) / fill + half[:, 2]
    room = half_size * (1 - fill)[:, None] * distance[:, None] * 0.8
    aside = draws.uniform(-1, 1, draws.size, 2)
    shift = torch.cat([middle[:, :2] + room * aside, middle[:, 2:] - distance[:, None]], -1)
    return local - shift[:, None, None, None]


def _panned(local: torch.Tensor, draws: _Draws) -> torch.Tensor:  # (B, T, 2, N, 3)
    """Clips in camera axes, of cameras some of which turn a little."""
    does = draws.share(draws.size, 1) < PAN_SHARE
    pans = does * torch.tensor(PAN_RAD)[[1, 0, 2]] * draws.normal(draws.size, 3)
    turn = (pans[:, None] * torch.linspace(-1, 1, local.shape[1])[:, None])[:, :, None, None].expand_as(local)
    return local + torch.linalg.cross(turn, local)


def _detected(
    local: torch.Tensor, world: torch.Tensor, cameras: _Cameras, noise: KeypointNoise, draws: _Draws
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rays (B, T, N, 2) with constant and changing noise, and which (B, T, N) are in the picture and seen, 0 or 1.

    Args:
        local: (B, T, 2, N, 3) in camera axes; world: (B, T, N, 3) what the keypoints mean.
    """
    size, T = local.shape[:2]
    true, found = local[:, :, 0], local[:, :, 1]
    amount = draws.uniform(0.7, 1.6)[:, None, None, None]
    heavy = draws.normal(TAILS, size, 1, NUM_POINTS, 1).square().sum(0)
    scatter = torch.tensor(noise.clip_m, dtype=torch.float32)[:, None] * draws.normal(size, 1, NUM_POINTS, 2)
    scatter = scatter + torch.tensor(noise.frame_m, dtype=torch.float32)[:, None] * draws.normal(size, T, NUM_POINTS, 2)
    scatter = scatter * (TAILS / heavy.clamp(min=TAILS / MOST_TAIL**2)).sqrt()
    # hips and knees of a crouching person are a guess of the detector
    height = world[:, :, HIPS, 2].mean(2) - world[..., 2].amin((1, 2))[:, None]  # (B, T)
    crouch = (1 - height / height.amax(1, keepdim=True)).clamp(0, 0.6)[..., None, None]
    scatter = scatter + noise.crouch_m * crouch * CROUCHING[:, None] * draws.normal(size, 1, NUM_POINTS, 2)
    found = slid_hips(found, true, world, noise, draws.normal(size, 1))
    found = shifted(found, true, noise.shifts, draws.uniform(*BEYOND), draws.normal(size, len(noise.shifts)))
    rays = (found[..., :2] + amount * scatter) / found[..., 2:].clamp(min=0.3)
    seen = (rays.abs() < cameras.half_size[:, None, None]).all(-1).float()
    seen = seen * (draws.share(size, 1, NUM_POINTS) > 0.03)
    return rays, seen * ~_hidden_legs(size, T, draws.generator)


def slid_hips(found, true, world, noise: KeypointNoise, drawn: torch.Tensor) -> torch.Tensor:  # (B, T, N, 3)
    """The points where they are found, (B, T, N, 3), with the hips of leaning people further down the trunk.

    Args:
        true, world: (B, T, N, 3) the model's points before the camera and in the world; drawn: (B, 1) standard normal.
    """
    up, trunk = (p[:, :, SHOULDERS].mean(2) - p[:, :, HIPS].mean(2) for p in (world, true))
    lean = torch.acos((up[..., 2] / up.norm(dim=-1).clamp(min=1e-6)).clamp(-1, 1))
    share = torch.tensor(np.interp(lean.numpy(), LEANS_RAD, noise.slide), dtype=torch.float32)
    share = share + noise.slide_clip * drawn * (lean / LEANING_RAD).clamp(max=1)
    found = found.clone()
    found[:, :, HIPS] -= (share[..., None] * trunk)[:, :, None]
    return found


def _hidden_legs(size: int, T: int, generator: torch.Generator) -> torch.Tensor:  # (size, T, N) bool
    """Knees and all below them, or all below the knees, out of sight: throughout, at first, or later."""
    draw = torch.rand(4, size, 1, 1, generator=generator)
    lowest_seen = torch.where(draw[0] < 0.5, 25, 27)
    legs = torch.tensor(km.BODY_KEYPOINTS) >= lowest_seen
    change, time = torch.randint(1, T, (size, 1, 1), generator=generator), torch.arange(T)[:, None]
    when = (draw[1] < 0.6) | torch.where(draw[2] < 0.5, time < change, time >= change)
    return legs & when & (draw[3] < 0.5)
