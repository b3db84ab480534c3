import pytest
import torch

from training.objectives.track_decoder import TrackDecoder


@pytest.mark.parametrize("space, time", [(16, 4), (4, 4), (2, 1), (1, 2)])
def test_masks_have_the_size_and_the_rate_of_the_clip(space, time):
    logits = TrackDecoder(space, time)(torch.rand(3, 4, 5, 6))
    assert logits.shape == (3, 1 + 3 * time, 5 * space, 6 * space)


def test_no_frame_sees_a_later_one():
    decoder = TrackDecoder(4, 2).eval()
    maps = torch.rand(1, 4, 3, 3)
    changed = maps.clone()
    # another place in the last latent frame, as bright as before: the map's own mean stays
    changed[:, 3] = maps[:, 3].flip(-1)
    before, after = decoder(maps), decoder(changed)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert (before[:, 5:] - after[:, 5:]).abs().max() > 1e-4


def test_the_scale_of_raw_attention_does_not_count():
    decoder, maps = TrackDecoder(4, 2), torch.rand(1, 2, 3, 3)
    torch.testing.assert_close(decoder(maps), decoder(maps * 1e-4), atol=1e-4, rtol=1e-3)


def test_it_learns_to_draw_a_mask_from_its_blurred_map():
    torch.manual_seed(0)
    decoder = TrackDecoder(4, 1, channels=16)
    optimizer = torch.optim.Adam(decoder.parameters(), 0.02)
    cells = torch.eye(9).view(9, 1, 3, 3)
    masks = cells.repeat_interleave(4, -1).repeat_interleave(4, -2)
    first = None
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(decoder(0.1 + cells), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first = first or loss.item()
    assert loss.item() < 0.2 * first


def test_sizes_that_are_no_powers_of_two_are_refused():
    with pytest.raises(ValueError, match="powers of two"):
        TrackDecoder(12, 4)
