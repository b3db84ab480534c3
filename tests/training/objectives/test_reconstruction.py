import pytest
import torch

from training.objectives.reconstruction import probe_loss, probe_targets, psnr_db, reconstruction_loss


def test_loss_is_zero_for_a_perfect_output_and_counts_motion_more():
    clip = torch.zeros(1, 3, 3, 8, 8)
    clip[:, :, 2, 2, 2] = 1.0
    assert reconstruction_loss(clip, clip) == 0
    still, moving = clip.clone(), clip.clone()
    still[:, :, 1, 6, 6] += 0.5
    moving[:, :, 1, 2, 2] += 0.5
    assert reconstruction_loss(moving, clip) > reconstruction_loss(still, clip)


def test_the_foreground_counts_more():
    clip, foreground = torch.zeros(1, 3, 3, 8, 8), torch.zeros(1, 1, 3, 8, 8)
    foreground[..., 2, 2] = 1.0
    person, wall = clip.clone(), clip.clone()
    person[:, :, 1, 2, 2] += 0.5
    wall[:, :, 1, 6, 6] += 0.5
    assert reconstruction_loss(person, clip, foreground) > reconstruction_loss(wall, clip, foreground)


def test_a_wrong_hue_counts_more_than_a_wrong_brightness():
    clip = torch.zeros(1, 3, 3, 8, 8)
    hue, brightness = clip.clone(), clip.clone()
    brightness += 0.1
    hue += torch.tensor([0.1, -0.1, 0.1]).view(1, 3, 1, 1, 1)
    assert reconstruction_loss(hue, clip) > reconstruction_loss(brightness, clip)


def test_probe_targets_are_means_over_quarters_of_cells_and_halves_of_frames():
    clip = torch.rand(2, 3, 9, 16, 24)
    targets = probe_targets(clip, 8)
    assert targets.shape == (2, 2, 3, 4, 3, 2, 3)
    # the later half of the second latent frame is frames 3 and 4; quarter 1 is right above
    expected = clip[1, 2, 3:5, 8:12, 20:24].mean()
    assert targets[1, 1, 2, 1, 1, 1, 2].item() == pytest.approx(expected.item(), abs=1e-6)
    # the first latent frame is the first frame alone, twice
    assert torch.equal(targets[:, 0, :, :, 0], targets[:, 1, :, :, 0])
    assert targets[0, 0, 0, 2, 0, 0, 0].item() == pytest.approx(clip[0, 0, 0, 4:8, 0:4].mean().item(), abs=1e-6)


@pytest.mark.parametrize("cell_px", [4, 8])
def test_a_probe_that_reads_every_colour_has_no_loss(cell_px):
    clip, weight = torch.rand(1, 3, 5, 16, 16), torch.ones(1, 1, 5, 16, 16)
    read = probe_targets(clip, cell_px).flatten(1, 3)
    assert probe_loss(read, clip, weight) == 0
    assert probe_loss(read + 0.1, clip, weight).item() == pytest.approx(0.1, abs=1e-5)  # brightness only


def test_psnr_is_that_of_pixels_in_0_to_1():
    clip = torch.zeros(1, 3, 1, 8, 8)
    assert psnr_db(clip + 0.2, clip) == pytest.approx(20.0, abs=1e-3)  # 0.1 of 1
