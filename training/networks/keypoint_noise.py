"""How MediaPipe's keypoints lie about the model's points, measured on rendered training scenes."""

import itertools
from dataclasses import dataclass, field

import numpy as np
import torch

from hoi_motion.keypoints import model_points as km
from hoi_motion.lift.person.lifter import HIPS, MIRRORED, NUM_POINTS, SHOULDERS
from training.networks.drawn_on_people import SHIFTS, Shift
from training.networks.lifter_acts import VERSION
from training.scenes.scene import free_body

NOISE_SEED = 600_000
SIZE_PX = 240, 360
LEANS_RAD = np.array([0.1, 0.7, 1.3])
"""Leans of the trunk from upright, at which it is measured by how much too low hips are drawn."""
LEAST_TRUNK_M = 0.2
"""A trunk that looks shorter, since it points along the sight, does not tell that."""
LEANING_RAD = 0.3
"""Of who leans by more it tells how much that varies between clips."""
FEW_FRAMES = 1.0
"""At leans that are rarer, hips are drawn as they are."""
USUAL_SHARE = 0.08
"""Of the trunk, by which hips scatter along it."""


@dataclass(frozen=True)
class KeypointNoise:
    """How MediaPipe's keypoints lie about the model's points.

    Attributes:
        offset_m: (N, 3) constant, in the frame of the bone that carries the point.
        clip_m, frame_m: (N,) scatter that stays for a clip, and that changes from frame to frame.
        crouch_m: further scatter of hips and knees, times the share of its height by which the pelvis is lowered.
        slide: (L,) shares of the trunk by which hips are drawn further down it at a lean of LEANS_RAD.
        slide_clip: scatter of such a share that stays for a clip, at a lean where it is largest.
        shifts: where keypoints are drawn on people instead.
    """

    offset_m: np.ndarray
    clip_m: np.ndarray
    frame_m: np.ndarray
    crouch_m: float = 0.25
    slide: np.ndarray = field(default_factory=lambda: np.zeros(len(LEANS_RAD)))
    slide_clip: float = 0.0
    shifts: tuple[Shift, ...] = ()


def carried(body, pose_rad, transl_m, betas) -> tuple[np.ndarray, np.ndarray]:
    """Model points (T, N, 3) of the keypoints and the rotations (T, N, 3, 3) of the bones that carry them."""
    points = body.joints(pose_rad, transl_m, betas)
    pose = torch.tensor(np.asarray(pose_rad), dtype=torch.float32)
    betas = torch.tensor(np.asarray(betas), dtype=torch.float32).expand(len(pose), -1)
    rotations, _ = body.skeleton.world_transforms(pose, betas)
    return torch.einsum("kj,tjc->tkc", torch.tensor(km.BODY_MATRIX), points).numpy(), rotations[:, km.CARRIERS].numpy()


