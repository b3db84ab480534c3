"""Training of the lifter: what it is made from, and what it is good for."""

import numpy as np
import pytest
import torch

from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.person import lifter
from hoi_motion.motion import Camera, HoiMotion, ObjectMotion
from training.networks import lifter as train_lifter
from training.networks.lifter_motion import random_poses, reaches

N = lifter.NUM_POINTS
QUIET = train_lifter.KeypointNoise(np.zeros((N, 3)), np.zeros(N), np.zeros(N), crouch_m=0.0)


@pytest.fixture(scope="module")
def unseen():
    """Points of reaches whose seed no training has."""
    pairs = train_lifter.motion_points(6, 0, QUIET, seed=77)
    return train_lifter.batch(pairs, QUIET, 24, torch.Generator().manual_seed(5))


def test_the_committed_lifter_beats_the_mean_pose_along_the_sight(unseen):
    xy_seen, sizes, target, up = unseen
    network = lifter._network()
    with torch.no_grad():
        points, _, _ = network(xy_seen, sizes)
    wrists = [km.BODY_KEYPOINTS.index(k) for k in (15, 16)]
    error = (points - target)[:, :, wrists, 2].abs().mean()
    # the mean of the very poses that are asked for, in their own cameras
    mean_pose = (target - target.mean((0, 1), keepdim=True))[:, :, wrists, 2].abs().mean()
    assert error < 0.5 * mean_pose


def test_up_is_found_within_a_few_degrees(unseen):
    xy_seen, sizes, _, up = unseen
    with torch.no_grad():
        said = lifter._network()(xy_seen, sizes)[2]
    angle = torch.rad2deg(torch.acos((said * up[:, None]).sum(-1).clamp(-1, 1)))
    assert float(angle.median()) < 6


def test_input_and_target_fit_each_other(unseen):
    """Without noise, target points projected from their distance are the network's input."""
    xy_seen, sizes, target, _ = unseen
    xy, seen = xy_seen[..., :2], xy_seen[..., 2]
    residual = []
    for b in range(len(xy)):
        for t in range(0, xy.shape[1], 4):
            on = seen[b, t] > 0
            # x z = X + a, y z = Y + b with z = Z + c: linear in (a, b, c)
            p, q = target[b, t, on].double().numpy(), (xy[b, t, on] * sizes[b]).double().numpy()
            n = len(p)
            rows = np.zeros((2 * n, 3))
            rows[:n, 0], rows[n:, 1] = 1, 1
            rows[:n, 2], rows[n:, 2] = -q[:, 0], -q[:, 1]
            values = np.concatenate([q[:, 0] * p[:, 2] - p[:, 0], q[:, 1] * p[:, 2] - p[:, 1]])
            residual.append(np.abs(rows @ np.linalg.lstsq(rows, values, rcond=None)[0] - values).max())
    assert max(residual) < 1e-3


def test_the_same_seed_makes_the_same_clips_and_another_one_others():
    first, again, other = (next(iter(random_poses(1, seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.pose_rad, again.pose_rad)
    assert not np.array_equal(first.pose_rad, other.pose_rad)


def test_an_offset_planted_in_the_keypoints_is_measured():
    body = train_lifter.free_body()
    planted = np.zeros((N, 3))
    left, right = km.BODY_KEYPOINTS.index(11), km.BODY_KEYPOINTS.index(12)
    planted[left], planted[right] = (0.03, 0.02, 0.0), (-0.03, 0.02, 0.0)
    clips = []
    for clip, azimuth in zip(reaches(4, seed=78), (-0.5, 0.0, 0.3, 0.6)):
        T_world_camera = np.eye(4)
        back = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        right_hand = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
        T_world_camera[:3, :3] = np.stack([right_hand, [0, 0, -1.0], -back], 1)
        T_world_camera[:3, 3] = 3 * back + [0, 0, 1.2]
        camera = Camera([[300.0, 0, 180], [0, 300.0, 120], [0, 0, 1]], T_world_camera, 360, 240)
        points, rotations = train_lifter.carried(body, clip.pose_rad, clip.transl_m, clip.betas)
        seen = points + np.einsum("tnab,nb->tna", rotations, planted)
        body_px = np.ones((len(seen), 33, 3))
        body_px[:, list(km.BODY_KEYPOINTS), :2] = camera.project(seen)
        hands = np.zeros((len(seen), 21, 3))
        track = KeypointTrack(body_px, hands, hands, np.zeros((len(seen), 33, 3)), np.ones(len(seen), bool))
        still, faces = np.tile(np.eye(4), (len(seen), 1, 1)), [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
        box = ObjectMotion("target", np.eye(4)[:, :3], faces, still, is_target=True)
        clips.append(
            (
                track,
                HoiMotion(
                    pose_rad=clip.pose_rad,
                    transl_m=clip.transl_m,
                    betas=clip.betas,
                    fps=8.0,
                    body_model=body.name,
                    camera=camera,
                    objects=(box,),
                ),
            )
        )
    found = train_lifter.measured_noise(clips)
    np.testing.assert_allclose(found.offset_m, planted, atol=0.006)
    assert found.frame_m[left] < 0.003
