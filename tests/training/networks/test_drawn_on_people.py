"""Keypoints of real people, as the lifter's training draws them."""

import pytest
import torch

from hoi_motion.keypoints import model_points as km
from hoi_motion.lift.person.lifter import NUM_POINTS
from tests.training.networks.test_lifter import QUIET
from training.networks import lifter as train_lifter
from training.networks.drawn_on_people import AHEAD, LIMB, OUT, SHIFTS, UP, Shift, shifted
from training.networks.lifter_batch import batch
from training.networks.lifter_motion import walks

AT = {k: i for i, k in enumerate(km.BODY_KEYPOINTS)}


@pytest.fixture(scope="module")
def walking():
    """(1, FRAMES, N, 3) points of somebody who walks."""
    (clip,) = walks(1, 11)
    points, _ = train_lifter.carried(train_lifter.free_body(), clip.pose_rad, clip.transl_m, clip.betas)
    return torch.tensor(points[None], dtype=torch.float32)


def moved(walking, shift: Shift, share: float, drawn: float):
    """(FRAMES, N, 3) metres."""
    return (shifted(walking, walking, (shift,), torch.tensor([share]), torch.tensor([[drawn]])) - walking)[0]


@pytest.mark.parametrize("along", [UP, AHEAD, OUT, LIMB])
def test_on_a_real_person_both_sides_are_drawn_as_far_from_where_a_figure_has_them_and_nothing_else_is(walking, along):
    by = moved(walking, Shift((25, 26), along, 3.0, 1.0), 1.0, -0.5)
    knees = [AT[25], AT[26]]
    torch.testing.assert_close(by[:, knees].norm(dim=-1), torch.full((len(by), 2), 0.025), atol=1e-5, rtol=0)
    assert not by[:, [k for k in range(NUM_POINTS) if k not in knees]].any()


def test_a_figure_is_drawn_as_it_was(walking):
    for shift in SHIFTS:
        assert not moved(walking, shift, 0.0, 0.0).any()


def test_along_the_limb_is_away_from_where_its_bone_begins(walking):
    by = moved(walking, Shift((25,), LIMB, 2.0, 0.0), 1.0, 0.0)[:, AT[25]]
    thigh = walking[0, :, AT[25]] - walking[0, :, AT[23]]
    torch.testing.assert_close(by, 0.02 * thigh / thigh.norm(dim=-1, keepdim=True), atol=1e-5, rtol=0)


def test_out_is_to_the_keypoints_own_side(walking):
    by = moved(walking, Shift((11, 12), OUT, 2.0, 0.0), 1.0, 0.0)
    left_hip_from_right = walking[0, :, AT[23]] - walking[0, :, AT[24]]
    assert ((by[:, AT[11]] * left_hip_from_right).sum(-1) > 0).all()
    assert ((by[:, AT[12]] * left_hip_from_right).sum(-1) < 0).all()


def test_the_network_is_shown_people_and_asked_for_what_their_keypoints_mean(walking):
    clips = torch.stack([walking[0], walking[0]])[None]
    people = train_lifter.KeypointNoise(
        QUIET.offset_m, QUIET.clip_m, QUIET.frame_m, crouch_m=0.0, shifts=(Shift((23, 24), UP, 8.0, 0.0),)
    )
    figure, person = (batch(clips, noise, 4, torch.Generator().manual_seed(3)) for noise in (QUIET, people))
    assert not torch.equal(figure[0], person[0])
    # not in the very same camera: it is turned to the shoulders, which stay
    torch.testing.assert_close(figure[2], person[2])