def measured_noise(clips) -> KeypointNoise:
    """From (KeypointTrack, HoiMotion) pairs of rendered scenes, with what is known of real people."""
    body = free_body()
    across, turned, weights, hips_seen, trunks, leans = [], [], [], [], [], []
    for track, truth in clips:
        points, rotations = carried(body, truth.pose_rad.copy(), truth.transl_m.copy(), truth.betas.copy())
        R = truth.camera.T_camera_world[:3, :3]
        depth = truth.camera.to_camera(points)[..., 2:]
        found = track.body_px[:, list(km.BODY_KEYPOINTS)]
        across.append((found[..., :2] - truth.camera.project(points)) * depth / truth.camera.K[0, 0])
        turned.append((R @ rotations)[..., :2, :])
        trunk = points[:, SHOULDERS].mean(1) - points[:, HIPS].mean(1)
        trunks.append((trunk @ R.T)[:, :2])
        leans.append(np.arccos(trunk[:, 2] / np.linalg.norm(trunk, axis=1)))
        weights.append(found[..., 2] > 0.5)
        hips_seen.append(weights[-1][:, HIPS].all(1))
        weights[-1][np.ix_(leans[-1] > LEANS_RAD[0], HIPS)] = False  # those slide
    offset, clip, frame = np.zeros((NUM_POINTS, 3)), np.full(NUM_POINTS, 0.03), np.full(NUM_POINTS, 0.02)
    flip = np.array([-1.0, 1.0, 1.0])
    for k in range(NUM_POINTS):
        rows, values = [np.eye(3) * 5], [np.zeros(3)]
        for i, sign in ((k, np.ones(3)), (MIRRORED[k], flip)):
            # a mirrored bone's frame is the mirrored frame
            rows += [(a[w[:, i], i] * sign).reshape(-1, 3) for a, w in zip(turned, weights)]
            values += [a[w[:, i], i].reshape(-1) for a, w in zip(across, weights)]
        rows, values = np.concatenate(rows), np.concatenate(values)
        for _ in range(5):
            sure = 1 / (1 + (np.abs(values - rows @ offset[k]) / 0.04) ** 2)
            offset[k] = np.linalg.lstsq(rows * sure[:, None], values * sure, rcond=None)[0]
        rest = [a[w[:, k], k] - t[w[:, k], k] @ offset[k] for a, t, w in zip(across, turned, weights)]
        rest = [r for r in rest if len(r) > 3]
        if len(rest) > 3:
            clip[k] = 1.48 * np.median(np.abs(np.stack([np.median(r, 0) for r in rest])))
            frame[k] = 1.48 * np.median(np.abs(np.concatenate([r - np.median(r, 0) for r in rest])))
    hips = [
        ((a - np.einsum("tnab,nb->tna", t, offset))[:, HIPS].mean(1), counts)
        for a, t, counts in zip(across, turned, hips_seen)
    ]
    slide, slide_clip = _slide(hips, trunks, leans)
    pairs = (np.maximum(scatter, scatter[MIRRORED]) for scatter in (clip, frame))
    return KeypointNoise(offset, *pairs, slide=slide, slide_clip=slide_clip, shifts=SHIFTS)


def _slide(hips, trunks, leans) -> tuple[np.ndarray, float]:
    """By what share of the trunk hips are drawn further down it, at LEANS_RAD, and its scatter between clips.

    Args:
        hips: of clips, where both hips are drawn beside where they usually are (T, 2), m across the sight, and whether
            they count (T,); trunks: (T, 2) from hips to shoulders, likewise; leans: (T,).
    """
    shares, at, near = [], [], []
    for (beside, counts), trunk, lean in zip(hips, trunks, leans):
        counts = counts & (np.linalg.norm(trunk, axis=1) > LEAST_TRUNK_M)
        if counts.any():
            shares.append(-(beside * trunk).sum(1)[counts] / (trunk**2).sum(1)[counts])
            at.append(lean[counts])
            # of each knot, as interpolation between the knots has it
            near.append(np.stack([np.interp(at[-1], LEANS_RAD, row) for row in np.eye(len(LEANS_RAD))], -1))
    slide = np.zeros(len(LEANS_RAD))
    if not shares:
        return slide, 0.0
    rows, values = np.concatenate([FEW_FRAMES * np.eye(len(slide)), *near]), np.concatenate([slide, *shares])
    for _ in range(5):
        sure = 1 / (1 + (np.abs(values - rows @ slide) / USUAL_SHARE) ** 2)
        slide = np.linalg.lstsq(rows * sure[:, None], values * sure, rcond=None)[0]
    rest = [(s - n @ slide)[a > LEANING_RAD] for s, n, a in zip(shares, near, at)]
    rest = [np.median(r) for r in rest if len(r) > 3]
    return slide, float(1.48 * np.median(np.abs(rest))) if len(rest) > 3 else 0.0


def observed(count: int):
    """Yields (KeypointTrack, HoiMotion) of rendered training scenes, in turn of the wider world and of the old one."""
    from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints
    from training.scenes.figure import ACTOR_INSTANCE
    from training.scenes.scene import generate_scene
    from training.scenes.wider import camera_pans, generate_wider_scene

    # a motion's camera is that of its first frame: one that pans does not tell where points are seen later
    wider = (s for s in itertools.count(NOISE_SEED, 2) if not camera_pans(s, VERSION))
    for i in range(count):
        if i % 2:
            scene, actor = generate_scene(NOISE_SEED + i, *SIZE_PX, 17, 8.0), None
        else:
            scene = generate_wider_scene(next(wider), *SIZE_PX, 25, 8.0, version=VERSION)
            actor = scene.instance_ids[0] == ACTOR_INSTANCE
        near_px = np.argwhere(scene.target_mask).mean(0)[::-1]
        yield MediaPipeKeypoints().detect(scene.frames, near_px=near_px, actor_mask=actor), scene.motion
