import pytest
import torch

from training.objectives.mask_alignment import KINDS, alignment_loss, first_frame_tokens, grounding_masks


@pytest.fixture
def masks():
    masks = torch.zeros(2, 3, 8, 8)
    masks[0, :, 2:5, 2:5] = 1
    masks[1, 1:, 6:, :3] = 1
    return masks


@pytest.mark.parametrize("kind", KINDS)
def test_sure_and_right_costs_nothing_and_sure_and_wrong_much(masks, kind):
    right, wrong = (alignment_loss(40 * (2 * m - 1), masks, kind) for m in (masks, 1 - masks))
    assert right < 1e-6 < 10 < wrong


def test_every_part_of_the_loss_has_its_weight(masks):
    logits = torch.randn(masks.shape)
    parts = [alignment_loss(logits, masks, bce=b, dice=d, l2=e) for b, d, e in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    shown = logits.sigmoid()
    plain_bce = -(masks * shown.log() + (1 - masks) * (1 - shown).log()).mean()
    plain_l2 = ((shown - masks) ** 2).mean()
    torch.testing.assert_close(parts[0], plain_bce)
    torch.testing.assert_close(parts[2], plain_l2)
    torch.testing.assert_close(
        alignment_loss(logits, masks, bce=2, dice=3, l2=5), 2 * parts[0] + 3 * parts[1] + 5 * parts[2]
    )


def test_dice_is_twice_the_overlap_over_both_areas_each_with_a_pixel_more_and_a_mean_over_maps():
    masks, logits = torch.zeros(2, 1, 2, 2), torch.full((2, 1, 2, 2), -40.0)
    masks[0, 0, 0], logits[0, 0, :, 0] = 1, 40.0  # two pixels each, of which they share one; both maps' second is empty
    loss = alignment_loss(logits, masks, bce=0, dice=1, l2=0)
    torch.testing.assert_close(loss, torch.tensor(1 - ((2 * 1 + 1) / (2 + 2 + 1) + 1) / 2))


def test_rare_pixels_count_up_to_ten_times_in_the_published_variant():
    masks = torch.zeros(1, 1, 100, 100)
    masks[..., 0, 0] = 1
    missed = alignment_loss(torch.full(masks.shape, -3.0), masks, "bce")
    expected = (
        10 * torch.nn.functional.softplus(torch.tensor(3.0)) + 9999 * torch.nn.functional.softplus(torch.tensor(-3.0))
    ) / 1e4
    torch.testing.assert_close(missed, expected)


def test_the_verb_is_about_both():
    tracks = torch.zeros(3, 2, 4, 4)
    tracks[0, :, 0], tracks[2, 1, 3] = 1, 1
    subject, other, verb = grounding_masks(tracks, 0, 2)
    assert torch.equal(subject, tracks[0]) and torch.equal(other, tracks[2])
    assert torch.equal(verb, torch.maximum(tracks[0], tracks[2]))


def test_tokens_at_an_instances_edge_do_not_speak_for_it():
    tracks = torch.zeros(4, 2, 8, 8)
    tracks[0, 0, :4, :5] = 1  # one whole token and a quarter of its neighbour
    tracks[1, 0, :4, :6] = 1  # half of it
    tracks[2, 0, 0, 0] = 1  # small: its densest token is all there is of it
    tracks[3, 1] = 1  # later only
    tokens = first_frame_tokens(tracks, 2, 2)
    assert tokens[0].tolist() == [[1, 0], [0, 0]] and tokens[1].tolist() == [[1, 0.5], [0, 0]]
    assert tokens[2].tolist() == [[1, 0], [0, 0]] and not tokens[3].any()
