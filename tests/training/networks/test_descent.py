"""How the small networks are trained."""

import numpy as np
import pytest
import torch
from torch import nn

from hoi_motion.errors import ErrorCode, InputError
from training.networks.descent import LAST_RATE, Descent


def _rates(descent):
    return [optimizer.param_groups[0]["lr"] for optimizer in descent.optimizers]


def _descent(steps=100, **options):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))
    return Descent(network, lambda name: name.startswith("0."), steps, 0.02, **options)


def _loss(network):
    x = torch.linspace(-1, 1, 60).reshape(10, 6)
    return (network(x) - x[:, :3].square()).square().mean()


def test_only_matrices_that_are_named_are_orthogonalised():
    muon, other = _descent().optimizers
    assert [tuple(p.shape) for p in muon.param_groups[0]["params"]] == [(6, 6)]
    assert sorted(tuple(p.shape) for p in other.param_groups[0]["params"]) == [(3,), (3, 6), (6,)]


def test_rates_rise_and_then_fall_along_a_cosine():
    descent, rates = _descent(steps=100, other_rate=0.01, warmup=10), []
    for _ in range(100):
        descent.step(_loss(descent.network))
        rates.append(_rates(descent))
    rates = np.array(rates)
    assert rates[0, 0] == pytest.approx(0.02 / 10)
    assert rates[50, 0] == pytest.approx(0.02 * (1 + LAST_RATE) / 2)
    assert rates[-1, 0] == pytest.approx(0.02 * LAST_RATE, rel=0.05)
    np.testing.assert_allclose(rates[:, 1], rates[:, 0] / 2)


def test_the_finished_network_is_the_moving_average_of_its_weights():
    descent = _descent(average=0.9)
    expected = descent.network[0].weight.detach().clone()
    for step in range(30):
        descent.step(_loss(descent.network))
        kept = min(0.9, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * descent.network[0].weight.detach()
    descent.finish()
    torch.testing.assert_close(descent.network[0].weight.detach(), expected)


def test_a_loss_falls():
    descent = _descent(warmup=5)
    first = float(_loss(descent.network).detach())
    for _ in range(100):
        descent.step(_loss(descent.network))
    descent.finish()
    assert float(_loss(descent.network).detach()) < 0.2 * first


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_training_with_the_weights_as_they_were(broken):
    descent = _descent()
    before = descent.network[0].weight.detach().clone()
    with pytest.raises(InputError, match=f"the loss is {broken} at step 0 of 100") as error:
        descent.step(_loss(descent.network) * broken)
    assert error.value.code is ErrorCode.CONFIG_INVALID
    torch.testing.assert_close(descent.network[0].weight.detach(), before)
