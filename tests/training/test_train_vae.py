import numpy as np
import torch

from training.data.moving_shapes import moving_shapes
from training.train_vae import reconstruction_loss


def test_loss_is_zero_for_a_perfect_output_and_counts_motion_more():
    clip = torch.zeros(1, 3, 3, 8, 8)
    clip[:, :, 2, 2, 2] = 1.0
    assert reconstruction_loss(clip, clip) == 0
    still, moving = clip.clone(), clip.clone()
    still[:, :, 1, 6, 6] += 0.5
    moving[:, :, 1, 2, 2] += 0.5
    assert reconstruction_loss(moving, clip) > reconstruction_loss(still, clip)


def test_moving_shapes_repeat_with_the_seed_and_move():
    first, again = (moving_shapes(np.random.default_rng(3), 9, 32, 48) for _ in range(2))
    assert first.shape == (9, 32, 48, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert (first[0] != first[-1]).any()


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
