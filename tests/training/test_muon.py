import pytest
import torch

from training.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (8, 8)])
def test_orthogonalised_has_nearly_equal_singular_values(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    singular = torch.linalg.svdvals(orthogonalised(matrix)) / (0.2 * max(shape) ** 0.5)
    assert singular.min() > 0.5 and singular.max() < 1.3


def test_orthogonalised_keeps_the_singular_vectors():
    torch.manual_seed(0)
    u, s, v = torch.linalg.svd(torch.randn(5, 9), full_matrices=False)
    rotated = u.T @ orthogonalised(u @ torch.diag(s) @ v) @ v.T
    off_diagonal = rotated - torch.diag(torch.diagonal(rotated))
    assert off_diagonal.abs().max() < 1e-4


def test_convolution_learns_a_target():
    torch.manual_seed(0)
    layer, x = torch.nn.Conv2d(3, 4, 3, bias=False), torch.randn(8, 3, 6, 6)
    wanted = torch.nn.functional.conv2d(x, torch.randn(4, 3, 3, 3))
    optimizer = Muon(layer.parameters(), lr=0.05)
    losses = []
    for _ in range(150):
        loss = (layer(x) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_an_orthogonalisation_in_few_digits_makes_about_the_same_step():
    steps = []
    for dtype in (torch.float32, torch.bfloat16):
        torch.manual_seed(0)
        weight = torch.nn.Parameter(torch.randn(6, 10))
        weight.grad, before = torch.randn(6, 10), weight.detach().clone()
        Muon([weight], lr=0.1, dtype=dtype).step()
        assert weight.dtype == torch.float32
        steps.append(weight.detach() - before)
    assert (steps[0] - steps[1]).norm() < 0.1 * steps[0].norm()
    assert not torch.equal(*steps)
