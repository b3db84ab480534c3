"""Training of the lifter: what it is made from, and what it is good for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hoi_motion.camera import Camera
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.person import lifter
from hoi_motion.motion import HoiMotion, ObjectMotion
from tests.training.scenes.acclaim import write_person
from training.networks import lifter as train_lifter
from training.networks.keypoint_noise import LEANS_RAD
from training.networks.lifter_acts import acts
from training.networks.lifter_batch import batch, slid_hips
from training.networks.lifter_motion import CLIP_SECONDS, FRAMES, Clip, random_poses, reaches, recordings, walks
from training.scenes.posture import R_WORLD_BODY
from training.scenes.recorded_motion import segments

N = lifter.NUM_POINTS
QUIET = train_lifter.KeypointNoise(np.zeros((N, 3)), np.zeros(N), np.zeros(N), crouch_m=0.0)


@pytest.fixture(scope="module")
def unseen():
    """Points of reaches whose seed no training has."""
    pairs = train_lifter.motion_points(train_lifter.MotionCounts(6, 0, 0, 0), QUIET, seed=77)
    return batch(pairs, QUIET, 24, torch.Generator().manual_seed(5))


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


def test_the_committed_lifter_knows_which_foot_of_a_walker_is_ahead():
    pairs = train_lifter.motion_points(train_lifter.MotionCounts(0, 0, 24, 0), QUIET, seed=77)
    xy_seen, sizes, target, _ = batch(pairs, QUIET, 48, torch.Generator().manual_seed(6))
    with torch.no_grad():
        points, _, _ = lifter._network()(xy_seen, sizes)
    left, right = (km.BODY_KEYPOINTS.index(k) for k in (27, 28))
    seen = xy_seen[:, :, [left, right], 2].amin(-1) > 0
    apart, said = ((p[:, :, left, 2] - p[:, :, right, 2])[seen] for p in (target, points))
    far = apart.abs() > 0.5  # units of a trunk
    assert ((apart > 0) == (said > 0))[far].float().mean() > 0.8


def test_a_short_training_errs_less_than_a_shorter_one(unseen):
    pairs = train_lifter.motion_points(train_lifter.MotionCounts(4, 0, 0, 0), QUIET, seed=78)
    errors = []
    for steps in (1, 60):
        torch.manual_seed(1)
        network = train_lifter.train(pairs, QUIET, steps, size=8, start=lifter.LifterNetwork(48, 3), rate=1e-2)
        with torch.no_grad():
            errors.append(float(train_lifter.loss(network, *unseen)[1]))
    assert errors[1] < 0.7 * errors[0]


def test_a_training_that_is_stopped_makes_so_many_steps_at_the_rates_of_the_whole():
    pairs = train_lifter.motion_points(train_lifter.MotionCounts(2, 0, 0, 0), QUIET, seed=79)

    def trained(steps, **stopped):
        torch.manual_seed(1)
        network = train_lifter.train(pairs, QUIET, steps, size=2, start=lifter.LifterNetwork(16, 1), **stopped)
        return torch.cat([p.flatten() for p in network.parameters()])

    first_three = trained(200, stop_after=3)
    assert torch.equal(first_three, trained(200, stop_after=3))
    assert not torch.equal(first_three, trained(200, stop_after=4))
    assert not torch.equal(first_three, trained(3))


def test_walkers_go_ahead_and_stand_on_one_foot_meanwhile():
    body, slips = train_lifter.free_body(), []
    for clip in walks(12, seed=79):
        joints = body.joints(clip.pose_rad, clip.transl_m, clip.betas).numpy()
        step_s = CLIP_SECONDS / (len(joints) - 1)
        pelvis, feet = (np.diff(joints[:, rows, :2], axis=0) / step_s for rows in ([0], [7, 8]))
        ahead = np.cross(joints[:-1, 1] - joints[:-1, 2], [0, 0, 1])[:, :2]  # from the right to the left hip, and up
        speed = np.linalg.norm(pelvis[:, 0], axis=-1)
        along = (pelvis[:, 0] * ahead).sum(1) / np.linalg.norm(ahead, axis=1)
        going = speed > 0.3
        assert (along[going] > 0.8 * speed[going]).all()
        slips.append(np.linalg.norm(feet, axis=-1).min(1)[going] / speed[going])
    assert np.median(np.concatenate(slips)) < 0.6


def test_people_of_the_wider_world_sit_and_walk():
    body, lowered, gone_m = train_lifter.free_body(), [], []
    for clip in acts(30, seed=80):
        assert len(clip.pose_rad) == FRAMES
        pelvis = body.joints(clip.pose_rad, clip.transl_m, clip.betas).numpy()[:, 0]
        lowered.append(pelvis[:, 2].min() / pelvis[:, 2].max())
        gone_m.append(np.linalg.norm(np.ptp(pelvis[:, :2], axis=0)))
    assert min(lowered) < 0.75
    assert max(gone_m) > 0.8


def test_recorded_clips_stay_within_their_segments_and_face_anywhere(tmp_path):
    root = np.zeros((500, 6))
    root[:, 2] = np.linspace(0, 50.0, 500)
    root[361:] = 1e4  # a second segment would begin here; nothing of it is to be seen
    write_person(tmp_path, "01", {"root": root}, 500)
    (piece,) = segments(tmp_path)
    clips = list(recordings(6, [piece], seed=3))
    assert max(np.abs(clip.transl_m).max() for clip in clips) < 10
    ways = [clip.transl_m[-1, :2] - clip.transl_m[0, :2] for clip in clips]
    headings = [np.arctan2(way[1], way[0]) for way in ways]
    assert np.ptp(headings) > 1


def test_the_same_seed_makes_the_same_clips_and_another_one_others():
    first, again, other = (next(iter(random_poses(1, seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.pose_rad, again.pose_rad)
    assert not np.array_equal(first.pose_rad, other.pose_rad)


def _drawn(body, clip, azimuth, seen):
    """A track with keypoints at points (T, N, 3) of the world, seen from an azimuth, and the motion that it shows."""
    T_world_camera = np.eye(4)
    back = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    right_hand = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    T_world_camera[:3, :3] = np.stack([right_hand, [0, 0, -1.0], -back], 1)
    T_world_camera[:3, 3] = 3 * back + [0, 0, 1.2]
    camera = Camera([[300.0, 0, 180], [0, 300.0, 120], [0, 0, 1]], T_world_camera, 360, 240)
    body_px = np.ones((len(seen), 33, 3))
    body_px[:, list(km.BODY_KEYPOINTS), :2] = camera.project(seen)
    hands = np.zeros((len(seen), 21, 3))
    track = KeypointTrack(body_px, hands, hands, np.zeros((len(seen), 33, 3)), np.ones(len(seen), bool))
    still, faces = np.tile(np.eye(4), (len(seen), 1, 1)), [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
    box = ObjectMotion("target", np.eye(4)[:, :3], faces, still, is_target=True)
    motion = HoiMotion(
        pose_rad=clip.pose_rad,
        transl_m=clip.transl_m,
        betas=clip.betas,
        fps=8.0,
        body_model=body.name,
        camera=camera,
        objects=(box,),
    )
    return track, motion


def test_an_offset_planted_in_the_keypoints_is_measured():
    body = train_lifter.free_body()
    planted = np.zeros((N, 3))
    left, right = km.BODY_KEYPOINTS.index(11), km.BODY_KEYPOINTS.index(12)
    planted[left], planted[right] = (0.03, 0.02, 0.0), (-0.03, 0.02, 0.0)
    clips = []
    for clip, azimuth in zip(reaches(4, seed=78), (-0.5, 0.0, 0.3, 0.6)):
        points, rotations = train_lifter.carried(body, clip.pose_rad, clip.transl_m, clip.betas)
        clips.append(_drawn(body, clip, azimuth, points + np.einsum("tnab,nb->tna", rotations, planted)))
    found = train_lifter.measured_noise(clips)
    np.testing.assert_allclose(found.offset_m, planted, atol=0.006)
    assert found.frame_m[left] < 0.003


def _bowing(lean_rad) -> Clip:
    """A straight figure that leans forward by (T,) about the hips."""
    pose_rad = np.zeros((len(lean_rad), 55, 3))
    turns = Rotation.from_euler("y", lean_rad[:, None]) * Rotation.from_matrix(R_WORLD_BODY)
    pose_rad[:, 0] = turns.as_rotvec()
    return Clip(pose_rad, np.zeros((len(lean_rad), 3)), np.zeros(10))


def test_how_far_the_hips_of_who_leans_are_drawn_down_the_trunk_is_measured():
    body = train_lifter.free_body()
    clip = _bowing(np.r_[np.zeros(20), np.linspace(0, 0.8, 30)])  # who stands, then bows
    points, _ = train_lifter.carried(body, clip.pose_rad, clip.transl_m, clip.betas)
    trunk = points[:, lifter.SHOULDERS].mean(1) - points[:, lifter.HIPS].mean(1)
    lean_rad = np.arccos(trunk[:, 2] / np.linalg.norm(trunk, axis=1))  # a trunk at rest is not quite upright
    points[:, lifter.HIPS] -= (np.interp(lean_rad, [0.1, 0.7], [0, 0.1])[:, None] * trunk)[:, None]
    clips = [_drawn(body, clip, azimuth, points) for azimuth in (-0.5, 0.0, 0.5, 1.0)]
    found = train_lifter.measured_noise(clips)
    np.testing.assert_allclose(np.interp([0.1, 0.7], LEANS_RAD, found.slide), [0, 0.1], atol=0.02)
    assert found.slide_clip < 0.01


def test_the_network_sees_hips_of_who_leans_further_down_the_trunk_and_nothing_else_moved():
    clip = _bowing(np.array([0.0, 0.7]))
    points, _ = train_lifter.carried(train_lifter.free_body(), clip.pose_rad, clip.transl_m, clip.betas)
    points = torch.tensor(points[None], dtype=torch.float32)
    noise = replace(QUIET, slide=np.interp(LEANS_RAD, [0.1, 0.7], [0.0, 0.1]))
    moved = slid_hips(points, points, points, noise, torch.zeros(1, 1)) - points
    trunk = points[:, :, lifter.SHOULDERS].mean(2) - points[:, :, lifter.HIPS].mean(2)
    for hip in lifter.HIPS:
        torch.testing.assert_close(moved[0, 0, hip], torch.zeros(3), atol=0.01, rtol=0)
        torch.testing.assert_close(moved[0, 1, hip], -0.1 * trunk[0, 1], atol=0.01, rtol=0)
    assert not moved[:, :, [k for k in range(N) if k not in lifter.HIPS]].any()


def test_random_poses_go_the_short_way_from_one_to_the_next():
    """Nobody spins through a whole turn between two poses that are much alike."""
    steps = []
    for clip in random_poses(300, seed=81):
        turns = Rotation.from_rotvec(clip.pose_rad[:, 0])
        steps.append((turns[:-1].inv() * turns[1:]).magnitude().max())
    assert max(steps) < 0.7  # rad between frames, of which there are 15 a second


@pytest.mark.parametrize(
    "options, said",
    [
        (["--steps", "0"], "--steps: '0' is not a positive whole number"),
        (["--stop-after", "0"], "--stop-after: '0' is not a positive whole number"),
        (["--rate", "nan"], "--rate: 'nan' is not a number above 0"),
        (["--walks", "-1"], "--walks: '-1' is not a"),
        (
            [part for kind in ("reaches", "random", "walks", "acts") for part in (f"--{kind}", "0")],
            "no clip to train on",
        ),
        (["--start", __file__], "test_lifter.py is not the weights of a lifter"),
        (["--mocap", "."], "FILE_INVALID"),
    ],
)
def test_what_cannot_be_trained_with_is_refused_before_anything_is_drawn(options, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train_lifter, "observed", lambda count: pytest.fail("scenes were rendered"))
    assert train_lifter.main(["--out", str(tmp_path / "lifter.safetensors"), *options]) == 2
    assert said in capsys.readouterr().err
