import pytest
import torch

from training.objectives.adversary import Adversary, adversary_loss, sharpness_loss
from training.objectives.reconstruction import reconstruction_loss


@pytest.fixture
def clips():
    """A clip in which a square moves, and a blurred one."""
    clip = torch.full((2, 3, 5, 40, 24), -0.5)
    for t in range(5):
        clip[:, :, t, 4:12, 2 + 4 * t : 8 + 4 * t] = 0.8
    return torch.nn.functional.avg_pool3d(clip, (1, 3, 3), 1, (0, 1, 1)).requires_grad_(), clip


@pytest.fixture
def adversary():
    torch.manual_seed(0)
    return Adversary()


def test_the_adversary_learns_from_its_own_loss_alone(clips, adversary):
    output, clip = clips
    adversary_loss(adversary, output, clip).backward()
    assert output.grad is None
    assert all(p.grad is not None for p in adversary.parameters())
    assert all(layer.weight.grad.abs().sum() > 0 for layer in adversary.layers)


def test_sharpness_moves_the_output_alone_and_as_strongly_as_the_reconstruction(clips, adversary):
    output, clip = clips
    reconstruction = reconstruction_loss(output, clip)
    (usual,) = torch.autograd.grad(reconstruction, output, retain_graph=True)
    (push,) = torch.autograd.grad(sharpness_loss(adversary, output, clip, reconstruction), output)
    assert all(p.grad is None for p in adversary.parameters())
    assert 0.5 * usual.norm() <= push.norm() <= 1.5 * usual.norm() * (1 + 1e-5)
    assert push[:, :, 1:].abs().sum() > 0


def test_what_the_adversary_learns_tells_blurred_clips_from_true_ones(clips, adversary):
    output, clip = clips
    optimizer = torch.optim.Adam(adversary.parameters(), 1e-2)
    first = float(adversary_loss(adversary, output, clip).detach())
    for _ in range(30):
        optimizer.zero_grad()
        adversary_loss(adversary, output, clip).backward()
        optimizer.step()
    assert float(adversary_loss(adversary, output, clip).detach()) < 0.5 * first


def test_patches_of_what_moves_count_more(clips, adversary):
    _, clip = clips
    output = (clip + 0.1).requires_grad_()
    loss = sharpness_loss(adversary, output, clip, reconstruction_loss(output, clip))
    (push,) = torch.autograd.grad(loss, output)
    rows = push.abs().sum((0, 1, 2, 4))  # a square moves in rows 4 to 11
    assert rows[4:12].mean() > 3 * rows[28:].mean()
