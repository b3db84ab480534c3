"""What the first frame's depth image says about the later ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hoi_motion.keypoints import model_points as km
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person import fit as fitting
from hoi_motion.lift.person.evidence import PersonSeen
from hoi_motion.lift.person.guess import without_place_and_size
from hoi_motion.lift.person.terms import picture, time
from tests.hoi_motion.conftest import DISTANCE_M, depth_image, reaching_pose

T, FPS = 9, 8.0


@pytest.fixture
def measured(body, acted):
    """A function that fits the acted person to keypoints changed by another, with a depth image of the first frame."""
    seen = acted(T)
    vertices, _ = body.vertices_and_joints(reaching_pose(1), np.float32([[0, -0.15, DISTANCE_M]]), np.zeros(10))
    depth_m = depth_image(vertices[0].numpy())

    def fit(change):
        track = replace(seen.track, body_px=change(seen.track.body_px.copy()))
        found = fitting.fit_body(body, PersonSeen(track, seen.K, FPS, depth_m=depth_m), LiftConfig())
        return found.points_m @ R_level_camera(torch.tensor(found.pitch_rad)).numpy(), seen.joints_camera_m

    return fit


def without(monkeypatch, *terms):
    rows = tuple(row for row in fitting.TERMS if row.term not in terms)
    assert len(rows) == len(fitting.TERMS) - len(terms)
    monkeypatch.setattr(fitting, "TERMS", rows)


def test_a_measured_person_does_not_jump_to_where_keypoints_alone_would_put_them(measured, monkeypatch):
    """Drawn 4% too large, they look nearer from the second frame on, which nothing but keypoints tells."""

    def larger(px):
        middle = px[:, 23:25, :2].mean(1, keepdims=True)
        px[..., :2] = middle + 1.04 * (px[..., :2] - middle)
        px[:, 25:, 2] = 0  # no foot is seen to stand
        return px

    def jump_m():
        ours, truth = measured(larger)
        off = (ours - truth)[:, 0, 2]
        return abs(off[1:3] - off[0]).max()

    steady = jump_m()
    without(monkeypatch, time.steady)
    assert steady < 0.8 * jump_m()


def test_where_a_clip_s_keypoints_are_drawn_is_told_by_what_is_measured(measured, monkeypatch):
    rows, drawn = list(km.BODY_KEYPOINTS), np.random.default_rng(3).normal(0, 4.0, (len(km.BODY_KEYPOINTS), 2))

    def beside(px):
        px[:, rows, :2] += drawn
        return px

    def error_m():
        ours, truth = measured(beside)
        return np.linalg.norm((ours - ours[:, :1] - truth + truth[:, :1])[:, :22], axis=-1).mean()

    told = error_m()
    monkeypatch.setattr(picture, "BESIDE_M", 1e-6)
    assert told < 0.95 * error_m()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-20, 20), st.floats(-20, 20), st.floats(-0.2, 0.2))
def test_no_move_of_the_keypoints_shifts_or_scales_the_person(seed, right, down, growth):
    rng = np.random.default_rng(seed)
    points = torch.tensor(rng.normal(0, 60, (2, 12, 2)) + 150)
    weight = torch.tensor(rng.uniform(0, 1, (2, 12, 1)))
    moves = torch.tensor(rng.normal(0, 3, (2, 12, 2)))
    found = without_place_and_size(moves, points, weight)
    # the same by least squares: moves = shift + growth * points, and what is left
    for t in range(2):
        root = weight[t].sqrt()
        columns = torch.stack([*torch.eye(2, dtype=torch.float64).repeat(12, 1).T, points[t].flatten()], 1)
        each = root.repeat(1, 2).flatten()[:, None]
        best = torch.linalg.lstsq(columns * each, moves[t].flatten()[:, None] * each).solution
        torch.testing.assert_close(found[t].flatten(), moves[t].flatten() - (columns @ best)[:, 0])
    placed = moves + torch.tensor([right, down]) + growth * points
    torch.testing.assert_close(without_place_and_size(placed, points, weight), found)


def test_without_a_depth_image_keypoints_are_drawn_where_they_usually_are(body, acted):
    seen = acted(2)
    evidence, start = fitting.gather_evidence(body, PersonSeen(seen.track, seen.K, FPS), LiftConfig())
    guess = fitting.Guess(body, evidence, start, fitting.first_unknowns(start, body.num_betas))
    usual = guess.drawn_px.detach()
    guess.unknowns.drawn_m.data += 0.05
    torch.testing.assert_close(guess.anew().drawn_px.detach(), usual)
    assert float(time.steady(guess, fitting.STAGES[-1])) == 0
