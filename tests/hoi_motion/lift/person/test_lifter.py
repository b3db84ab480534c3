"""The lifter's input, output and frames."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.person import gather, lifter

ROWS = list(km.BODY_KEYPOINTS)


def _lifted(seen, track=None, fps=8.0, K=None):
    return lifter.lift_keypoints(track or seen.track, seen.K if K is None else K, fps, 0.3)


def _truth(seen):
    points = np.einsum("kj,tjc->tkc", km.BODY_MATRIX, seen.joints_camera_m)
    return points - points[:, lifter.HIPS].mean(1, keepdims=True)


def test_a_reaching_wrist_is_lifted_in_front_of_the_body(acted):
    seen = acted(9)
    wrist = ROWS.index(16)
    found, true = _lifted(seen).points_m[-1, wrist], _truth(seen)[-1, wrist]
    assert np.linalg.norm(found - true) < 0.12


def test_points_are_metres_from_the_middle_of_the_hips(acted):
    seen = acted(9)
    lifted = _lifted(seen)
    np.testing.assert_allclose(lifted.points_m[:, lifter.HIPS].mean(1), 0, atol=1e-5)
    assert np.linalg.norm(lifted.points_m - _truth(seen), axis=-1).mean() < 0.09


def test_the_mirror_image_of_a_person_is_lifted_to_the_mirror_image(acted):
    seen = acted(5)
    turned = seen.track.body_px[:, kp.MIRRORED_BODY] * [-1, 1, 1] + [2 * seen.K[0, 2], 0, 0]
    plain, mirror = (_lifted(seen, replace(seen.track, body_px=px)) for px in (seen.track.body_px, turned))
    np.testing.assert_allclose(plain.points_m, mirror.points_m[:, lifter.MIRRORED] * [-1, 1, 1], atol=1e-4)
    np.testing.assert_allclose(plain.spread_m, mirror.spread_m[:, lifter.MIRRORED], atol=1e-4)


@pytest.mark.parametrize("width, layers", [(16, 3), (24, 5)])
def test_weights_of_any_width_and_depth_are_read(tmp_path, width, layers):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network, xy_seen = lifter.LifterNetwork(width, layers), torch.rand(1, 9, lifter.NUM_POINTS, 3)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    read = lifter.network_of(tmp_path / "weights.safetensors")
    with torch.no_grad():
        for ours, theirs in zip(read(xy_seen, torch.ones(1)), network(xy_seen, torch.ones(1))):
            assert torch.equal(ours, theirs)


def test_hips_that_are_drawn_too_low_on_who_leans_are_brought_back(acted):
    seen = acted(9)
    points = np.einsum("kj,tjc->tkc", km.BODY_MATRIX, seen.joints_camera_m)
    middle, above = points[:, lifter.HIPS].mean(1, keepdims=True), np.array([k < 23 for k in ROWS])
    aside = Rotation.from_euler("z", 0.6).as_matrix()  # a lean that is plain to see
    points[:, above] = (points[:, above] - middle) @ aside.T + middle
    body_px = seen.track.body_px.copy()
    body_px[:, ROWS, :2] = (points / points[..., 2:]) @ seen.K[:2].T
    track = replace(seen.track, body_px=body_px, detector=km.MEDIAPIPE)
    hips, slid = [kp.L_HIP, kp.R_HIP], gather.hips_slide(np.full(9, 0.6))
    assert slid.max() > 0.05  # of the trunk
    drawn = gather.with_hips_up(track, -slid)
    found, lifted = gather.lift_leaning(drawn, seen.K, 8.0, 0.3)
    miss = [np.linalg.norm((t.body_px - track.body_px)[:, hips, :2], axis=-1).mean() for t in (drawn, found)]
    assert miss[1] < 0.4 * miss[0]
    assert np.array_equal(lifted.points_m, _lifted(seen, drawn).points_m)  # as the network learnt to see them
    other = replace(drawn, detector="")
    assert gather.lift_leaning(other, seen.K, 8.0, 0.3)[0] is other  # how others draw them is not known


def test_a_level_camera_is_found_level(acted):
    assert abs(np.rad2deg(_lifted(acted(9)).pitch_rad)) < 8


@pytest.mark.parametrize("yaw, pitch", [(0.3, 0.0), (0.0, 0.3), (-0.2, -0.25)])
def test_turning_the_camera_hardly_changes_what_the_network_sees(yaw, pitch):
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.4, (1, 5, lifter.NUM_POINTS, 3)) + [0, 0, 3.0]
    turn = Rotation.from_euler("yx", [yaw, pitch]).as_matrix()
    seen = torch.ones(1, 5, lifter.NUM_POINTS)
    sizes, shapes = [], []
    for p in (points, points @ turn.T):
        xy_seen, size, R = lifter.normalised(torch.tensor(p[..., :2] / p[..., 2:], dtype=torch.float32), seen)
        np.testing.assert_allclose(R[0] @ R[0].T, np.eye(3), atol=1e-5)
        sizes.append(float(size))
        # up to a roll, which turning sideways and up and down brings about
        shapes.append(xy_seen[0, ..., :2].norm(dim=-1).numpy())
    np.testing.assert_allclose(sizes[0], sizes[1], rtol=0.01)
    # in trunk lengths
    np.testing.assert_allclose(shapes[0], shapes[1], atol=0.04)


def test_what_is_not_seen_does_not_count(acted):
    seen = acted(9)
    hidden = seen.track.body_px.copy()
    hidden[:, 25:, 2] = 0.1
    moved = hidden.copy()
    moved[:, 25:, :2] += 50
    results = [_lifted(seen, replace(seen.track, body_px=px)).points_m for px in (hidden, moved)]
    np.testing.assert_array_equal(*results)


def test_a_wrist_that_blurs_for_a_moment_stays_on_its_way(acted):
    seen = acted(13)
    blurred, wrist = seen.track.body_px.copy(), ROWS.index(16)
    blurred[7:9, 16] = (0, 0, 0.1)
    clear, bridged = (_lifted(seen, replace(seen.track, body_px=px)) for px in (seen.track.body_px, blurred))
    assert np.linalg.norm(bridged.points_m - clear.points_m, axis=-1)[:, wrist].max() < 0.02


def _bridged(frames: int, *gone: list[int]):
    """A point that moves by 1 a frame and is at 50 where it is not seen: its places and whether they count."""
    rays, seen = np.zeros((frames, 1, 2)), np.ones((frames, 1))
    rays[:, 0, 0] = np.arange(frames)
    for gap in gone:
        rays[gap], seen[gap] = 50.0, 0.0
    rays, seen = lifter._bridged(rays, seen, most=3)
    return rays[:, 0, 0].tolist(), np.flatnonzero(seen[:, 0] == 0).tolist()


def test_only_short_gaps_are_bridged():
    places, unseen = _bridged(12, [2, 3], [6, 7, 8, 9])
    assert places[:6] == [0, 1, 2, 3, 4, 5] and unseen == [6, 7, 8, 9]


def test_at_the_ends_the_nearest_sighting_stays_for_a_moment():
    places, unseen = _bridged(12, [0], [9, 10, 11])
    assert places == [1, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8] and not unseen
    assert _bridged(12, [0, 1, 2, 3], [8, 9, 10, 11])[1] == [0, 1, 2, 3, 8, 9, 10, 11]


def test_a_point_that_is_never_seen_stays_unseen():
    assert _bridged(3, [0, 1, 2])[1] == [0, 1, 2]


def test_a_clip_of_more_frames_a_second_gives_the_same(acted):
    seen = acted(17)
    coarse = replace(
        seen.track,
        **{
            name: getattr(seen.track, name)[::2]
            for name in ("body_px", "left_hand_px", "right_hand_px", "body_hint_m", "seen")
        },
    )
    fine = _lifted(seen, fps=16.0).points_m[::2]
    np.testing.assert_allclose(fine, _lifted(seen, coarse).points_m, atol=1e-5)


def test_two_frames_are_enough(acted):
    assert _lifted(acted(2), fps=30.0).points_m.shape == (2, lifter.NUM_POINTS, 3)


def test_the_weights_are_small():
    assert lifter.WEIGHTS.stat().st_size <= 8e6
